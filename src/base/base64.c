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

/* The value of a digit, or -1. */
static int
digit(char c, enum gp_base64_form form)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (gp_ascii_is_digit(c))
		return c - '0' + 52;
	if (c == (form == GP_BASE64 ? '+' : '-'))
		return 62;
	return c == (form == GP_BASE64 ? '/' : '_') ? 63 : -1;
}

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
	for (size_t i = 0; i < s.len; i++) {
		int value = digit(s.ptr[i], form);
		if (value < 0)
			return 1;
		bits = bits << BITS | (uint32_t)value;
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
