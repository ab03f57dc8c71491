/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/vfs.h"

#include <errno.h>
#include <sqlite3.h>

#include "sqlite/calls.h"

static int
keep_path(sqlite3_vfs *vfs, const char *path, int size, char *to)
{
	(void)vfs;
	int n = snprintf(to, (size_t)size, "%s", path);
	return n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

int
vfs_register(void)
{
	static sqlite3_vfs ours;
	/* Once: it stands in SQLite's list from then on. */
	if (ours.zName)
		return 0;
	sqlite3_vfs *theirs = sqlite3_vfs_find("unix");
	if (!theirs || sqlite_stat_by_descriptor() < 0)
		return -ENOENT;
	ours = *theirs;
	ours.zName = VFS_NAME;
	ours.xFullPathname = keep_path;
	return sqlite3_vfs_register(&ours, 1) == SQLITE_OK ? 0 : -ENOENT;
}
