/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "core/config/value.h"
#include "procs/fetch/reach.h"

static void
only_addresses_of_the_internet(void **state)
{
	static const struct {
		const char *address;
		bool global;
	} cases[] = {
		{"0.0.0.0", false},
		{"1.1.1.1", true},
		{"9.255.255.255", true},
		{"10.0.0.0", false},
		{"10.255.255.255", false},
		{"11.0.0.0", true},
		{"100.63.255.255", true},
		{"100.64.0.0", false},
		{"100.127.255.255", false},
		{"100.128.0.0", true},
		{"127.0.0.1", false},
		{"127.255.255.255", false},
		{"169.254.169.254", false},
		{"172.15.255.255", true},
		{"172.16.0.0", false},
		{"172.31.255.255", false},
		{"172.32.0.0", true},
		{"192.0.0.9", false},
		{"192.0.2.1", false},
		{"192.88.99.1", false},
		{"192.168.0.1", false},
		{"198.17.255.255", true},
		{"198.19.255.255", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"223.255.255.255", true},
		{"224.0.0.1", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::8.8.8.8", false},
		{"64:ff9b::8.8.8.8", true},
		{"64:ff9b::127.0.0.1", false},
		{"64:ff9b::10.0.0.1", false},
		{"64:ff9b:1::8.8.8.8", false},
		{"100::1", false},
		{"1fff::1", false},
		{"2001::1", false},
		{"2001:1ff::1", false},
		{"2001:200::1", true},
		{"2001:db7::1", true},
		{"2001:db8::1", false},
		{"2002:7f00:1::1", false},
		{"2a00:1450::1", true},
		{"3fff::1", false},
		{"4000::1", false},
		{"fc00::1", false},
		{"fd00::1", false},
		{"fe80::1", false},
		{"fec0::1", false},
		{"ff02::1", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint8_t octets[16];
		size_t len = gp_ip_parse(gp_slice_str(cases[i].address), octets);
		assert_int_not_equal(len, 0);
		if (reach_is_global(gp_slice((char *)octets, len)) != cases[i].global)
			fail_msg("%s", cases[i].address);
	}
}

/* gp_ip_parse makes IPv4 of it; a record of the DNS comes as it is. */
static void
a_mapped_address_is_not_global(void **state)
{
	static const char mapped[16] = {[10] = '\xff', [11] = '\xff', 8, 8, 8, 8};
	(void)state;
	assert_false(reach_is_global(gp_slice(mapped, sizeof(mapped))));
	assert_true(reach_is_global(gp_slice(mapped + 12, 4)));
}

static void
other_lengths_are_no_address(void **state)
{
	static const char octets[17] = {8, 8, 8, 8};
	(void)state;
	for (size_t len = 0; len <= sizeof(octets); len++) {
		if (len != 4)
			assert_false(reach_is_global(gp_slice(octets, len)));
	}
}

struct text_case {
	const char *text;
	bool valid;
};

static void
check(const struct text_case *cases, size_t len, bool (*valid)(struct gp_slice))
{
	for (size_t i = 0; i < len; i++) {
		if (valid(gp_slice_str(cases[i].text)) != cases[i].valid)
			fail_msg("'%s'", cases[i].text);
	}
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"

static void
hosts(void **state)
{
	static const struct text_case cases[] = {
		{"mta-sts.example.test", true},
		{"MTA-STS.Example.Test", true},
		{"_x.example.test", true},
		{"mta-sts.xn--bcher-kva.example", true},
		{LABEL_63 ".test", true},
		{LABEL_63 "z.test", false},
		{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".test", false},
		{"", false},
		{".", false},
		{"test", false},
		{"example.test.", false},
		{".example.test", false},
		{"example..test", false},
		{"127.0.0.1", false},
		{"127.1", false},
		{"0x7f.1", false},
		{"a.0x7f000001", false},
		{"[::1]", false},
		{"example.test:25", false},
		{"user@example.test", false},
		{"example.test/x", false},
		{"example.test?x", false},
		{"b\xc3\xbc"
		 "cher.test",
		 false},
		{"a b.test", false},
		{"a%2eb.test", false},
	};
	(void)state;
	check(cases, GP_ARRAY_LEN(cases), reach_host_valid);
	assert_false(reach_host_valid(GP_SLICE("a\0b.test")));
}

static void
paths_and_media_types(void **state)
{
	static const struct text_case paths[] = {
		{"/", true},          {"/.well-known/mta-sts.txt", true},
		{"/a/../b", true},    {"/a?b=c&d=%20", true},
		{"", false},          {"a", false},
		{"/a b", false},      {"/a\r\nX: y", false},
		{"/a#b", false},      {"/\x7f", false},
		{"/\xc3\xbc", false},
	};
	static const struct text_case types[] = {
		{"application/tlsrpt+gzip", true},
		{"text/plain; charset=utf-8", true},
		{"", false},
		{"a/b\r\nX: y", false},
		{"a/\t", false},
	};
	(void)state;
	check(paths, GP_ARRAY_LEN(paths), reach_path_valid);
	check(types, GP_ARRAY_LEN(types), reach_media_type_valid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_addresses_of_the_internet),
		cmocka_unit_test(a_mapped_address_is_not_global),
		cmocka_unit_test(other_lengths_are_no_address),
		cmocka_unit_test(hosts),
		cmocka_unit_test(paths_and_media_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
