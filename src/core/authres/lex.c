/* SPDX-License-Identifier: Apache-2.0 */
#include "core/authres/lex.h"

#include "core/authres/authres.h"

bool
gp_authres_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
gp_authres_is_keyword_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_';
}

/* One octet, with the backslash before it. */
static bool
skip_octet(struct gp_scan *c)
{
	(void)gp_scan_char(c, '\\');
	if (gp_scan_end(c))
		return gp_scan_fail(c);
	c->at++;
	return true;
}

/* Behind the bracket that opens it. */
static bool
skip_comment(struct gp_scan *c)
{
	for (size_t depth = 1; depth > 0;) {
		if (gp_scan_char(c, ')'))
			depth--;
		else if (gp_scan_char(c, '('))
			depth++;
		else if (!skip_octet(c))
			return false;
		if (depth > GP_AUTHRES_COMMENTS_MAX)
			return gp_scan_fail(c);
	}
	return true;
}

bool
gp_authres_skip_cfws(struct gp_scan *c)
{
	(void)gp_scan_while(c, gp_authres_is_space);
	while (gp_scan_char(c, '(')) {
		if (!skip_comment(c))
			return false;
		(void)gp_scan_while(c, gp_authres_is_space);
	}
	return true;
}

bool
gp_authres_skip_quoted(struct gp_scan *c)
{
	bool opens = gp_scan_char(c, '"');
	gp_assert(opens);
	while (!gp_scan_char(c, '"')) {
		if (!skip_octet(c))
			return false;
	}
	return true;
}

size_t
gp_authres_unquote(struct gp_slice s, char *to)
{
	size_t len = 0;
	bool quoted = false;
	struct gp_scan c = gp_scan(s);
	while (!gp_scan_end(&c)) {
		if (gp_scan_char(&c, '"')) {
			quoted = !quoted;
			continue;
		}
		if (quoted)
			(void)gp_scan_char(&c, '\\');
		int octet = gp_scan_peek(&c);
		if (octet >= 0 && octet != '\r' && octet != '\n')
			to[len++] = (char)octet;
		c.at += octet >= 0;
	}
	return len;
}
