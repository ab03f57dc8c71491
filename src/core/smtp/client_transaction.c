/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction: client_session.h says how its steps are counted.
 */
#include <errno.h>

#include "core/smtp/client_command.h"
#include "core/smtp/client_session.h"

enum {
	TOO_MANY_RCPTS_FROM = 100, /* RFC 5321 section 4.5.3.1.10 */
};

static bool
pipelining(const struct gp_smtp_client *c)
{
	return (c->ehlo.flags & GP_EHLO_PIPELINING) && !c->setup.no_pipelining;
}

/* The last step that this transaction goes to. */
static size_t
last_step(const struct gp_smtp_client *c)
{
	switch (c->mail.until) {
	case GP_CLIENT_UNTIL_MAIL:
		return 0;
	case GP_CLIENT_UNTIL_RCPT:
		return c->rcpts_len;
	default:
		return client_data_step(c);
	}
}

/* RFC 5321 section 4.5.3.2: the time for the answer to a step. */
static uint64_t
step_deadline(const struct gp_smtp_client *c, uint64_t now_ms)
{
	const struct gp_client_times *t = &c->setup.times;
	if (c->answered == 0)
		return client_deadline(now_ms, t->mail_ms, MAIL_MS);
	if (c->answered < client_data_step(c))
		return client_deadline(now_ms, t->rcpt_ms, RCPT_MS);
	return client_deadline(now_ms, t->data_ms, DATA_MS);
}

/* It is over and the session goes on: to the next READY, by way of RSET where the server may have
   kept something of it, or to its end, where the server takes no more. */
static void
finish(struct gp_smtp_client *c, bool reset, uint64_t now_ms)
{
	c->done_due = true;
	if (c->ehlo.mail_max > 0 && c->mails >= c->ehlo.mail_max)
		gp_client_say_quit(c, now_ms);
	else if (reset)
		gp_client_say(c, AT_RESET,
			      client_deadline(now_ms, c->setup.times.greeting_ms, GREETING_MS),
			      "RSET", gp_slice("", 0));
	else
		gp_client_become_ready(c);
}

/* Should this step's command be left out, since its recipient is settled already? */
static bool
left_out(const struct gp_smtp_client *c, size_t step)
{
	return step > 0 && step < client_data_step(c) && c->outcomes[step - 1].kind != 0;
}

/* All has been answered and nobody is left for DATA; so too when MAIL was refused, as that settles
   all recipients, whose commands are then left out. */
static bool
hopeless(const struct gp_smtp_client *c)
{
	return c->answered == client_data_step(c) && c->accepted == 0;
}

/* May the last step be made while recipients have no answer yet? With DATA, 354 comes between them
   and the body. */
static bool
ends_ahead(const struct gp_smtp_client *c)
{
	if (!c->bdat)
		return true;
	bool refused = c->answered > 0 && !c->mail_taken;
	return c->mail.size <= GP_CLIENT_AHEAD_MAX && !c->setup.lmtp && !refused;
}

static bool
may_make(const struct gp_smtp_client *c)
{
	if (c->made > last_step(c) || hopeless(c) || c->out.len >= COMMANDS_MAX)
		return false;
	if (c->answered == c->made)
		return true;
	return pipelining(c) && (c->made < client_data_step(c) || ends_ahead(c));
}

/* Moves past the steps that were left out. */
static void
skip_answered(struct gp_smtp_client *c)
{
	while (c->answered < c->made && c->ends[c->answered] == 0)
		c->answered++;
}

/* The command alone; its octets come from the driver. */
static void
make_chunk(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_buf_put_str(&c->out, "BDAT ");
	gp_buf_put_u64(&c->out, c->mail.size);
	gp_buf_put_str(&c->out, " LAST\r\n");
	c->left = c->mail.size;
	c->awaited = c->ends[client_data_step(c)] = c->sent + c->out.len + c->left;
	gp_client_set_state(c, AT_BODY, client_deadline(now_ms, c->setup.times.block_ms, BLOCK_MS));
}

