/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/canonical.h"

#include <errno.h>

/* Forms in which a mail program's export is taken for a message. */
static const char *
find_other_form(struct gp_slice raw)
{
	if (raw.len == 0)
		return "it is empty";
	if (gp_slice_starts(raw, GP_SLICE("\xD0\xCF\x11\xE0")))
		return "it is an Outlook .msg: save the message as .eml, or copy its headers from "
		       "its properties";
	if (gp_slice_starts(raw, GP_SLICE("\xFF\xFE")) ||
	    gp_slice_starts(raw, GP_SLICE("\xFE\xFF")))
		return "it is UTF-16: save it as plain text or .eml";
	if (gp_slice_starts(raw, GP_SLICE("PK\x03\x04")))
		return "it is a zip archive";
	return NULL;
}

static struct gp_slice
skip_line(struct gp_slice s)
{
	ptrdiff_t lf = gp_slice_find(s, '\n');
	return gp_slice_drop(s, lf < 0 ? s.len : (size_t)lf + 1);
}

static struct gp_slice
skip_opening(struct gp_slice s)
{
	if (gp_slice_starts(s, GP_SLICE("\xEF\xBB\xBF")))
		s = gp_slice_drop(s, 3);
	while (s.len > 0 && (s.ptr[0] == '\n' || s.ptr[0] == '\r'))
		s = gp_slice_drop(s, 1);
	return gp_slice_starts(s, GP_SLICE("From ")) ? skip_line(s) : s;
}

/* With CRLF for each `end`. Octet by octet, as a file may be all empty lines. */
static void
put_lines_ending(struct gp_buf *out, struct gp_slice s, char end)
{
	char *to = gp_buf_reserve(out, 2 * s.len);
	size_t len = 0;
	for (size_t i = 0; to && i < s.len; i++) {
		if (s.ptr[i] != end) {
			to[len++] = s.ptr[i];
			continue;
		}
		if (i == 0 || s.ptr[i - 1] != '\r' || end == '\r')
			to[len++] = '\r';
		to[len++] = '\n';
	}
	if (to)
		gp_buf_advance(out, len);
}

int
gp_message_canonical(struct gp_slice raw, struct gp_buf *out, const char **ret_why)
{
	*ret_why = find_other_form(raw);
	if (*ret_why)
		return 1;
	struct gp_slice s = skip_opening(raw);
	ptrdiff_t lf = gp_slice_find(s, '\n');
	if (lf > 0 && s.ptr[lf - 1] == '\r')
		gp_buf_put(out, s);
	else
		put_lines_ending(out, s, lf >= 0 ? '\n' : '\r');
	return out->failed ? -ENOMEM : 0;
}
