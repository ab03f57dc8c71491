/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* What the second octet may be depends on the first (RFC 3629 section 4): this is where long forms,
 * surrogates and numbers over U+10FFFF fall out. */
static const struct {
	uint8_t first_min, first_max;
	uint8_t second_min, second_max;
	uint8_t len;
} forms[] = {
	{0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
	{0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
	{0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static inline uint8_t
octet(struct gp_slice s, size_t i)
{
	return (uint8_t)s.ptr[i];
}

static size_t
check_tail(struct gp_slice s, size_t form)
{
	size_t len = forms[form].len;
	if (s.len < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		uint8_t min = i == 1 ? forms[form].second_min : 0x80;
		uint8_t max = i == 1 ? forms[form].second_max : 0xBF;
		if (octet(s, i) < min || octet(s, i) > max)
			return 0;
	}
	return len;
}

size_t
gp_utf8_len(struct gp_slice s)
{
	if (s.len == 0)
		return 0;
	for (size_t form = 0; form < GP_ARRAY_LEN(forms); form++) {
		if (octet(s, 0) >= forms[form].first_min && octet(s, 0) <= forms[form].first_max)
			return check_tail(s, form);
	}
	return 0;
}

bool
gp_utf8_valid(struct gp_slice s)
{
	while (s.len > 0) {
		size_t n = gp_utf8_len(s);
		if (n == 0)
			return false;
		s = gp_slice_drop(s, n);
	}
	return true;
}

static bool
is_control(struct gp_slice s)
{
	uint8_t first = octet(s, 0);
	return first < 0x20 || first == 0x7F || (first == 0xC2 && octet(s, 1) < 0xA0);
}

bool
gp_utf8_printable(struct gp_slice s)
{
	while (s.len > 0) {
		/* Most texts are ASCII. */
		size_t len = octet(s, 0) >= 0x20 && octet(s, 0) < 0x7F ? 1 : gp_utf8_len(s);
		if (len == 0 || is_control(s))
			return false;
		s = gp_slice_drop(s, len);
	}
	return true;
}

uint32_t
gp_utf8_take(struct gp_slice *s)
{
	static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	struct gp_slice from = *s;
	size_t len = gp_utf8_len(from);
	*s = gp_slice_drop(from, GP_MAX(len, (size_t)1));
	if (len == 0)
		return GP_UTF8_INVALID;
	uint32_t c = octet(from, 0) & masks[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (octet(from, i) & 0x3F);
	return c;
}

size_t
gp_utf8_write(uint32_t c, char ret[4])
{
	static const uint8_t firsts[] = {0, 0, 0xC0, 0xE0, 0xF0};
	gp_assert(c < GP_UTF8_INVALID);
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = len; i-- > 1; c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3F));
	ret[0] = (char)(firsts[len] | c);
	return len;
}
