/* SPDX-License-Identifier: Apache-2.0 */
/* A report's messages over its days: the parts' sum is the whole, and each part is what is due. */
#include "unit.h"

#include "../prng.h"
#include "reportdb/apportion.h"

enum { DAY_S = 86400, HOUR_S = 3600 };
#define TODAY INT64_C(1800057600)

static void
days_of_ranges(void **state)
{
	static const struct {
		int64_t begin, end;
		size_t days; /* 0: none that can be shared out */
		int64_t first_s, last_s;
	} cases[] = {
		{TODAY, TODAY + DAY_S - 1, 1, DAY_S, DAY_S},
		/* The end as the first second of the next day: that day has nothing of it. */
		{TODAY, TODAY + DAY_S, 1, DAY_S, DAY_S},
		{TODAY, TODAY, 1, 1, 1},
		{TODAY + 5, TODAY + 5, 1, 1, 1},
		/* A day of another zone. */
		{TODAY + 7 * HOUR_S, TODAY + 31 * HOUR_S - 1, 2, 17 * HOUR_S, 7 * HOUR_S},
		{TODAY, TODAY + 7 * DAY_S - 1, 7, DAY_S, DAY_S},
		{TODAY + 1, TODAY, 0, 0, 0},
		{TODAY, TODAY + 32 * DAY_S, 32, DAY_S, DAY_S},
		{TODAY + 1, TODAY + 32 * DAY_S + 1, 0, 0, 0},
		{-1, 5, 0, 0, 0},
		{0, INT64_MAX, 0, 0, 0},
		{INT64_MIN, INT64_MAX, 0, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_apportion a;
		bool good = gp_apportion_begin(&a, cases[i].begin, cases[i].end);
		assert_int_equal(good, cases[i].days > 0);
		if (!good)
			continue;
		assert_int_equal(a.days, cases[i].days);
		assert_int_equal(a.seconds[0], cases[i].first_s);
		assert_int_equal(a.seconds[a.days - 1], cases[i].last_s);
		assert_int_equal(a.last_day - a.first_day, (int64_t)a.days - 1);
	}
}

static void
largest_remainders(void **state)
{
	struct gp_apportion a;
	uint64_t parts[GP_REPORTDB_DAYS_MAX];
	(void)state;
	/* 17 hours and 7: of 10 messages 7.08 and 2.92. */
	assert_true(gp_apportion_begin(&a, TODAY + 7 * HOUR_S, TODAY + 31 * HOUR_S - 1));
	gp_apportion_count(&a, 10, parts);
	assert_int_equal(parts[0], 7);
	assert_int_equal(parts[1], 3);
	gp_apportion_count(&a, 0, parts);
	assert_int_equal(parts[0] + parts[1], 0);
	gp_apportion_count(&a, GP_INGEST_COUNT_MAX, parts);
	assert_true(parts[0] + parts[1] == GP_INGEST_COUNT_MAX);
}

/* Whatever the counts: each sum is exact, and no day is ever a message or more away from its due,
   times the days. */
static void
many_counts(void **state)
{
	struct prng random = {7};
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct gp_apportion a;
		uint64_t sums[GP_REPORTDB_DAYS_MAX] = {}, all = 0;
		int64_t begin = TODAY + (int64_t)prng_below(&random, DAY_S);
		int64_t end = begin + (int64_t)prng_below(&random, 10 * DAY_S);
		assert_true(gp_apportion_begin(&a, begin, end));
		for (int i = 0; i < 200; i++) {
			uint64_t parts[GP_REPORTDB_DAYS_MAX], sum = 0;
			uint64_t count = prng_below(&random, 4) ? prng_below(&random, 3)
								: prng_below(&random, 100'000);
			gp_apportion_count(&a, count, parts);
			for (size_t k = 0; k < a.days; k++) {
				assert_true(parts[k] <= count);
				sum += parts[k];
				sums[k] += parts[k];
			}
			assert_int_equal(sum, count);
			all += count;
			for (size_t k = 0; k < a.days; k++) {
				double due = (double)all * (double)a.seconds[k] / (double)a.total;
				double off = (double)sums[k] - due;
				assert_true(off < 1.001 * (double)a.days &&
					    off > -1.001 * (double)a.days);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_of_ranges),
		cmocka_unit_test(largest_remainders),
		cmocka_unit_test(many_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
