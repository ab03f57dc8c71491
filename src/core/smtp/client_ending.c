/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/client_session.h"

void
gp_client_set_state(struct gp_smtp_client *c, enum client_state state, uint64_t deadline_ms)
{
	gp_assert(c->state != AT_CLOSE);
	c->state = (uint8_t)state;
	c->deadline_ms = deadline_ms;
}

static const char *
stage(const struct gp_smtp_client *c)
{
	if (client_in_transaction(c) && c->answered < client_data_step(c))
		return c->answered == 0 ? "MAIL" : "RCPT";
	switch ((enum client_state)c->state) {
	case AT_GREETING:
		return "the greeting";
	case AT_HELLO:
		return c->setup.lmtp ? "LHLO" : "EHLO";
	case AT_HELO:
		return "HELO";
	case AT_STARTTLS:
		return "STARTTLS";
	case AT_AUTH:
		return "AUTH";
	case AT_HANDSHAKE:
		return "the TLS handshake";
	case AT_ENVELOPE:
		return "DATA";
	case AT_BODY:
		return "the message";
	case AT_END:
		return "the end of data";
	case AT_RESET:
		return "RSET";
	case AT_QUIT:
		return "QUIT";
	case AT_REST:
	case AT_CLOSE:
		break;
	}
	return "rest";
}

static uint8_t
kind_of(const struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (gp_reply_transient(r))
		return GP_OUTCOME_DEFERRED;
	if (gp_reply_permanent(r))
		return GP_OUTCOME_FAILED;
	return c->setup.lmtp ? GP_OUTCOME_DELIVERED : GP_OUTCOME_RELAYED;
}

/* An outcome with its own copy of the text; a reply without enhanced code gets the general one of
   its class (RFC 3463 section 3.1: X.0.0). */
struct gp_outcome
gp_client_make_outcome(struct gp_smtp_client *c, uint8_t kind, const struct gp_reply *r,
		       bool remote_said)
{
	struct gp_outcome o = {
		.kind = kind,
		.reply = *r,
		.remote = c->setup.remote,
		.remote_said = remote_said,
		.remote_dsn = (c->ehlo.flags & GP_EHLO_DSN) &&
			      (kind == GP_OUTCOME_RELAYED || kind == GP_OUTCOME_DELIVERED),
	};
	if (o.reply.enhanced_class == 0)
		o.reply.enhanced_class = (uint8_t)(r->code / 100);
	o.reply.text = gp_arena_dup(&c->arena, gp_slice_take(r->text, GP_CLIENT_TEXT_MAX));
	return o;
}

struct gp_outcome
gp_client_remote_outcome(struct gp_smtp_client *c, const struct gp_reply *r)
{
	return gp_client_make_outcome(c, kind_of(c, r), r, true);
}

/* Gives this outcome to all that have none; the text is shared. */
void
gp_client_settle_rest(struct gp_smtp_client *c, const struct gp_outcome *o)
{
	for (size_t i = 0; i < c->rcpts_len; i++) {
		if (c->outcomes[i].kind == 0)
			c->outcomes[i] = *o;
	}
}

/* The session is over, and with it a transaction. What was not sent yet is not sent any more: it
   could be the end of a message that now counts as deferred. */
static void
end_session(struct gp_smtp_client *c, const struct gp_outcome *failure)
{
	if (client_in_transaction(c)) {
		gp_client_settle_rest(c, failure);
		c->done_due = true;
	}
	if (c->tls_fault == GP_CLIENT_TLS_FINE && c->state == AT_STARTTLS)
		c->tls_fault = GP_CLIENT_TLS_REFUSED;
	if (c->tls_fault == GP_CLIENT_TLS_FINE && c->state == AT_HANDSHAKE)
		c->tls_fault = GP_CLIENT_TLS_HANDSHAKE;
	c->failure = *failure;
	c->ready_due = false;
	gp_buf_clear(&c->out);
	gp_client_set_state(c, AT_CLOSE, UINT64_MAX);
}

/* The same for a reason of ours, as "why, at STAGE". */
void
gp_client_break_off(struct gp_smtp_client *c, uint16_t subject, uint16_t detail, const char *why)
{
	struct gp_reply r = {451, 4, subject, detail, {}};
	r.text = gp_arena_printf(&c->arena, "%s, at %s", why, stage(c));
	struct gp_outcome o = gp_client_make_outcome(c, GP_OUTCOME_DEFERRED, &r, false);
	end_session(c, &o);
}

void
gp_client_leave(struct gp_smtp_client *c, uint16_t subject, uint16_t detail, const char *why)
{
	gp_assert(c->out.len == 0 && !client_in_transaction(c));
	gp_client_break_off(c, subject, detail, why);
	gp_buf_put_str(&c->out, "QUIT\r\n");
}

/* RFC 3463 section 3.6: X.5.0, other or undefined protocol status. */
void
gp_client_protocol_error(struct gp_smtp_client *c, const char *why)
{
	gp_client_break_off(c, 5, 0, why);
}

/* The server ends the session, or does not want one: about the host, hence never FAILED, but for a
   host that says that it takes no mail at all (RFC 7504 section 3). */
void
gp_client_refused(struct gp_smtp_client *c, const struct gp_reply *r)
{
	bool never = c->state == AT_GREETING && r->code == 521;
	bool polite = c->out.len == 0 && r->code != 421 && !client_in_transaction(c);
	struct gp_outcome o =
		gp_client_make_outcome(c, never ? GP_OUTCOME_FAILED : GP_OUTCOME_DEFERRED, r, true);
	end_session(c, &o);
	if (polite)
		gp_buf_put_str(&c->out, "QUIT\r\n");
}
