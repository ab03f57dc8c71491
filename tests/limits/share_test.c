/* SPDX-License-Identifier: Apache-2.0 */
/* Who has to let go when many hold too much together. */
#include "../unit.h"

#include "../prng.h"
#include "procs/limits/share.h"

enum { MAX = 100, HOLDERS = 8 };

static void
the_largest_lets_go(void **state)
{
	struct share s;
	struct share_holder small, large, next;
	(void)state;
	share_init(&s, MAX);
	share_join(&s, &small);
	share_join(&s, &large);
	share_join(&s, &next);
	assert_null(share_set(&s, &large, 60));
	assert_null(share_set(&s, &small, 20));
	assert_null(share_set(&s, &next, 20));
	assert_ptr_equal(share_set(&s, &next, 21), &large);
	share_leave(&s, &large);
	assert_int_equal(s.held, 41);
	share_leave(&s, &large);
	assert_int_equal(s.held, 41);
	assert_null(share_set(&s, &next, 80));
	assert_ptr_equal(share_set(&s, &next, 81), &next);
	share_leave(&s, &next);
	assert_null(share_set(&s, &small, 5));
	assert_int_equal(s.held, 5);
}

static void
of_equals_the_oldest_lets_go(void **state)
{
	struct share s;
	struct share_holder a, b, c;
	(void)state;
	share_init(&s, MAX);
	share_join(&s, &a);
	share_join(&s, &b);
	share_join(&s, &c);
	assert_null(share_set(&s, &b, 40));
	assert_null(share_set(&s, &a, 40));
	assert_ptr_equal(share_set(&s, &c, 21), &a);
}

static void
who_is_settled_stays(void **state)
{
	struct share s;
	struct share_holder a, b;
	(void)state;
	share_init(&s, MAX);
	share_join(&s, &a);
	share_join(&s, &b);
	assert_null(share_set(&s, &a, 90));
	a.settled = true;
	assert_null(share_set(&s, &b, 10));
	assert_ptr_equal(share_set(&s, &b, 11), &b);
	share_leave(&s, &b);
	assert_int_equal(s.held, 90);
	share_leave(&s, &a);
	assert_int_equal(s.held, 0);
}

/* Whatever happens, one that leaves is enough, and nobody who holds less than another does. */
static void
one_is_enough(void **state)
{
	struct prng random = {7};
	struct share s;
	struct share_holder all[HOLDERS];
	(void)state;
	share_init(&s, MAX);
	for (size_t i = 0; i < HOLDERS; i++)
		share_join(&s, &all[i]);
	for (size_t n = 0; n < 100 * 1000; n++) {
		struct share_holder *h = &all[prng_below(&random, HOLDERS)];
		struct share_holder *most = share_set(&s, h, prng_below(&random, MAX / 2));
		size_t sum = 0;
		for (size_t i = 0; i < HOLDERS; i++) {
			sum += all[i].held;
			assert_true(!most || all[i].held <= most->held);
		}
		assert_int_equal(sum, s.held);
		assert_int_equal(most != NULL, sum > MAX);
		if (most) {
			share_leave(&s, most);
			assert_true(s.held <= MAX);
			share_join(&s, most);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_lets_go),
		cmocka_unit_test(of_equals_the_oldest_lets_go),
		cmocka_unit_test(who_is_settled_stays),
		cmocka_unit_test(one_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
