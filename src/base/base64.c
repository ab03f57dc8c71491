/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <errno.h>

enum { BITS = 6, SIXTY_FOUR = 1 << BITS };

static const char alphabet[SIXTY_FOUR + 1] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool
gp_base64_put(struct gp_buf *out, struct gp_slice s)
{
	while (s.len > 0) {
		struct gp_slice group = gp_slice_take(s, 3);
		uint32_t bits = 0;
		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < group.len ? (uint8_t)group.ptr[i] : 0);
		for (size_t i = 0; i < 4; i++, bits <<= BITS)
			gp_buf_put_char(
				out, i > group.len ? '=' : alphabet[bits >> 18 & (SIXTY_FOUR - 1)]);
		s = gp_slice_drop(s, 3);
	}
	return !out->failed;
}

/* By octet: the digit's value and one, 0 when it is none. */
#define LETTERS_AND_DIGITS                                                                      \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, \
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,      \
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,     \
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,     \
	['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,     \
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,     \
	['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,     \
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,     \
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const uint8_t values[][256] = {
	[GP_BASE64] = {LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64},
	[GP_BASE64URL] = {LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64},
};

/* Takes the padding off; false when it is not as the form has it. */
static bool
strip_padding(struct gp_slice *s, enum gp_base64_form form)
{
	size_t whole = s->len;
	if (form == GP_BASE64URL)
		return true;
	while (s->len > 0 && whole - s->len < 2 && s->ptr[s->len - 1] == '=')
		s->len--;
	return whole % 4 == 0;
}

/* Three octets of four digits; false when one is none: that sets all bits over the 24. */
static inline bool
take_four(const uint8_t *table, const char *s, char *to)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < 4; i++)
		bits = bits << BITS | (table[(uint8_t)s[i]] - 1u);
	to[0] = (char)(bits >> 16 & 0xff);
	to[1] = (char)(bits >> 8 & 0xff);
	to[2] = (char)(bits & 0xff);
	return bits >> 24 == 0;
}

int
gp_base64_decode(struct gp_slice s, enum gp_base64_form form, struct gp_arena *arena,
		 struct gp_slice *ret)
{
	if (!strip_padding(&s, form) || s.len % 4 == 1)
		return 1;
	char *to = gp_arena_alloc(arena, s.len);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t len = 0;
	if (!to)
		return -ENOMEM;
	const uint8_t *table = values[form];
	for (; s.len >= 4; s = gp_slice_drop(s, 4), len += 3) {
		if (!take_four(table, s.ptr, to + len))
			return 1;
	}
	for (size_t i = 0; i < s.len; i++) {
		uint32_t value = table[(uint8_t)s.ptr[i]];
		if (value == 0)
			return 1;
		bits = bits << BITS | (value - 1);
		have += BITS;
		if (have >= 8) {
			have -= 8;
			to[len++] = (char)(bits >> have & 0xff);
		}
	}
	if (have > 0 && (bits & ((1u << have) - 1)) != 0)
		return 1;
	*ret = gp_slice(to, len);
	return 0;
}
