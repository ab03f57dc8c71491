/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/content.h"

#include <string.h>

#include "base/scan.h"

/* RFC 2045 section 5.1 */
static bool
is_token(char c)
{
	return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* As values stand unquoted in mail, where section 5.1 wants quotes: "text/html", "----=_Part". */
static bool
is_value(char c)
{
	return c > ' ' && c < 127 && c != ';' && c != '(' && c != '"';
}

/* Spaces and comments, which may hold comments. */
static void
skip_cfws(struct gp_scan *c)
{
	size_t depth = 0;
	for (;;) {
		gp_scan_wsp(c);
		if (gp_scan_char(c, '('))
			depth++;
		else if (depth == 0 || gp_scan_end(c))
			return;
		else if (gp_scan_char(c, ')'))
			depth--;
		else
			c->at += gp_scan_char(c, '\\') && gp_scan_end(c) ? 0 : 1;
	}
}

struct value {
	char octets[GP_BOUNDARY_MAX];
	size_t len; /* may be more than there is room for */
};

static void
keep(struct value *v, char c)
{
	if (v->len < sizeof(v->octets))
		v->octets[v->len] = c;
	v->len++;
}

/* Without quotes and backslashes. */
static void
read_value(struct gp_scan *c, struct value *v)
{
	v->len = 0;
	skip_cfws(c);
	if (!gp_scan_char(c, '"')) {
		struct gp_slice bare = gp_scan_while(c, is_value);
		for (size_t i = 0; i < bare.len; i++)
			keep(v, bare.ptr[i]);
		return;
	}
	while (!gp_scan_end(c) && !gp_scan_char(c, '"')) {
		if (gp_scan_char(c, '\\') && gp_scan_end(c))
			break;
		keep(v, c->all.ptr[c->at++]);
	}
}

/* The first parameter of this name. */
static bool
find_parameter(struct gp_scan *c, struct gp_slice wanted, struct value *ret)
{
	for (;;) {
		skip_cfws(c);
		if (!gp_scan_char(c, ';'))
			return false;
		skip_cfws(c);
		struct gp_slice name = gp_scan_while(c, is_token);
		skip_cfws(c);
		if (!gp_scan_char(c, '='))
			continue;
		read_value(c, ret);
		if (gp_slice_eq_nocase(name, wanted))
			return true;
	}
}

static struct gp_slice
field_value(const struct gp_header *h, struct gp_slice name, struct gp_arena *arena)
{
	size_t at = gp_header_find(h, name, 0);
	if (at == h->fields_len)
		return (struct gp_slice){};
	return gp_header_unfold(gp_header_value(h, at), arena);
}

static void
read_multipart(struct gp_content *content, struct gp_scan *c, struct gp_slice subtype)
{
	struct value v;
	content->kind = GP_CONTENT_OPAQUE;
	if (!find_parameter(c, GP_SLICE("boundary"), &v) || v.len == 0 || v.len > GP_BOUNDARY_MAX)
		return;
	content->kind = GP_CONTENT_MULTIPART;
	content->boundary_len = v.len;
	memcpy(content->boundary, v.octets, v.len);
	content->digest = gp_slice_eq_nocase(subtype, GP_SLICE("digest"));
}

static void
read_type(struct gp_content *content, struct gp_slice text)
{
	struct gp_scan c = gp_scan(text);
	skip_cfws(&c);
	struct gp_slice type = gp_scan_while(&c, is_token);
	skip_cfws(&c);
	bool slash = gp_scan_char(&c, '/');
	skip_cfws(&c);
	struct gp_slice subtype = gp_scan_while(&c, is_token);
	if (!slash || subtype.len == 0) {
		content->kind = GP_CONTENT_LEAF;
		return;
	}
	content->type = type;
	content->subtype = subtype;
	if (gp_slice_eq_nocase(type, GP_SLICE("multipart")))
		read_multipart(content, &c, subtype);
	else if (!gp_slice_eq_nocase(type, GP_SLICE("message")))
		content->kind = GP_CONTENT_LEAF;
	else if (gp_slice_eq_nocase(subtype, GP_SLICE("rfc822")) ||
		 gp_slice_eq_nocase(subtype, GP_SLICE("global")))
		content->kind = GP_CONTENT_MESSAGE;
	else
		content->kind = GP_CONTENT_OPAQUE;
}

/* What RFC 2045 section 6.4 forbids where there are parts, and is met all the same. */
static bool
is_encoded(struct gp_slice encoding)
{
	static const struct gp_slice plain[] = {GP_SLICE(""), GP_SLICE("7bit"), GP_SLICE("8bit"),
						GP_SLICE("binary")};
	for (size_t i = 0; i < GP_ARRAY_LEN(plain); i++) {
		if (gp_slice_eq_nocase(encoding, plain[i]))
			return false;
	}
	return true;
}

struct gp_content
gp_content_read(const struct gp_header *h, bool in_digest, struct gp_arena *arena)
{
	struct gp_content content = {
		.kind = in_digest ? GP_CONTENT_MESSAGE : GP_CONTENT_LEAF,
	};
	struct gp_slice type = field_value(h, GP_SLICE("Content-Type"), arena);
	if (type.len > 0)
		read_type(&content, type);
	struct gp_scan c = gp_scan(field_value(h, GP_SLICE("Content-Transfer-Encoding"), arena));
	skip_cfws(&c);
	struct gp_slice encoding = gp_scan_while(&c, is_token);
	content.transfer = (uint8_t)gp_transfer_of(encoding);
	content.binary = gp_slice_eq_nocase(encoding, GP_SLICE("binary"));
	if (content.kind != GP_CONTENT_LEAF && is_encoded(encoding))
		content.kind = GP_CONTENT_OPAQUE;
	return content;
}
