/* SPDX-License-Identifier: Apache-2.0 */
/* The server's replies, whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/smtp/reply_parser.h"

static const struct {
	const char *wire;
	const char *text; /* NULL: not a reply */
	uint16_t code, class, subject, detail;
} cases[] = {
	{"250 ok\r\n", "ok", 250},
	{"250 ok\n", "ok", 250},
	{"250\r\n", "", 250},
	{"250 \r\n", "", 250},
	{"250  two  spaces \r\n", "two  spaces", 250},
	{"250-one\r\n250-two\r\n250 three\r\n", "one\ntwo\nthree", 250},
	{"250-\r\n250 \r\n", "\n", 250},
	{"599 last\r\n", "last", 599},
	{"354 go on\r\n", "go on", 354},
	/* enhanced codes: RFC 2034 section 4 */
	{"250 2.1.5 fine\r\n", "fine", 250, 2, 1, 5},
	{"250 2.1.5\r\n", "", 250, 2, 1, 5},
	{"550 5.999.999 no\r\n", "no", 550, 5, 999, 999},
	{"550-5.1.1 no\r\n550 5.1.1 such user\r\n", "no\nsuch user", 550, 5, 1, 1},
	{"550-5.1.1 no\r\n550 such user\r\n", "no\nsuch user", 550, 5, 1, 1},
	{"550-no\r\n550 5.1.1 such user\r\n", "no\n5.1.1 such user", 550},
	{"550-5.1.1 a\r\n550 5.1.2 b\r\n", "a\n5.1.2 b", 550, 5, 1, 1},
	{"550 4.1.1 other class\r\n", "4.1.1 other class", 550},
	{"354 3.1.1 no such class\r\n", "3.1.1 no such class", 354},
	{"550 5.1.1x\r\n", "5.1.1x", 550},
	{"550 5.1.1000 x\r\n", "5.1.1000 x", 550},
	{"550 5..1 x\r\n", "5..1 x", 550},
	{"550 5.1\r\n", "5.1", 550},
	/* nothing that a terminal, a log or a record could take for something else */
	{"550 a\rb\x1b[2Jc\x7f\x01\r\n", "a?b?[2Jc??", 550},
	{"550 tab\there\r\n", "tab here", 550},
	{"550 caf\xc3\xa9\r\n", "caf??", 550},
	{"250 ok\r\r\n", "ok?", 250},
	/* not replies */
	{"hello\r\n", NULL},
	{"\r\n", NULL},
	{"25\r\n", NULL},
	{"2500 ok\r\n", NULL},
	{"250ok\r\n", NULL},
	{"250\tok\r\n", NULL},
	{" 250 ok\r\n", NULL},
	{"+50 ok\r\n", NULL},
	{"199 ok\r\n", NULL},
	{"600 ok\r\n", NULL},
	{"000 ok\r\n", NULL},
	{"250-ok\r\n550 no\r\n", NULL},
	{"250-ok\r\n\r\n", NULL},
	{"250-ok\r\nFrom: somebody\r\n250 ok\r\n", NULL},
};

static void
check(size_t i, int r, const struct gp_reply_parser *p, const struct gp_reply *reply)
{
	if (!cases[i].text) {
		assert_int_equal(r, GP_REPLY_BAD);
		assert_non_null(p->why);
		return;
	}
	assert_int_equal(r, GP_REPLY_COMPLETE);
	assert_int_equal(reply->code, cases[i].code);
	assert_int_equal(reply->enhanced_class, cases[i].class);
	assert_int_equal(reply->enhanced_subject, cases[i].subject);
	assert_int_equal(reply->enhanced_detail, cases[i].detail);
	if (!gp_slice_eq(reply->text, gp_slice_str(cases[i].text)))
		fail_msg("case %zu: '%.*s'", i, GP_SLICE_FMT(reply->text));
}

static void
test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_reply_parser p = gp_reply_parser();
		struct gp_slice input = gp_slice_str(cases[i].wire);
		struct gp_reply reply;
		int r = gp_reply_parser_feed(&p, &input, &reply);
		check(i, r, &p, &reply);
		assert_true(!cases[i].text || input.len == 0);
		gp_reply_parser_free(&p);
	}
}

