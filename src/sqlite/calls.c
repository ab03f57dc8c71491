/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite/calls.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
by_descriptor(int fd, struct stat *ret)
{
	return (int)syscall(SYS_fstat, fd, ret);
}

static int
by_path(const char *path, struct stat *ret)
{
	(void)path, (void)ret;
	errno = EACCES;
	return -1;
}

static int
set(const char *name, sqlite3_syscall_ptr call)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
	return vfs && vfs->xSetSystemCall(vfs, name, call) == SQLITE_OK ? 0 : -ENOENT;
}

int
sqlite_stat_by_descriptor(void)
{
	return set("fstat", (sqlite3_syscall_ptr)by_descriptor);
}

int
sqlite_stat_no_path(void)
{
	return set("stat", (sqlite3_syscall_ptr)by_path);
}
