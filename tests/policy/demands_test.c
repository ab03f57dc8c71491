/* SPDX-License-Identifier: Apache-2.0 */
/* What is demanded of TLS on the way to a next hop. */
#include "../config/config_test.h"

#include "core/policy/demands.h"

#define PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
hops_are_found_by_name_and_by_what_is_above(void **state)
{
	static const uint64_t seed[2] = {3, 4};
	static const struct {
		const char *name;
		uint8_t tls;
		size_t pins;
	} cases[] = {
		{"example.net", GP_DEMAND_ENCRYPT, 0},
		{"a.example.net", GP_DEMAND_VERIFY, 0},
		{"b.a.example.net", GP_DEMAND_VERIFY, 0},
		{"none.example.net", GP_DEMAND_NONE, 0},
		{"x.none.example.net", GP_DEMAND_VERIFY, 0},
		{"myexample.net", GP_DEMAND_MAY, 0},
		{"net", GP_DEMAND_MAY, 0},
		{"", GP_DEMAND_MAY, 0},
		{"bank.example", GP_DEMAND_MAY, 1},
		{"x.bank.example", GP_DEMAND_MAY, 0},
		{"192.0.2.7", GP_DEMAND_DANE_ONLY, 0},
		{"2001:db8::7", GP_DEMAND_ENCRYPT, 0},
	};
	struct parsed p;
	(void)state;
	parse_good(&p,
		   BASE "destinations: {example.net: {tls: encrypt}, .example.net: {tls: verify},\n"
			"  none.example.net: {tls: none}, bank.example: {fingerprints: [" PIN
			"]},\n"
			"  192.0.2.7: {tls: dane-only}, \"2001:db8:0::7\": {tls: encrypt}}\n",
		   NULL);
	struct gp_demands *d = gp_demands_new(&p.cfg, seed);
	assert_non_null(d);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_demand demand = gp_demands_of_hop(d, gp_slice_str(cases[i].name));
		if (demand.tls != cases[i].tls || demand.fingerprints_len != cases[i].pins ||
		    demand.implicit)
			fail_msg("%s: %u", cases[i].name, demand.tls);
	}
	gp_demands_free(d);
	parsed_free(&p);
}

static void
the_smarthost_is_proven_before_it_is_told_a_secret(void **state)
{
	static const struct test_file files[] = {{"/etc/g/secret", "x"}, {}};
	static const struct {
		const char *smarthost;
		uint8_t tls;
		bool implicit;
	} cases[] = {
		{"address: h.test", GP_DEMAND_MAY, false},
		{"address: \"h.test:587\"", GP_DEMAND_MAY, false},
		{"address: \"h.test:465\"", GP_DEMAND_VERIFY, true},
		{"address: \"h.test:465\", tls: verify", GP_DEMAND_VERIFY, false},
		{"address: \"h.test:4650\"", GP_DEMAND_MAY, false},
		{"address: h.test, tls: implicit", GP_DEMAND_VERIFY, true},
		{"address: h.test, tls: none", GP_DEMAND_NONE, false},
		{"address: h.test, tls: dane-only", GP_DEMAND_DANE_ONLY, false},
		{"address: h.test, user: u, password_file: secret", GP_DEMAND_VERIFY, false},
		{"address: \"h.test:465\", user: u, token_file: secret", GP_DEMAND_VERIFY, true},
		{"address: h.test, user: u, password_file: secret, tls: encrypt", GP_DEMAND_ENCRYPT,
		 false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct parsed p;
		struct gp_buf yaml = GP_BUF_INIT(4096);
		gp_buf_printf(&yaml, BASE "smarthost: {%s}\n", cases[i].smarthost);
		parse_slice(&p, gp_buf_slice(&yaml), files);
		assert_int_equal(p.rc, 0);
		struct gp_demand demand = gp_demand_of_smarthost(&p.cfg);
		if (demand.tls != cases[i].tls || demand.implicit != cases[i].implicit)
			fail_msg("%s: %u", cases[i].smarthost, demand.tls);
		gp_buf_free(&yaml);
		parsed_free(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hops_are_found_by_name_and_by_what_is_above),
		cmocka_unit_test(the_smarthost_is_proven_before_it_is_told_a_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
