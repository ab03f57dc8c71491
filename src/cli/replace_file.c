/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int
take_owner(int fd, const struct stat *like)
{
	bool same = like->st_uid == geteuid() && like->st_gid == getegid();
	if (!same && fchown(fd, like->st_uid, like->st_gid) < 0)
		return -errno;
	return fchmod(fd, like->st_mode & 07777) < 0 ? -errno : 0;
}

static int
write_all(int fd, struct gp_slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0)
			return -errno;
		text = gp_slice_drop(text, (size_t)n);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int
gp_cli_replace_file(int folder, const char *name, struct gp_slice text, const struct stat *like)
{
	char beside[NAME_MAX + 1];
	if (snprintf(beside, sizeof(beside), "%s.new", name) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	/* One that is there is what a crash left: the folder is locked. */
	if (unlinkat(folder, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = like ? take_owner(fd, like) : 0;
	if (r == 0)
		r = write_all(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(folder, beside, folder, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(folder, beside, 0);
	else if (fsync(folder) < 0)
		r = -errno;
	return r;
}
