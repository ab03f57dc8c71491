/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues. A line of a script is
 *
 *     < TEXT     the server says it
 *     > TEXT     the client must have said it, and nothing else before
 *     = TEXT     the same without a line end behind it
 *     .EVENT     the client must give this event now: .ready .done .close .starttls
 *     !send      the transaction begins        !quit     the driver is through
 *     !again     the same one once more        !eof      the server has closed
 *     !tls       the handshake is done       !notls     it has failed
 *     !more      a piece of the body, no end   !abort    the message cannot be read any further
 *     !+N        N seconds pass
 *
 * Body and its end are given as soon as they are asked for, unless the next line is !more. At the
 * end the client must have no more to say. Then the outcomes are compared: "kind code x.y.z text",
 * with '*' for "said by the remote server" before the code and "dsn" behind it. Each dialogue is
 * run with the bytes of both sides whole, and one at a time.
 */
#pragma once

#include "../unit.h"
#include "base/scan.h"
#include "core/smtp/client.h"

#define HELLO "< 220 mx ready\n> EHLO gate.example.org\n< 250-mx\n"
#define PLAIN HELLO "< 250 HELP\n.ready\n"
#define PIPED HELLO "< 250 PIPELINING\n.ready\n"
#define LHLO "< 220 mx ready\n> LHLO gate.example.org\n< 250-mx\n"

struct dialogue {
	const char *name;
	const char *script;
	const char *outcomes; /* a line each */
	const char *failure;  /* the session's, where it is to be compared */
	uint8_t tls_fault;    /* what is to be said of it at the end */
	struct gp_smtp_client_setup setup;
	struct gp_smtp_client_mail mail; /* without envelope: `envelope` below */
	struct gp_envelope envelope;     /* without recipients: bob@example.net */
	const char *body;
	size_t body_len; /* of a body that is no string */
	bool whole_only; /* hangs on what comes in one piece */
};

[[maybe_unused]] static const struct gp_rcpt one[] = {{.address = {"bob@example.net", 15}}};
[[maybe_unused]] static const struct gp_rcpt three[] = {
	{.address = {"bob@example.net", 15}},
	{.address = {"carol@example.net", 17}},
	{.address = {"dave@example.net", 16}},
};
#define RCPTS(array) .rcpts = (array), .rcpts_len = GP_ARRAY_LEN(array)
#define SENDER .sender = {"alice@example.org", 17}

/* What most transactions say, in lock-step and in one group. */
#define ONE_STEPS                                                                         \
	"!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n" \
	"< 250 ok\n> DATA\n< 354 go on\n"
#define BODY_SENT "> Subject: x\n> \n> text\n> .\n"
#define ONE_GROUP "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n> DATA\n"
#define THREE_GROUP                                                             \
	"!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n" \
	"> RCPT TO:<carol@example.net>\n> RCPT TO:<dave@example.net>\n> DATA\n"

struct run {
	const struct dialogue *d;
	struct gp_envelope envelope;
	struct gp_smtp_client_mail mail;
	struct gp_smtp_client *client;
	struct gp_buf input;        /* what the server has said and the client has not read */
	struct gp_buf said;         /* by the client, not yet compared */
	enum gp_client_event event; /* pulled, not yet compared; WAIT: none */
	uint64_t now_ms;
	bool octets; /* one at a time */
	bool more, more_given, abort;
};

static inline void
drain(struct run *r)
{
	struct gp_slice out;
	while ((out = gp_smtp_client_output(r->client)).len > 0) {
		out = gp_slice_take(out, r->octets ? 1 : out.len);
		gp_buf_put(&r->said, out);
		gp_smtp_client_output_sent(r->client, out.len, r->now_ms);
	}
}

static inline void
give_body(struct run *r)
{
	struct gp_slice body = gp_slice_str(r->d->body ? r->d->body : "Subject: x\r\n\r\ntext\r\n");
	if (r->d->body_len > 0)
		body = gp_slice(r->d->body, r->d->body_len);
	if (r->abort) {
		gp_smtp_client_body_abort(r->client, "cannot be read");
		return;
	}
	if (r->more)
		body = r->more_given ? gp_slice("", 0) : GP_SLICE("first\r\n");
	r->more_given = true;
	while (body.len > 0) {
		struct gp_slice piece = gp_slice_take(body, r->octets ? 1 : body.len);
		size_t taken = gp_smtp_client_body(r->client, piece);
		if (taken == 0)
			return;
		body = gp_slice_drop(body, taken);
		drain(r);
	}
	if (!r->more)
		gp_smtp_client_body_end(r->client, r->now_ms);
}

