/* SPDX-License-Identifier: Apache-2.0 */
/* Who asked to be left out is, however the request was written. */
#include "../unit.h"

#include "core/config/value.h"
#include "core/targets/optout.h"

static const uint64_t seed[2] = {1, 2};

static const char *const lines[] = {
	"# who asked",
	"192.0.2.7",
	"198.51.100.0/24, 198.51.100.128/25 198.51.100.0/30",
	"10.0.0.0/8 # inside",
	"10.255.255.0/24",
	"2001:db8:1::/48",
	"2001:db8::/32",
	"Example.ORG.",
	"b\u00fccher.example mx.example.net",
	"",
};

static void
requests_are_kept(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool out;
	} addresses[] = {
		{"192.0.2.7", true},          {"192.0.2.6", false},
		{"192.0.2.8", false},         {"198.51.100.0", true},
		{"198.51.100.200", true},     {"198.51.101.0", false},
		{"198.51.99.255", false},     {"9.255.255.255", false},
		{"10.0.0.0", true},           {"10.255.255.255", true},
		{"11.0.0.0", false},          {"0.0.0.0", false},
		{"255.255.255.255", false},   {"2001:db8:ffff::1", true},
		{"2001:db9::", false},        {"::", false},
		{"::ffff:10.1.1.1", true},    {"64:ff9b::10.1.1.1", true},
		{"64:ff9b::11.1.1.1", false},
	};
	static const struct {
		const char *name;
		bool out;
	} names[] = {
		{"example.org", true},
		{"MX.example.org.", true},
		{"a.b.example.org", true},
		{"badexample.org", false},
		{"org", false},
		{"xn--bcher-kva.example", true},
		{"mx.example.net", true},
		{"example.net", false},
		{"mx2.example.net", false},
		{"", false},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_optout o;
	struct gp_targets_line wrong;
	gp_optout_init(&o, &arena, seed);
	for (size_t i = 0; i < GP_ARRAY_LEN(lines); i++)
		assert_int_equal(gp_optout_add_line(&o, gp_slice_str(lines[i]), &wrong), 0);
	gp_optout_sort(&o);
	for (size_t i = 0; i < GP_ARRAY_LEN(addresses); i++) {
		uint8_t octets[16];
		size_t len = gp_ip_parse(gp_slice_str(addresses[i].address), octets);
		if (gp_optout_has_address(&o, octets, len) != addresses[i].out)
			fail_msg("%s", addresses[i].address);
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (gp_optout_has_name(&o, gp_slice_str(names[i].name)) != names[i].out)
			fail_msg("%s", names[i].name);
	}
	gp_optout_free(&o);
	gp_arena_free(&arena);
}

/* As a search of all of them would have it. */
static void
a_search_misses_nothing(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_optout o;
	struct gp_targets_line wrong;
	gp_optout_init(&o, &arena, seed);
	for (unsigned i = 0; i < 256; i += 3) {
		struct gp_slice line = gp_arena_printf(&arena, "10.%u.0.0/16", (i * 37) % 256);
		assert_int_equal(gp_optout_add_line(&o, line, &wrong), 0);
	}
	gp_optout_sort(&o);
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t address[4] = {10, (uint8_t)((i * 37) % 256), 1, 1};
		assert_int_equal(gp_optout_has_address(&o, address, 4), i % 3 == 0);
	}
	gp_optout_free(&o);
	gp_arena_free(&arena);
}

static void
an_empty_list_has_nobody(void **state)
{
	(void)state;
	static const uint8_t address[4] = {127, 0, 0, 1};
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_optout o;
	struct gp_targets_line wrong;
	gp_optout_init(&o, &arena, seed);
	assert_int_equal(gp_optout_add_line(&o, GP_SLICE("192.0.2.1/24"), &wrong), 1);
	gp_optout_sort(&o);
	assert_false(gp_optout_has_address(&o, address, 4));
	assert_false(gp_optout_has_name(&o, GP_SLICE("example.org")));
	gp_optout_free(&o);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_kept),
		cmocka_unit_test(a_search_misses_nothing),
		cmocka_unit_test(an_empty_list_has_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
