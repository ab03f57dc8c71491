/* SPDX-License-Identifier: Apache-2.0 */
/* Dates: known ones, and libc's opinion on many others. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/message/date.h"

static void
known_dates(void **state)
{
	static const struct {
		uint64_t epoch_s;
		const char *text;
	} cases[] = {
		{0, "Thu, 1 Jan 1970 00:00:00 +0000"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
		{1000000000, "Sun, 9 Sep 2001 01:46:40 +0000"},
		{1709164799, "Wed, 28 Feb 2024 23:59:59 +0000"},
		{1709164800, "Thu, 29 Feb 2024 00:00:00 +0000"},
		{2147483648, "Tue, 19 Jan 2038 03:14:08 +0000"},
		{4107542400, "Mon, 1 Mar 2100 00:00:00 +0000"},
		{253402300799, "Fri, 31 Dec 9999 23:59:59 +0000"},
		{UINT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_string_equal(gp_date_text(cases[i].epoch_s).s, cases[i].text);
}

static void
known_stamps(void **state)
{
	(void)state;
	assert_string_equal(gp_date_stamp(0).s, "1970-01-01T00:00:00Z");
	assert_string_equal(gp_date_stamp(1709164799).s, "2024-02-28T23:59:59Z");
	assert_string_equal(gp_date_stamp(UINT64_MAX).s, "9999-12-31T23:59:59Z");
}

static void
as_libc_has_them(void **state)
{
	(void)state;
	for (uint64_t t = 0; t < 253402300799; t += 86400 * 11 + 4321) {
		struct tm tm;
		char want[64];
		time_t at = (time_t)t;
		assert_non_null(gmtime_r(&at, &tm));
		strftime(want, sizeof(want), "%a, %-d %b %Y %H:%M:%S +0000", &tm);
		assert_string_equal(gp_date_text(t).s, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_dates),
		cmocka_unit_test(known_stamps),
		cmocka_unit_test(as_libc_has_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
