/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/traffic/histogram.h"

static struct gp_histogram h;

static int
empty(void **state)
{
	(void)state;
	h = (struct gp_histogram){};
	return 0;
}

static void
nothing_counted_is_zero(void **state)
{
	(void)state;
	assert_int_equal(gp_histogram_quantile(&h, 0), 0);
	assert_int_equal(gp_histogram_quantile(&h, 1), 0);
}

static void
small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= 100; v++)
		gp_histogram_add(&h, v);
	assert_int_equal(gp_histogram_quantile(&h, 0), 1);
	assert_int_equal(gp_histogram_quantile(&h, 0.5), 50);
	assert_int_equal(gp_histogram_quantile(&h, 0.99), 99);
	assert_int_equal(gp_histogram_quantile(&h, 1), 100);
}

/* Each value is found again, never too low, at most a 64th too high. */
static void
every_size_keeps_its_precision(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t around = UINT64_C(1) << bit;
		uint64_t values[] = {around - 1, around, around + 1, around + around / 3};
		for (size_t i = 0; i < GP_ARRAY_LEN(values); i++) {
			h = (struct gp_histogram){};
			gp_histogram_add(&h, values[i]);
			gp_histogram_add(&h, UINT64_MAX);
			uint64_t got = gp_histogram_quantile(&h, 0.5);
			assert_true(got >= values[i]);
			assert_true(got - values[i] <= values[i] / 64);
		}
	}
}

static void
the_greatest_value_is_exact(void **state)
{
	(void)state;
	gp_histogram_add(&h, 1'000'001);
	gp_histogram_add(&h, 3'000'007);
	assert_int_equal(gp_histogram_quantile(&h, 1), 3'000'007);
	assert_int_equal(h.min, 1'000'001);
	assert_int_equal(h.max, 3'000'007);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_counted_is_zero, empty),
		cmocka_unit_test_setup(small_values_are_exact, empty),
		cmocka_unit_test_setup(every_size_keeps_its_precision, empty),
		cmocka_unit_test_setup(the_greatest_value_is_exact, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
