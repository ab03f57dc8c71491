/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

static const struct gp_slice none = {};

static void
compares_octets(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice a, b;
		bool eq, eq_nocase;
		int order;
	} cases[] = {
		{{}, {}, true, true, 0},
		{{}, GP_SLICE(""), true, true, 0},
		{GP_SLICE("a"), {}, false, false, 1},
		{GP_SLICE("a"), GP_SLICE("a"), true, true, 0},
		{GP_SLICE("a"), GP_SLICE("A"), false, true, 1},
		{GP_SLICE("ab"), GP_SLICE("a"), false, false, 1},
		{GP_SLICE("a\0b"), GP_SLICE("a\0c"), false, false, -1},
		{GP_SLICE("a\0B"), GP_SLICE("a\0b"), false, true, -1},
		{GP_SLICE("\xc3\xa4"), GP_SLICE("\xc3\x84"), false, false, 1},
		{GP_SLICE("\x7f"), GP_SLICE("\x80"), false, false, -1},
		{GP_SLICE("["), GP_SLICE("{"), false, false, -1},
		{GP_SLICE("@"), GP_SLICE("`"), false, false, -1},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice a = cases[i].a, b = cases[i].b;
		int order = gp_slice_cmp(a, b), back = gp_slice_cmp(b, a);
		assert_int_equal(gp_slice_eq(a, b), cases[i].eq);
		assert_int_equal(gp_slice_eq(b, a), cases[i].eq);
		assert_int_equal(gp_slice_eq_nocase(a, b), cases[i].eq_nocase);
		assert_int_equal((order > 0) - (order < 0), cases[i].order);
		assert_int_equal((back > 0) - (back < 0), -cases[i].order);
	}
}

static void
tells_prefix_and_suffix(void **state)
{
	(void)state;
	struct gp_slice s = GP_SLICE("Mail.Example");
	assert_true(gp_slice_starts(s, none));
	assert_true(gp_slice_starts(s, GP_SLICE("Mail.")));
	assert_false(gp_slice_starts(s, GP_SLICE("mail.")));
	assert_true(gp_slice_starts_nocase(s, GP_SLICE("mAIL.")));
	assert_false(gp_slice_starts_nocase(s, GP_SLICE("Mail.Example.")));
	assert_true(gp_slice_ends_nocase(s, GP_SLICE(".example")));
	assert_true(gp_slice_ends_nocase(s, none));
	assert_false(gp_slice_ends_nocase(s, GP_SLICE(".exampl")));
	assert_false(gp_slice_ends_nocase(GP_SLICE("a"), GP_SLICE("aa")));
	assert_false(gp_slice_starts(none, GP_SLICE("a")));
}

static void
takes_and_drops_within_bounds(void **state)
{
	(void)state;
	struct gp_slice s = GP_SLICE("abc");
	assert_slice(gp_slice_take(s, 0), "");
	assert_slice(gp_slice_take(s, 2), "ab");
	assert_slice(gp_slice_take(s, 9), "abc");
	assert_slice(gp_slice_drop(s, 0), "abc");
	assert_slice(gp_slice_drop(s, 2), "c");
	assert_slice(gp_slice_drop(s, 3), "");
	assert_slice(gp_slice_drop(s, SIZE_MAX), "");
	assert_slice(gp_slice_drop(none, 1), "");
}

static void
finds_first_and_last(void **state)
{
	(void)state;
	struct gp_slice s = GP_SLICE("a@b\0@");
	assert_int_equal(gp_slice_find(s, '@'), 1);
	assert_int_equal(gp_slice_rfind(s, '@'), 4);
	assert_int_equal(gp_slice_find(s, '\0'), 3);
	assert_int_equal(gp_slice_find(s, 'x'), -1);
	assert_int_equal(gp_slice_rfind(s, 'x'), -1);
	assert_int_equal(gp_slice_find(none, 'x'), -1);
	assert_int_equal(gp_slice_rfind(none, 'x'), -1);
	assert_int_equal(gp_slice_find(gp_slice_take(s, 1), '@'), -1);
}

static void
trims_spaces_and_tabs_only(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""}, {" ", ""}, {" \t a b\t ", "a b"}, {"\r\na ", "\r\na"}, {"\va", "\va"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_slice(gp_slice_trim(gp_slice_str(cases[i].in)), cases[i].out);
}

static void
cuts_into_fields(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		const char *fields[4];
	} cases[] = {
		{"", {""}},
		{"a", {"a"}},
		{"a,b", {"a", "b"}},
		{",", {"", ""}},
		{"a,,b", {"a", "", "b"}},
		{"a,", {"a", ""}},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest = gp_slice_str(cases[i].in);
		size_t n = 0;
		do {
			assert_slice(gp_slice_cut(&rest, ','), cases[i].fields[n]);
			n++;
		} while (rest.ptr);
		assert_true(n == GP_ARRAY_LEN(cases[i].fields) || !cases[i].fields[n]);
	}
}

static void
reads_decimal_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t value;
	} cases[] = {
		{"0", 0, true, 0},
		{"007", 9, true, 7},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"99999999999999999999", UINT64_MAX, false, 0},
		{"10", 9, false, 0},
		{"", 9, false, 0},
		{"-1", 9, false, 0},
		{"+1", 9, false, 0},
		{" 1", 9, false, 0},
		{"1 ", 9, false, 0},
		{"0x1", 9, false, 0},
		{"1.0", 9, false, 0},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint64_t value = 4711;
		assert_int_equal(gp_slice_u64(gp_slice_str(cases[i].text), cases[i].max, &value),
				 cases[i].good);
		assert_true(value == (cases[i].good ? cases[i].value : 4711));
	}
	assert_slice(gp_slice_str(NULL), "");
}

static void
classifies_ascii_only(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z';
		bool digit = i >= '0' && i <= '9';
		assert_int_equal(gp_ascii_is_alpha(c), upper || lower);
		assert_int_equal(gp_ascii_is_digit(c), digit);
		assert_int_equal(gp_ascii_is_alnum(c), upper || lower || digit);
		assert_int_equal(gp_ascii_lower(c), upper ? (char)(i + 32) : c);
		assert_int_equal(gp_ascii_upper(c), lower ? (char)(i - 32) : c);
	}
	for (const char *c = "0123456789"; *c; c++)
		assert_int_equal(gp_ascii_hex(*c), *c - '0');
	assert_int_equal(gp_ascii_hex('a'), 10);
	assert_int_equal(gp_ascii_hex('F'), 15);
	for (const char *c = "gG/:@`"; *c; c++)
		assert_int_equal(gp_ascii_hex(*c), -1);
}

static void
finds_8bit_anywhere(void **state)
{
	char text[40];
	(void)state;
	assert_false(gp_slice_has_8bit(gp_slice(NULL, 0)));
	for (size_t len = 0; len <= sizeof(text); len++) {
		memset(text, 127, sizeof(text));
		assert_false(gp_slice_has_8bit(gp_slice(text, len)));
		for (size_t at = 0; at < sizeof(text); at++) {
			text[at] = (char)128;
			assert_int_equal(gp_slice_has_8bit(gp_slice(text, len)), at < len);
			text[at] = 127;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_octets),
		cmocka_unit_test(tells_prefix_and_suffix),
		cmocka_unit_test(takes_and_drops_within_bounds),
		cmocka_unit_test(finds_first_and_last),
		cmocka_unit_test(finds_8bit_anywhere),
		cmocka_unit_test(trims_spaces_and_tabs_only),
		cmocka_unit_test(cuts_into_fields),
		cmocka_unit_test(reads_decimal_numbers),
		cmocka_unit_test(classifies_ascii_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
