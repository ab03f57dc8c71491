/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/xtext.h"

static int
hex_upper(char c)
{
	return c >= 'a' && c <= 'f' ? -1 : gp_ascii_hex(c);
}

/* One character of xtext off the front of *s: the octet that it stands for, or -1. */
static int
xtext_char(struct gp_slice *s)
{
	unsigned char c = (unsigned char)s->ptr[0];
	if (c == '+') {
		if (s->len < 3 || hex_upper(s->ptr[1]) < 0 || hex_upper(s->ptr[2]) < 0)
			return -1;
		int octet = hex_upper(s->ptr[1]) * 16 + hex_upper(s->ptr[2]);
		*s = gp_slice_drop(*s, 3);
		return octet;
	}
	if (c < '!' || c > '~' || c == '=')
		return -1;
	*s = gp_slice_drop(*s, 1);
	return c;
}

bool
gp_xtext_decode(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	char *to = gp_arena_alloc(arena, s.len);
	size_t len = 0;
	if (!to)
		return false;
	while (s.len > 0) {
		int octet = xtext_char(&s);
		if (octet < ' ' || octet > '~')
			return false;
		to[len++] = (char)octet;
	}
	*ret = gp_slice(to, len);
	return true;
}

/* What RFC 3629 section 4 allows, by the first octet: length, and the range of the second. */
static bool
utf8_shape(unsigned char first, size_t *len, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (first >= 0xc2 && first <= 0xdf) {
		*len = 2;
	} else if (first >= 0xe0 && first <= 0xef) {
		*len = 3;
		*low = first == 0xe0 ? 0xa0 : 0x80;
		*high = first == 0xed ? 0x9f : 0xbf;
	} else if (first >= 0xf0 && first <= 0xf4) {
		*len = 4;
		*low = first == 0xf0 ? 0x90 : 0x80;
		*high = first == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

size_t
gp_utf8_char(struct gp_slice s, uint32_t *ret)
{
	if (s.len == 0)
		return 0;
	unsigned char first = (unsigned char)s.ptr[0], low, high;
	size_t len;
	if (first < 0x80) {
		*ret = first;
		return 1;
	}
	if (!utf8_shape(first, &len, &low, &high) || s.len < len)
		return 0;
	uint32_t value = first & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < low || c > high)
			return 0;
		value = value << 6 | (c & 0x3fU);
		low = 0x80;
		high = 0xbf;
	}
	*ret = value;
	return len;
}

/* QCHAR of RFC 6533 section 3. */
static bool
is_qchar(uint32_t c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=' && c != '\\';
}

void
gp_utf8_xtext_put(struct gp_buf *out, struct gp_slice address, bool embedded)
{
	while (address.len > 0) {
		uint32_t c;
		size_t len = gp_utf8_char(address, &c);
		if (len == 0) {
			gp_buf_put_char(out, '?');
			len = 1;
		} else if (is_qchar(c) || (embedded && c == '\\')) {
			gp_buf_put_char(out, (char)c);
		} else {
			gp_buf_printf(out, "\\x{%02X}", (unsigned)c);
		}
		address = gp_slice_drop(address, len);
	}
}
