/* SPDX-License-Identifier: Apache-2.0 */
/* What a user may still send, as the hours go by. */
#include "../unit.h"

#include "procs/auth/quota.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

static const uint64_t seed[2] = {1, 2};
static const struct quota_limits limits = {.hourly = 10, .daily = 25};

static enum quota_answer
take(struct quota *q, const char *user, uint32_t n, uint64_t now_ms)
{
	return quota_take(q, gp_slice_str(user), &limits, n, now_ms);
}

static void
an_hour_has_its_limit(void **state)
{
	struct quota *q = quota_new(seed);
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(take(q, "alice", 1, 7 * HOUR), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 1, 7 * HOUR), QUOTA_HOURLY);
	assert_int_equal(take(q, "alice", 1, 8 * HOUR), QUOTA_HOURLY);
	assert_int_equal(take(q, "bob", 10, 7 * HOUR), QUOTA_TAKEN);
	/* What was refused does not count. */
	assert_int_equal(take(q, "alice", 10, 8 * HOUR + 5 * MINUTE), QUOTA_TAKEN);
	quota_free(q);
}

static void
all_or_none(void **state)
{
	struct quota *q = quota_new(seed);
	(void)state;
	assert_int_equal(take(q, "alice", 6, 0), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 5, 0), QUOTA_HOURLY);
	assert_int_equal(take(q, "alice", 4, 0), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", UINT32_MAX, 3 * HOUR), QUOTA_HOURLY);
	quota_free(q);
}

static void
it_comes_back_piece_by_piece(void **state)
{
	struct quota *q = quota_new(seed);
	(void)state;
	assert_int_equal(take(q, "alice", 5, 0), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 5, 30 * MINUTE), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 5, HOUR + 5 * MINUTE), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 1, HOUR + 30 * MINUTE), QUOTA_HOURLY);
	assert_int_equal(take(q, "alice", 5, HOUR + 35 * MINUTE), QUOTA_TAKEN);
	quota_free(q);
}

static void
a_day_has_its_limit(void **state)
{
	struct quota *q = quota_new(seed);
	(void)state;
	assert_int_equal(take(q, "alice", 10, 0), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 10, 3 * HOUR), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 6, 6 * HOUR), QUOTA_DAILY);
	assert_int_equal(take(q, "alice", 5, 6 * HOUR), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 1, 24 * HOUR), QUOTA_DAILY);
	assert_int_equal(take(q, "alice", 10, 26 * HOUR), QUOTA_TAKEN);
	assert_int_equal(take(q, "alice", 1, 27 * HOUR + 30 * MINUTE), QUOTA_DAILY);
	quota_free(q);
}

/* However it is asked, no hour and no day has more than its limit. */
static void
never_more_than_the_limit(void **state)
{
	enum { STEP = 7 * MINUTE, STEPS = 2000 };
	static uint32_t taken[STEPS];
	struct quota *q = quota_new(seed);
	(void)state;
	for (size_t i = 0; i < STEPS; i++) {
		uint32_t n = 1 + (uint32_t)(i * 2654435761u >> 7) % 5;
		taken[i] = take(q, "alice", n, i * STEP) == QUOTA_TAKEN ? n : 0;
		uint32_t hour = 0, day = 0;
		for (size_t back = 0; back <= i && back * STEP < 24 * HOUR; back++) {
			hour += back * STEP < HOUR ? taken[i - back] : 0;
			day += taken[i - back];
		}
		assert_in_range(hour, 0, limits.hourly);
		assert_in_range(day, 0, limits.daily);
	}
	quota_free(q);
}

static void
without_limits_nothing_counts(void **state)
{
	static const struct quota_limits none = {}, daily = {.daily = 5};
	struct quota *q = quota_new(seed);
	(void)state;
	assert_int_equal(quota_take(q, GP_SLICE("a"), &none, UINT32_MAX, 0), QUOTA_TAKEN);
	assert_int_equal(quota_take(q, GP_SLICE("a"), &daily, 5, 0), QUOTA_TAKEN);
	assert_int_equal(quota_take(q, GP_SLICE("a"), &daily, 1, 2 * HOUR), QUOTA_DAILY);
	quota_free(q);
}

static void
the_table_has_an_end(void **state)
{
	struct quota *q = quota_new(seed);
	(void)state;
	for (uint32_t i = 0; i < QUOTA_ENTRIES + 1; i++) {
		char name[32];
		snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(take(q, name, 10, 0), QUOTA_TAKEN);
	}
	/* The first was forgotten, the last was not. */
	assert_int_equal(take(q, "user65536", 1, 0), QUOTA_HOURLY);
	assert_int_equal(take(q, "user0", 10, 0), QUOTA_TAKEN);
	quota_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_has_its_limit),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(it_comes_back_piece_by_piece),
		cmocka_unit_test(a_day_has_its_limit),
		cmocka_unit_test(never_more_than_the_limit),
		cmocka_unit_test(without_limits_nothing_counts),
		cmocka_unit_test(the_table_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
