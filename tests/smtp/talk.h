/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with a driver that decides by the addresses, and everything that came of it as text:
 * what the server said ("S: ...") and what the driver was told ("E: ..."). The body's pieces come
 * out as one, since where they are cut is nobody's business.
 *
 *   MAIL   banned@ 550, busy@ 451, goaway@ 421
 *   RCPT   unknown@ 550, later@ 451, goaway@ 421
 *   DATA   sender nodata@ 451
 *   END    sender full@ 452; a body with "refuse me" in it 554
 *   AUTH   the response "good" is alice; "long" is somebody with too long a name; "more" and none
 *          are challenged, "busy" 454, "goaway" 421, and all others 535
 */
#pragma once

#include "core/smtp/server.h"

struct talk {
	struct gp_smtp_server *session;
	struct gp_limits limits;
	uint64_t now_ms;
	struct gp_buf log;  /* S: and E: lines */
	struct gp_buf body; /* of this transaction, as the driver got it */
	size_t bodies;      /* how many reached END */
	size_t accepted;    /* MAILs that were */
	size_t ended;       /* ABORT or END events */
	bool closed;
};

static inline struct gp_limits
talk_limits(void)
{
	return (struct gp_limits){
		.message_size = 2000,
		.header_size = 1000,
		.header_fields = 20,
		.recipients = 3,
		.messages = 3,
		.errors = 20,
		.useless_commands = 10,
		.hops = 3,
		.command_length = 512,
		.command_time = 300 * 1000,
		.body_rate = 500,
	};
}

/* setup: its host name and limits are ours. */
static inline void
talk_begin_setup(struct talk *t, struct gp_limits limits, struct gp_smtp_server_setup setup)
{
	*t = (struct talk){.limits = limits,
			   .now_ms = 1000,
			   .log = GP_BUF_INIT(16 * 1024 * 1024),
			   .body = GP_BUF_INIT(16 * 1024 * 1024)};
	setup.hostname = GP_SLICE("mx.example.org");
	setup.limits = &t->limits;
	t->session = gp_smtp_server_new(&setup, t->now_ms);
	gp_assert(t->session);
}

static inline void
talk_end(struct talk *t)
{
	t->session = gp_smtp_server_free(t->session);
	gp_buf_free(&t->log);
	gp_buf_free(&t->body);
}

/* Octets outside printable ASCII as \r, \n, \0, \xHH; the backslash doubled. */
static inline void
talk_escape(struct gp_buf *to, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '\r')
			gp_buf_put_str(to, "\\r");
		else if (c == '\n')
			gp_buf_put_str(to, "\\n");
		else if (c == '\\')
			gp_buf_put_str(to, "\\\\");
		else if (c < 32 || c > 126)
			gp_buf_printf(to, "\\x%02X", c);
		else
			gp_buf_put_char(to, (char)c);
	}
}

/* Takes the output, line by line. Everything we say ends in CRLF. */
static inline void
talk_take_output(struct talk *t)
{
	struct gp_slice out = gp_smtp_server_output(t->session);
	size_t len = out.len;
	while (out.len > 0) {
		struct gp_slice line = gp_slice_cut(&out, '\n');
		gp_assert(line.len > 0 && line.ptr[line.len - 1] == '\r');
		gp_buf_put_str(&t->log, "S: ");
		talk_escape(&t->log, gp_slice_take(line, line.len - 1));
		gp_buf_put_char(&t->log, '\n');
	}
	gp_smtp_server_output_sent(t->session, len);
}

static inline bool
talk_local_is(const struct gp_address *a, const char *local)
{
	return gp_slice_eq(a->local, gp_slice_str(local));
}

