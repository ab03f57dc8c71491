/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/uri.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"

static bool
is_uri_octet(char c)
{
	return gp_ascii_is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@$&'()*+=%", c));
}

static bool
is_scheme_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool
has_uri_octets(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	if (gp_scan_while(&c, is_uri_octet).len < s.len)
		return false;
	for (struct gp_slice rest = s; rest.len > 0; rest = gp_slice_drop(rest, 1)) {
		if (rest.ptr[0] == '%' && (rest.len < 3 || gp_ascii_hex(rest.ptr[1]) < 0 ||
					   gp_ascii_hex(rest.ptr[2]) < 0))
			return false;
	}
	return true;
}

bool
gp_uri_split(struct gp_slice s, struct gp_slice *ret_scheme, struct gp_slice *ret_rest)
{
	struct gp_scan c = gp_scan(s);
	*ret_scheme = gp_scan_while(&c, is_scheme_octet);
	bool good = ret_scheme->len > 0 && gp_ascii_is_alpha(ret_scheme->ptr[0]) &&
		    gp_scan_char(&c, ':');
	*ret_rest = gp_scan_rest(&c);
	return good && has_uri_octets(*ret_rest);
}

static int
decode_percent(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	char *to = gp_arena_alloc(arena, s.len);
	size_t len = 0;
	if (!to)
		return -ENOMEM;
	while (s.len > 0) {
		bool coded = s.ptr[0] == '%';
		to[len++] = coded ? (char)(gp_ascii_hex(s.ptr[1]) << 4 | gp_ascii_hex(s.ptr[2]))
				  : s.ptr[0];
		s = gp_slice_drop(s, coded ? 3 : 1);
	}
	*ret = gp_slice(to, len);
	return 0;
}

int
gp_uri_mailto(struct gp_slice rest, struct gp_arena *arena, struct gp_address *ret)
{
	struct gp_slice text;
	const char *why;
	int rc = decode_percent(gp_slice_cut(&rest, '?'), arena, &text);
	if (rc == 0)
		rc = gp_address_parse(text, arena, ret, &why);
	if (rc == 0 && (ret->utf8 || ret->domain_kind != GP_DOMAIN_NAME))
		rc = 1;
	return rc;
}
