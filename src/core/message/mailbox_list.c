/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/mailbox_list.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "base/utf8.h"

/* `why` is set where it fails. */
struct parse {
	struct gp_scan scan;
	struct gp_arena *arena;
	struct gp_mailbox *items;
	size_t len;
	const char *why;
};

static bool
fail(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return gp_scan_fail(&p->scan);
}

/* --- words --- */

/* RFC 5322 section 3.2.3 */
static bool
is_atext(int c)
{
	return c > 0 && c < 128 && (gp_ascii_is_alnum((char)c) || strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Steps over one character that may stand in a comment, a quoted string or behind a backslash: no
 * control, and UTF-8 as it should be. */
static bool
take_char(struct parse *p)
{
	struct gp_slice rest = gp_scan_rest(&p->scan);
	size_t len = gp_utf8_len(rest);
	if (len == 0)
		return fail(p, rest.len > 0 ? "invalid UTF-8" : "ends too early");
	struct gp_slice one = gp_slice_take(rest, len);
	if (one.ptr[0] != '\t' && !gp_utf8_printable(one))
		return fail(p, "control character");
	p->scan.at += len;
	return true;
}

/* ccontent or qcontent (section 3.2.1): a character, or a quoted pair. */
static bool
take_content(struct parse *p)
{
	(void)gp_scan_char(&p->scan, '\\');
	return take_char(p);
}

/* Behind the bracket that opens it. Comments stand within each other. */
static bool
take_comment(struct parse *p)
{
	for (size_t depth = 1; depth > 0;) {
		if (gp_scan_char(&p->scan, ')'))
			depth--;
		else if (gp_scan_char(&p->scan, '('))
			depth++;
		else if (!take_content(p))
			return false;
		if (depth > GP_MAILBOX_COMMENTS_MAX)
			return fail(p, "too many comments within each other");
	}
	return true;
}

/* CFWS (section 3.2.2), which may be none. */
static bool
skip_cfws(struct parse *p)
{
	gp_scan_wsp(&p->scan);
	while (gp_scan_char(&p->scan, '(')) {
		if (!take_comment(p))
			return false;
		gp_scan_wsp(&p->scan);
	}
	return true;
}

/* Whether an atom's character is next; RFC 6532 has all of UTF-8 beyond ASCII among them. */
static bool
at_atom(const struct parse *p)
{
	int c = gp_scan_peek(&p->scan);
	return is_atext(c) || c >= 128;
}

static bool
take_atom(struct parse *p)
{
	while (at_atom(p)) {
		if (!take_char(p))
			return false;
	}
	return true;
}

/* Behind the quote that opens it (section 3.2.4). */
static bool
take_quoted(struct parse *p)
{
	while (!gp_scan_char(&p->scan, '"')) {
		if (!take_content(p))
			return false;
	}
	return true;
}

/* A word or a bracket, or behind the first one a dot; false: none is next, or it failed. */
static bool
take_word_or_dot(struct parse *p, bool first)
{
	if (at_atom(p))
		return take_atom(p);
	if (gp_scan_char(&p->scan, '"'))
		return take_quoted(p);
	if (gp_scan_char(&p->scan, '[') || gp_scan_char(&p->scan, ']'))
		return true;
	return !first && gp_scan_char(&p->scan, '.');
}

/* phrase (section 3.2.5), with the dots of obs-phrase and with brackets. False: there is none, or
 * it failed. */
static bool
take_phrase(struct parse *p)
{
	bool any = false;
	while (take_word_or_dot(p, !any)) {
		any = true;
		if (!skip_cfws(p))
			return false;
	}
	return any && !p->scan.failed;
}

/* --- addresses --- */

static bool
take_dot_atom(struct parse *p)
{
	do {
		if (!at_atom(p))
			return fail(p, "not an address");
		if (!take_atom(p))
			return false;
	} while (gp_scan_char(&p->scan, '.'));
	return true;
}

static bool
take_local(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	bool good = gp_scan_char(&p->scan, '"') ? take_quoted(p) : take_dot_atom(p);
	*ret = gp_scan_since(&p->scan, from);
	return good && skip_cfws(p);
}

/* dtext of section 3.4.1, and the brackets around it. */
static bool
take_literal(struct parse *p)
{
	while (!gp_scan_char(&p->scan, ']')) {
		int c = gp_scan_peek(&p->scan);
		if (c <= ' ' || c > 126 || c == '[' || c == '\\')
			return fail(p, "not an address");
		p->scan.at++;
	}
	return true;
}

static bool
take_domain(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	bool good = gp_scan_char(&p->scan, '[') ? take_literal(p) : take_dot_atom(p);
	*ret = gp_scan_since(&p->scan, from);
	return good && skip_cfws(p);
}

/* addr-spec, with what may stand around it. */
static bool
take_addr_spec(struct parse *p)
{
	struct gp_mailbox m = {};
	if (!skip_cfws(p) || !take_local(p, &m.local))
		return false;
	if (!gp_scan_char(&p->scan, '@'))
		return fail(p, "not an address");
	if (!skip_cfws(p) || !take_domain(p, &m.domain))
		return false;
	if (p->len == GP_MAILBOXES_MAX)
		return fail(p, "too many addresses");
	m.text = gp_arena_printf(p->arena, "%.*s@%.*s", GP_SLICE_FMT(m.local),
				 GP_SLICE_FMT(m.domain));
	p->items[p->len++] = m;
	return true;
}

/* Behind the bracket that opens it. */
static bool
take_angle_addr(struct parse *p)
{
	if (!take_addr_spec(p))
		return false;
	return gp_scan_char(&p->scan, '>') ? skip_cfws(p) : fail(p, "an address without its \">\"");
}

enum element { FAILED, MAILBOX, GROUP_BEGINS };

/* 'a@b.test', as Outlook writes it: no domain has an apostrophe. */
static struct gp_slice
without_apostrophes(struct gp_slice s)
{
	struct gp_slice inner = gp_slice_drop(s, 1);
	if (!gp_slice_starts(s, GP_SLICE("'")) || !gp_slice_ends_nocase(inner, GP_SLICE("'")))
		return s;
	return gp_slice_take(inner, inner.len - 1);
}

/* Behind an address, and the bracket that opens another: the same once more, or it is a lie. */
static bool
take_again(struct parse *p)
{
	struct gp_slice first = p->items[--p->len].text;
	if (!take_angle_addr(p))
		return false;
	struct gp_mailbox *m = &p->items[p->len - 1];
	m->name = first;
	return gp_slice_eq_nocase(m->text, without_apostrophes(first)) ||
	       fail(p, "another address for a name");
}

/* Up to the comma: a mailbox; or up to the colon: a group's name. */
static enum element
take_element(struct parse *p)
{
	size_t from = p->scan.at;
	if (!skip_cfws(p))
		return FAILED;
	size_t name_from = p->scan.at;
	bool named = take_phrase(p);
	struct gp_slice name = gp_slice_trim(gp_scan_since(&p->scan, name_from));
	if (p->scan.failed)
		return FAILED;
	if (gp_scan_char(&p->scan, '<')) {
		if (!take_angle_addr(p))
			return FAILED;
		p->items[p->len - 1].name = name;
		return MAILBOX;
	}
	if (named && gp_scan_char(&p->scan, ':'))
		return GROUP_BEGINS;
	/* What looked like a phrase is a local part, under stricter rules. */
	p->scan.at = from;
	bool good = take_addr_spec(p) && (!gp_scan_char(&p->scan, '<') || take_again(p));
	return good ? MAILBOX : FAILED;
}

/* Behind the colon: mailboxes, or nothing, and the semicolon. */
static bool
take_group(struct parse *p)
{
	if (!skip_cfws(p))
		return false;
	if (gp_scan_char(&p->scan, ';'))
		return skip_cfws(p);
	do {
		enum element e = take_element(p);
		if (e == GROUP_BEGINS)
			return fail(p, "a group within a group");
		if (e == FAILED)
			return false;
	} while (gp_scan_char(&p->scan, ','));
	return gp_scan_char(&p->scan, ';') ? skip_cfws(p) : fail(p, "a group without its \";\"");
}

static bool
take_list(struct parse *p)
{
	do {
		enum element e = take_element(p);
		if (e == FAILED || (e == GROUP_BEGINS && !take_group(p)))
			return false;
	} while (gp_scan_char(&p->scan, ','));
	return gp_scan_end(&p->scan) || fail(p, "something behind an address");
}

/* As many mailboxes as there can be: each but the first stands behind a comma. */
static size_t
count_commas(struct gp_slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == ',';
	return n;
}

int
gp_mailbox_list_parse(struct gp_slice value, struct gp_arena *arena, struct gp_mailbox_list *ret,
		      const char **ret_why)
{
	size_t most = GP_MIN(count_commas(value) + 1, (size_t)GP_MAILBOXES_MAX);
	struct parse p = {.scan = gp_scan(value), .arena = arena};
	*ret = (struct gp_mailbox_list){};
	p.items = gp_arena_array(arena, most, sizeof(*p.items));
	bool good = p.items && take_list(&p);
	if (arena->failed)
		return -ENOMEM;
	if (!good || p.scan.failed) {
		*ret_why = p.why ? p.why : "not an address";
		return 1;
	}
	*ret = (struct gp_mailbox_list){p.items, p.len};
	return 0;
}
