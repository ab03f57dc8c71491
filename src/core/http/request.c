/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/request.h"

#include <string.h>

#include "base/scan.h"

static const struct gp_slice head_end = GP_SLICE("\r\n\r\n");

/* RFC 9110 section 5.6.2 */
static bool
is_token_octet(char c)
{
	return gp_ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_visible(char c)
{
	return c > 0x20 && c < 0x7f;
}

static bool
is_field_octet(char c)
{
	return is_visible(c) || c == ' ' || c == '\t' || (unsigned char)c >= 0x80;
}

/* Takes a line, which has neither CR nor LF but those at its end. */
static bool
cut_line(struct gp_slice *text, struct gp_slice *ret)
{
	ptrdiff_t cr = gp_slice_find(*text, '\r'), lf = gp_slice_find(*text, '\n');
	if (cr < 0 || lf != cr + 1)
		return false;
	*ret = gp_slice_take(*text, (size_t)cr);
	*text = gp_slice_drop(*text, (size_t)lf + 1);
	return true;
}

/* RFC 9110 section 7.2: a host and, perhaps, a port. */
static bool
read_host(struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice port = text;
	*ret = gp_slice_cut(&port, ':');
	struct gp_scan c = gp_scan(port);
	return ret->len > 0 && gp_scan_while(&c, gp_ascii_is_digit).len == port.len;
}

/* Section 3.2: a path, or a whole URI. *ret->host stays empty with the first. */
static bool
read_target(struct gp_slice target, struct gp_http_request *ret)
{
	const struct gp_slice scheme = GP_SLICE("https://");
	ret->path = target;
	if (gp_slice_starts_nocase(target, scheme)) {
		struct gp_slice rest = gp_slice_drop(target, scheme.len);
		ptrdiff_t slash = gp_slice_find(rest, '/');
		struct gp_slice authority = slash < 0 ? rest : gp_slice_take(rest, (size_t)slash);
		ret->path = slash < 0 ? GP_SLICE("/") : gp_slice_drop(rest, (size_t)slash);
		return read_host(authority, &ret->host);
	}
	return gp_slice_starts(target, GP_SLICE("/")) || gp_slice_eq(target, GP_SLICE("*"));
}

static int
read_request_line(struct gp_slice line, struct gp_http_request *ret)
{
	struct gp_scan c = gp_scan(line);
	ret->method = gp_scan_while(&c, is_token_octet);
	bool good = ret->method.len > 0 && gp_scan_char(&c, ' ');
	struct gp_slice target = gp_scan_while(&c, is_visible);
	good = good && gp_scan_char(&c, ' ') && read_target(target, ret);
	struct gp_slice version = gp_scan_rest(&c);
	if (!good || version.len != 8 || !gp_slice_starts(version, GP_SLICE("HTTP/")))
		return GP_HTTP_BAD;
	bool one = gp_slice_eq(version, GP_SLICE("HTTP/1.1")) ||
		   gp_slice_eq(version, GP_SLICE("HTTP/1.0"));
	return one ? GP_HTTP_WHOLE : GP_HTTP_NOT_ONE_X;
}

/* Section 5.1: no space before the colon, and no line that begins with one (5.2). */
static bool
read_field(struct gp_slice line, struct gp_slice *ret_name, struct gp_slice *ret_value)
{
	struct gp_scan c = gp_scan(line);
	*ret_name = gp_scan_while(&c, is_token_octet);
	if (ret_name->len == 0 || !gp_scan_char(&c, ':'))
		return false;
	struct gp_slice value = gp_scan_while(&c, is_field_octet);
	*ret_value = gp_slice_trim(value);
	return gp_scan_end(&c);
}

static int
read_fields(struct gp_slice text, struct gp_http_request *ret)
{
	struct gp_slice line, name, value, host = {};
	size_t hosts = 0;
	while (text.len > 0) {
		if (!cut_line(&text, &line) || !read_field(line, &name, &value))
			return GP_HTTP_BAD;
		if (!gp_slice_eq_nocase(name, GP_SLICE("host")))
			continue;
		if (++hosts > 1 || !read_host(value, &host))
			return GP_HTTP_BAD;
	}
	if (hosts == 0)
		return GP_HTTP_BAD;
	if (ret->host.len == 0)
		ret->host = host;
	return GP_HTTP_WHOLE;
}

int
gp_http_request_read(struct gp_slice text, struct gp_http_request *ret)
{
	struct gp_slice line;
	*ret = (struct gp_http_request){};
	struct gp_slice head = gp_slice_take(text, GP_HTTP_HEAD_MAX);
	const char *end = memmem(head.ptr, head.len, head_end.ptr, head_end.len);
	if (!end)
		return head.len < GP_HTTP_HEAD_MAX ? GP_HTTP_MORE : GP_HTTP_TOO_LARGE;
	/* With the last field's own line end. */
	head = gp_slice_take(head, (size_t)(end - head.ptr) + 2);
	if (!cut_line(&head, &line))
		return GP_HTTP_BAD;
	int outcome = read_request_line(line, ret);
	return outcome == GP_HTTP_WHOLE ? read_fields(head, ret) : outcome;
}
