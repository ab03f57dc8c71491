/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/xtext.h"

#include <errno.h>

#include "base/scan.h"

/* hexchar's digits are upper-case only (RFC 3461 section 4). */
static int
take_hex(struct gp_scan *c)
{
	int ch = gp_scan_peek(c);
	if (ch < 0 || (ch >= 'a' && ch <= 'f'))
		return -1;
	c->at++;
	return gp_ascii_hex((char)ch);
}

/* The next octet, or -1 when there is none to be had. */
static int
take_octet(struct gp_scan *c, bool utf8)
{
	int ch = gp_scan_peek(c);
	if (ch <= 32 || ch == '=' || ch == 127 || (ch > 127 && !utf8))
		return -1;
	c->at++;
	if (ch != '+')
		return ch;
	int high = take_hex(c);
	int low = take_hex(c);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int
gp_xtext_decode(struct gp_slice s, bool utf8, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_scan c = gp_scan(s);
	char *to = gp_arena_alloc(arena, s.len);
	size_t len = 0;
	if (!to)
		return -ENOMEM;
	while (!gp_scan_end(&c)) {
		int octet = take_octet(&c, utf8);
		if (octet < 0)
			return 1;
		to[len++] = (char)octet;
	}
	*ret = gp_slice(to, len);
	return 0;
}
