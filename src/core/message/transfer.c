/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/transfer.h"

#include "base/scan.h"

enum gp_transfer
gp_transfer_of(struct gp_slice name)
{
	if (gp_slice_eq_nocase(name, GP_SLICE("base64")))
		return GP_TRANSFER_BASE64;
	if (gp_slice_eq_nocase(name, GP_SLICE("quoted-printable")))
		return GP_TRANSFER_QUOTED_PRINTABLE;
	return GP_TRANSFER_NONE;
}

/* The value of a letter of base64, or -1. */
static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (gp_ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t
decode_base64(struct gp_slice s, char *to)
{
	uint32_t bits = 0;
	unsigned held = 0; /* bits that no octet was made of yet */
	size_t len = 0;
	for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
		int value = digit(s.ptr[i]);
		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			to[len++] = (char)(bits >> held & 0xFF);
		}
	}
	return len;
}

/* Steps over a soft line break behind its "=": blanks that transport has added, and the line's end.
 */
static bool
soft_break(struct gp_scan *c)
{
	size_t at = c->at;
	gp_scan_wsp(c);
	gp_scan_char(c, '\r');
	if (gp_scan_char(c, '\n') || gp_scan_end(c))
		return true;
	c->at = at;
	return false;
}

static size_t
decode_quoted(struct gp_slice s, char *to)
{
	struct gp_scan c = gp_scan(s);
	size_t len = 0;
	while (!gp_scan_end(&c)) {
		if (!gp_scan_char(&c, '=')) {
			to[len++] = (char)gp_scan_peek(&c);
			c.at++;
			continue;
		}
		struct gp_slice hex = gp_slice_take(gp_scan_rest(&c), 2);
		if (hex.len == 2 && gp_ascii_hex(hex.ptr[0]) >= 0 &&
		    gp_ascii_hex(hex.ptr[1]) >= 0) {
			to[len++] =
				(char)(gp_ascii_hex(hex.ptr[0]) << 4 | gp_ascii_hex(hex.ptr[1]));
			c.at += 2;
		} else if (!soft_break(&c)) {
			to[len++] = '=';
		}
	}
	return len;
}

struct gp_slice
gp_transfer_decode(enum gp_transfer transfer, struct gp_slice s, struct gp_arena *arena)
{
	if (transfer == GP_TRANSFER_NONE)
		return s.ptr ? s : GP_SLICE("");
	char *to = gp_arena_alloc(arena, s.len);
	if (!to)
		return (struct gp_slice){};
	size_t len = transfer == GP_TRANSFER_BASE64 ? decode_base64(s, to) : decode_quoted(s, to);
	return gp_slice(to, len);
}
