/* SPDX-License-Identifier: Apache-2.0 */
#include "core/taglist/taglist.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/scan.h"
#include "base/utf8.h"

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_fws(struct gp_scan *c)
{
	enum { FOLD = 3 }; /* CRLF and white space */
	for (;;) {
		struct gp_slice rest = gp_scan_rest(c);
		if (rest.len > 0 && is_wsp(rest.ptr[0]))
			c->at++;
		else if (rest.len >= FOLD && rest.ptr[0] == '\r' && rest.ptr[1] == '\n' &&
			 is_wsp(rest.ptr[2]))
			c->at += FOLD;
		else
			return;
	}
}

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '_';
}

/*
 * How much of the front is printable ASCII without spaces. Eight octets at a time: 0x80 in each of
 * them that is below 0x80, not below 0x21 and not 0x7f.
 */
static size_t
printable_len(struct gp_slice s)
{
	const uint64_t each = 0x0101010101010101;
	size_t at = 0;
	for (uint64_t x; at + sizeof(x) <= s.len; at += sizeof(x)) {
		memcpy(&x, s.ptr + at, sizeof(x));
		uint64_t low = x & 0x7f * each;
		if ((~x & (low + 0x5f * each) & ~(low + each) & 0x80 * each) != 0x80 * each)
			break;
	}
	while (at < s.len && s.ptr[at] > ' ' && s.ptr[at] <= '~')
		at++;
	return at;
}

/* Steps over what may stand in a value, FWS excepted; the semicolon is gone. False: there is
 * nothing of that. */
static bool
skip_text(struct gp_scan *c)
{
	size_t from = c->at;
	for (;;) {
		c->at += printable_len(gp_scan_rest(c));
		size_t len = gp_scan_peek(c) > 0x7f ? gp_utf8_len(gp_scan_rest(c)) : 0;
		if (len == 0)
			return c->at > from;
		c->at += len;
	}
}

/* Reads to the end: what stands there without the FWS behind it. */
static struct gp_slice
read_value(struct gp_scan *c)
{
	size_t from = c->at, len = 0;
	while (!gp_scan_end(c)) {
		if (!skip_text(c)) {
			gp_scan_fail(c);
			break;
		}
		len = c->at - from;
		skip_fws(c);
	}
	return gp_slice_take(gp_slice_drop(c->all, from), len);
}

int
gp_taglist_next(struct gp_slice *rest, struct gp_tag *ret)
{
	struct gp_scan ahead = gp_scan(*rest);
	skip_fws(&ahead);
	if (gp_scan_end(&ahead))
		return 1;
	struct gp_scan c = gp_scan(gp_slice_cut(rest, ';'));
	skip_fws(&c);
	ret->name = gp_scan_while(&c, is_name_octet);
	skip_fws(&c);
	if (ret->name.len == 0 || !gp_ascii_is_alpha(ret->name.ptr[0]) || !gp_scan_char(&c, '='))
		return -EINVAL;
	ret->raw = gp_scan_rest(&c);
	skip_fws(&c);
	ret->value = read_value(&c);
	return c.failed ? -EINVAL : 0;
}

int
gp_taglist_read(struct gp_slice text, struct gp_taglist *ret)
{
	struct gp_slice rest = text;
	struct gp_tag tag;
	int rc;
	ret->len = 0;
	ret->fault_at = 0;
	while ((rc = gp_taglist_next(&rest, &tag)) == 0) {
		if (gp_taglist_find(ret, tag.name))
			return GP_TAGLIST_DUPLICATE;
		if (ret->len == GP_TAGLIST_MAX)
			return GP_TAGLIST_MANY;
		ret->tags[ret->len++] = tag;
		ret->fault_at = text.len - rest.len;
	}
	return rc < 0 || ret->len == 0 ? GP_TAGLIST_MALFORMED : GP_TAGLIST_OK;
}

const struct gp_tag *
gp_taglist_find(const struct gp_taglist *list, struct gp_slice name)
{
	for (size_t i = 0; i < list->len; i++) {
		if (gp_slice_eq(list->tags[i].name, name))
			return &list->tags[i];
	}
	return NULL;
}

static bool
is_fws_octet(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct gp_slice
trim_fws(struct gp_slice s)
{
	while (s.len > 0 && is_fws_octet(s.ptr[0]))
		s = gp_slice_drop(s, 1);
	while (s.len > 0 && is_fws_octet(s.ptr[s.len - 1]))
		s = gp_slice_take(s, s.len - 1);
	return s;
}

bool
gp_taglist_item(struct gp_slice *rest, char separator, struct gp_slice *ret)
{
	if (!rest->ptr)
		return false;
	*ret = trim_fws(gp_slice_cut(rest, separator));
	return true;
}

int
gp_taglist_base64(struct gp_slice value, struct gp_arena *arena, struct gp_slice *ret)
{
	enum { GROUP = 4, PADDING_MAX = 2 };
	char *text = gp_arena_alloc(arena, value.len + PADDING_MAX);
	size_t len = 0;
	if (!text)
		return -ENOMEM;
	while (value.len > 0) {
		size_t run = printable_len(value);
		memcpy(text + len, value.ptr, run);
		len += run;
		value = gp_slice_drop(value, run);
		if (value.len > 0 && !is_fws_octet(value.ptr[0]))
			return 1;
		value = gp_slice_drop(value, 1);
	}
	while (len % GROUP >= GROUP - PADDING_MAX)
		text[len++] = '=';
	return gp_base64_decode(gp_slice(text, len), GP_BASE64, arena, ret);
}
