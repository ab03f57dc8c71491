/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the greeting to READY, and what is said between transactions.
 */
#include <string.h>

#include "core/smtp/client_auth.h"
#include "core/smtp/client_session.h"

void
gp_client_say(struct gp_smtp_client *c, enum client_state state, uint64_t deadline_ms,
	      const char *command, struct gp_slice param)
{
	gp_buf_put_str(&c->out, command);
	gp_buf_put(&c->out, param);
	gp_buf_put_str(&c->out, "\r\n");
	c->awaited = c->sent + c->out.len;
	gp_client_set_state(c, state, deadline_ms);
}

void
gp_client_become_ready(struct gp_smtp_client *c)
{
	if (c->out.len == 0 && c->out.cap > IDLE_OUTPUT_MAX)
		gp_buf_free(&c->out);
	c->ready_due = true;
	gp_client_set_state(c, AT_REST, UINT64_MAX);
}

void
gp_client_say_quit(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_client_say(c, AT_QUIT, client_deadline(now_ms, c->setup.times.quit_ms, QUIT_MS), "QUIT",
		      gp_slice("", 0));
}

/* EHLO, or what stands for it. */
static void
say_hello(struct gp_smtp_client *c, uint64_t now_ms)
{
	uint64_t until = client_deadline(now_ms, c->setup.times.greeting_ms, GREETING_MS);
	if (c->setup.lmtp)
		gp_client_say(c, AT_HELLO, until, "LHLO ", c->setup.hostname);
	else if (c->setup.helo_only)
		gp_client_say(c, AT_HELO, until, "HELO ", c->setup.hostname);
	else
		gp_client_say(c, AT_HELLO, until, "EHLO ", c->setup.hostname);
}

static void
answer_greeting(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 400)
		gp_client_refused(c, r);
	else if (r->code >= 300)
		gp_client_protocol_error(c, "a reply that makes no sense");
	else
		say_hello(c, now_ms);
}

void
gp_client_forget_login(struct gp_smtp_client *c)
{
	c->setup.login = (struct gp_client_login){};
	explicit_bzero(c->secrets, c->secrets_len);
	gp_arena_free(&c->scram_arena);
	gp_client_wipe(&c->out);
}

/* Ends what stands in the output as a line of AUTH. */
static void
say_auth(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_client_say(c, AT_AUTH, client_deadline(now_ms, c->setup.times.greeting_ms, GREETING_MS),
		      "", gp_slice("", 0));
}

void
gp_smtp_client_bind(struct gp_smtp_client *c, const char *type, struct gp_slice data)
{
	gp_assert(data.len > 0 && data.len <= sizeof(c->binding));
	c->binding_type = type;
	c->binding_len = data.len;
	memcpy(c->binding, data.ptr, data.len);
}

static int
begin_scram(struct gp_smtp_client *c)
{
	const struct gp_client_login *login = &c->setup.login;
	bool plus = c->mechanism == GP_EHLO_SCRAM_SHA_256_PLUS;
	/* RFC 5802 section 6: who does not want what was offered must not say that it was not. */
	bool unwanted = !plus && (c->ehlo.mechanisms & GP_EHLO_SCRAM_SHA_256_PLUS);
	const struct gp_scram_login scram = {
		.user = login->user,
		.password = login->password,
		.nonce = login->nonce,
		.binding_type = gp_slice_str(c->binding_type),
		.binding = gp_slice((const char *)c->binding, unwanted ? 0 : c->binding_len),
		.plus = plus,
	};
	return gp_client_begin_scram(&c->out, &c->scram, &scram, &c->scram_arena);
}

/* Appends the next response. challenge: what it answers, where the mechanism looks at that. NULL,
   or why there must be none. A failure of memory latches. */
static const char *
respond(struct gp_smtp_client *c, struct gp_slice challenge)
{
	unsigned number = c->responses++;
	if (!gp_client_is_scram(c->mechanism))
		return gp_client_put_response(&c->out, &c->setup.login, c->mechanism, number)
			       ? NULL
			       : "a challenge too many";
	int r = number == 0 ? begin_scram(c) : gp_client_step_scram(&c->out, &c->scram, challenge);
	return r == 1 ? c->scram.why : NULL;
}

/* RFC 4954 section 4: the command stays within the usual length; what is longer waits for a
   challenge, which is then empty. */
static void
begin_auth(struct gp_smtp_client *c, uint64_t now_ms)
{
	enum { COMMAND_MAX = 510 };
	gp_assert(c->out.len == 0);
	gp_buf_put_str(&c->out, "AUTH ");
	gp_buf_put_str(&c->out, gp_client_mechanism_name(c->mechanism));
	size_t bare_len = c->out.len;
	c->responses = 0;
	if (gp_client_mechanism_begins(c->mechanism)) {
		gp_buf_put_char(&c->out, ' ');
		(void)respond(c, gp_slice("", 0));
	}
	if (c->out.len > COMMAND_MAX) {
		gp_buf_truncate(&c->out, bare_len);
		c->responses = 0;
	}
	say_auth(c, now_ms);
}

