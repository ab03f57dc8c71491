/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/imap_reply.h"

#include <errno.h>

#include "base/scan.h"

static bool
read_number(struct gp_slice text, uint32_t *ret)
{
	uint64_t n;
	if (!gp_slice_u64(text, UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

enum imap_reply_kind
imap_reply_kind(struct gp_slice text, struct gp_slice tag, struct gp_slice *ret_rest)
{
	struct gp_slice first = gp_slice_cut(&text, ' ');
	*ret_rest = text;
	if (gp_slice_eq(first, GP_SLICE("*")))
		return IMAP_REPLY_UNTAGGED;
	if (!gp_slice_eq(first, tag))
		return IMAP_REPLY_STRANGE;
	struct gp_slice condition = gp_slice_cut(ret_rest, ' ');
	return gp_slice_eq_nocase(condition, GP_SLICE("OK"))   ? IMAP_REPLY_OK
	       : gp_slice_eq_nocase(condition, GP_SLICE("NO")) ? IMAP_REPLY_NO
							       : IMAP_REPLY_STRANGE;
}

bool
imap_reply_literal(struct gp_slice line, uint32_t *ret_octets)
{
	ptrdiff_t at = gp_slice_rfind(line, '{');
	if (at < 0 || line.ptr[line.len - 1] != '}')
		return false;
	struct gp_slice number = gp_slice_drop(gp_slice_take(line, line.len - 1), (size_t)at + 1);
	return read_number(number, ret_octets);
}

bool
imap_reply_code(struct gp_slice rest, struct gp_slice name, uint32_t *ret)
{
	if (!gp_slice_eq_nocase(gp_slice_cut(&rest, ' '), GP_SLICE("OK")) ||
	    !gp_slice_starts(rest, GP_SLICE("[")))
		return false;
	rest = gp_slice_drop(rest, 1);
	struct gp_slice code = gp_slice_cut(&rest, ']');
	return gp_slice_eq_nocase(gp_slice_cut(&code, ' '), name) && read_number(code, ret) &&
	       *ret > 0;
}

bool
imap_reply_capable(struct gp_slice rest, struct gp_slice word)
{
	bool found = false;
	if (!gp_slice_eq_nocase(gp_slice_cut(&rest, ' '), GP_SLICE("CAPABILITY")))
		return false;
	while (rest.len > 0 && !found)
		found = gp_slice_eq_nocase(gp_slice_cut(&rest, ' '), word);
	return found;
}

int
imap_reply_search(struct gp_slice *rest, uint32_t *ret)
{
	if (gp_slice_starts_nocase(*rest, GP_SLICE("SEARCH")))
		(void)gp_slice_cut(rest, ' ');
	/* Some servers end the list by a space. */
	if (gp_slice_trim(*rest).len == 0)
		return 0;
	return read_number(gp_slice_cut(rest, ' '), ret) && *ret > 0 ? 1 : -EPROTO;
}

/* Passes over a quoted text, or one other octet. */
static void
pass(struct gp_scan *c)
{
	if (!gp_scan_char(c, '"')) {
		c->at++;
		return;
	}
	while (!gp_scan_end(c) && !gp_scan_char(c, '"')) {
		(void)gp_scan_char(c, '\\');
		c->at += !gp_scan_end(c);
	}
}

bool
imap_reply_fetch(struct gp_slice rest, uint32_t *ret_uid)
{
	uint32_t number;
	if (!read_number(gp_slice_cut(&rest, ' '), &number) ||
	    !gp_slice_eq_nocase(gp_slice_cut(&rest, ' '), GP_SLICE("FETCH")) ||
	    !gp_slice_starts(rest, GP_SLICE("(")))
		return false;
	struct gp_scan c = gp_scan(rest);
	while (!gp_scan_end(&c)) {
		bool word = gp_scan_peek(&c) == ' ' || gp_scan_peek(&c) == '(';
		pass(&c);
		if (word && gp_scan_word(&c, GP_SLICE("UID ")))
			return read_number(gp_scan_while(&c, gp_ascii_is_digit), ret_uid) &&
			       *ret_uid > 0;
	}
	return false;
}