/* Hands over what the server has said, and stops at an event of the script's kind. */
static inline void
pull(struct run *r)
{
	while (r->event == GP_CLIENT_WAIT) {
		struct gp_slice all = gp_buf_slice(&r->input);
		struct gp_slice piece = gp_slice_take(all, r->octets ? 1 : all.len);
		size_t len = piece.len;
		enum gp_client_event event = gp_smtp_client_next(r->client, &piece, r->now_ms);
		gp_buf_consume(&r->input, len - piece.len);
		drain(r);
		if (event == GP_CLIENT_BODY)
			give_body(r);
		else if (event != GP_CLIENT_READY || r->input.len == 0)
			r->event = event;
		if (r->input.len == 0 && (event == GP_CLIENT_WAIT || r->more))
			return;
	}
}

static inline void
expect_said(struct run *r, struct gp_slice line)
{
	if (gp_slice_find(gp_buf_slice(&r->said), '\n') < 0)
		pull(r);
	struct gp_slice said = gp_buf_slice(&r->said);
	ptrdiff_t lf = gp_slice_find(said, '\n');
	if (lf < 1 || !gp_slice_eq(gp_slice_take(said, (size_t)lf - 1), line))
		fail_msg("%s: expected '%.*s', said '%.*s'", r->d->name, GP_SLICE_FMT(line),
			 GP_SLICE_FMT(said));
	gp_buf_consume(&r->said, (size_t)lf + 1);
}

static inline void
expect_event(struct run *r, struct gp_slice name)
{
	static const char *const names[] = {"wait", "ready", "body", "done", "close", "starttls"};
	pull(r);
	if (!gp_slice_eq(name, gp_slice_str(names[r->event])))
		fail_msg("%s: expected %.*s, event %s, said '%.*s'", r->d->name, GP_SLICE_FMT(name),
			 names[r->event], GP_SLICE_FMT(gp_buf_slice(&r->said)));
	r->event = GP_CLIENT_WAIT;
}

static inline void
expect_text(const struct run *r, struct gp_buf *text, struct gp_slice expected)
{
	if (!gp_slice_eq(gp_buf_slice(text), expected))
		fail_msg("%s: '%.*s'", r->d->name, GP_SLICE_FMT(gp_buf_slice(text)));
	gp_buf_free(text);
}