static void
authenticate(struct gp_smtp_client *c, uint64_t now_ms)
{
	const struct gp_client_login *login = &c->setup.login;
	c->mechanism = gp_client_choose_mechanism(login, c->ehlo.mechanisms, c->binding_len > 0);
	if (!c->in_tls && !login->in_clear)
		gp_client_leave(c, 7, 11, "AUTH is for inside TLS");
	else if (!gp_client_login_sane(login))
		gp_client_leave(c, 7, 8, "the login for AUTH cannot be said");
	else if (c->mechanism == 0)
		gp_client_leave(c, 7, 4, "AUTH is wanted, and no mechanism fits");
	else
		begin_auth(c, now_ms);
}

static void
answer_auth(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code == 235 && gp_client_is_scram(c->mechanism) && !c->scram.trusted) {
		gp_client_break_off(c, 7, 8, "the server has not proven that it knows us");
	} else if (r->code == 235) {
		gp_client_forget_login(c);
		gp_client_become_ready(c);
	} else if (r->code == 334) {
		const char *why = respond(c, r->text);
		if (why)
			gp_client_protocol_error(c, why);
		else
			say_auth(c, now_ms);
	} else if (r->code < 400) {
		gp_client_protocol_error(c, "a reply that makes no sense");
	} else {
		gp_client_refused(c, r);
	}
}

/* After EHLO or HELO: TLS first, if it is wished and not there. */
static void
go_on(struct gp_smtp_client *c, uint64_t now_ms)
{
	bool wished = !c->in_tls && c->setup.tls != GP_CLIENT_TLS_OFF;
	if (wished && c->tls_fault == GP_CLIENT_TLS_FINE) {
		if (c->ehlo.flags & GP_EHLO_STARTTLS) {
			gp_client_say(c, AT_STARTTLS,
				      client_deadline(now_ms, c->setup.times.tls_ms, TLS_MS),
				      "STARTTLS", gp_slice("", 0));
			return;
		}
		c->tls_fault = GP_CLIENT_TLS_NOT_OFFERED;
	}
	if (wished && c->setup.tls == GP_CLIENT_TLS_REQUIRED)
		gp_client_leave(c, 7, 10, "TLS is required, and not offered");
	else if (c->setup.login.user.len > 0)
		authenticate(c, now_ms);
	else
		gp_client_become_ready(c);
}

/* RFC 5321 section 3.2: a server that does not know EHLO is asked by HELO. */
static void
answer_hello(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 500 && c->state == AT_HELLO && !c->setup.lmtp) {
		gp_client_say(c, AT_HELO,
			      client_deadline(now_ms, c->setup.times.greeting_ms, GREETING_MS),
			      "HELO ", c->setup.hostname);
	} else if (r->code >= 400) {
		gp_client_refused(c, r);
	} else if (r->code >= 300) {
		gp_client_protocol_error(c, "a reply that makes no sense");
	} else {
		if (c->state == AT_HELLO)
			c->ehlo = gp_ehlo_parse(r->text);
		if (!c->in_tls)
			c->ehlo.flags &= ~(uint32_t)GP_EHLO_REQUIRETLS;
		go_on(c, now_ms);
	}
}

static void
answer_starttls(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code == 220) {
		c->starttls_due = true;
		gp_client_set_state(c, AT_HANDSHAKE,
				    client_deadline(now_ms, c->setup.times.tls_ms, TLS_MS));
	} else if (r->code < 400) {
		gp_client_protocol_error(c, "a reply that makes no sense");
	} else if (c->setup.tls == GP_CLIENT_TLS_REQUIRED) {
		gp_client_refused(c, r);
	} else {
		c->tls_fault = GP_CLIENT_TLS_REFUSED;
		go_on(c, now_ms);
	}
}

void
gp_smtp_client_tls_started(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_assert(c->state == AT_HANDSHAKE && !c->starttls_due && c->out.len == 0);
	gp_assert(gp_reply_parser_idle(&c->parser));
	c->in_tls = true;
	c->ehlo = (struct gp_ehlo){};
	say_hello(c, now_ms);
}

void
gp_smtp_client_tls_failed(struct gp_smtp_client *c, const char *why)
{
	gp_assert(c->state == AT_HANDSHAKE && !c->starttls_due);
	gp_client_break_off(c, 7, 5, why);
}

static void
answer_reset(struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (r->code >= 400)
		gp_client_refused(c, r);
	else if (r->code >= 300)
		gp_client_protocol_error(c, "a reply that makes no sense");
	else
		gp_client_become_ready(c);
}

void
gp_client_answer_opening(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (c->state == AT_GREETING)
		answer_greeting(c, r, now_ms);
	else if (c->state == AT_STARTTLS)
		answer_starttls(c, r, now_ms);
	else if (c->state == AT_AUTH)
		answer_auth(c, r, now_ms);
	else if (c->state == AT_RESET)
		answer_reset(c, r);
	else
		answer_hello(c, r, now_ms);
}
