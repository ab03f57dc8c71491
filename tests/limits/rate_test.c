/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that come often, and many of them. */
#include "../unit.h"

#include "procs/limits/rate.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static const uint64_t seed[2] = {1, 2};

static struct rate_ask
ask(const uint32_t *source, uint32_t a_minute)
{
	return (struct rate_ask){gp_slice((const char *)source, sizeof(*source)), a_minute, MINUTE,
				 1};
}

static bool
take(struct rate *r, uint32_t source, uint32_t a_minute, uint64_t now_ms)
{
	struct rate_ask one = ask(&source, a_minute);
	return rate_take(r, &one, 1, now_ms) < 0;
}

static uint32_t
take_all(struct rate *r, uint32_t source, uint32_t a_minute, uint64_t now_ms)
{
	uint32_t taken = 0;
	while (take(r, source, a_minute, now_ms))
		taken++;
	return taken;
}

static void
as_many_at_once_as_in_a_minute(void **state)
{
	static const uint32_t limits[] = {1, 2, 7, 60, 600, 1000000};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(limits); i++) {
		struct rate *r = rate_new(seed);
		/* The clock may begin anywhere. */
		uint64_t now = i % 2 ? 0 : 12345678;
		assert_int_equal(take_all(r, 1, limits[i], now), limits[i]);
		assert_int_equal(take_all(r, 2, limits[i], now), limits[i]);
		assert_int_equal(take_all(r, 1, limits[i], now + MINUTE), limits[i]);
		rate_free(r);
	}
}

static void
then_as_they_come_to(void **state)
{
	struct rate *r = rate_new(seed);
	(void)state;
	assert_int_equal(take_all(r, 1, 30, 0), 30);
	assert_false(take(r, 1, 30, 2 * SECOND - 1));
	assert_true(take(r, 1, 30, 2 * SECOND));
	assert_false(take(r, 1, 30, 2 * SECOND));
	assert_int_equal(take_all(r, 1, 30, 22 * SECOND), 10);
	/* What is saved up has an end. */
	assert_int_equal(take_all(r, 1, 30, 1000 * MINUTE), 30);
	rate_free(r);
}

/* A source that hammers on gets as much as one that waits. */
static void
refusals_do_not_count(void **state)
{
	struct rate *r = rate_new(seed);
	uint32_t taken = 0;
	(void)state;
	for (uint64_t now = 0; now < 10 * MINUTE; now += 10)
		taken += take(r, 1, 60, now);
	assert_in_range(taken, 60 * 11 - 1, 60 * 11);
	rate_free(r);
}

/* All or none of them. */
static void
several_counts(void **state)
{
	static const uint32_t network = 100, one = 1, other = 2, third = 3;
	const struct rate_ask first[] = {ask(&one, 4), ask(&network, 6)};
	const struct rate_ask second[] = {ask(&other, 4), ask(&network, 6)};
	const struct rate_ask narrow[] = {ask(&third, 1), ask(&network, 6)};
	struct rate *r = rate_new(seed);
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(rate_take(r, first, 2, 0), -1);
	assert_int_equal(rate_take(r, first, 2, 0), 0);
	assert_int_equal(rate_take(r, second, 2, 0), -1);
	assert_int_equal(rate_take(r, narrow, 2, 0), -1);
	assert_int_equal(rate_take(r, narrow, 2, 0), 0);
	assert_int_equal(rate_take(r, second, 2, 0), 1);
	/* What the network refused was not counted for the source. */
	assert_int_equal(take_all(r, other, 4, 0), 3);
	rate_free(r);
}

/* More sources than there are places for, each once: one that was refused stays refused, and those
   who come are taken. */
static void
a_flood_of_sources(void **state)
{
	struct rate *r = rate_new(seed);
	(void)state;
	for (uint32_t source = 0; source < 100; source++)
		assert_int_equal(take_all(r, source, 20, 0), 20);
	for (uint32_t source = 1000; source < 1000 + 3 * RATE_SOURCES; source++)
		assert_true(take(r, source, 20, 0));
	for (uint32_t source = 0; source < 100; source++)
		assert_false(take(r, source, 20, 0));
	rate_free(r);
}

/* Octets of a day: as many at once, then as time goes by; and what is too much is nothing. */
static void
amounts_of_a_day(void **state)
{
	enum { MEGA = 1'000'000, HOUR = 60 * MINUTE };
	struct rate_ask much = {GP_SLICE("a"), 240ull * MEGA, RATE_DAY_MS, 100 * MEGA};
	struct rate_ask little = {GP_SLICE("a"), 240ull * MEGA, RATE_DAY_MS, 40 * MEGA};
	struct rate *r = rate_new(seed);
	(void)state;
	assert_int_equal(rate_take(r, &much, 1, 0), -1);
	assert_int_equal(rate_take(r, &much, 1, 0), -1);
	assert_int_equal(rate_take(r, &much, 1, 0), 0);
	assert_int_equal(rate_take(r, &little, 1, 0), -1);
	/* Ten million octets are an hour. */
	assert_int_equal(rate_take(r, &little, 1, 4 * HOUR - 1), 0);
	assert_int_equal(rate_take(r, &little, 1, 4 * HOUR), -1);
	rate_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_at_once_as_in_a_minute),
		cmocka_unit_test(then_as_they_come_to),
		cmocka_unit_test(refusals_do_not_count),
		cmocka_unit_test(several_counts),
		cmocka_unit_test(a_flood_of_sources),
		cmocka_unit_test(amounts_of_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