static inline struct gp_reply
talk_decide(struct talk *t, enum gp_smtp_event event)
{
	const struct gp_address *path = gp_smtp_server_path(t->session);
	struct gp_slice sender = gp_smtp_server_envelope(t->session)->sender;
	if ((event == GP_SMTP_MAIL || event == GP_SMTP_RCPT) && talk_local_is(path, "goaway"))
		return GP_REPLY(421, 4, 3, 2, "Going down");
	if (event == GP_SMTP_MAIL && talk_local_is(path, "banned"))
		return GP_REPLY(550, 5, 7, 1, "Not you");
	if (event == GP_SMTP_MAIL && talk_local_is(path, "busy"))
		return GP_REPLY(451, 4, 3, 0, "Try later");
	if (event == GP_SMTP_RCPT && talk_local_is(path, "unknown"))
		return GP_REPLY(550, 5, 1, 1, "No such user");
	if (event == GP_SMTP_RCPT && talk_local_is(path, "later"))
		return GP_REPLY(451, 4, 2, 0, "Mailbox is busy");
	if (event == GP_SMTP_DATA && gp_slice_starts(sender, GP_SLICE("nodata@")))
		return GP_REPLY(451, 4, 3, 0, "Not now");
	if (event == GP_SMTP_END && gp_slice_starts(sender, GP_SLICE("full@")))
		return GP_REPLY(452, 4, 3, 1, "Disk is full");
	if (event == GP_SMTP_END &&
	    memmem(t->body.ptr ? gp_buf_slice(&t->body).ptr : "", t->body.len, "refuse me", 9))
		return GP_REPLY(554, 5, 7, 1, "No");
	if (event == GP_SMTP_END)
		return GP_REPLY(250, 2, 0, 0, "Queued");
	return GP_REPLY(250, 2, 1, 0, "Ok");
}

static inline void
talk_answer_auth(struct talk *t)
{
	static char name[GP_SMTP_IDENTITY_MAX + 1];
	struct gp_slice said = gp_smtp_server_auth_response(t->session);
	struct gp_reply no = GP_REPLY(535, 5, 7, 8, "Wrong");
	if (gp_slice_eq(said, GP_SLICE("good"))) {
		gp_assert(gp_smtp_server_auth_done(t->session, GP_SLICE("alice")));
		return;
	}
	if (gp_slice_eq(said, GP_SLICE("long"))) {
		memset(name, 'a', sizeof(name));
		gp_assert(!gp_smtp_server_auth_done(t->session, gp_slice(name, sizeof(name))));
		return;
	}
	if (!said.ptr || gp_slice_eq(said, GP_SLICE("more"))) {
		struct gp_slice challenge = said.ptr ? GP_SLICE("go on") : GP_SLICE("");
		gp_smtp_server_auth_challenge(t->session, challenge);
		return;
	}
	if (gp_slice_eq(said, GP_SLICE("busy")))
		no = GP_REPLY(454, 4, 7, 0, "Later");
	if (gp_slice_eq(said, GP_SLICE("goaway")))
		no = GP_REPLY(421, 4, 3, 2, "Going down");
	gp_smtp_server_answer(t->session, &no);
}

static inline void
talk_log_auth(struct talk *t, const char *what, struct gp_slice mechanism)
{
	struct gp_slice said = gp_smtp_server_auth_response(t->session);
	gp_buf_printf(&t->log, "E: %s%.*s", what, GP_SLICE_FMT(mechanism));
	if (said.ptr) {
		gp_buf_put_str(&t->log, " \"");
		talk_escape(&t->log, said);
		gp_buf_put_char(&t->log, '"');
	}
	gp_buf_put_char(&t->log, '\n');
}

static inline void
talk_log_rcpts(struct talk *t)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(t->session);
	gp_buf_put_str(&t->log, " <");
	talk_escape(&t->log, e->sender);
	gp_buf_put_char(&t->log, '>');
	for (size_t i = 0; i < e->rcpts_len; i++) {
		gp_buf_put_str(&t->log, " <");
		talk_escape(&t->log, e->rcpts[i].address);
		gp_buf_put_char(&t->log, '>');
	}
}

static inline void
talk_log_event(struct talk *t, enum gp_smtp_event event)
{
	switch (event) {
	case GP_SMTP_MAIL:
	case GP_SMTP_RCPT:
		gp_buf_put_str(&t->log, event == GP_SMTP_MAIL ? "E: mail <" : "E: rcpt <");
		talk_escape(&t->log, gp_smtp_server_path(t->session)->text);
		gp_buf_put_str(&t->log, ">\n");
		break;
	case GP_SMTP_DATA:
		gp_buf_put_str(&t->log, "E: data");
		talk_log_rcpts(t);
		gp_buf_put_char(&t->log, '\n');
		break;
	case GP_SMTP_END:
		gp_buf_put_str(&t->log, "E: end \"");
		talk_escape(&t->log, gp_buf_slice(&t->body));
		gp_buf_put_str(&t->log, "\"\n");
		break;
	case GP_SMTP_ABORT:
		gp_buf_put_str(&t->log, "E: abort");
		talk_log_rcpts(t);
		gp_buf_put_char(&t->log, '\n');
		break;
	case GP_SMTP_AUTH:
		talk_log_auth(t, "auth ", gp_smtp_server_auth_mechanism(t->session));
		break;
	case GP_SMTP_AUTH_STEP:
		talk_log_auth(t, "step", GP_SLICE(""));
		break;
	case GP_SMTP_STARTTLS:
		gp_buf_put_str(&t->log, "E: starttls\n");
		break;
	case GP_SMTP_HANDSHAKE:
		gp_buf_put_str(&t->log, "E: handshake\n");
		break;
	case GP_SMTP_CLOSE:
		gp_buf_put_str(&t->log, "E: close\n");
		break;
	default:
		break;
	}
}

