/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/traffic/load_session.h"

#define HELLO "220 s\r\n250-s\r\n250-PIPELINING\r\n250 SIZE\r\n"
#define PLAIN "220 s\r\n250 s\r\n"

#define SECURE "220 s\r\n250-s\r\n250-PIPELINING\r\n250 STARTTLS\r\n220 go\r\n"

enum { PIPELINE = 1, LMTP = 2, TLS = 4 };

struct dialogue {
	const char *name;
	int flags;
	uint32_t recipients;
	const char *replies;  /* what the server says, all of it */
	const char *commands; /* the verbs sent, a letter each; b: the body */
	const char *outcomes; /* of the messages, a letter each; x: broken */
};

/* E: EHLO or LHLO, M: MAIL, R: RCPT, D: DATA, b: body, .: an empty message, S: RSET, Q: QUIT,
   T: STARTTLS */
static const struct dialogue dialogues[] = {
	{"plain", 0, 1, PLAIN "250 1\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n", "EMRDbQ", "a"},
	{"pipelining was not offered", PIPELINE, 1,
	 PLAIN "250 1\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n", "EMRDbQ", "a"},
	{"pipelined", PIPELINE, 3,
	 HELLO "250 1\r\n250 2\r\n250 2\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n", "EMRRRDbQ", "a"},
	{"replies of many lines", 0, 1,
	 "220-s\r\n220-t\r\n220 u\r\n250 s\r\n250-1\r\n250 1\r\n250 2\r\n354 3\r\n250 4\r\n221\r\n",
	 "EMRDbQ", "a"},
	{"MAIL is refused", 0, 1, PLAIN "450 no\r\n250 reset\r\n221 5\r\n", "EMSQ", "r"},
	{"the only recipient is refused", 0, 1, PLAIN "250 1\r\n550 no\r\n250 reset\r\n221 5\r\n",
	 "EMRSQ", "r"},
	{"one recipient of two is refused", 0, 2,
	 PLAIN "250 1\r\n550 no\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n", "EMRRDbQ", "p"},
	{"DATA is refused", 0, 1, PLAIN "250 1\r\n250 2\r\n451 no\r\n250 reset\r\n221 5\r\n",
	 "EMRDSQ", "r"},
	{"the message is refused", 0, 1, PLAIN "250 1\r\n250 2\r\n354 3\r\n552 no\r\n221 5\r\n",
	 "EMRDbQ", "r"},
	{"pipelined, MAIL is refused", PIPELINE, 1,
	 HELLO "450 no\r\n503 no\r\n503 no\r\n250 reset\r\n221 5\r\n", "EMRDSQ", "r"},
	{"pipelined, no recipient, and 354 all the same", PIPELINE, 1,
	 HELLO "250 1\r\n550 no\r\n354 go\r\n554 none\r\n221 5\r\n", "EMRD.Q", "r"},
	{"LMTP, all are taken", LMTP, 2,
	 PLAIN "250 1\r\n250 2\r\n250 2\r\n354 3\r\n250 4\r\n250 4\r\n221 5\r\n", "EMRRDbQ", "a"},
	{"LMTP, one is not", LMTP, 2,
	 PLAIN "250 1\r\n250 2\r\n250 2\r\n354 3\r\n450 4\r\n250 4\r\n221 5\r\n", "EMRRDbQ", "p"},
	{"LMTP, one recipient is refused, so one answer comes", LMTP, 2,
	 PLAIN "250 1\r\n250 2\r\n550 2\r\n354 3\r\n250 4\r\n221 5\r\n", "EMRRDbQ", "p"},
	{"LMTP, none is taken", LMTP, 1, PLAIN "250 1\r\n250 2\r\n354 3\r\n450 4\r\n221 5\r\n",
	 "EMRDbQ", "r"},
	{"STARTTLS, and what was offered in clear is forgotten", TLS | PIPELINE, 1,
	 SECURE "250 s\r\n250 1\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n", "ETEMRDbQ", "a"},
	{"STARTTLS is offered but not wanted", 0, 1,
	 "220 s\r\n250-s\r\n250 STARTTLS\r\n250 1\r\n250 2\r\n354 3\r\n250 4\r\n221 5\r\n",
	 "EMRDbQ", "a"},
	{"STARTTLS is not offered", TLS, 1, PLAIN, "E", "x"},
	{"STARTTLS is refused", TLS, 1, "220 s\r\n250-s\r\n250 STARTTLS\r\n454 no\r\n", "ET", "x"},
	{"the greeting refuses", 0, 1, "421 full\r\n", "", "x"},
	{"EHLO is refused", 0, 1, "220 s\r\n502 no\r\n", "E", "x"},
	{"no SMTP at all", 0, 1, "HTTP/1.1 400 Bad Request\r\n", "", "x"},
	{"a code of two digits", 0, 1, "22\r\n", "", "x"},
	{"a code and no separator", 0, 1, "220x\r\n", "", "x"},
	{"a code over 599", 0, 1, "620 x\r\n", "", "x"},
};

