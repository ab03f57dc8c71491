/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing what our users send, and sealing what strangers do: the hash of a body as it passes by,
 * and the conversation with signer about it, over the channel that procs/tls has.
 */
#include <errno.h>
#include <stdlib.h>

#include "ipc/values.h"
#include "procs/smtpd/session.h"
#include "procs/tls/tickets.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	/* How long a start waits for signer's list. */
	SETTLE_MS = 2000,
};

static struct {
	struct signers signers;
	struct tickets tickets; /* sessions that wait for a signature */
	struct event *settle;
	bool late; /* the list did not come in time: those who need it hear 451 */
} self;

/* --- the conversation --- */

static void
on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	self.late = true;
	smtpd_open_when_ready();
}

int
dkim_start(struct gp_role_env *env)
{
	self.settle = evtimer_new(gp_loop_base(env->loop), on_settle, NULL);
	if (!self.settle)
		return -ENOMEM;
	gp_timer_set(self.settle, SETTLE_MS);
	return 0;
}

bool
dkim_settled(void)
{
	return self.signers.known || self.late;
}

static void
take_signature(const struct gp_msg_dkim_signature *m)
{
	struct session *s = tickets_redeem(&self.tickets, m->ticket);
	bool done = m->result == GP_SIGN_DONE && m->signature.len > 0;
	if (!s)
		return;
	if (!done)
		gp_error("mail_not_signed", GP_FID("id", s->id),
			 GP_FS("reason", m->result == GP_SIGN_NO_KEY ? "signer has no such key"
								     : "signer failed"));
	session_mail_signed(s, done ? m->signature : gp_slice(NULL, 0));
}

void
dkim_heard(const struct gp_message *m)
{
	if (m->type == GP_MSG_DKIM_SIGNATURE) {
		take_signature(&m->dkim_signature);
		return;
	}
	gp_assert(m->type == GP_MSG_DKIM_SIGNERS);
	if (!signers_take(&self.signers, &m->dkim_signers))
		gp_error("out_of_memory", GP_FS("for", "dkim_signers"));
	smtpd_open_when_ready();
}

static void
fail(struct session *s)
{
	session_mail_signed(s, gp_slice(NULL, 0));
}

void
dkim_lost(void)
{
	tickets_fail(&self.tickets, fail);
}

void
dkim_forget(struct session *s)
{
	tickets_forget(&self.tickets, s);
}

/* --- the body --- */

void
dkim_reset(struct mail_signing *g)
{
	if (g->body)
		gp_dkim_body_free(g->body);
	free(g->body);
	signing_free(&g->signing);
	seal_reset(g);
	*g = (struct mail_signing){};
}

static bool
may_sign(const struct session *s)
{
	return session_is_user(s) || s->client.relay;
}

static bool
needs_hash(const struct session *s)
{
	return may_sign(s) || seal_wanted(s);
}

/* False: no memory. */
static bool
begin_body(struct mail_signing *g)
{
	size_t place;
	g->body = malloc(sizeof(*g->body));
	if (!g->body)
		return false;
	gp_dkim_body_init(g->body);
	if (gp_dkim_body_want(g->body, GP_DKIM_RELAXED, GP_DKIM_BODY_ALL, &place) == 0)
		return true;
	dkim_reset(g);
	return false;
}

void
dkim_feed(struct session *s, struct gp_slice piece)
{
	struct mail_signing *g = &s->signing_mail;
	if (!g->body && (g->fed > 0 || self.signers.len == 0 || !needs_hash(s) || !begin_body(g))) {
		/* Not from the first octet on is not at all. */
		g->fed += piece.len;
		return;
	}
	struct gp_slice rest = piece;
	if (!g->meter.done) {
		gp_header_meter_feed(&g->meter, piece);
		/* The empty line is not counted. */
		uint64_t body_at = g->meter.size + 2;
		rest = g->meter.done ? gp_slice_drop(piece, (size_t)(body_at - g->fed))
				     : gp_slice("", 0);
	}
	g->fed += piece.len;
	gp_dkim_body_feed(g->body, rest);
}

/* --- the end --- */

static enum signing_result
begin(struct session *s, struct gp_slice fields)
{
	struct mail_signing *g = &s->signing_mail;
	const struct signing_mail mail = {
		.head = gp_buf_slice(&s->head),
		.start = fields,
		.body_hash = &g->body->hashes[0].digest,
		.now_s = gp_clock_wall_ms() / 1000,
	};
	if (gp_dkim_body_end(g->body) < 0)
		return SIGNING_LATER;
	return may_sign(s) ? signing_begin(&g->signing, &self.signers, &mail)
			   : seal_begin(s, &self.signers, &mail);
}

enum signing_result
dkim_begin(struct session *s, struct gp_slice fields)
{
	bool none = self.signers.known && self.signers.len == 0;
	if (none && seal_wanted(s))
		seal_tell_none(s, "no domain has keys");
	if (none || !needs_hash(s))
		return SIGNING_NOT_OURS;
	/* The list came while the body passed by: this one was not hashed. */
	return s->signing_mail.body ? begin(s, fields) : SIGNING_LATER;
}

bool
dkim_ask(struct session *s, bool *ret_signed)
{
	struct gp_message m = {.type = GP_MSG_DKIM_SIGN, .fd = -1};
	*ret_signed = !signing_request(&s->signing_mail.signing, &m.dkim_sign) &&
		      !sealing_request(&s->signing_mail.sealing, &m.dkim_sign);
	if (*ret_signed)
		return true;
	m.dkim_sign.ticket = tickets_take(&self.tickets, s);
	if (m.dkim_sign.ticket == TICKET_NONE)
		return false;
	if (tls_tell_signer(&m))
		return true;
	(void)tickets_redeem(&self.tickets, m.dkim_sign.ticket);
	return false;
}

bool
dkim_take(struct mail_signing *g, struct gp_slice signature)
{
	return g->sealing.step == SEALING_NOTHING ? signing_take(&g->signing, signature)
						  : sealing_take(&g->sealing, signature);
}

void
dkim_write(const struct mail_signing *g, struct gp_buf *out)
{
	signing_write(&g->signing, out);
	sealing_write(&g->sealing, out);
}