static inline void
talk_answer_starttls(struct talk *t)
{
	struct gp_slice helo = gp_smtp_server_helo(t->session);
	struct gp_reply reply = GP_REPLY(250, 2, 0, 0, "Ok");
	if (gp_slice_eq(helo, GP_SLICE("goaway")))
		reply = GP_REPLY(421, 4, 7, 0, "Too often");
	if (gp_slice_eq(helo, GP_SLICE("later")))
		reply = GP_REPLY(454, 4, 7, 0, "Not now");
	gp_smtp_server_answer(t->session, &reply);
}

static inline void
talk_answer(struct talk *t, enum gp_smtp_event event)
{
	struct gp_reply reply = talk_decide(t, event);
	if (event == GP_SMTP_MAIL && gp_reply_positive(&reply))
		t->accepted++;
	if (event == GP_SMTP_END) {
		t->ended++;
		t->bodies++;
	}
	if (event == GP_SMTP_MAIL)
		gp_buf_clear(&t->body);
	gp_smtp_server_answer(t->session, &reply);
}

/* Gives this input and works until nothing is left to do. */
static inline void
talk_feed(struct talk *t, struct gp_slice input)
{
	while (!t->closed) {
		enum gp_smtp_event event = gp_smtp_server_next(t->session, &input, t->now_ms);
		talk_take_output(t);
		talk_log_event(t, event);
		switch (event) {
		case GP_SMTP_NEED_INPUT:
			gp_assert(input.len == 0);
			/* What waited for the output to be taken? */
			if (gp_smtp_server_deadline(t->session) == 0)
				break;
			return;
		case GP_SMTP_MAIL:
		case GP_SMTP_RCPT:
		case GP_SMTP_DATA:
		case GP_SMTP_END:
			talk_answer(t, event);
			talk_take_output(t);
			break;
		case GP_SMTP_STARTTLS:
			talk_answer_starttls(t);
			talk_take_output(t);
			break;
		case GP_SMTP_BODY:
			gp_assert(gp_smtp_server_body(t->session).len > 0);
			gp_buf_put(&t->body, gp_smtp_server_body(t->session));
			break;
		case GP_SMTP_ABORT:
			t->ended++;
			break;
		case GP_SMTP_AUTH:
		case GP_SMTP_AUTH_STEP:
			talk_answer_auth(t);
			talk_take_output(t);
			break;
		case GP_SMTP_HANDSHAKE:
			gp_assert(gp_smtp_server_output(t->session).len == 0);
			break;
		case GP_SMTP_REFUSED: {
			struct gp_slice command;
			gp_assert(gp_smtp_server_refusal(t->session, &command).code >= 400);
			break;
		}
		case GP_SMTP_CLOSE:
			gp_assert(t->accepted == t->ended);
			t->closed = true;
			break;
		}
	}
}

/* The same in pieces of `size` octets, each in memory of its own, so that a sanitizer sees a slice
 * that outlives its input. */
static inline void
talk_feed_pieces(struct talk *t, struct gp_slice input, size_t size)
{
	while (input.len > 0) {
		struct gp_slice piece = gp_slice_take(input, size);
		char *copy = malloc(piece.len);
		gp_assert(copy);
		memcpy(copy, piece.ptr, piece.len);
		talk_feed(t, gp_slice(copy, piece.len));
		free(copy);
		input = gp_slice_drop(input, piece.len);
	}
}

static inline void
talk_begin(struct talk *t)
{
	talk_begin_setup(t, talk_limits(), (struct gp_smtp_server_setup){});
	talk_feed(t, gp_slice("", 0));
}

static inline bool
talk_heard(const struct talk *t, const char *what)
{
	struct gp_slice log = gp_buf_slice(&t->log);
	return log.len > 0 && memmem(log.ptr, log.len, what, strlen(what)) != NULL;
}