static void
make_step(struct gp_smtp_client *c, uint64_t now_ms)
{
	size_t step = c->made++;
	bool first = c->answered == step;
	if (left_out(c, step)) {
		skip_answered(c);
		return;
	}
	if (c->bdat && step == client_data_step(c)) {
		make_chunk(c, now_ms);
		return;
	}
	if (step == 0) {
		gp_client_put_mail(&c->out, &c->ehlo, &c->mail);
		c->mails++;
	} else if (step < client_data_step(c)) {
		gp_client_put_rcpt(&c->out, &c->ehlo, &c->mail.envelope->rcpts[step - 1]);
	} else {
		gp_buf_put_str(&c->out, "DATA\r\n");
	}
	c->ends[step] = c->sent + c->out.len;
	if (first)
		c->deadline_ms = step_deadline(c, now_ms);
}

/* Makes what may be made, and ends the transaction when nothing more can come of its envelope. */
void
gp_client_walk_envelope(struct gp_smtp_client *c, uint64_t now_ms)
{
	while (c->state == AT_ENVELOPE && may_make(c))
		make_step(c, now_ms);
	if (c->answered == c->made && (c->made > last_step(c) || hopeless(c)))
		finish(c, c->mail_taken || c->strays > 0, now_ms);
}

static void
answer_mail(struct gp_smtp_client *c, const struct gp_reply *r)
{
	c->mail_taken = gp_reply_positive(r);
	if (c->mail_taken && c->mail.until != GP_CLIENT_UNTIL_MAIL)
		return;
	struct gp_outcome o = gp_client_remote_outcome(c, r);
	gp_client_settle_rest(c, &o);
}

static void
answer_rcpt(struct gp_smtp_client *c, size_t i, const struct gp_reply *r)
{
	if (!c->mail_taken) {
		c->strays += gp_reply_positive(r);
		return;
	}
	if (gp_reply_positive(r) && c->mail.until != GP_CLIENT_UNTIL_RCPT) {
		c->accepted++;
		return;
	}
	c->outcomes[i] = gp_client_remote_outcome(c, r);
	if (r->code == 552 && c->accepted >= TOO_MANY_RCPTS_FROM)
		c->outcomes[i].kind = GP_OUTCOME_DEFERRED;
}

/*
 * 354 with nobody to send to happens when DATA was pipelined: a lone dot ends it (RFC 2920 section
 * 3.1). Two cases where that would not do: a server that took recipients without a sender might
 * deliver the empty message to them; and the answers to a dot in LMTP are one for each recipient
 * (RFC 2033 section 4.2), so to none there may be none.
 */
static void
end_without_body(struct gp_smtp_client *c, uint64_t now_ms)
{
	if (c->strays > 0) {
		gp_client_protocol_error(c, "recipients taken without a sender");
		return;
	}
	if (c->setup.lmtp) {
		c->done_due = true;
		gp_buf_put_str(&c->out, ".\r\nQUIT\r\n");
		gp_client_set_state(c, AT_CLOSE, UINT64_MAX);
		return;
	}
	gp_client_say(c, AT_END, client_deadline(now_ms, c->setup.times.end_ms, END_MS), ".",
		      gp_slice("", 0));
}

static void
answer_data(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	c->answered++;
	if (r->code >= 400) {
		struct gp_outcome o = gp_client_remote_outcome(c, r);
		gp_client_settle_rest(c, &o);
		finish(c, c->mail_taken || c->strays > 0, now_ms);
	} else if (r->code < 300) {
		gp_client_protocol_error(c, "a reply that makes no sense");
	} else if (c->accepted == 0) {
		end_without_body(c, now_ms);
	} else {
		c->dot = GP_DOT_WRITER;
		gp_client_set_state(c, AT_BODY,
				    client_deadline(now_ms, c->setup.times.block_ms, BLOCK_MS));
	}
}

static void
answer_step(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	size_t step = c->answered;
	if (step == client_data_step(c)) {
		answer_data(c, r, now_ms);
		return;
	}
	if (r->code >= 300 && r->code < 400) {
		gp_client_protocol_error(c, "a reply that makes no sense");
		return;
	}
	c->answered++;
	skip_answered(c);
	if (step == 0)
		answer_mail(c, r);
	else
		answer_rcpt(c, step - 1, r);
	if (c->state == AT_ENVELOPE)
		c->deadline_ms = step_deadline(c, now_ms);
	else if (c->state == AT_END && c->sent >= c->awaited)
		c->deadline_ms = client_deadline(now_ms, c->setup.times.end_ms, END_MS);
}

/* LMTP answers the end of data once for each recipient that was accepted, in their order (RFC 2033
   section 4.2). */
