/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/imap_progress.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/replace_file.h"

enum { LINE_MAX_OCTETS = 4096 };

static void
put_name(struct gp_buf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ' ' || *name == '%')
			gp_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*name);
		else
			gp_buf_put_char(out, *name);
	}
	gp_buf_put_char(out, ' ');
}

/* All of the line that stands before the numbers. */
static struct gp_buf
folder_of(const struct imap_url *url)
{
	struct gp_buf out = GP_BUF_INIT(LINE_MAX_OCTETS);
	put_name(&out, url->server);
	put_name(&out, url->user);
	put_name(&out, url->folder);
	return out;
}

static bool
read_line(struct gp_slice line, struct gp_slice folder, struct imap_progress *ret)
{
	uint64_t validity, last;
	if (!gp_slice_starts(line, folder) || line.ptr[line.len - 1] != '\n')
		return false;
	struct gp_slice rest = gp_slice_drop(gp_slice_take(line, line.len - 1), folder.len);
	struct gp_slice first = gp_slice_cut(&rest, ' ');
	if (!gp_slice_u64(first, UINT32_MAX, &validity) || !gp_slice_u64(rest, UINT32_MAX, &last))
		return false;
	*ret = (struct imap_progress){(uint32_t)validity, (uint32_t)last};
	return true;
}

int
imap_progress_read(const char *path, const struct imap_url *url, struct imap_progress *ret)
{
	char line[LINE_MAX_OCTETS];
	*ret = (struct imap_progress){};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ssize_t n = read(fd, line, sizeof(line));
	int r = n < 0 ? -errno : 0;
	close(fd);
	struct gp_buf folder = folder_of(url);
	if (r == 0)
		r = !read_line(gp_slice(line, (size_t)n), gp_buf_slice(&folder), ret);
	gp_buf_free(&folder);
	return r;
}

int
imap_progress_write(const char *path, const struct imap_url *url, const struct imap_progress *p)
{
	char first[PATH_MAX], second[PATH_MAX];
	if (snprintf(first, sizeof(first), "%s", path) >= (int)sizeof(first))
		return -ENAMETOOLONG;
	snprintf(second, sizeof(second), "%s", path);
	int folder = open(dirname(first), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	struct gp_buf line = folder_of(url);
	gp_buf_printf(&line, "%u %u\n", p->validity, p->last);
	int r = line.failed
			? -ENOMEM
			: gp_cli_replace_file(folder, basename(second), gp_buf_slice(&line), NULL);
	gp_buf_free(&line);
	close(folder);
	return r;
}
