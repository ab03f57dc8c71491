/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/spf/record.h"
#include "core/spf/spf.h"

static void
selection(void **state)
{
	static const struct {
		const char *texts[3];
		size_t found;
		const char *terms;
	} cases[] = {
		{{"v=spf1"}, 1, ""},
		{{"v=spf1 -all"}, 1, " -all"},
		{{"V=SpF1 -all", "other"}, 1, " -all"},
		{{"v=spf1 -all", "v=spf1 -all"}, 2, " -all"},
		{{"v=spf10 -all", " v=spf1 -all", "v=spf1\t-all"}, 0, NULL},
		{{"v=spf1-all", "v=spf", ""}, 0, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_dns_record records[3] = {0};
		struct gp_dns_answer answer = {.type = GP_DNS_TXT, .records = records};
		struct gp_slice terms;
		for (; answer.records_len < 3 && cases[i].texts[answer.records_len];
		     answer.records_len++)
			records[answer.records_len].data =
				gp_slice_str(cases[i].texts[answer.records_len]);
		assert_int_equal(gp_spf_select(&answer, &terms), cases[i].found);
		if (cases[i].terms)
			assert_slice(terms, cases[i].terms);
	}
}

static void
terms_of_all_kinds(void **state)
{
	static const struct {
		const char *text;
		uint8_t kind, qualifier;
		const char *spec; /* or the network */
		uint8_t prefix4, prefix6;
	} cases[] = {
		{"all", GP_SPF_ALL, GP_SPF_PASS, "", 32, 128},
		{"-ALL", GP_SPF_ALL, GP_SPF_FAIL, "", 32, 128},
		{"~all", GP_SPF_ALL, GP_SPF_SOFTFAIL, "", 32, 128},
		{"?all", GP_SPF_ALL, GP_SPF_NEUTRAL, "", 32, 128},
		{"include:a.test", GP_SPF_INCLUDE, GP_SPF_PASS, "a.test", 32, 128},
		{"a", GP_SPF_A, GP_SPF_PASS, "", 32, 128},
		{"a/24", GP_SPF_A, GP_SPF_PASS, "", 24, 128},
		{"a//64", GP_SPF_A, GP_SPF_PASS, "", 32, 64},
		{"a/0//0", GP_SPF_A, GP_SPF_PASS, "", 0, 0},
		{"-a:b.test/24//64", GP_SPF_A, GP_SPF_FAIL, "b.test", 24, 64},
		{"a:%{d}/24", GP_SPF_A, GP_SPF_PASS, "%{d}", 24, 128},
		{"a:foo:bar/baz.test", GP_SPF_A, GP_SPF_PASS, "foo:bar/baz.test", 32, 128},
		{"a:foo/24.test", GP_SPF_A, GP_SPF_PASS, "foo/24.test", 32, 128},
		{"mx", GP_SPF_MX, GP_SPF_PASS, "", 32, 128},
		{"+mx:b.test./30", GP_SPF_MX, GP_SPF_PASS, "b.test.", 30, 128},
		{"ptr", GP_SPF_PTR, GP_SPF_PASS, "", 32, 128},
		{"ptr:b.test", GP_SPF_PTR, GP_SPF_PASS, "b.test", 32, 128},
		{"ip4:192.0.2.1", GP_SPF_IP4, GP_SPF_PASS, "192.0.2.1", 32, 128},
		{"IP4:255.255.255.255/0", GP_SPF_IP4, GP_SPF_PASS, "255.255.255.255", 0, 128},
		{"ip6:2001:db8::/32", GP_SPF_IP6, GP_SPF_PASS, "2001:db8::", 32, 32},
		{"ip6:::192.0.2.1", GP_SPF_IP6, GP_SPF_PASS, "::192.0.2.1", 32, 128},
		{"exists:%{i}.b.test", GP_SPF_EXISTS, GP_SPF_PASS, "%{i}.b.test", 32, 128},
		{"redirect=a.test", GP_SPF_REDIRECT, 0, "a.test", 32, 128},
		{"EXP=%{d}", GP_SPF_EXP, 0, "%{d}", 32, 128},
		{"moo.cow-far_out=man:dog/cat", GP_SPF_OTHER, 0, "", 32, 128},
		{"a=", GP_SPF_OTHER, 0, "", 32, 128},
		{"ip4=%{d}=", GP_SPF_OTHER, 0, "", 32, 128},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest = gp_slice_str(cases[i].text);
		struct gp_spf_term t;
		char network[INET6_ADDRSTRLEN];
		if (gp_spf_next(&rest, &t) != 0)
			fail_msg("'%s' was refused", cases[i].text);
		assert_int_equal(t.kind, cases[i].kind);
		assert_int_equal(t.qualifier, cases[i].qualifier);
		assert_int_equal(t.prefix4, cases[i].prefix4);
		if (t.kind != GP_SPF_IP6)
			assert_int_equal(t.prefix6, cases[i].prefix6);
		if (t.kind == GP_SPF_IP4 || t.kind == GP_SPF_IP6) {
			inet_ntop(t.kind == GP_SPF_IP4 ? AF_INET : AF_INET6, t.address, network,
				  sizeof(network));
			assert_string_equal(network, cases[i].spec);
		} else {
			assert_slice(t.spec, cases[i].spec);
		}
		assert_int_equal(gp_spf_next(&rest, &t), 1);
	}
}

static void
terms_that_are_none(void **state)
{
	static const char *const cases[] = {
		"-",
		"+",
		"moo",
		"all.",
		"all:a.test",
		"all/8",
		"include",
		"include:",
		"include:test",
		"include/24",
		"a:",
		"a/",
		"a/33",
		"a//129",
		"a/024",
		"a//064",
		"a/24/64",
		"a/24//64/",
		"a///64",
		"a//64/24",
		"a:test",
		"a:b.test:8080",
		"a:192.0.2.1",
		"a:b.test/24/24",
		"mx:%{x}.test",
		"ptr/24",
		"ptr:",
		"ip4",
		"ip4:",
		"ip4:1.2.3",
		"ip4:1.2.3.",
		"ip4:1.2.3.4.5",
		"ip4:1.2.3.4.",
		"ip4:1.2.3.256",
		"ip4:1.2.3.04",
		"ip4:1.2.3.4/",
		"ip4:1.2.3.4/33",
		"ip4:1.2.3.4/032",
		"ip4:1.2.3.4//32",
		"ip4:1.2.3.4:8080",
		"ip4/24",
		"ip4:2001:db8::",
		"ip6",
		"ip6:",
		"ip6::CAFE::BABE",
		"ip6:2001:db8::/129",
		"ip6:2001:db8:://32",
		"ip6:2001:db8::%eth0",
		"ip6:192.0.2.1",
		"exists",
		"exists:",
		"redirect:a.test",
		"-redirect=a.test",
		"redirect=",
		"redirect=test",
		"exp=-all",
		"exp=%{c}.test",
		"1up=foo",
		"=all",
		"moo.cow/far=x",
		"foo=%abc",
		"foo=%{t}",
		"a:b.test\x01",
		"\200all",
		"a\tmx",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest = gp_slice_str(cases[i]);
		struct gp_spf_term t;
		if (gp_spf_next(&rest, &t) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
		assert_slice(t.text, cases[i]);
	}
	struct gp_slice nul = gp_slice("ip6:::1\0", 8);
	struct gp_spf_term t;
	assert_int_equal(gp_spf_next(&nul, &t), -EINVAL);
}

/* Only spaces separate terms, one or more, and some may stand at the end. */
static void
terms_one_after_the_other(void **state)
{
	(void)state;
	struct gp_slice rest = GP_SLICE("  a   -mx ");
	struct gp_spf_term t;
	assert_int_equal(gp_spf_next(&rest, &t), 0);
	assert_slice(t.text, "a");
	assert_true(gp_spf_term_asks(&t));
	assert_int_equal(gp_spf_next(&rest, &t), 0);
	assert_slice(t.text, "mx");
	assert_int_equal(gp_spf_next(&rest, &t), 1);
	rest = GP_SLICE("");
	assert_int_equal(gp_spf_next(&rest, &t), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selection),
		cmocka_unit_test(terms_of_all_kinds),
		cmocka_unit_test(terms_that_are_none),
		cmocka_unit_test(terms_one_after_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
