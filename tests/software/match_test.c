/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns against lines, replies, and the order of EHLO's keywords. */
#include "../unit.h"

#include "core/software/match.h"

static void
patterns_match_lines(void **state)
{
	static const struct {
		const char *pattern, *line;
		bool matches;
		const char *version; /* "": none */
	} cases[] = {
		{"250 OK", "250 OK", true, ""},
		{"250 OK", "250 Ok", false, ""},
		{"250 OK", "250 OK ", false, ""},
		{"250 OK", "250 O", false, ""},
		{"*", "", true, ""},
		{"", "", true, ""},
		{"", "x", false, ""},
		{"?", "", false, ""},
		{"2?0 *", "250 ", true, ""},
		{"250?*", "250-SIZE", true, ""},
		{"*a*b", "xaab", true, ""},
		{"*ab", "aab", true, ""},
		{"*a*b", "ba", false, ""},
		{"* Hello * [*]", "250-mx Hello [x] [127.0.0.1]", true, ""},
		{"* Hello * [*]", "250-mx Hello x [127.0.0.1], pleased", false, ""},
		{"220 * Exim <version> *", "220 mx ESMTP Exim 4.96 Mon", true, "4.96"},
		{"220 * Exim <version> *", "220 mx ESMTP Exim four Mon", false, ""},
		{"*<version>/*", "Sendmail 8.17.1.9/8.17/Debian", true, "8.17.1.9"},
		{"*Exim <version> *", "Exim x Exim 4.96-15+deb12u4~1 y", true, "4.96-15+deb12u4~1"},
		{"*<version>-- at", "V 10.43-- at", true, "10.43"},
		{"*<version>; *", "x 1.; y", false, ""},
		{"<version>", "", false, ""},
		{"a<version>", "a1.2_b", true, "1.2_b"},
		{"220 \\*\\**", "220 ***", true, ""},
		{"220 \\*", "220 x", false, ""},
		{"\\<version>", "<version>", true, ""},
		{"a\\", "a", false, ""},
		{"a\\", "a\\", false, ""},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice version = {};
		bool matches = gp_match_line(gp_slice_str(cases[i].pattern),
					     gp_slice_str(cases[i].line), &version);
		if (matches != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].line);
		if (matches)
			assert_slice(version, cases[i].version);
	}
}

static void
a_reply_matches_by_one_line(void **state)
{
	struct gp_slice reply = GP_SLICE("214-one\n214-two 2.0\n214 two 3.0"), line = {},
			version = {};
	(void)state;
	assert_true(gp_match_reply(GP_SLICE("214?two <version>"), reply, &line, &version));
	assert_slice(line, "214-two 2.0");
	assert_slice(version, "2.0");
	assert_false(gp_match_reply(GP_SLICE("214-three"), reply, &line, NULL));
	assert_false(gp_match_reply(GP_SLICE("*"), GP_SLICE(""), &line, NULL));
}

static void
keywords_keep_their_order(void **state)
{
	static const struct {
		const char *pattern, *reply;
		bool matches;
	} cases[] = {
		{"SIZE HELP", "250-mx\n250-SIZE 1000\n250 HELP", true},
		{"SIZE HELP", "250-mx\n250-HELP\n250 SIZE 1000", false},
		{"SIZE DSN? HELP", "250-mx\n250-SIZE\n250 HELP", true},
		{"SIZE DSN? HELP", "250-mx\n250-SIZE\n250-DSN\n250 HELP", true},
		{"SIZE DSN? HELP", "250-mx\n250-SIZE\n250-HELP\n250 DSN", false},
		{"SIZE HELP?", "250-mx\n250 SIZE", true},
		{"SIZE HELP", "250-mx\n250 SIZE", false},
		{"SIZE", "250-mx\n250-SIZE\n250 HELP", false},
		{"AUTH? AUTH? DSN", "250-mx\n250-AUTH LOGIN\n250-AUTH=LOGIN\n250 DSN", true},
		{"AUTH? DSN", "250-mx\n250-AUTH LOGIN\n250-AUTH=LOGIN\n250 DSN", false},
		{"SIZE", "250-mx\n250 size", false},
		{"SIZE?", "250 mx", false},
		{"SIZE", "500-what\n500 SIZE", false},
		{"SIZE", "", false},
		{"SIZE", "250-mx\n\n250 SIZE", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_match_order(gp_slice_str(cases[i].pattern), gp_slice_str(cases[i].reply)) !=
		    cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].reply);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_lines),
		cmocka_unit_test(a_reply_matches_by_one_line),
		cmocka_unit_test(keywords_keep_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
