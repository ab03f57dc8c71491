/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as they are kept, made what they were on the wire. */
#include "../unit.h"

#include "cli/message_file.h"

static void
forms(void **state)
{
	static const char *const cases[][2] = {
		{"A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n"},
		{"A: b\n\nbody\n", "A: b\r\n\r\nbody\r\n"},
		{"A: b\r\rbody\r", "A: b\r\n\r\nbody\r\n"},
		{"A: b", "A: b"},
		{"A: b\n\nbody", "A: b\r\n\r\nbody"},
		/* a bare LF in a file of CRLF is the message's */
		{"A: b\r\nC: d\ne\r\n", "A: b\r\nC: d\ne\r\n"},
		/* a file of LF with some CRLF is a file of lines */
		{"A: b\nC: d\r\n\n", "A: b\r\nC: d\r\n\r\n"},
		{"From x@y Sun Nov 22\nA: b\n", "A: b\r\n"},
		{"\n\r\n\nA: b\n", "A: b\r\n"},
		{"\xEF\xBB\xBF"
		 "A: b\n",
		 "A: b\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(1000);
		const char *why;
		assert_int_equal(gp_message_canonical(gp_slice_str(cases[i][0]), &out, &why), 0);
		assert_slice(gp_buf_slice(&out), cases[i][1]);
		gp_buf_free(&out);
	}
}

static void
what_is_no_message(void **state)
{
	static const char *const cases[] = {"", "\xD0\xCF\x11\xE0\xA1\xB1", "\xFF\xFE.", "\xFE\xFF",
					    "PK\x03\x04"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(1000);
		const char *why = NULL;
		assert_int_equal(gp_message_canonical(gp_slice_str(cases[i]), &out, &why), 1);
		assert_non_null(why);
		gp_buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(what_is_no_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
