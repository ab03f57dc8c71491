/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "core/authres/authres.h"
#include "core/authres/lex.h"

enum {
	LINE_MAX_OCTETS = 78,                     /* RFC 5322 section 2.1.1: SHOULD */
	QUOTED_MAX = 2 * GP_AUTHRES_TEXT_MAX + 2, /* each octet with a backslash, and the quotes */
};

/* A text as it will stand in the field. */
struct text {
	char octets[QUOTED_MAX];
	size_t len;
};

struct writer {
	struct gp_buf *out;
	size_t column;
};

/* --- texts --- */

/* Fewer than a token may have (RFC 2045 section 5.1): nobody ever took these for anything else. */
static bool
is_plain_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '+';
}

static bool
is_plain(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	return gp_scan_while(&c, is_plain_octet).len == s.len;
}

static bool
is_local_octet(char c)
{
	return is_plain_octet(c) || c == '=';
}

static bool
is_domain_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/* [ [ local-part ] "@" ] domain-name, which a property's value may be without quotes. */
static bool
is_plain_address(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	struct gp_slice local = gp_scan_while(&c, is_local_octet);
	bool dots = local.len > 0 && (local.ptr[0] == '.' || local.ptr[local.len - 1] == '.' ||
				      memmem(local.ptr, local.len, "..", 2));
	return !dots && gp_scan_char(&c, '@') && gp_scan_while(&c, is_domain_octet).len > 0 &&
	       gp_scan_end(&c);
}

static void
put(struct text *t, struct gp_slice s)
{
	gp_assert(s.len <= sizeof(t->octets) - t->len);
	memcpy(t->octets + t->len, s.ptr, s.len);
	t->len += s.len;
}

/* One character off the text, or "?" for an octet that may not stand in a field. */
static struct gp_slice
take_char(struct gp_slice *s)
{
	size_t len = gp_utf8_len(*s);
	struct gp_slice one = gp_slice_take(*s, GP_MAX(len, (size_t)1));
	bool good = len > 0 && gp_utf8_printable(one);
	*s = gp_slice_drop(*s, one.len);
	return good ? one : GP_SLICE("?");
}

/* A quoted string of at most GP_AUTHRES_TEXT_MAX octets, not counting what quoting adds. */
static void
quote(struct text *t, struct gp_slice s)
{
	size_t room = GP_AUTHRES_TEXT_MAX;
	put(t, GP_SLICE("\""));
	while (s.len > 0) {
		struct gp_slice one = take_char(&s);
		if (one.len > room)
			break;
		room -= one.len;
		if (one.ptr[0] == '"' || one.ptr[0] == '\\')
			put(t, GP_SLICE("\\"));
		put(t, one);
	}
	put(t, GP_SLICE("\""));
}

static struct gp_slice
make_text(struct text *t, struct gp_slice s, bool may_be_address)
{
	t->len = 0;
	bool plain = s.len > 0 && s.len <= GP_AUTHRES_TEXT_MAX &&
		     (is_plain(s) || (may_be_address && is_plain_address(s)));
	if (plain)
		put(t, s);
	else
		quote(t, s);
	return gp_slice(t->octets, t->len);
}

/* --- the field --- */

static void
start_line(struct writer *w)
{
	gp_buf_put_str(w->out, "\r\n\t");
	w->column = 8;
}

/* "name=text" behind a space, on a new line when it would not fit on this one. */
static void
put_pair(struct writer *w, struct gp_slice type, struct gp_slice name, struct gp_slice text)
{
	size_t len = type.len + (type.len > 0) + name.len + 1 + text.len;
	if (w->column + 1 + len > LINE_MAX_OCTETS) {
		start_line(w);
	} else {
		gp_buf_put_char(w->out, ' ');
		w->column++;
	}
	if (type.len > 0)
		gp_buf_printf(w->out, "%.*s.", GP_SLICE_FMT(type));
	gp_buf_printf(w->out, "%.*s=", GP_SLICE_FMT(name));
	gp_buf_put(w->out, text);
	w->column += len;
}

static bool
is_keyword(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	return s.len > 0 && gp_scan_while(&c, gp_authres_is_keyword_octet).len == s.len;
}

static void
put_result(struct writer *w, const struct gp_authres_result *r)
{
	struct text text;
	gp_assert(is_keyword(r->method) && is_keyword(r->result));
	gp_buf_put_char(w->out, ';');
	start_line(w);
	gp_buf_printf(w->out, "%.*s=%.*s", GP_SLICE_FMT(r->method), GP_SLICE_FMT(r->result));
	w->column += r->method.len + 1 + r->result.len;
	if (r->reason.len > 0)
		put_pair(w, GP_SLICE(""), GP_SLICE("reason"), make_text(&text, r->reason, false));
	for (size_t i = 0; i < r->properties_len; i++) {
		const struct gp_authres_property *p = &r->properties[i];
		gp_assert(is_keyword(p->type) && is_keyword(p->name));
		if (p->value.len > 0)
			put_pair(w, p->type, p->name, make_text(&text, p->value, true));
	}
}

void
gp_authres_write(struct gp_buf *out, const struct gp_authres *a)
{
	struct writer w = {.out = out};
	struct text id;
	gp_assert(a->id.len > 0);
	gp_buf_put(out, make_text(&id, a->id, false));
	if (a->results_len == 0)
		gp_buf_put_str(out, "; none");
	for (size_t i = 0; i < a->results_len; i++)
		put_result(&w, &a->results[i]);
}
