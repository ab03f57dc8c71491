/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite/descriptor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sqlite/migrate.h"

#define VFS_NAME "gatepost-descriptor"

struct file {
	sqlite3_file base;
	int fd; /* the caller's */
};

static int
do_close(sqlite3_file *f)
{
	(void)f;
	return SQLITE_OK;
}

/* What is behind the end reads as zeroes, and is told of. */
static int
do_read(sqlite3_file *f, void *to, int size, sqlite3_int64 at)
{
	size_t got = 0, want = (size_t)size;
	while (got < want) {
		ssize_t n = pread(((struct file *)f)->fd, (char *)to + got, want - got,
				  (off_t)at + (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SQLITE_IOERR_READ;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	memset((char *)to + got, 0, want - got);
	return got == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
do_not_write(sqlite3_file *f, const void *from, int size, sqlite3_int64 at)
{
	(void)f, (void)from, (void)size, (void)at;
	return SQLITE_READONLY;
}

static int
do_not_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	(void)f, (void)size;
	return SQLITE_READONLY;
}

static int
do_nothing(sqlite3_file *f, int flags)
{
	(void)f, (void)flags;
	return SQLITE_OK;
}

static int
do_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	struct stat st;
	/* Itself: libc may use a call that takes a path. */
	if (syscall(SYS_fstat, ((struct file *)f)->fd, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int
is_reserved(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = 0;
	return SQLITE_OK;
}

static int
do_control(sqlite3_file *f, int what, void *arg)
{
	(void)f, (void)what, (void)arg;
	return SQLITE_NOTFOUND;
}

static int
sector_size(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

/* So that SQLite neither locks it nor looks for a log or a journal beside it. */
static int
characteristics(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_not_write,
	.xTruncate = do_not_truncate,
	.xSync = do_nothing,
	.xFileSize = do_size,
	.xLock = do_nothing,
	.xUnlock = do_nothing,
	.xCheckReservedLock = is_reserved,
	.xFileControl = do_control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = characteristics,
};

/* The path is the descriptor's number; there are no other files. */
static int
do_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
	uint64_t fd;
	(void)vfs;
	f->pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB) || !path ||
	    !gp_slice_u64(gp_slice_str(path), INT_MAX, &fd))
		return SQLITE_CANTOPEN;
	*(struct file *)f = (struct file){.base = {&methods}, .fd = (int)fd};
	if (ret_flags)
		*ret_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
	return SQLITE_OK;
}

static int
do_not_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	(void)vfs, (void)path, (void)sync;
	return SQLITE_IOERR_DELETE;
}

static int
is_nowhere(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	(void)vfs, (void)path, (void)flags;
	*ret = 0;
	return SQLITE_OK;
}

static int
keep_path(sqlite3_vfs *vfs, const char *path, int size, char *to)
{
	(void)vfs;
	int n = snprintf(to, (size_t)size, "%s", path);
	return n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
register_vfs(void)
{
	static sqlite3_vfs ours;
	if (ours.zName)
		return SQLITE_OK;
	const sqlite3_vfs *theirs = sqlite3_vfs_find("unix");
	if (!theirs)
		return SQLITE_ERROR;
	ours = *theirs; /* its clock, and its randomness */
	ours.pNext = NULL;
	ours.zName = VFS_NAME;
	ours.szOsFile = sizeof(struct file);
	ours.xOpen = do_open;
	ours.xDelete = do_not_delete;
	ours.xAccess = is_nowhere;
	ours.xFullPathname = keep_path;
	return sqlite3_vfs_register(&ours, 0);
}

static int
stop(void *context)
{
	(void)context;
	return 1;
}

int
sqlite_open_descriptor(int fd, sqlite3 **ret)
{
	char path[16];
	*ret = NULL;
	snprintf(path, sizeof(path), "%d", fd);
	if (fd < 0 || register_vfs() != SQLITE_OK)
		return -EIO;
	int r = sqlite_error(sqlite3_open_v2(path, ret, SQLITE_OPEN_READONLY, VFS_NAME));
	if (r < 0)
		return r;
	/* What looks like a table may be a view that has no end. */
	sqlite3_progress_handler(*ret, SQLITE_DESCRIPTOR_STEPS_MAX, stop, NULL);
	/* Sorting makes no files; what the file says of functions and cells is not believed. */
	return sqlite_execute(*ret, "PRAGMA temp_store = MEMORY;"
				    "PRAGMA trusted_schema = OFF;"
				    "PRAGMA cell_size_check = ON;");
}
