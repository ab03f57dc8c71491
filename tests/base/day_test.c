/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/day.h"

static const struct {
	const char *text;
	int64_t day;
} cases[] = {
	{"1970-01-01", 0},          {"1970-03-01", 59},    {"2000-02-29", 11016},
	{"2026-11-30", 20787},      {"2100-02-28", 47540}, {"2100-03-01", 47541},
	{"9999-12-31", GP_DAY_MAX},
};

static const char *const bad[] = {
	"",           "1969-12-31", "2026-11-31", "2026-02-29",  "2100-02-29",
	"2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01",   "2026-01-011",
	"2026/01/01", "-026-01-01", "2026-01-+1", "10000-01-01",
};

static void
days_are_read_and_written(void **state)
{
	int64_t day;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		assert_true(gp_day_parse(gp_slice_str(cases[i].text), &day));
		if (day != cases[i].day)
			fail_msg("%s: %lld", cases[i].text, (long long)day);
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		if (gp_day_parse(gp_slice_str(bad[i]), &day))
			fail_msg("%s", bad[i]);
	}
}

static void
every_day_comes_back(void **state)
{
	(void)state;
	for (int64_t day = 0; day <= GP_DAY_MAX; day += day < 60000 ? 1 : 97) {
		struct gp_buf out = GP_BUF_INIT(32);
		int64_t back;
		gp_day_write(&out, day);
		assert_true(gp_day_parse(gp_buf_slice(&out), &back));
		assert_int_equal(back, day);
		gp_buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_read_and_written),
		cmocka_unit_test(every_day_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
