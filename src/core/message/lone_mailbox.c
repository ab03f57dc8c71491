/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/lone_mailbox.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/scan.h"

/* What leads to another address, or to none, wherever it stands outside the brackets. */
static bool
misleads(char c)
{
	bool control = ((unsigned char)c < ' ' && c != '\t') || c == 127;
	return control || c == '<' || c == '>' || c == '@' || c == ':';
}

/* --- encoded words --- */

/* In these an octet below 128 that stands for itself is what it is in ASCII. Not among them are
 * UTF-7 and UTF-16, which write an "@" otherwise, and ISO-2022, which shifts. */
static bool
is_plain_charset(struct gp_slice name)
{
	static const struct gp_slice known[] = {
		GP_SLICE("utf-8"), GP_SLICE("us-ascii"),  GP_SLICE("iso-8859-"),
		GP_SLICE("koi8-"), GP_SLICE("windows-"),  GP_SLICE("gb2312"),
		GP_SLICE("gbk"),   GP_SLICE("gb18030"),   GP_SLICE("big5"),
		GP_SLICE("euc-"),  GP_SLICE("shift_jis"),
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (gp_slice_starts_nocase(name, known[i]))
			return true;
	}
	return false;
}

static bool
is_plain_text(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (misleads(s.ptr[i]))
			return false;
	}
	return true;
}

/* RFC 2047 section 4.2; spaces in it, which some leave, do no harm. */
static bool
is_plain_q(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	while (!gp_scan_end(&c)) {
		char one = c.all.ptr[c.at++];
		if (one == '=') {
			struct gp_slice hex = gp_slice_take(gp_scan_rest(&c), 2);
			int high = hex.len == 2 ? gp_ascii_hex(hex.ptr[0]) : -1;
			int low = high >= 0 ? gp_ascii_hex(hex.ptr[1]) : -1;
			if (low < 0)
				return false;
			one = (char)(high << 4 | low);
			c.at += 2;
		}
		if (misleads(one))
			return false;
	}
	return true;
}

static bool
is_plain_b(struct gp_slice s, struct gp_arena *arena)
{
	struct gp_slice decoded;
	return gp_base64_decode(s, GP_BASE64, arena, &decoded) == 0 && is_plain_text(decoded);
}

static bool
is_no_mark(char c)
{
	return c != '?';
}

/* Behind the "=?": "charset?encoding?text?=" (section 2). */
static bool
take_word(struct gp_scan *c, struct gp_arena *arena)
{
	struct gp_slice charset = gp_scan_while(c, is_no_mark);
	if (!gp_scan_char(c, '?') || !is_plain_charset(charset))
		return false;
	bool b = gp_scan_word(c, GP_SLICE("b?"));
	if (!b && !gp_scan_word(c, GP_SLICE("q?")))
		return false;
	struct gp_slice text = gp_scan_while(c, is_no_mark);
	return gp_scan_char(c, '?') && gp_scan_char(c, '=') &&
	       (b ? is_plain_b(text, arena) : is_plain_q(text));
}

/* Is there nothing that misleads, neither as it stands nor decoded? */
static bool
is_harmless(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_scan c = gp_scan(text);
	bool good = is_plain_text(text);
	while (good && !gp_scan_end(&c)) {
		if (gp_scan_word(&c, GP_SLICE("=?")))
			good = take_word(&c, arena);
		else
			c.at++;
	}
	return good;
}

/* --- the field --- */

struct parts {
	struct gp_slice before, address, behind; /* the address in its brackets */
};

/* Cuts at the innermost brackets; those that are doubled (RFC 7103 section 7.1.2) are dropped. */
static bool
cut(struct gp_slice value, struct parts *ret)
{
	ptrdiff_t open = gp_slice_rfind(value, '<'), close = gp_slice_find(value, '>');
	if (open < 0 || close < open)
		return false;
	size_t from = (size_t)open, to = (size_t)close + 1;
	ret->before = gp_slice_take(value, from);
	ret->address = gp_slice_drop(gp_slice_take(value, to), from);
	ret->behind = gp_slice_drop(value, to);
	while (gp_slice_ends_nocase(ret->before, GP_SLICE("<")))
		ret->before.len--;
	while (gp_slice_starts(ret->behind, GP_SLICE(">")))
		ret->behind = gp_slice_drop(ret->behind, 1);
	return true;
}

static int
read_address(struct gp_slice address, struct gp_arena *arena, struct gp_mailbox *ret)
{
	struct gp_mailbox_list list;
	const char *why;
	int r = gp_mailbox_list_parse(address, arena, &list, &why);
	if (r != 0)
		return r;
	*ret = list.items[0];
	bool alone = ret->text.len + strlen("<>") == address.len;
	bool plain = ret->local.ptr[0] != '"' && !memmem(address.ptr, address.len, "=?", 2);
	return alone && plain ? 0 : 1;
}

/* Within quotes or a comment that end behind it: no address to who reads by the letter. */
static bool
is_enclosed(const struct parts *p)
{
	return (gp_slice_find(p->before, '"') >= 0 && gp_slice_find(p->behind, '"') >= 0) ||
	       (gp_slice_find(p->before, '(') >= 0 && gp_slice_find(p->behind, ')') >= 0);
}

static bool
is_closing(char c)
{
	return c != '\0' && strchr(" \t,;.\"')", c);
}

static bool
is_end(struct gp_slice behind)
{
	struct gp_scan c = gp_scan(behind);
	gp_scan_while(&c, is_closing);
	return gp_scan_end(&c) || gp_scan_char(&c, '(');
}

int
gp_lone_mailbox_find(struct gp_slice value, struct gp_arena *arena, struct gp_mailbox *ret)
{
	struct parts p;
	*ret = (struct gp_mailbox){};
	if (!cut(value, &p) || is_enclosed(&p) || !is_end(p.behind))
		return 1;
	bool harmless = is_harmless(p.before, arena) && is_harmless(p.behind, arena);
	if (arena->failed)
		return -ENOMEM;
	if (!harmless)
		return 1;
	int r = read_address(p.address, arena, ret);
	if (r == 0)
		ret->name = gp_slice_trim(p.before);
	else
		*ret = (struct gp_mailbox){};
	return r;
}