/* The letters of what was sent. */
static void
note_commands(struct gp_buf *letters, struct gp_slice sent)
{
	while (sent.len > 0) {
		struct gp_slice line = gp_slice_cut(&sent, '\n');
		if (gp_slice_starts(line, GP_SLICE("LHLO")))
			gp_buf_put_char(letters, 'E');
		else if (gp_slice_starts(line, GP_SLICE("RSET")))
			gp_buf_put_char(letters, 'S');
		else if (gp_slice_starts(line, GP_SLICE("STARTTLS")))
			gp_buf_put_char(letters, 'T');
		else if (gp_slice_starts(line, GP_SLICE(GP_MARK_FIELD)))
			gp_buf_put_char(letters, 'b');
		else
			gp_buf_put(letters, gp_slice_take(line, 1));
	}
}

/* Acts as the driver does: one message, then QUIT. */
static bool
act(struct gp_load_session *s, enum gp_load_event event, struct gp_buf *out,
    struct gp_buf *outcomes)
{
	static const char letters[GP_LOAD_OUTCOMES] = {'a', 'r', 'p', 'd', 'f'};
	switch (event) {
	case GP_LOAD_READY:
		if (s->mark.number == 0)
			gp_load_session_begin(s, 1, 5, out);
		else
			gp_load_session_quit(s, out);
		return true;
	case GP_LOAD_STARTTLS:
		gp_load_session_tls_started(s, out);
		return true;
	case GP_LOAD_MESSAGE:
		gp_buf_put_char(outcomes, letters[s->outcome]);
		return true;
	case GP_LOAD_BROKEN:
		gp_buf_put_char(outcomes, 'x');
		return false;
	case GP_LOAD_BYE:
		return false;
	default:
		return true;
	}
}

static void
run_dialogue(const struct dialogue *d, size_t step)
{
	const struct gp_load_plan plan = {
		.run = "run",
		.helo = GP_SLICE("c"),
		.from = GP_SLICE("f@x"),
		.to = GP_SLICE("u%d@x"),
		.users = 10,
		.recipients = d->recipients,
		.lmtp = d->flags & LMTP,
		.pipeline = d->flags & PIPELINE,
		.starttls = d->flags & TLS,
	};
	uint64_t classes[5] = {};
	struct gp_load_session s = {};
	struct gp_buf out = GP_BUF_INIT(4096), outcomes = GP_BUF_INIT(16),
		      letters = GP_BUF_INIT(64);
	size_t len = strlen(d->replies);
	bool open = true;
	gp_load_session_init(&s, &plan, classes);
	for (size_t at = 0; open && at < len; at += step) {
		struct gp_slice in = gp_slice(d->replies + at, GP_MIN(step, len - at));
		enum gp_load_event event;
		while (open && (event = gp_load_session_next(&s, &in, &out)) != GP_LOAD_WANT_INPUT)
			open = act(&s, event, &out, &outcomes);
	}
	note_commands(&letters, gp_buf_slice(&out));
	if (open || !gp_slice_eq(gp_buf_slice(&letters), gp_slice_str(d->commands)) ||
	    !gp_slice_eq(gp_buf_slice(&outcomes), gp_slice_str(d->outcomes)))
		fail_msg("%s, in pieces of %zu: sent %.*s, came to %.*s", d->name, step,
			 GP_SLICE_FMT(gp_buf_slice(&letters)),
			 GP_SLICE_FMT(gp_buf_slice(&outcomes)));
	gp_buf_free(&out);
	gp_buf_free(&outcomes);
	gp_buf_free(&letters);
}

