/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls and pushes of the session; client_session.h says where the rest of it is.
 */
#include <stdlib.h>

#include "core/smtp/client_session.h"

/* Is there a command, wholly sent, that has no answer yet? */
static bool
awaits_reply(const struct gp_smtp_client *c)
{
	switch ((enum client_state)c->state) {
	case AT_GREETING:
		return true;
	case AT_HELLO:
	case AT_HELO:
	case AT_STARTTLS:
	case AT_AUTH:
	case AT_RESET:
	case AT_QUIT:
		return c->sent >= c->awaited;
	case AT_ENVELOPE:
	case AT_BODY:
		return c->answered < c->made && c->sent >= c->ends[c->answered];
	case AT_END:
		return c->sent >= (c->answered < c->made ? c->ends[c->answered] : c->awaited);
	case AT_HANDSHAKE:
	case AT_REST:
	case AT_CLOSE:
		break;
	}
	return false;
}

/* A server may end the session at any time, and give up in the midst of a body. That it agrees to
   what it has not heard yet is the mark of replies that somebody else has put in, or of a session
   that has lost its step. */
static void
answer_early(struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (c->state == AT_STARTTLS)
		c->tls_fault = GP_CLIENT_TLS_INJECTED;
	if (r->code < 400) {
		gp_client_protocol_error(c, "a reply before its command");
		return;
	}
	bool midst = c->state == AT_BODY || c->state == AT_END;
	if (r->code != 421 && midst && c->answered >= client_data_step(c)) {
		struct gp_outcome o = gp_client_remote_outcome(c, r);
		gp_client_settle_rest(c, &o);
	}
	gp_client_refused(c, r);
}

static void
answer(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (c->state == AT_QUIT) {
		gp_client_set_state(c, AT_CLOSE, UINT64_MAX);
	} else if (c->early) {
		answer_early(c, r);
	} else if (r->code == 421) {
		gp_client_refused(c, r);
	} else if (client_in_transaction(c)) {
		gp_client_answer_transaction(c, r, now_ms);
	} else {
		gp_client_answer_opening(c, r, now_ms);
	}
}

/* Clear text where only TLS may come: the server, or somebody on the way, wants it to be taken for
   a part of what follows inside. */
static void
refuse_injected(struct gp_smtp_client *c)
{
	c->tls_fault = GP_CLIENT_TLS_INJECTED;
	gp_client_break_off(c, 7, 0, "clear text behind the answer to STARTTLS");
}

static void
read_reply(struct gp_smtp_client *c, struct gp_slice *input, uint64_t now_ms)
{
	struct gp_reply r;
	if (gp_reply_parser_idle(&c->parser))
		c->early = !awaits_reply(c);
	switch (gp_reply_parser_feed(&c->parser, input, &r)) {
	case GP_REPLY_COMPLETE:
		answer(c, &r, now_ms);
		break;
	case GP_REPLY_MORE:
		/* Nothing else would end the wait for the rest of what may be a 421. */
		if (c->state == AT_REST)
			c->deadline_ms = client_deadline(now_ms, c->setup.times.quit_ms, QUIT_MS);
		break;
	case GP_REPLY_BAD:
		gp_client_protocol_error(c, c->parser.why);
		break;
	default:
		gp_client_break_off(c, 3, 0, "out of memory");
	}
}

static struct gp_slice
copy_to(char **to, struct gp_slice s)
{
	char *copy = s.len > 0 ? memcpy(*to, s.ptr, s.len) : *to;
	*to += s.len;
	return gp_slice(copy, s.len);
}

struct gp_smtp_client *
gp_smtp_client_new(const struct gp_smtp_client_setup *setup, uint64_t now_ms)
{
	const struct gp_client_login *login = &setup->login;
	size_t secrets_len =
		login->user.len + login->password.len + login->token.len + login->nonce.len;
	struct gp_smtp_client *c = calloc(1, sizeof(*c) + setup->hostname.len + secrets_len);
	if (!c)
		return NULL;
	char *to = (char *)(c + 1);
	c->setup = *setup;
	c->setup.hostname = copy_to(&to, setup->hostname);
	c->secrets = to;
	c->secrets_len = secrets_len;
	c->setup.login.user = copy_to(&to, login->user);
	c->setup.login.password = copy_to(&to, login->password);
	c->setup.login.token = copy_to(&to, login->token);
	c->setup.login.nonce = copy_to(&to, login->nonce);
	c->parser = gp_reply_parser();
	c->out = GP_BUF_INIT(GP_CLIENT_OUTPUT_MAX + OUTPUT_SLACK);
	c->arena = GP_ARENA_INIT(IDLE_ARENA_MAX);
	c->scram_arena = GP_ARENA_INIT(SCRAM_ARENA_MAX);
	c->in_tls = setup->tls_implicit;
	c->deadline_ms = client_deadline(now_ms, setup->times.greeting_ms, GREETING_MS);
	return c;
}

struct gp_smtp_client *
gp_smtp_client_free(struct gp_smtp_client *c)
{
	if (!c)
		return NULL;
	gp_reply_parser_free(&c->parser);
	gp_client_forget_login(c);
	gp_arena_free(&c->arena);
	free(c);
	return NULL;
}

