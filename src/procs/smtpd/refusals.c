/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused: to the log, and to the journal that spool keeps. */
#include <string.h>

#include "core/journal/journal.h"
#include "procs/smtpd/session.h"
#include "sys/log.h"

enum {
	/* Refusals told to spool in a second: what strangers can make many of costs it no more. */
	TOLD_A_SECOND = 100,
	SECOND_MS = 1000,
};

static struct {
	uint64_t began_ms;
	unsigned told;
	uint32_t missed;
} self;

uint8_t
session_origin(const struct session *s)
{
	if (session_is_user(s))
		return GP_JOURNAL_USER;
	return s->client.relay ? GP_JOURNAL_NETWORK : GP_JOURNAL_STRANGER;
}

static bool
within_rate(void)
{
	uint64_t now = gp_loop_now_ms(smtpd.env->loop);
	if (now - self.began_ms >= SECOND_MS) {
		self.began_ms = now;
		self.told = 0;
	}
	return self.told++ < TOLD_A_SECOND;
}

static void
tell(const struct session *s, struct gp_slice sender, struct gp_slice rcpt,
     const struct gp_reply *reply)
{
	struct gp_message m = {
		.type = GP_MSG_REFUSED,
		.fd = -1,
		.refused = {.id = s->id,
			    .origin = session_origin(s),
			    .client_addr = gp_slice_str(s->client_text.s),
			    .client_helo = gp_slice_take(gp_smtp_server_helo(s->smtp),
							 GP_JOURNAL_TEXT_MAX),
			    .user = gp_smtp_server_identity(s->smtp),
			    .sender = gp_slice_take(sender, GP_JOURNAL_TEXT_MAX),
			    .rcpt = gp_slice_take(rcpt, GP_JOURNAL_TEXT_MAX),
			    .reply = *reply,
			    .missed = self.missed},
	};
	if (within_rate() && store_tell(&m))
		self.missed = 0;
	else if (self.missed < UINT32_MAX)
		self.missed++;
}

static void
log_refusal(struct session *s, const struct gp_reply *r, struct gp_slice command)
{
	gp_info("refused", GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)),
		GP_F("user", gp_smtp_server_identity(s->smtp)),
		GP_F("command", gp_slice_take(command, 300)), GP_FN("code", r->code),
		GP_F("reason", r->text));
}

void
session_log_refusal(struct session *s)
{
	struct gp_slice command = {};
	struct gp_reply r = gp_smtp_server_refusal(s->smtp, &command);
	if (r.code != 0)
		log_refusal(s, &r, command);
}

void
session_log_refused_message(struct session *s)
{
	struct gp_slice command = {};
	struct gp_reply r = gp_smtp_server_refusal(s->smtp, &command);
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	if (r.code == 0)
		return;
	log_refusal(s, &r, command);
	tell(s, e->sender, s->targets.len > 0 ? s->targets.items[0].address : GP_SLICE(""), &r);
}

void
session_log_refused_path(struct session *s, const char *stage, const struct gp_reply *r)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	const struct gp_address *path = gp_smtp_server_path(s->smtp);
	bool rcpt = strcmp(stage, "rcpt") == 0;
	struct gp_slice from = rcpt ? e->sender : path->text;
	struct gp_slice to = rcpt ? path->text : gp_slice(NULL, 0);
	gp_info("refused", GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)),
		GP_F("user", gp_smtp_server_identity(s->smtp)), GP_FS("stage", stage),
		GP_F("from", from), GP_F("to", to), GP_FN("code", r->code),
		GP_F("reason", r->text));
	tell(s, from, to, r);
}
