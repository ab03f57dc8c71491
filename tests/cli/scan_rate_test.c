/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect when: by the rate of all, by budgets, and after "too much". */
#include "../unit.h"

#include "cli/scan/rate.h"

static const uint64_t seed[2] = {1, 2};

static void
init(struct scan_rate *r, struct scan_waiter *w, const uint8_t (*address)[4], const char *operator)
{
	assert_int_equal(scan_waiter_init(r, w, *address, 4, gp_slice_str(operator), false), 0);
}

static const uint8_t here[4] = {192, 0, 2, 1}, neighbour[4] = {192, 0, 2, 200},
		     there[4] = {198, 51, 100, 1};

static void
end(struct scan_rate *r, struct scan_waiter *w, bool backed_off, uint64_t now)
{
	if (w->counted)
		scan_rate_done(r, w, backed_off, now);
	scan_waiter_end(r, w, now);
}

static void
the_rate_of_all_is_kept(void **state)
{
	(void)state;
	const struct scan_limits limits = {.per_s = 10};
	struct scan_rate *r = scan_rate_new(&limits, seed);
	struct scan_waiter w[30];
	size_t got = 0;
	assert_non_null(r);
	for (size_t i = 0; i < 30; i++) {
		init(r, &w[i], &here, "");
		scan_rate_add(r, &w[i], false);
	}
	for (uint64_t now = 5000; now <= 6000; now += 10) {
		while (scan_rate_next(r, now))
			got++;
		assert_true(scan_rate_due(r) > now);
	}
	assert_in_range(got, 10, 11);
	/* A timer that comes late makes up for 50 ms at most. */
	while (scan_rate_next(r, 7000))
		got++;
	assert_in_range(got, 11, 13);
	for (size_t i = 0; i < 30; i++)
		end(r, &w[i], false, 7000);
	scan_rate_free(r);
}

static void
budgets_are_kept(void **state)
{
	(void)state;
	const struct scan_limits limits = {.per_address = 1, .per_network = 2, .per_operator = 3};
	struct scan_rate *r = scan_rate_new(&limits, seed);
	struct scan_waiter a, again, beside, third, far, fourth;
	static const uint8_t more[4] = {192, 0, 2, 3}, farther[4] = {203, 0, 113, 9};
	assert_non_null(r);
	init(r, &a, &here, "op.example");
	init(r, &again, &here, "op.example");
	init(r, &beside, &neighbour, "op.example");
	init(r, &third, &more, "op.example");
	init(r, &far, &there, "op.example");
	init(r, &fourth, &farther, "op.example");
	struct scan_waiter *all[] = {&a, &again, &beside, &third, &far, &fourth};
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++)
		scan_rate_add(r, all[i], false);
	assert_ptr_equal(scan_rate_next(r, 0), &a);
	assert_ptr_equal(scan_rate_next(r, 0), &beside); /* `again` waits for its address */
	assert_ptr_equal(scan_rate_next(r, 0), &far);    /* `third` for its network */
	assert_null(scan_rate_next(r, 0));               /* `fourth` for its operator */
	assert_true(scan_rate_due(r) == UINT64_MAX);
	scan_rate_done(r, &a, false, 1);
	assert_ptr_equal(scan_rate_next(r, 1), &again); /* it was there first */
	assert_null(scan_rate_next(r, 1));
	scan_rate_done(r, &far, false, 2);
	assert_ptr_equal(scan_rate_next(r, 2), &fourth);
	scan_rate_done(r, &again, false, 3);
	assert_ptr_equal(scan_rate_next(r, 3), &third);
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++)
		end(r, all[i], false, 4);
	scan_rate_free(r);
}

/* Twice as long each time, for all that share a budget, until somebody is welcome again. */
static void
too_much_is_heard(void **state)
{
	(void)state;
	const struct scan_limits limits = {.per_address = 5};
	struct scan_rate *r = scan_rate_new(&limits, seed);
	struct scan_waiter a, beside, far;
	uint64_t now = 1000, waited[10];
	assert_non_null(r);
	init(r, &a, &here, "");
	init(r, &beside, &neighbour, "");
	init(r, &far, &there, "");
	for (size_t i = 0; i < GP_ARRAY_LEN(waited); i++) {
		scan_rate_add(r, &a, false);
		uint64_t asked = now;
		while (!scan_rate_next(r, now)) {
			assert_true(scan_rate_due(r) > now && scan_rate_due(r) < UINT64_MAX);
			now = scan_rate_due(r);
		}
		waited[i] = now - asked;
		scan_rate_done(r, &a, true, now);
	}
	for (size_t i = 1; i < GP_ARRAY_LEN(waited); i++)
		assert_int_equal(waited[i], GP_MIN(1000u << (i - 1), 60'000u));
	scan_rate_add(r, &beside, false); /* the network is asked to wait */
	scan_rate_add(r, &far, false);    /* and nobody else */
	assert_ptr_equal(scan_rate_next(r, now), &far);
	assert_null(scan_rate_next(r, now));
	now = scan_rate_due(r);
	assert_ptr_equal(scan_rate_next(r, now), &beside);
	scan_rate_done(r, &beside, false, now);
	scan_rate_add(r, &beside, false);
	assert_ptr_equal(scan_rate_next(r, now), &beside);
	end(r, &a, false, now);
	end(r, &beside, false, now);
	end(r, &far, false, now);
	scan_rate_free(r);
}

static void
own_networks_have_no_budget(void **state)
{
	(void)state;
	const struct scan_limits limits = {.per_address = 1};
	struct scan_rate *r = scan_rate_new(&limits, seed);
	struct scan_waiter w[5];
	assert_non_null(r);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(scan_waiter_init(r, &w[i], here, 4, gp_slice("", 0), true), 0);
		scan_rate_add(r, &w[i], i == 4);
	}
	assert_ptr_equal(scan_rate_next(r, 0), &w[4]); /* it was urgent */
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(scan_rate_next(r, 0), &w[i]);
	for (size_t i = 0; i < 5; i++)
		end(r, &w[i], false, 0);
	scan_rate_free(r);
}

/* Whoever leaves the line leaves no trace in it. */
static void
who_leaves_is_forgotten(void **state)
{
	(void)state;
	const struct scan_limits limits = {.per_address = 1};
	struct scan_rate *r = scan_rate_new(&limits, seed);
	struct scan_waiter a, b, c;
	assert_non_null(r);
	init(r, &a, &here, "x.example");
	init(r, &b, &here, "x.example");
	init(r, &c, &here, "x.example");
	scan_rate_add(r, &a, false);
	scan_rate_add(r, &b, false);
	scan_rate_add(r, &c, false);
	assert_ptr_equal(scan_rate_next(r, 0), &a);
	assert_null(scan_rate_next(r, 0));
	end(r, &b, false, 0);
	scan_rate_done(r, &a, true, 0);
	scan_waiter_end(r, &a, 0);
	assert_null(scan_rate_next(r, 0)); /* what was asked for is not forgotten with it */
	assert_ptr_equal(scan_rate_next(r, 2000), &c);
	end(r, &c, false, 2000);
	scan_rate_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_of_all_is_kept),
		cmocka_unit_test(budgets_are_kept),
		cmocka_unit_test(too_much_is_heard),
		cmocka_unit_test(own_networks_have_no_budget),
		cmocka_unit_test(who_leaves_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