/* BODY when there is room worth a piece. */
static bool
wants_body(const struct gp_smtp_client *c)
{
	return c->state == AT_BODY && c->out.len <= GP_CLIENT_OUTPUT_MAX / 2;
}

enum gp_client_event
gp_smtp_client_next(struct gp_smtp_client *c, struct gp_slice *input, uint64_t now_ms)
{
	for (;;) {
		if (c->state == AT_ENVELOPE)
			gp_client_walk_envelope(c, now_ms);
		if (c->out.failed && c->state != AT_CLOSE)
			gp_client_break_off(c, 3, 0, "out of memory");
		if (c->done_due) {
			c->done_due = false;
			return GP_CLIENT_DONE;
		}
		if (c->state == AT_CLOSE)
			return GP_CLIENT_CLOSE;
		if (input->len > 0 && c->state == AT_HANDSHAKE) {
			refuse_injected(c);
		} else if (input->len > 0) {
			read_reply(c, input, now_ms);
		} else if (now_ms >= c->deadline_ms) {
			if (c->state == AT_QUIT)
				gp_client_set_state(c, AT_CLOSE, UINT64_MAX);
			else
				gp_client_break_off(c, 4, 2, "timed out");
		} else {
			break;
		}
	}
	if (wants_body(c))
		return GP_CLIENT_BODY;
	if (c->starttls_due) {
		c->starttls_due = false;
		return GP_CLIENT_STARTTLS;
	}
	bool ready = c->ready_due && gp_reply_parser_idle(&c->parser);
	c->ready_due = c->ready_due && !ready;
	return ready ? GP_CLIENT_READY : GP_CLIENT_WAIT;
}

void
gp_smtp_client_eof(struct gp_smtp_client *c)
{
	if (c->state == AT_QUIT)
		gp_client_set_state(c, AT_CLOSE, UINT64_MAX);
	else if (c->state != AT_CLOSE)
		gp_client_break_off(c, 4, 2, "connection lost");
}

void
gp_smtp_client_quit(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_assert(c->state == AT_REST && !c->ready_due && !c->done_due);
	gp_client_say_quit(c, now_ms);
}

size_t
gp_smtp_client_body(struct gp_smtp_client *c, struct gp_slice piece)
{
	if (c->bdat)
		return gp_client_put_chunk(c, piece);
	gp_assert(c->state == AT_BODY);
	return gp_dot_write(&c->dot, piece, &c->out, GP_CLIENT_OUTPUT_MAX);
}

void
gp_smtp_client_body_end(struct gp_smtp_client *c, uint64_t now_ms)
{
	if (c->bdat) {
		gp_client_end_chunk(c);
		return;
	}
	gp_assert(c->state == AT_BODY);
	(void)gp_dot_write_end(&c->dot, &c->out); /* a failure is seen by the next pull */
	c->awaited = c->sent + c->out.len;
	gp_client_set_state(c, AT_END, client_deadline(now_ms, c->setup.times.block_ms, BLOCK_MS));
}

void
gp_smtp_client_body_abort(struct gp_smtp_client *c, const char *why)
{
	gp_assert(c->state == AT_BODY);
	gp_client_break_off(c, 3, 0, why);
}

struct gp_slice
gp_smtp_client_output(const struct gp_smtp_client *c)
{
	return gp_buf_slice(&c->out);
}

void
gp_smtp_client_output_sent(struct gp_smtp_client *c, size_t n, uint64_t now_ms)
{
	gp_buf_consume(&c->out, n);
	c->sent += n;
	/* RFC 5321 sections 4.5.3.2.5 and 4.5.3.2.6: a time for each block, another for the end. */
	if (n == 0 || (c->state != AT_BODY && c->state != AT_END))
		return;
	if (c->state == AT_END && c->sent >= c->awaited)
		c->deadline_ms = client_deadline(now_ms, c->setup.times.end_ms, END_MS);
	else
		c->deadline_ms = client_deadline(now_ms, c->setup.times.block_ms, BLOCK_MS);
}

uint64_t
gp_smtp_client_deadline(const struct gp_smtp_client *c)
{
	return c->deadline_ms;
}

const struct gp_outcome *
gp_smtp_client_outcomes(const struct gp_smtp_client *c, size_t *ret_len)
{
	*ret_len = c->rcpts_len;
	return c->outcomes;
}

struct gp_outcome
gp_smtp_client_failure(const struct gp_smtp_client *c)
{
	return c->failure;
}

enum gp_client_tls_fault
gp_smtp_client_tls_fault(const struct gp_smtp_client *c)
{
	return (enum gp_client_tls_fault)c->tls_fault;
}

bool
gp_smtp_client_in_tls(const struct gp_smtp_client *c)
{
	return c->in_tls;
}

const struct gp_ehlo *
gp_smtp_client_ehlo(const struct gp_smtp_client *c)
{
	return &c->ehlo;
}

size_t
gp_smtp_client_rcpts_max(const struct gp_smtp_client *c)
{
	return c->ehlo.rcpt_max > 0 ? c->ehlo.rcpt_max : GP_CLIENT_RCPTS_USUAL;
}
