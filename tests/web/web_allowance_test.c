/* SPDX-License-Identifier: Apache-2.0 */
/* How many questions a user may cause. */
#include "../unit.h"

#include "procs/web/allowance.h"

static struct allowance allowance;

static bool
takes(const char *user, unsigned n, uint64_t now_ms)
{
	size_t at;
	bool has = allowance_has(&allowance, gp_slice_str(user), n, now_ms, &at);
	if (has)
		allowance_use(&allowance, at, n);
	return has;
}

static void
a_minute_has_an_end(void **state)
{
	(void)state;
	allowance = (struct allowance){};
	assert_true(takes("a", ALLOWANCE_A_MINUTE - 64, 1000));
	assert_true(takes("a", 64, 30'000));
	assert_false(takes("a", 1, 60'999));
	assert_true(takes("b", 64, 60'999));
	assert_true(takes("a", 64, 61'000));
	assert_false(takes("a", ALLOWANCE_A_MINUTE, 61'001));
}

static void
the_longest_ago_gives_way(void **state)
{
	char name[8];
	(void)state;
	allowance = (struct allowance){};
	for (unsigned i = 0; i < ALLOWANCE_USERS; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		assert_true(takes(name, ALLOWANCE_A_MINUTE, 1 + i));
	}
	assert_false(takes("u0", 1, 100));
	assert_true(takes("new", 1, 101));
	assert_false(takes("u1", 1, 102));
	assert_true(takes("u0", 1, 103)); /* forgotten, and u1 is for it */
	assert_true(takes("u1", 1, 104));
}

static void
names_are_whole(void **state)
{
	char longest[ALLOWANCE_NAME_MAX + 1] = {};
	(void)state;
	allowance = (struct allowance){};
	memset(longest, 'x', ALLOWANCE_NAME_MAX);
	assert_true(takes(longest, ALLOWANCE_A_MINUTE, 1));
	assert_false(takes(longest, 1, 2));
	longest[ALLOWANCE_NAME_MAX - 1] = 'y';
	assert_true(takes(longest, ALLOWANCE_A_MINUTE, 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_has_an_end),
		cmocka_unit_test(the_longest_ago_gives_way),
		cmocka_unit_test(names_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