static inline void
do_command(struct run *r, struct gp_slice command)
{
	uint64_t seconds;
	if (gp_slice_eq(command, GP_SLICE("more"))) {
		r->more = true;
		return;
	}
	if (gp_slice_eq(command, GP_SLICE("abort"))) {
		r->abort = true;
		return;
	}
	pull(r);
	assert_int_equal(r->event, GP_CLIENT_WAIT);
	if (gp_slice_eq(command, GP_SLICE("eof")))
		gp_smtp_client_eof(r->client);
	else if (gp_slice_eq(command, GP_SLICE("tls")))
		gp_smtp_client_tls_started(r->client, r->now_ms);
	else if (gp_slice_eq(command, GP_SLICE("notls")))
		gp_smtp_client_tls_failed(r->client, "certificate expired");
	else if (gp_slice_eq(command, GP_SLICE("quit")))
		gp_smtp_client_quit(r->client, r->now_ms);
	else if (gp_slice_u64(gp_slice_drop(command, 1), 10'000, &seconds))
		r->now_ms += seconds * 1000;
	else
		assert_int_equal(gp_smtp_client_start(r->client, &r->mail, r->now_ms), 0);
}

static inline void
do_line(struct run *r, struct gp_slice line)
{
	if (gp_slice_starts(line, GP_SLICE("< "))) {
		gp_buf_put(&r->input, gp_slice_drop(line, 2));
		gp_buf_put_str(&r->input, "\r\n");
	} else if (gp_slice_starts(line, GP_SLICE("> "))) {
		expect_said(r, gp_slice_drop(line, 2));
	} else if (gp_slice_starts(line, GP_SLICE("= "))) {
		pull(r);
		expect_text(r, &r->said, gp_slice_drop(line, 2));
	} else if (gp_slice_starts(line, GP_SLICE("."))) {
		expect_event(r, gp_slice_drop(line, 1));
	} else {
		do_command(r, gp_slice_drop(line, 1));
	}
}

static inline void
put_outcome(struct gp_buf *to, const struct gp_outcome *o)
{
	static const char *const kinds[] = {"none", "delivered", "relayed", "deferred", "failed"};
	gp_buf_put_str(to, kinds[o->kind]);
	if (o->kind == 0)
		return;
	gp_buf_printf(to, " %s%u %u.%u.%u ", o->remote_said ? "*" : "", o->reply.code,
		      o->reply.enhanced_class, o->reply.enhanced_subject, o->reply.enhanced_detail);
	for (size_t i = 0; i < o->reply.text.len; i++) {
		char c = o->reply.text.ptr[i];
		gp_buf_put_char(to, c == '\n' ? '\\' : c);
	}
	gp_buf_put_str(to, o->remote_dsn ? " dsn" : "");
	assert_true(gp_slice_eq(o->remote, GP_SLICE("mx.example.net [192.0.2.1]:25")));
}

static inline void
expect_results(const struct run *r)
{
	if (r->d->outcomes) {
		struct gp_buf text = GP_BUF_INIT(100'000);
		size_t len;
		const struct gp_outcome *outcomes = gp_smtp_client_outcomes(r->client, &len);
		assert_int_equal(len, r->envelope.rcpts_len);
		for (size_t i = 0; i < len; i++) {
			gp_buf_put_str(&text, i > 0 ? "\n" : "");
			put_outcome(&text, &outcomes[i]);
		}
		expect_text(r, &text, gp_slice_str(r->d->outcomes));
	}
	if (r->d->failure) {
		struct gp_buf text = GP_BUF_INIT(100'000);
		struct gp_outcome failure = gp_smtp_client_failure(r->client);
		put_outcome(&text, &failure);
		expect_text(r, &text, gp_slice_str(r->d->failure));
	}
}

/* What is true at the end of each of them. */
static inline void
expect_end(const struct run *r)
{
	if (!(r->event == GP_CLIENT_WAIT || r->event == GP_CLIENT_CLOSE))
		fail_msg("%s: ends at event %d", r->d->name, r->event);
	if (r->said.len > 0)
		fail_msg("%s: said '%.*s'", r->d->name, GP_SLICE_FMT(gp_buf_slice(&r->said)));
	if (gp_smtp_client_tls_fault(r->client) != r->d->tls_fault)
		fail_msg("%s: TLS fault %d", r->d->name, gp_smtp_client_tls_fault(r->client));
}

static inline void
run_dialogue(const struct dialogue *d, bool octets)
{
	static const struct gp_envelope usual = {SENDER, RCPTS(one)};
	struct run r = {
		.d = d,
		.envelope = d->envelope.rcpts_len > 0 ? d->envelope : usual,
		.mail = d->mail,
		.input = GP_BUF_INIT(10'000),
		.said = GP_BUF_INIT(10'000),
		.octets = octets,
	};
	struct gp_smtp_client_setup setup = d->setup;
	setup.hostname = GP_SLICE("gate.example.org");
	setup.remote = GP_SLICE("mx.example.net [192.0.2.1]:25");
	r.mail.envelope = &r.envelope;
	r.client = gp_smtp_client_new(&setup, r.now_ms);
	assert_non_null(r.client);
	for (struct gp_slice script = gp_slice_str(d->script); script.len > 0;)
		do_line(&r, gp_slice_cut(&script, '\n'));
	pull(&r);
	expect_end(&r);
	expect_results(&r);
	r.client = gp_smtp_client_free(r.client);
	gp_buf_free(&r.input);
	gp_buf_free(&r.said);
}

/* Runs them whole, and octet by octet. */
static inline void
run_dialogues(const struct dialogue *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		run_dialogue(&d[i], false);
		if (!d[i].whole_only)
			run_dialogue(&d[i], true);
	}
}
