/* SPDX-License-Identifier: Apache-2.0 */
/* Reporters who flood us, each in his own way. */
#include "../unit.h"

#include <string.h>

#include "procs/limits/reporter.h"

enum { KB = 1000, MB = 1000 * KB, HOUR_MS = RATE_DAY_MS / 24 };

static const struct reporter_limits limits = {.reports = 24, .octets = 10 * MB};

static struct reporter
reporter(const char *domain, uint8_t network, uint8_t host)
{
	return (struct reporter){gp_slice_str(domain), {192, 0, network, host}, 4};
}

/* How many of so many octets are taken at once, from hosts of a network in turn. */
static unsigned
take_all(struct rate *r, const char *domain, uint8_t network, uint64_t octets, uint64_t now_ms)
{
	unsigned taken = 0;
	struct reporter from = reporter(domain, network, 0);
	while (taken < 1000 && reporter_may(r, &from, &limits, octets, now_ms)) {
		from.address[3]++;
		taken++;
	}
	return taken;
}

static int
set_up(void **state)
{
	static const uint64_t seed[2] = {3, 4};
	*state = rate_new(seed);
	return *state ? 0 : -1;
}

static int
tear_down(void **state)
{
	*state = rate_free(*state);
	return 0;
}

static void
a_domain_has_a_day(void **state)
{
	assert_int_equal(take_all(*state, "a.test", 1, KB, 0), 24);
	/* From wherever it comes. */
	assert_int_equal(take_all(*state, "a.test", 2, KB, 0), 0);
	assert_int_equal(take_all(*state, "a.test", 2, KB, HOUR_MS), 1);
	assert_int_equal(take_all(*state, "b.test", 1, KB, 0), 24);
}

static void
and_so_many_octets(void **state)
{
	assert_int_equal(take_all(*state, "a.test", 1, 3 * MB, 0), 3);
	assert_int_equal(take_all(*state, "a.test", 1, MB, 0), 1);
	assert_int_equal(take_all(*state, "a.test", 1, MB, 0), 0);
	assert_int_equal(take_all(*state, "b.test", 1, UINT64_MAX, 0), 0);
}

static void
who_is_nobody_is_his_network(void **state)
{
	assert_int_equal(take_all(*state, "", 1, KB, 0), 24);
	assert_int_equal(take_all(*state, "", 2, KB, 0), 24);
	/* What nobody answers for costs those nothing who somebody does. */
	assert_int_equal(take_all(*state, "a.test", 1, KB, 0), 24);
}

/* Ten domains from one network are four at most. */
static void
many_domains_of_one(void **state)
{
	unsigned taken = 0;
	for (int i = 0; i < 10; i++) {
		char domain[16];
		snprintf(domain, sizeof(domain), "evil%d.test", i);
		taken += take_all(*state, domain, 1, KB, 0);
	}
	assert_int_equal(taken, 4 * 24);
	assert_int_equal(take_all(*state, "honest.test", 2, KB, 0), 24);
}

static void
a_reporter_has_a_name(void **state)
{
	static const struct {
		struct reporter from;
		const char *name;
	} cases[] = {
		{{GP_SLICE("a.test"), {192, 0, 2, 1}, 4}, "a.test"},
		{{GP_SLICE(""), {192, 0, 2, 1}, 4}, "192.0.2.0/24"},
		{{GP_SLICE(""), {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, [15] = 5}, 16},
		 "2001:db8:102::/48"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_string_equal(reporter_name(&cases[i].from).s, cases[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_domain_has_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(and_so_many_octets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_nobody_is_his_network, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_domains_of_one, set_up, tear_down),
		cmocka_unit_test(a_reporter_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