static void
dialogues_come_out_the_same_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		for (size_t step = 1; step <= strlen(dialogues[i].replies); step++)
			run_dialogue(&dialogues[i], step);
	}
}

static void
recipients_take_turns(void **state)
{
	const struct gp_load_plan plan = {
		.run = "run",
		.helo = GP_SLICE("c"),
		.from = GP_SLICE("f%d@x"),
		.to = GP_SLICE("u%d@x"),
		.users = 4,
		.recipients = 3,
		.pipeline = true,
	};
	uint64_t classes[5] = {};
	struct gp_load_session s;
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_slice in = GP_SLICE(HELLO);
	(void)state;
	gp_load_session_init(&s, &plan, classes);
	while (gp_load_session_next(&s, &in, &out) != GP_LOAD_READY)
		;
	gp_buf_clear(&out);
	gp_load_session_begin(&s, 2, 5, &out);
	assert_true(gp_slice_eq(gp_buf_slice(&out),
				GP_SLICE("MAIL FROM:<f1@x>\r\nRCPT TO:<u3@x>\r\nRCPT TO:<u0@x>\r\n"
					 "RCPT TO:<u1@x>\r\nDATA\r\n")));
	assert_int_equal(classes[1], 2);
	gp_buf_free(&out);
}

/* A reply's line has no end: what is kept of it is bounded. */
static void
an_endless_line_is_cut(void **state)
{
	static char line[4 * GP_LOAD_REPLY_MAX];
	const struct gp_load_plan plan = {.run = "r", .users = 1, .recipients = 1};
	uint64_t classes[5] = {};
	struct gp_load_session s;
	struct gp_buf out = GP_BUF_INIT(64);
	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "554 ", 4);
	line[sizeof(line) - 1] = '\n';
	gp_load_session_init(&s, &plan, classes);
	for (size_t i = 0; i + 1 < sizeof(line); i++) {
		struct gp_slice in = gp_slice(line + i, 1);
		assert_int_equal(gp_load_session_next(&s, &in, &out), GP_LOAD_WANT_INPUT);
	}
	struct gp_slice in = GP_SLICE("\n");
	assert_int_equal(gp_load_session_next(&s, &in, &out), GP_LOAD_BROKEN);
	assert_int_equal(gp_load_session_reply(&s).len, GP_LOAD_REPLY_MAX);
	gp_buf_free(&out);
}

static void
octets_before_the_handshake_break_it(void **state)
{
	const struct gp_load_plan plan = {
		.helo = GP_SLICE("c"), .users = 1, .recipients = 1, .starttls = true};
	uint64_t classes[5] = {};
	struct gp_load_session s = {};
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_slice in = GP_SLICE(SECURE "2");
	enum gp_load_event event;
	(void)state;
	gp_load_session_init(&s, &plan, classes);
	while ((event = gp_load_session_next(&s, &in, &out)) != GP_LOAD_STARTTLS)
		assert_true(event == GP_LOAD_GREETED || event == GP_LOAD_PROGRESS);
	assert_int_equal(gp_load_session_next(&s, &in, &out), GP_LOAD_BROKEN);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_come_out_the_same_in_any_pieces),
		cmocka_unit_test(recipients_take_turns),
		cmocka_unit_test(an_endless_line_is_cut),
		cmocka_unit_test(octets_before_the_handshake_break_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
