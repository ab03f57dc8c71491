/* SPDX-License-Identifier: Apache-2.0 */
/* The file of submission users: opened here, read by auth alone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "procs/supervisor/supervisor.h"
#include "sys/log.h"

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Who takes the file away wants nobody to log in any more. */
static int
open_nothing(struct gp_slice path)
{
	gp_warning("no_users", GP_F("path", path), GP_FS("reason", strerror(errno)));
	return memfd_create("users", MFD_CLOEXEC);
}

bool
users_file_renew(struct users_file *u, struct gp_slice path)
{
	struct stat now = {};
	if (path.len == 0)
		return false;
	/* A path that is no file would keep us waiting, or be no one's list of users. */
	int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &now) < 0)
		now = (struct stat){};
	if (u->known && is_same(&now, &u->seen)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd < 0)
		fd = open_nothing(path);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = fd;
	u->seen = now;
	u->known = true;
	return fd >= 0;
}