static void
test_octets(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_reply_parser p = gp_reply_parser();
		struct gp_slice wire = gp_slice_str(cases[i].wire);
		struct gp_reply reply;
		int r = GP_REPLY_MORE;
		for (size_t at = 0; at < wire.len && r == GP_REPLY_MORE; at++) {
			struct gp_slice input = gp_slice(wire.ptr + at, 1);
			assert_int_equal(gp_reply_parser_idle(&p), at == 0);
			r = gp_reply_parser_feed(&p, &input, &reply);
		}
		check(i, r, &p, &reply);
		gp_reply_parser_free(&p);
	}
}

static void
test_one_after_the_other(void **state)
{
	(void)state;
	struct gp_reply_parser p = gp_reply_parser();
	struct gp_slice input = GP_SLICE("250-5.1.1 a\r\n250 b\r\n550 5.7.1 c\r\n25");
	struct gp_reply reply;
	assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_COMPLETE);
	assert_true(gp_slice_eq(reply.text, GP_SLICE("5.1.1 a\nb")));
	assert_true(gp_reply_parser_idle(&p));
	assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_COMPLETE);
	assert_int_equal(reply.code, 550);
	assert_true(gp_slice_eq(reply.text, GP_SLICE("c")));
	assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_MORE);
	assert_false(gp_reply_parser_idle(&p));
	gp_reply_parser_free(&p);
}

/* Feeds the piece again and again until the parser says something. */
static int
feed_for_ever(struct gp_reply_parser *p, struct gp_slice piece, size_t *ret_octets)
{
	struct gp_reply reply;
	int r = GP_REPLY_MORE;
	*ret_octets = 0;
	while (r == GP_REPLY_MORE && *ret_octets < 10'000'000) {
		struct gp_slice input = piece;
		r = gp_reply_parser_feed(p, &input, &reply);
		*ret_octets += piece.len;
	}
	return r;
}

static void
test_endless(void **state)
{
	(void)state;
	static const struct {
		const char *piece;
		size_t octets_max;
	} endless[] = {
		{"xxxxxxxxxxxxxxxx", GP_REPLY_SIZE_MAX + 16},   /* one line */
		{"250-\r\n", GP_REPLY_LINES_MAX * 6},           /* many short ones */
		{"250-xxxxxxxxxxx\n", GP_REPLY_LINES_MAX * 16}, /* the same with bare LF */
		{"250-\r\n250-\r\n250-\r\n", GP_REPLY_LINES_MAX * 6 + 18},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(endless); i++) {
		struct gp_reply_parser p = gp_reply_parser();
		size_t octets;
		assert_int_equal(feed_for_ever(&p, gp_slice_str(endless[i].piece), &octets),
				 GP_REPLY_BAD);
		assert_true(octets <= endless[i].octets_max);
		gp_reply_parser_free(&p);
	}
}

static void
test_long_line_is_cut(void **state)
{
	(void)state;
	struct gp_reply_parser p = gp_reply_parser();
	struct gp_buf wire = GP_BUF_INIT(10'000);
	struct gp_reply reply;
	gp_buf_put_str(&wire, "250-");
	for (size_t i = 0; i < 3000; i++)
		gp_buf_put_char(&wire, 'x');
	gp_buf_put_str(&wire, "\r\n250 end\r\n");
	struct gp_slice input = gp_buf_slice(&wire);
	assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_COMPLETE);
	assert_int_equal(reply.text.len, GP_REPLY_LINE_MAX - 4 + 4);
	assert_true(gp_slice_ends_nocase(reply.text, GP_SLICE("x\nend")));
	gp_buf_free(&wire);
	gp_reply_parser_free(&p);
}

static void
test_as_many_lines_as_allowed(void **state)
{
	(void)state;
	struct gp_reply_parser p = gp_reply_parser();
	struct gp_reply reply;
	for (size_t i = 1; i < GP_REPLY_LINES_MAX; i++) {
		struct gp_slice input = GP_SLICE("250-\r\n");
		assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_MORE);
	}
	struct gp_slice input = GP_SLICE("250 \r\n");
	assert_int_equal(gp_reply_parser_feed(&p, &input, &reply), GP_REPLY_COMPLETE);
	gp_reply_parser_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_long_line_is_cut),
		cmocka_unit_test(test_as_many_lines_as_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
