/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/visible.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/scan.h"
#include "base/utf8.h"

enum { SHOWN_MAX = 10 }; /* "<U+10FFFF>" */

struct range {
	uint32_t first, last;
};

static bool
in_ranges(const struct range *ranges, size_t len, uint32_t c)
{
	for (size_t i = 0; i < len; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* Takes no room, or turns what stands beside it. */
static bool
is_hidden(uint32_t c)
{
	static const struct range ranges[] = {
		{0x00AD, 0x00AD}, {0x034F, 0x034F},   {0x061C, 0x061C},   {0x115F, 0x1160},
		{0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x200B, 0x200F},   {0x202A, 0x202E},
		{0x2060, 0x206F}, {0x3164, 0x3164},   {0xFE00, 0xFE0E},   {0xFEFF, 0xFEFF},
		{0xFFA0, 0xFFA0}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
	};
	return c >= 0xAD && in_ranges(ranges, GP_ARRAY_LEN(ranges), c);
}

static bool
is_unfit(uint32_t c)
{
	static const struct range ranges[] = {
		{0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},    {0xE000, 0xF8FF},
		{0xFFF0, 0xFFFC}, {0xFFFE, 0xFFFF}, {0xF0000, 0x10FFFF},
	};
	return c < 0x20 || (c >= 0x7F && c < 0xA0) ||
	       (c >= 0x2000 && in_ranges(ranges, GP_ARRAY_LEN(ranges), c));
}

bool
gp_visible_shows(uint32_t c)
{
	return c != GP_UTF8_INVALID && !is_unfit(c) && !is_hidden(c);
}

static bool
is_plain(char c)
{
	return c >= 0x20 && c < 0x7F;
}

/* One character that is no plain ASCII, off the front of *s. */
static void
put_character(struct gp_buf *out, struct gp_slice *s)
{
	char shown[SHOWN_MAX + 1];
	struct gp_slice rest = *s;
	uint32_t c = gp_utf8_take(s);
	if (c == GP_UTF8_INVALID)
		snprintf(shown, sizeof(shown), "<%02X>", (uint8_t)rest.ptr[0]);
	else
		snprintf(shown, sizeof(shown), "<U+%04X>", (unsigned)c);
	if (c == '\t')
		gp_buf_put_char(out, ' ');
	else if (!gp_visible_shows(c))
		gp_buf_put_str(out, shown);
	else
		gp_buf_put(out, gp_slice_take(rest, rest.len - s->len));
}

struct gp_slice
gp_visible(struct gp_slice s, struct gp_arena *arena)
{
	struct gp_buf out = GP_BUF_INIT(s.len * SHOWN_MAX);
	while (s.len > 0) {
		struct gp_scan c = gp_scan(s);
		struct gp_slice plain = gp_scan_while(&c, is_plain);
		gp_buf_put(&out, plain);
		s = gp_slice_drop(s, plain.len);
		if (s.len > 0)
			put_character(&out, &s);
	}
	struct gp_slice copy =
		out.failed ? gp_slice(NULL, 0) : gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return copy;
}

bool
gp_visible_hides(struct gp_slice s)
{
	if (!gp_slice_has_8bit(s))
		return false;
	while (s.len > 0) {
		if (is_hidden(gp_utf8_take(&s)))
			return true;
	}
	return false;
}
