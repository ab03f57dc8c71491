/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing what strangers send and we hand on (RFC 8617): whose mail, and as what. The conversation
 * with signer is dkim.c's.
 *
 * What was broken when it came is sealed once more with cv=fail, as section 5.1.2 has it: nobody
 * behind us has to look at it again. But what only the DNS kept us from judging is left alone: we
 * change nothing that is signed, so the next host may yet find the chain whole, and our cv=fail
 * would have ended it.
 */
#include "procs/smtpd/session.h"
#include "sys/log.h"

enum {
	/* Octets of all headers that wait for their seals: those of messages with ordinary headers
	   by the hundred. */
	SEALS_MEMORY_MAX = 64 * 1024 * 1024,
};

static struct {
	uint8_t mode;           /* enum gp_seal_mode */
	struct gp_slice domain; /* the configuration's */
	size_t memory;
} self;

void
seal_configure(const struct gp_config *cfg)
{
	self.mode = cfg->arc.seal;
	self.domain = cfg->arc.domain;
}

bool
seal_wanted(const struct session *s)
{
	if (!s->checks)
		return false;
	return self.mode == GP_SEAL_ALL || (self.mode == GP_SEAL_FORWARDED && s->targets.forwards);
}

/* Counts what it holds. False: that is too much of all together. */
static bool
count_memory(struct mail_signing *g)
{
	self.memory += g->sealing.arena.used - g->sealing_memory;
	g->sealing_memory = g->sealing.arena.used;
	return self.memory <= SEALS_MEMORY_MAX;
}

void
seal_tell_none(const struct session *s, const char *why)
{
	gp_warning("not_sealed", GP_FID("id", s->id), GP_FS("reason", why));
}

enum signing_result
seal_begin(struct session *s, const struct signers *all, const struct signing_mail *mail)
{
	const struct gp_arc_verdict *chain = checks_chain(s->checks);
	const struct sealing_mail order = {
		.mail = *mail, .domain = self.domain, .arrival = chain->result};
	struct mail_signing *g = &s->signing_mail;
	const char *why = "the DNS did not tell whether its chain is whole";
	enum signing_result result = SIGNING_NOT_OURS;
	if (!chain->trouble)
		result = sealing_begin(&g->sealing, all, &order, &why);
	if (result == SIGNING_NOT_OURS)
		seal_tell_none(s, why);
	if (count_memory(g))
		return result;
	gp_error("mail_not_signed", GP_FID("id", s->id),
		 GP_FS("reason", "too much waits for seals"));
	return SIGNING_LATER;
}

void
seal_reset(struct mail_signing *g)
{
	self.memory -= g->sealing_memory;
	g->sealing_memory = 0;
	sealing_free(&g->sealing);
}
