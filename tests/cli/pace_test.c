/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "cli/pace.h"

/* How many may go at this time. */
static unsigned
take_all(struct gp_pace *p, uint64_t now_ms)
{
	unsigned n = 0;
	while (n < 10'000 && gp_pace_take(p, now_ms))
		n++;
	return n;
}

static void
test_a_burst_and_then_as_many_as_the_rate_allows(void **state)
{
	(void)state;
	struct gp_pace p = gp_pace(1000, 5000);
	assert_int_equal(take_all(&p, 5000), 250);
	assert_int_equal(gp_pace_wait_ms(&p), 2);
	assert_int_equal(take_all(&p, 5010), 10);
	assert_int_equal(take_all(&p, 5010), 0);
	/* Time in which nobody came is kept for one burst alone. */
	assert_int_equal(take_all(&p, 60'000), 250);
}

static void
test_one_in_a_long_time(void **state)
{
	(void)state;
	struct gp_pace p = gp_pace(0.5, 0);
	assert_int_equal(take_all(&p, 0), 1);
	assert_int_equal(take_all(&p, 1999), 0);
	assert_true(gp_pace_wait_ms(&p) <= 2);
	assert_int_equal(take_all(&p, 2001), 1);
}

static void
test_no_limit(void **state)
{
	(void)state;
	struct gp_pace p = gp_pace(0, 0);
	assert_int_equal(take_all(&p, 0), 10'000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_and_then_as_many_as_the_rate_allows),
		cmocka_unit_test(test_one_in_a_long_time),
		cmocka_unit_test(test_no_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
