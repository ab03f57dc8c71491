/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: every character there is, and every pair of octets that is none. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/utf8.h"

/* RFC 3629 section 3, the other way round. */
static size_t
encode(uint32_t point, char to[4])
{
	size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t heads[] = {0x00, 0xC0, 0xE0, 0xF0};
	for (size_t i = len - 1; i > 0; i--, point >>= 6)
		to[i] = (char)(0x80 | (point & 0x3F));
	to[0] = (char)(heads[len - 1] | point);
	return len;
}

static void
every_character(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x120000; point++) {
		char text[5] = {};
		size_t len = encode(point, text);
		bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
		bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
		struct gp_slice s = gp_slice(text, len);
		assert_int_equal(gp_utf8_len(s), valid ? len : 0);
		assert_int_equal(gp_utf8_len(gp_slice(text, 5)), valid ? len : 0);
		assert_int_equal(gp_utf8_len(gp_slice_take(s, len - 1)), 0);
		assert_int_equal(gp_utf8_printable(s), valid && !control);
		assert_int_equal(gp_utf8_valid(s), valid);
	}
}

/* Whatever four octets begin with, what is taken for a character is the spelling of one. */
static void
only_shortest_forms(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 0x10000; n++) {
		char text[4] = {(char)(n >> 8), (char)n, (char)0x80, (char)0xBF}, again[4];
		size_t len = gp_utf8_len(gp_slice(text, 4));
		uint32_t point = (unsigned char)text[0];
		if (len < 2)
			continue;
		point &= 0x7FU >> len;
		for (size_t i = 1; i < len; i++)
			point = point << 6 | ((unsigned char)text[i] & 0x3F);
		assert_int_equal(encode(point, again), len);
		assert_memory_equal(again, text, len);
	}
}

static void
texts(void **state)
{
	(void)state;
	assert_true(gp_utf8_valid(GP_SLICE("")));
	assert_true(gp_utf8_valid(GP_SLICE("a\0\n\xC2\x85 b")));
	assert_false(gp_utf8_valid(GP_SLICE("a\xC3")));
	assert_false(gp_utf8_valid(GP_SLICE("a\xFC b")));
	assert_true(gp_utf8_printable(GP_SLICE("")));
	assert_true(gp_utf8_printable(GP_SLICE("a b\xC3\xA9\xE2\x82\xAC\xF0\x9F\x93\xA7")));
	assert_false(gp_utf8_printable(GP_SLICE("a\tb")));
	assert_false(gp_utf8_printable(GP_SLICE("a\0")));
	assert_false(gp_utf8_printable(GP_SLICE("a\xC3")));
	assert_false(gp_utf8_printable(GP_SLICE("a\xC2\x85")));
}

static void
characters(void **state)
{
	char text[4];
	(void)state;
	for (uint32_t c = 0; c < GP_UTF8_INVALID; c++) {
		if (c >= 0xD800 && c < 0xE000)
			continue;
		size_t len = gp_utf8_write(c, text);
		struct gp_slice s = gp_slice(text, len);
		assert_int_equal(gp_utf8_take(&s), c);
		assert_int_equal(s.len, 0);
	}
	struct gp_slice bad = GP_SLICE("\xC3(\xED\xA0");
	static const uint32_t want[] = {GP_UTF8_INVALID, '(', GP_UTF8_INVALID, GP_UTF8_INVALID};
	for (size_t i = 0; i < GP_ARRAY_LEN(want); i++)
		assert_int_equal(gp_utf8_take(&bad), want[i]);
	assert_int_equal(bad.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character),
		cmocka_unit_test(only_shortest_forms),
		cmocka_unit_test(texts),
		cmocka_unit_test(characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
