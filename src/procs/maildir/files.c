/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/maildir/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/small_file.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int
or_errno(int r)
{
	return r < 0 ? -errno : r;
}

static int
open_below(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = DIR_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	return or_errno((int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how)));
}

static int
open_dir(int parent_fd, const char *name)
{
	return or_errno(openat(parent_fd, name, DIR_FLAGS));
}

static int
make_dir(int parent_fd, const char *name)
{
	return or_errno(mkdirat(parent_fd, name, 0700));
}

static int
create(int dir_fd, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	return or_errno(openat(dir_fd, name, flags, 0600));
}

static int
write_all(int fd, struct gp_slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.ptr, s.len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		if (n > 0)
			s = gp_slice_drop(s, (size_t)n);
	}
	return 0;
}

static ssize_t
read_at(int fd, char *to, size_t size, uint64_t at)
{
	ssize_t n;
	do {
		n = pread(fd, to, size, (off_t)at);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int
sync_file(int fd)
{
	return or_errno(fsync(fd));
}

static void
start_writing(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int
device(int fd, uint64_t *ret)
{
	struct stat st;
	int r = gp_file_stat(fd, &st);
	if (r == 0)
		*ret = st.st_dev;
	return r;
}

/* Before Linux 5.8 syncfs(2) does not report that writing failed. */
static bool
syncfs_reports_errors(void)
{
	enum { MAJOR = 5, MINOR = 8 };
	struct utsname name;
	char *end;
	if (uname(&name) < 0)
		return false;
	unsigned long major = strtoul(name.release, &end, 10);
	unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major > MAJOR || (major == MAJOR && minor >= MINOR);
}

/* Only where the call is known to end with a commit of the journal and a flush of the disk: through
 * FUSE, for one, it reaches no further than the server that stands behind it. */
static int
sync_whole(int fd)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if ((fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC) ||
	    !syncfs_reports_errors())
		return 1;
	return or_errno(syncfs(fd));
}

static int
publish(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system without that flag, such as NFS: the classic way takes two steps. */
	if (linkat(from_fd, from, to_fd, to, 0) < 0)
		return -errno;
	(void)unlinkat(from_fd, from, 0);
	return 0;
}

static int
remove_file(int dir_fd, const char *name)
{
	return or_errno(unlinkat(dir_fd, name, 0));
}

static void
close_fd(int fd)
{
	(void)close(fd);
}

const struct gp_maildir_files gp_maildir_files = {
	.open_below = open_below,
	.open_dir = open_dir,
	.make_dir = make_dir,
	.create = create,
	.write = write_all,
	.read_at = read_at,
	.sync = sync_file,
	.start_writing = start_writing,
	.device = device,
	.sync_whole = sync_whole,
	.now_ms = gp_clock_monotonic_ms,
	.publish = publish,
	.remove = remove_file,
	.close = close_fd,
};
