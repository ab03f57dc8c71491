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
		if (!to)
			return -EFBIG;
		errno = 0;
		size_t n = fread(to, 1, STEP, from);
		if (n == 0)
			return !ferror(from) ? 0 : errno > 0 ? -errno : -EIO;
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
