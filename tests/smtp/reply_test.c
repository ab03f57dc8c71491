/* SPDX-License-Identifier: Apache-2.0 */
/* Replies in wire form (RFC 5321 section 4.2, RFC 2034). */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/smtp/reply.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X450 X50 X50 X50 X50 X50 X50 X50 X50 X50

static void
wire_form(void **state)
{
	static const struct {
		struct gp_reply reply;
		const char *wire;
	} cases[] = {
		{{250, 2, 1, 0, GP_SLICE("Ok")}, "250 2.1.0 Ok\r\n"},
		{{220, 0, 0, 0, GP_SLICE("mx ESMTP")}, "220 mx ESMTP\r\n"},
		{{550, 5, 7, 1, GP_SLICE("")}, "550 5.7.1 \r\n"},
		{{354, 0, 0, 0, {NULL, 0}}, "354 \r\n"},
		{{599, 5, 999, 999, GP_SLICE("x")}, "599 5.999.999 x\r\n"},
		{{550, 5, 1, 1, GP_SLICE("one\ntwo\nthree")},
		 "550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n"},
		{{550, 0, 0, 0, GP_SLICE("one\n")}, "550 one\r\n"},
		{{550, 0, 0, 0, GP_SLICE("\n\n")}, "550-\r\n550 \r\n"},
		/* No text can break a line, or forge the next. */
		{{550, 5, 0, 0, GP_SLICE("a\r250 b\0c\x7F\x1B[2J\t")},
		 "550 5.0.0 a?250 b?c??[2J?\r\n"},
		{{550, 5, 0, 0, GP_SLICE("a\r\n250 b")}, "550-5.0.0 a?\r\n550 5.0.0 250 b\r\n"},
		{{550, 0, 0, 0, GP_SLICE("caf\xC3\xA9")}, "550 caf\xC3\xA9\r\n"},
		/* Long texts go on in the next line, from a space where there is one. */
		{{550, 0, 0, 0, GP_SLICE(X450 " " X50 " end")},
		 "550-" X450 "\r\n550 " X50 " end\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(4096);
		gp_reply_write(&out, &cases[i].reply);
		if (!gp_slice_eq(gp_buf_slice(&out), gp_slice_str(cases[i].wire)))
			fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(gp_buf_slice(&out)));
		gp_buf_free(&out);
	}
}

/* RFC 5321 section 4.5.3.1.5, at every length around the limit. */
static void
no_line_over_512_octets(void **state)
{
	static char text[2000];
	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t len = 480; len < sizeof(text); len++) {
		struct gp_buf out = GP_BUF_INIT(8192);
		struct gp_reply r = {550, 5, 999, 999, gp_slice(text, len)};
		gp_reply_write(&out, &r);
		struct gp_slice rest = gp_buf_slice(&out);
		size_t seen = 0;
		while (rest.len > 0) {
			size_t line = gp_slice_cut(&rest, '\n').len + 1;
			assert_true(line <= 512);
			seen += line - strlen("550 5.999.999 \r\n");
		}
		assert_int_equal(seen, len);
		gp_buf_free(&out);
	}
}

static void
kinds(void **state)
{
	(void)state;
	assert_true(gp_reply_positive(&GP_REPLY(354, 0, 0, 0, "")));
	assert_false(gp_reply_positive(&GP_REPLY(421, 0, 0, 0, "")));
	assert_true(gp_reply_transient(&GP_REPLY(451, 0, 0, 0, "")));
	assert_false(gp_reply_transient(&GP_REPLY(550, 0, 0, 0, "")));
	assert_true(gp_reply_permanent(&GP_REPLY(554, 0, 0, 0, "")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_form),
		cmocka_unit_test(no_line_over_512_octets),
		cmocka_unit_test(kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
