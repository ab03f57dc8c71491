/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH_LEN_MAX = 4096 };

static int
sync_file(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

static int
replace(const char *path, struct gp_slice text, bool synced)
{
	char beside[PATH_LEN_MAX];
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text.ptr, text.len);
	int r = n == (ssize_t)text.len ? 0 : n < 0 ? -errno : -ENOSPC;
	if (r == 0 && synced)
		r = sync_file(fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	return r;
}

int
scan_file_replace(const char *path, struct gp_slice text)
{
	return replace(path, text, false);
}

int
scan_file_keep(const char *path, struct gp_slice text, int told)
{
	int r = sync_file(told);
	/* Pipes and terminals keep nothing. */
	return r == 0 || r == -EINVAL || r == -EROFS ? replace(path, text, true) : r;
}
