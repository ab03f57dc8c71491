/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words as people see them, and text in which nothing hides. */
#include "../unit.h"

#include "core/identity/visible.h"
#include "core/identity/words.h"

enum { ARENA_MAX = 1 << 20 };

static void
words_are_decoded(void **state)
{
	static const char *const cases[][2] = {
		/* RFC 2047 section 8 */
		{"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
		{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xC3\xB8rn Simonsen"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"},
		{"(=?ISO-8859-1?Q?a?=)", "(a)"},
		{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
		{"(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)", "(ab)"},
		{"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a =?ISO-8859-2?Q?_b?=)"},
		/* charsets */
		{"=?utf-8?b?w7w=?=", "\xC3\xBC"},
		{"=?UTF-8*de?q?=C3=BC?=", "\xC3\xBC"},
		{"=?windows-1252?q?=80=93?=", "\xE2\x82\xAC\xE2\x80\x9C"},
		{"=?iso-8859-15?q?=A4?=", "\xE2\x82\xAC"},
		{"=?iso-2022-jp?b?GyRC?=", "=?iso-2022-jp?b?GyRC?="},
		/* a character cut in two, padding left out, spaces left in */
		{"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "\xC3\xBC"},
		{"=?utf-8?b?w7w?=", "\xC3\xBC"},
		{"=?utf-8?q?a b?=", "a b"},
		{"\"=?utf-8?q?a?=\" <x@y>", "\"a\" <x@y>"},
		/* none */
		{"", ""},
		{"=?", "=?"},
		{"=?utf-8?q?", "=?utf-8?q?"},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?a=?b", "=?utf-8?q?a=?b"},
		{"=?utf-8?q?=4?=", "=4"},
		{"=?utf-8?q?=ZZ=3?=", "=ZZ=3"},
		{"=?utf-8?q?"
		 "?=",
		 ""},
		{"=?=?=?=?utf-8?q?a?=?=", "=?=?=?a?="},
	};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice got;
		gp_words_decode(gp_slice_str(cases[i][0]), &arena, &got);
		assert_slice(got, cases[i][1]);
	}
	gp_arena_free(&arena);
}

static void
nothing_hides(void **state)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80", "\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80"},
		{"a\tb", "a b"},
		{"\x1B[31mred\x07", "<U+001B>[31mred<U+0007>"},
		{"a\r\nb", "a<U+000D><U+000A>b"},
		{"a\x7F\xC2\x9B", "a<U+007F><U+009B>"},
		{"\xE2\x80\xAEtxt.exe", "<U+202E>txt.exe"},
		{"pay\xE2\x80\x8Bpal", "pay<U+200B>pal"},
		{"soft\xC2\xADhyphen", "soft<U+00AD>hyphen"},
		{"\xEF\xBB\xBF", "<U+FEFF>"},
		{"\xFF\xC3", "<FF><C3>"},
		{"\xED\xA0\x80", "<ED><A0><80>"},
		{"\xF3\xA0\x81\x81", "<U+E0041>"},
	};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_slice(gp_visible(gp_slice_str(cases[i][0]), &arena), cases[i][1]);
	assert_slice(gp_visible(gp_slice("\0", 1), &arena), "<U+0000>");
	assert_true(gp_visible_hides(GP_SLICE("a\xE2\x80\xAE")));
	assert_false(gp_visible_hides(GP_SLICE("a\x1B\xFF\xC3\xBC")));
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(nothing_hides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
