/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/message_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void
gp_message_put_lines(struct gp_buf *out, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		gp_buf_put(out, line);
		gp_buf_put_str(out, "\r\n");
	}
}

static int
read_stream(FILE *from, struct gp_buf *out)
{
	enum { STEP = 64 * 1024 };
	for (;;) {
		char *to = gp_buf_reserve(out, STEP);
		size_t n = to ? fread(to, 1, STEP, from) : 0;
		if (!to)
			return -EFBIG;
		if (n == 0)
			return ferror(from) ? -EIO : 0;
		gp_buf_advance(out, n);
	}
}

int
gp_message_read(const char *path, struct gp_buf *out)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *from = standard ? stdin : fopen(path, "re");
	if (!from)
		return -errno;
	int r = read_stream(from, out);
	if (!standard)
		fclose(from);
	return r;
}

bool
gp_message_has_lf(struct gp_slice text)
{
	ptrdiff_t at = gp_slice_find(text, '\n');
	return at == 0 || (at > 0 && text.ptr[at - 1] != '\r');
}

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

int
gp_message_file_read(const char *name, struct gp_buf *ret, const char **ret_why)
{
	struct gp_buf raw = GP_BUF_INIT(GP_MESSAGE_FILE_MAX);
	int r = gp_message_read(name, &raw);
	if (r == 0)
		r = gp_message_canonical(gp_buf_slice(&raw), ret, ret_why);
	gp_buf_free(&raw);
	return r;
}
