/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/traffic/sink_session.h"

/* What a dialogue came to: the answers' codes in order, and the messages. */
struct result {
	char codes[512];
	int messages;
	int marked;
	uint64_t octets;
	uint64_t number; /* of the last mark */
	uint32_t recipients;
};

static void
note_codes(struct result *r, struct gp_slice out)
{
	struct gp_buf codes = GP_BUF_INIT(sizeof(r->codes) - 1);
	while (out.len > 0) {
		struct gp_slice line = gp_slice_cut(&out, '\n');
		if (line.len > 3 && line.ptr[3] == ' ') {
			gp_buf_put(&codes, gp_slice_take(line, 3));
			gp_buf_put_char(&codes, ' ');
		}
	}
	memcpy(r->codes, gp_buf_slice(&codes).ptr, codes.len);
	gp_buf_free(&codes);
}

/* Feeds `input` in pieces of `step` octets. */
static struct result
talk(struct gp_sink_plan *plan, const char *input, size_t len, size_t step)
{
	struct result r = {};
	struct gp_sink_session s;
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	gp_sink_session_init(&s, plan);
	for (size_t at = 0; at < len; at += step) {
		/* A copy of its own, so that a sanitizer sees a read past its end. */
		size_t n = GP_MIN(step, len - at);
		char *piece = malloc(n);
		memcpy(piece, input + at, n);
		struct gp_slice in = gp_slice(piece, n);
		enum gp_sink_event event;
		while ((event = gp_sink_session_next(&s, &in, &out)) != GP_SINK_WANT_INPUT) {
			if (event != GP_SINK_MESSAGE)
				continue;
			r.messages++;
			r.marked += s.has_mark;
			r.number = s.has_mark ? s.mark.number : 0;
			r.octets += s.octets;
			r.recipients += s.recipients;
		}
		free(piece);
	}
	note_codes(&r, gp_buf_slice(&out));
	gp_buf_free(&out);
	return r;
}

#define START "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
#define MARK GP_MARK_FIELD "run-0000000007-5\r\n"
#define LONG60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *input;
	const char *codes;
	int messages, marked;
	uint64_t octets;
} dialogues[] = {
	/* the plain way, and a second transaction */
	{START MARK "\r\nhello\r\n.\r\nQUIT\r\n", "250 250 250 354 250 221 ", 1, 1, 44},
	{START "a\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\nb\r\n.\r\n",
	 "250 250 250 354 250 250 250 354 250 ", 2, 0, 6},
	/* an empty message ends with the dot at once */
	{START ".\r\n", "250 250 250 354 250 ", 1, 0, 0},
	/* only CRLF.CRLF ends a message: RFC 5321 section 2.3.8 */
	{START "a\n.\r\nb\r\n.\nc\r\n..\r\n.x\r\n\r.\r\n.\r\n", "250 250 250 354 250 ", 1, 0, 25},
	/* the mark may stand behind other fields, as when a relay put its own before it */
	{START "Received: " LONG60 "\r\n\t" LONG60 "\r\n" MARK "Subject: x\r\n\r\n.\r\n",
	 "250 250 250 354 250 ", 1, 1, 184},
	/* but not in the body, where a bounce quotes it, nor within a field */
	{START "Subject: x\r\n\r\n" MARK ".\r\n", "250 250 250 354 250 ", 1, 0, 49},
	{START "Subject: " MARK "\r\n.\r\n", "250 250 250 354 250 ", 1, 0, 46},
	{START GP_MARK_FIELD "not a mark\r\n\r\n.\r\n", "250 250 250 354 250 ", 1, 0, 31},
	/* order of commands */
	{"RCPT TO:<a>\r\nDATA\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nRCPT TO:<a>\r\n",
	 "503 503 250 503 503 250 503 ", 0, 0, 0},
	{START ".\r\nDATA\r\n", "250 250 250 354 250 503 ", 1, 0, 0},
	{"mail from:<>\r\nrcpt to:<a>\r\nEHLO again\r\nDATA\r\n", "250 250 250 503 ", 0, 0, 0},
	{"HELO c\r\nNOOP\r\nVRFY x\r\nLHLO c\r\nBDAT 5\r\n\r\n", "250 250 252 500 500 500 ", 0, 0,
	 0},
	/* lines */
	{"NOOP\nNOOP\r\n", "500 250 ", 0, 0, 0},
};

