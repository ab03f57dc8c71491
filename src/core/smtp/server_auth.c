/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH (RFC 4954): the frame around a SASL exchange that the driver holds. What the client says is
 * decoded here, handed over once, and wiped with the driver's answer; none of it gets into the log.
 */
#include "core/smtp/server_internal.h"

#include <string.h>

#include "base/base64.h"

bool
server_auth_offered(const struct gp_smtp_server *s)
{
	return s->in_tls && s->setup.auth_mechanisms.len > 0;
}

/* The octets are ours: they live in the exchange's arena. */
static void
forget_response(struct gp_smtp_server *s)
{
	struct gp_slice response = s->auth.response;
	if (response.len > 0)
		explicit_bzero((char *)response.ptr, response.len);
	s->auth.response = (struct gp_slice){};
	gp_arena_free(&s->auth.arena);
}

void
server_auth_free(struct gp_smtp_server *s)
{
	forget_response(s);
	gp_buf_free(&s->auth.identity);
}

/* As it stands in our list; empty when it is not there. */
static struct gp_slice
find_mechanism(const struct gp_smtp_server *s, struct gp_slice name)
{
	struct gp_slice list = s->setup.auth_mechanisms;
	while (list.len > 0) {
		struct gp_slice word = gp_slice_cut(&list, ' ');
		if (gp_slice_eq_nocase(word, name))
			return word;
	}
	return gp_slice("", 0);
}

/* The exchange is over without success. */
static int
fail(struct gp_smtp_server *s, struct gp_reply r)
{
	server_set_state(s, STATE_COMMAND);
	return server_refuse(s, r, GP_SLICE("AUTH"));
}

/* Hands what the client said to the driver. */
static int
ask_about(struct gp_smtp_server *s, enum gp_smtp_event event, struct gp_slice base64)
{
	s->auth.arena = GP_ARENA_INIT(2 * AUTH_LINE_MAX);
	int r = gp_base64_decode(base64, GP_BASE64, &s->auth.arena, &s->auth.response);
	if (r == 0)
		return server_ask(s, event);
	forget_response(s);
	return fail(s, r < 0 ? GP_REPLY(454, 4, 3, 0, "Out of memory")
			     : GP_REPLY(501, 5, 5, 2, "Not base64"));
}

/* RFC 4954 section 4; line is the bare word. */
int
server_handle_auth(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	if (s->setup.auth_mechanisms.len == 0)
		return server_refuse(s, GP_REPLY(502, 5, 5, 1, "Command not implemented"), line);
	if (!s->in_tls)
		return server_refuse(s, GP_REPLY(538, 5, 7, 11, "Issue STARTTLS first"), line);
	if (!s->esmtp)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Send EHLO first"), line);
	if (s->auth.identity.len > 0)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Authenticated already"), line);
	if (server_in_transaction(s))
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Not within a transaction"), line);
	s->auth.mechanism = find_mechanism(s, gp_slice_cut(&args, ' '));
	if (s->auth.mechanism.len == 0)
		return server_refuse(s, GP_REPLY(504, 5, 5, 4, "Mechanism is not offered"), line);
	args = gp_slice_trim(args);
	if (args.len == 0)
		return server_ask(s, GP_SMTP_AUTH);
	/* "=" stands for a response that is there and empty. */
	bool empty = gp_slice_eq(args, GP_SLICE("="));
	return ask_about(s, GP_SMTP_AUTH, empty ? gp_slice("", 0) : args);
}

int
server_auth_line(struct gp_smtp_server *s, struct gp_slice line)
{
	if (!server_strip_line(&line))
		return server_dismiss(s, GP_REPLY(500, 5, 5, 2, "Bare CR, bare LF or NUL"),
				      GP_SLICE("AUTH"));
	if (gp_slice_eq(line, GP_SLICE("*")))
		return fail(s, GP_REPLY(501, 5, 0, 0, "Cancelled"));
	return ask_about(s, GP_SMTP_AUTH_STEP, line);
}

static bool
is_asked(const struct gp_smtp_server *s)
{
	return s->state == STATE_DECIDE &&
	       (s->asked == GP_SMTP_AUTH || s->asked == GP_SMTP_AUTH_STEP);
}

void
server_auth_refused(struct gp_smtp_server *s)
{
	gp_assert(is_asked(s));
	forget_response(s);
}

/* Not by gp_reply_write: a challenge is one line, however long. */
void
gp_smtp_server_auth_challenge(struct gp_smtp_server *s, struct gp_slice challenge)
{
	struct gp_buf *out = &s->output;
	size_t before = out->len;
	gp_assert(is_asked(s) && challenge.len <= GP_SMTP_CHALLENGE_MAX);
	forget_response(s);
	server_set_state(s, STATE_AUTH);
	gp_buf_put(out, GP_SLICE("334 "));
	gp_base64_put(out, challenge);
	gp_buf_put(out, GP_SLICE("\r\n"));
	if (out->failed) {
		gp_buf_truncate(out, before);
		server_close(s);
	}
	server_decided(s);
}

bool
gp_smtp_server_auth_done(struct gp_smtp_server *s, struct gp_slice identity)
{
	gp_assert(is_asked(s) && identity.len > 0);
	forget_response(s);
	bool kept = gp_buf_put(&s->auth.identity, identity);
	if (kept) {
		server_set_state(s, STATE_COMMAND);
		server_reply(s, GP_REPLY(235, 2, 7, 0, "Authenticated"));
	} else {
		gp_buf_clear(&s->auth.identity);
		(void)fail(s, GP_REPLY(454, 4, 3, 0, "Out of memory"));
	}
	server_decided(s);
	return kept;
}

struct gp_slice
gp_smtp_server_auth_mechanism(const struct gp_smtp_server *s)
{
	return s->auth.mechanism;
}

struct gp_slice
gp_smtp_server_auth_response(const struct gp_smtp_server *s)
{
	return s->auth.response;
}

struct gp_slice
gp_smtp_server_identity(const struct gp_smtp_server *s)
{
	return gp_buf_slice(&s->auth.identity);
}
