/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <string.h>

struct gp_slice
gp_slice_str(const char *s)
{
	return gp_slice(s, s ? strlen(s) : 0);
}

bool
gp_slice_eq_nocase(struct gp_slice a, struct gp_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (gp_ascii_lower(a.ptr[i]) != gp_ascii_lower(b.ptr[i]))
			return false;
	}
	return true;
}

int
gp_slice_cmp(struct gp_slice a, struct gp_slice b)
{
	size_t n = GP_MIN(a.len, b.len);
	int diff = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
	if (diff != 0)
		return diff;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
gp_slice_starts(struct gp_slice s, struct gp_slice prefix)
{
	return s.len >= prefix.len && gp_slice_eq(gp_slice_take(s, prefix.len), prefix);
}

bool
gp_slice_starts_nocase(struct gp_slice s, struct gp_slice prefix)
{
	return s.len >= prefix.len && gp_slice_eq_nocase(gp_slice_take(s, prefix.len), prefix);
}

bool
gp_slice_ends_nocase(struct gp_slice s, struct gp_slice suffix)
{
	return s.len >= suffix.len &&
	       gp_slice_eq_nocase(gp_slice_drop(s, s.len - suffix.len), suffix);
}

ptrdiff_t
gp_slice_find(struct gp_slice s, char c)
{
	const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
	return at ? at - s.ptr : -1;
}

ptrdiff_t
gp_slice_rfind(struct gp_slice s, char c)
{
	const char *at = s.len > 0 ? memrchr(s.ptr, c, s.len) : NULL;
	return at ? at - s.ptr : -1;
}

bool
gp_slice_has_8bit(struct gp_slice s)
{
	/* Whole messages are searched by this: eight octets at a time. */
	size_t at = 0;
	for (; at + 8 <= s.len; at += 8) {
		uint64_t eight;
		memcpy(&eight, s.ptr + at, 8);
		if (eight & 0x8080808080808080)
			return true;
	}
	for (; at < s.len; at++) {
		if ((unsigned char)s.ptr[at] > 127)
			return true;
	}
	return false;
}

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

struct gp_slice
gp_slice_trim(struct gp_slice s)
{
	while (s.len > 0 && is_wsp(s.ptr[0]))
		s = gp_slice_drop(s, 1);
	while (s.len > 0 && is_wsp(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct gp_slice
gp_slice_cut(struct gp_slice *s, char sep)
{
	ptrdiff_t at = gp_slice_find(*s, sep);
	struct gp_slice head = *s;
	if (at < 0) {
		*s = gp_slice(NULL, 0);
		return head;
	}
	*s = gp_slice_drop(head, (size_t)at + 1);
	return gp_slice_take(head, (size_t)at);
}

bool
gp_slice_u64(struct gp_slice s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_digit(s.ptr[i]) || gp_mul_overflow(value, 10, &value) ||
		    gp_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}

int
gp_ascii_hex(char c)
{
	if (gp_ascii_is_digit(c))
		return c - '0';
	c = gp_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