static void
answer_end(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 300 && r->code < 400) {
		gp_client_protocol_error(c, "a reply that makes no sense");
		return;
	}
	struct gp_outcome o = gp_client_remote_outcome(c, r);
	if (!c->setup.lmtp) {
		gp_client_settle_rest(c, &o);
		finish(c, !gp_reply_positive(r) || c->accepted == 0, now_ms);
		return;
	}
	while (c->outcomes[c->ended].kind != 0)
		c->ended++;
	c->outcomes[c->ended] = o;
	c->deadline_ms = client_deadline(now_ms, c->setup.times.end_ms, END_MS);
	if (--c->accepted == 0)
		finish(c, false, now_ms);
}

size_t
gp_client_put_chunk(struct gp_smtp_client *c, struct gp_slice piece)
{
	gp_assert(c->state == AT_BODY || c->state == AT_END);
	if (piece.len > c->left) {
		gp_client_break_off(c, 3, 0, "the message is longer than it was said to be");
		return 0;
	}
	size_t room = c->out.len < GP_CLIENT_OUTPUT_MAX ? GP_CLIENT_OUTPUT_MAX - c->out.len : 0;
	piece = gp_slice_take(piece, room);
	if (!gp_buf_put(&c->out, piece))
		return 0; /* the next pull ends the session */
	c->left -= piece.len;
	if (c->left == 0)
		gp_client_set_state(c, AT_END, c->deadline_ms);
	return piece.len;
}

void
gp_client_end_chunk(struct gp_smtp_client *c)
{
	gp_assert(c->state == AT_BODY || c->state == AT_END);
	if (c->left > 0)
		gp_client_break_off(c, 3, 0, "the message is shorter than it was said to be");
}

void
gp_client_answer_transaction(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (c->state == AT_ENVELOPE || c->answered < client_data_step(c))
		answer_step(c, r, now_ms);
	else
		answer_end(c, r, now_ms);
}

/* Settles at once those whom the server cannot serve. */
static void
settle_lacking(struct gp_smtp_client *c)
{
	struct gp_reply r = gp_client_lacks(&c->setup, &c->ehlo, c->in_tls, &c->mail);
	if (r.code != 0) {
		struct gp_outcome o = gp_client_make_outcome(c, GP_OUTCOME_FAILED, &r, false);
		gp_client_settle_rest(c, &o);
		return;
	}
	for (size_t i = 0; i < c->rcpts_len; i++) {
		r = gp_client_lacks_for(&c->ehlo, &c->mail.envelope->rcpts[i]);
		if (r.code != 0)
			c->outcomes[i] = gp_client_make_outcome(c, GP_OUTCOME_FAILED, &r, false);
	}
}

static bool
anybody_left(const struct gp_smtp_client *c)
{
	for (size_t i = 0; i < c->rcpts_len; i++) {
		if (c->outcomes[i].kind == 0)
			return true;
	}
	return false;
}

int
gp_smtp_client_start(struct gp_smtp_client *c, const struct gp_smtp_client_mail *mail,
		     uint64_t now_ms)
{
	size_t n = mail->envelope->rcpts_len;
	gp_assert(c->state == AT_REST && !c->ready_due && !c->done_due);
	gp_assert(n > 0 && n <= GP_CLIENT_RCPTS_MAX);
	gp_assert(mail->size > 0 || !mail->body_binary);
	c->rcpts_len = 0;
	gp_arena_reset(&c->arena);
	c->arena.max = IDLE_ARENA_MAX +
		       n * (sizeof(*c->outcomes) + sizeof(*c->ends) + GP_CLIENT_TEXT_MAX + 32);
	c->outcomes = gp_arena_array(&c->arena, n, sizeof(*c->outcomes));
	c->ends = gp_arena_array(&c->arena, n + 2, sizeof(*c->ends));
	if (c->arena.failed) {
		gp_arena_reset(&c->arena);
		return -ENOMEM;
	}
	c->mail = *mail;
	c->rcpts_len = n;
	c->made = c->answered = c->ended = c->accepted = c->strays = 0;
	c->bdat = mail->body_binary ||
		  (c->setup.chunking && mail->size > 0 && (c->ehlo.flags & GP_EHLO_CHUNKING));
	c->mail_taken = false;
	settle_lacking(c);
	gp_client_set_state(c, AT_ENVELOPE, UINT64_MAX);
	if (anybody_left(c))
		gp_client_walk_envelope(c, now_ms);
	else
		finish(c, false, now_ms);
	return 0;
}
