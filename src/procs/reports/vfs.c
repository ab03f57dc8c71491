/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/vfs.h"

#include <errno.h>
#include <sqlite3.h>

#include "sys/small_file.h"

static int
keep_path(sqlite3_vfs *vfs, const char *path, int size, char *to)
{
	(void)vfs;
	int n = snprintf(to, (size_t)size, "%s", path);
	return n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
stat_itself(int fd, struct stat *ret)
{
	int r = gp_file_stat(fd, ret);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int
vfs_register(void)
{
	static sqlite3_vfs ours;
	/* Once: it stands in SQLite's list from then on. */
	if (ours.zName)
		return 0;
	sqlite3_vfs *theirs = sqlite3_vfs_find("unix");
	if (!theirs ||
	    theirs->xSetSystemCall(theirs, "fstat", (sqlite3_syscall_ptr)stat_itself) != SQLITE_OK)
		return -ENOENT;
	ours = *theirs;
	ours.zName = VFS_NAME;
	ours.xFullPathname = keep_path;
	return sqlite3_vfs_register(&ours, 1) == SQLITE_OK ? 0 : -ENOENT;
}
