/* SPDX-License-Identifier: Apache-2.0 */
/* Domains that look like another, and those that only happen to be near. */
#include "../unit.h"

#include "core/dns/idn.h"
#include "core/identity/lookalike.h"
#include "core/identity/organisation.h"

enum { ARENA_MAX = 1 << 20 };

#define HAN11 "\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00\u4E00"

static void
how_they_look(void **state)
{
	static const struct {
		const char *domain, *own;
		enum gp_lookalike want;
	} cases[] = {
		{"gatepost.test", "gatepost.test", GP_LOOKALIKE_SAME},
		{"mail.gatepost.test", "gatepost.test", GP_LOOKALIKE_SAME},
		{"gatepost.test", "mail.gatepost.test", GP_LOOKALIKE_SAME},
		{"notgatepost.test", "gatepost.test", GP_LOOKALIKE_NOT},
		{"example.net", "gatepost.test", GP_LOOKALIKE_NOT},
		/* letters */
		{"g\xD0\xB0tepost.test", "gatepost.test", GP_LOOKALIKE_GLYPHS},
		{"mail.g\xD0\xB0tepost.test", "gatepost.test", GP_LOOKALIKE_GLYPHS},
		{"gat\xC3\xA9post.test", "gatepost.test", GP_LOOKALIKE_GLYPHS},
		{"gatep0st.test", "gatepost.test", GP_LOOKALIKE_GLYPHS},
		{"rnodern.test", "modern.test", GP_LOOKALIKE_GLYPHS},
		{"vvidget.test", "widget.test", GP_LOOKALIKE_GLYPHS},
		{"\xCE\xBF\xCE\xBF\xD0\xBE.test", "ooo.test", GP_LOOKALIKE_GLYPHS},
		/* typing */
		{"gatpost.test", "gatepost.test", GP_LOOKALIKE_TYPO},
		{"gatepots.test", "gatepost.test", GP_LOOKALIKE_TYPO},
		/* 66 octets of UTF-8, though no label of the DNS has more than 63 */
		{HAN11 HAN11 ".test", "gatepost.test", GP_LOOKALIKE_NOT},
		{"gatteposst.test", "gatepost.test", GP_LOOKALIKE_NOT},
		{"internatoinall.test", "international.test", GP_LOOKALIKE_TYPO},
		{"abd.test", "abc.test", GP_LOOKALIKE_NOT},
		/* tops, and names within names */
		{"gatepost.example", "gatepost.test", GP_LOOKALIKE_TOP},
		{"gatepost.co.uk", "gatepost.test", GP_LOOKALIKE_TOP},
		{"gatepost-login.example", "gatepost.test", GP_LOOKALIKE_INSIDE},
		{"gatepost.test.evil.example", "gatepost.test", GP_LOOKALIKE_INSIDE},
		{"abc.test.evil.example", "abc.test", GP_LOOKALIKE_INSIDE},
		{"abc-x.example", "abc.test", GP_LOOKALIKE_NOT},
		{"", "gatepost.test", GP_LOOKALIKE_NOT},
		{"gatepost.test", "", GP_LOOKALIKE_NOT},
	};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice domain;
		enum gp_lookalike how;
		assert_int_equal(gp_idn_to_ascii(gp_slice_str(cases[i].domain), &arena, &domain),
				 0);
		assert_int_equal(gp_lookalike_of(domain, gp_slice_str(cases[i].own), &arena, &how),
				 0);
		if (how != cases[i].want)
			fail_msg("%s %s %s", cases[i].domain, gp_lookalike_words(how),
				 cases[i].own);
	}
	gp_arena_free(&arena);
}

static void
scripts_that_mix(void **state)
{
	static const struct {
		const char *name;
		bool mixes;
	} cases[] = {
		{"example.test", false},
		{"ex\xD0\xB0mple.test", true},
		{"\xD0\xBF\xD1\x80\xD0\xB8\xD0\xBC\xD0\xB5\xD1\x80.test", false},
		{"\xCE\xB1"
		 "b.test",
		 true},
		{"\xE6\x97\xA5"
		 "abc.test",
		 false},
		{"b\xC3\xBC"
		 "cher-1.test",
		 false},
		{"\xFF\xFE", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_lookalike_mixes(gp_slice_str(cases[i].name)) != cases[i].mixes)
			fail_msg("%s", cases[i].name);
	}
}

static void
whose_names_they_are(void **state)
{
	static const char *const cases[][2] = {
		{"example.org", "example.org"},
		{"a.b.example.org.", "example.org"},
		{"a.example.co.uk", "example.co.uk"},
		{"example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"a.example.com", "example.com"},
		{"localhost", "localhost"},
		{"uk", "uk"},
		{"", ""},
		{".", "."},
		{"..", "."},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_slice(gp_organisation_of(gp_slice_str(cases[i][0])), cases[i][1]);
	assert_true(gp_organisation_same(GP_SLICE("a.Example.org"), GP_SLICE("example.ORG.")));
	assert_false(gp_organisation_same(GP_SLICE("a.co.uk"), GP_SLICE("b.co.uk")));
	assert_false(gp_organisation_same(GP_SLICE(""), GP_SLICE("")));
}

static void
labels_are_shown(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	(void)state;
	assert_slice(gp_lookalike_unicode(GP_SLICE("xn--bcher-kva.test"), &arena), "b\xC3\xBC"
										   "cher.test");
	assert_slice(gp_lookalike_unicode(GP_SLICE("xn--legit-.test"), &arena), "xn--legit-.test");
	assert_slice(gp_lookalike_unicode(GP_SLICE("plain.test"), &arena), "plain.test");
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_they_look),
		cmocka_unit_test(scripts_that_mix),
		cmocka_unit_test(whose_names_they_are),
		cmocka_unit_test(labels_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