static void
dialogues_come_out_the_same_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		size_t len = strlen(dialogues[i].input);
		for (size_t step = 1; step <= len; step++) {
			struct gp_sink_plan plan = {};
			struct result r = talk(&plan, dialogues[i].input, len, step);
			if (strcmp(r.codes, dialogues[i].codes) != 0)
				fail_msg("dialogue %zu in pieces of %zu: %s", i, step, r.codes);
			assert_int_equal(r.messages, dialogues[i].messages);
			assert_int_equal(r.marked, dialogues[i].marked);
			assert_int_equal(r.octets, dialogues[i].octets);
			assert_int_equal(r.number, dialogues[i].marked ? 7 : 0);
		}
	}
}

static void
lmtp_answers_for_each_recipient(void **state)
{
	static const char input[] =
		"EHLO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<b>\r\n"
		"DATA\r\n.\r\nQUIT\r\n";
	struct gp_sink_plan plan = {.lmtp = true};
	(void)state;
	struct result r = talk(&plan, input, sizeof(input) - 1, 5);
	assert_string_equal(r.codes, "500 250 250 250 250 354 250 250 221 ");
	assert_int_equal(r.recipients, 2);
}

static void
a_share_of_recipients_is_refused(void **state)
{
	static const char input[] = "MAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<a>\r\nRCPT TO:<a>\r\n"
				    "RCPT TO:<a>\r\nDATA\r\n.\r\n";
	struct gp_sink_plan plan = {.refuse_code = 450, .refuse_share = 0.5};
	(void)state;
	struct result r = talk(&plan, input, sizeof(input) - 1, sizeof(input));
	assert_string_equal(r.codes, "250 250 450 250 450 354 250 ");
	assert_int_equal(r.recipients, 2);
	assert_int_equal(plan.refused, 2);
	plan = (struct gp_sink_plan){.refuse_code = 550, .refuse_share = 1};
	r = talk(&plan, input, sizeof(input) - 1, sizeof(input));
	assert_string_equal(r.codes, "250 550 550 550 550 503 500 ");
}

static void
a_line_has_a_cap(void **state)
{
	static char input[3 * GP_SINK_LINE_MAX];
	(void)state;
	memset(input, 'x', sizeof(input));
	memcpy(input + sizeof(input) - 8, "\r\nNOOP\r\n", 8);
	size_t steps[] = {1, 100, GP_SINK_LINE_MAX, sizeof(input)};
	for (size_t i = 0; i < GP_ARRAY_LEN(steps); i++) {
		struct gp_sink_plan plan = {};
		struct result r = talk(&plan, input, sizeof(input), steps[i]);
		assert_string_equal(r.codes, "500 250 ");
	}
}

static void
a_session_takes_so_many_messages(void **state)
{
	static const char input[] =
		"MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n";
	struct gp_sink_plan plan = {.mail_max = 2};
	(void)state;
	struct result r = talk(&plan, input, sizeof(input) - 1, 3);
	assert_string_equal(r.codes, "250 250 250 250 452 ");
}

static void
starttls_is_offered_once_and_begins_anew(void **state)
{
	struct gp_sink_plan plan = {.starttls = true};
	struct gp_sink_session s;
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_slice in =
		GP_SLICE("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nSTARTTLS\r\nNOOP\r\n");
	(void)state;
	gp_sink_session_init(&s, &plan);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gp_sink_session_next(&s, &in, &out), GP_SINK_COMMAND);
	assert_non_null(memmem(gp_buf_slice(&out).ptr, out.len, "250-STARTTLS\r\n", 14));
	assert_int_equal(gp_sink_session_next(&s, &in, &out), GP_SINK_STARTTLS);
	assert_true(gp_slice_eq(in, GP_SLICE("NOOP\r\n")));
	gp_sink_session_tls_started(&s);
	gp_buf_clear(&out);
	in = GP_SLICE("EHLO c\r\nDATA\r\nSTARTTLS\r\n");
	while (gp_sink_session_next(&s, &in, &out) == GP_SINK_COMMAND)
		;
	assert_null(memmem(gp_buf_slice(&out).ptr, out.len, "STARTTLS", 8));
	assert_non_null(
		memmem(gp_buf_slice(&out).ptr, out.len, "503 5.5.1 RCPT first\r\n500 ", 26));
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_come_out_the_same_in_any_pieces),
		cmocka_unit_test(lmtp_answers_for_each_recipient),
		cmocka_unit_test(a_share_of_recipients_is_refused),
		cmocka_unit_test(a_line_has_a_cap),
		cmocka_unit_test(a_session_takes_so_many_messages),
		cmocka_unit_test(starttls_is_offered_once_and_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
