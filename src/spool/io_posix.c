/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/io.h"

/* The largest count that one transfer takes on Linux is a little under 2 GB. */
static const size_t transfer_max = 1 << 30;

static int
posix_open(void *io, int dirfd, const char *name, enum gp_io_open how)
{
	(void)io;
	static const int flags[] = {
		[GP_IO_READ] = O_RDONLY,
		[GP_IO_DIRECT] = O_RDONLY | O_DIRECT,
		[GP_IO_WRITE] = O_RDWR,
		[GP_IO_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	int fd;
	do
		fd = openat(dirfd, name, flags[how] | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static int
posix_open_dir(void *io, int dirfd, const char *name)
{
	(void)io;
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static void
posix_close(void *io, int fd)
{
	(void)io;
	close(fd);
}

static int
posix_pwrite(void *io, int fd, struct gp_slice data, uint64_t offset)
{
	(void)io;
	while (data.len > 0) {
		ssize_t n = pwrite(fd, data.ptr, GP_MIN(data.len, transfer_max), (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data = gp_slice_drop(data, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

static int64_t
posix_pread(void *io, int fd, char *to, size_t len, uint64_t offset)
{
	(void)io;
	size_t got = 0;
	while (got < len) {
		ssize_t n =
			pread(fd, to + got, GP_MIN(len - got, transfer_max), (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EINVAL && got % GP_IO_ALIGN != 0)
			break; /* O_DIRECT: the file ended inside the block before */
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (int64_t)got;
}

/*
 * Not repeated on EINTR: what a second call would say about the first one's pages is unknown.
 *
 * ext4 can answer 0 to a sync that its own failure overtakes: turning preallocated blocks into
 * written ones is a transaction of the journal, and when that is given up the caller does not hear
 * of it. A write of nothing asks whether the file system still takes writes, so a 0 counts when
 * that was so after it. tests/crash/README.md has what was seen, and what is not explained.
 */
static int
posix_fdatasync(void *io, int fd)
{
	(void)io;
	return fdatasync(fd) < 0 || pwrite(fd, "", 0, 0) < 0 ? -errno : 0;
}

static int
posix_fsync_dir(void *io, int dirfd)
{
	(void)io;
	return fsync(dirfd) < 0 ? -errno : 0;
}

static int
posix_ftruncate(void *io, int fd, uint64_t size)
{
	(void)io;
	int rc;
	do
		rc = ftruncate(fd, (off_t)size);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* For file systems that cannot allocate without writing. */
static int
write_zeros(int fd, uint64_t size)
{
	static const char zeros[1 << 16];
	int rc = 0;
	for (uint64_t at = 0; at < size && rc == 0; at += sizeof(zeros)) {
		size_t n = (size_t)GP_MIN(size - at, (uint64_t)sizeof(zeros));
		rc = posix_pwrite(NULL, fd, gp_slice(zeros, n), at);
	}
	return rc;
}

static int
posix_allocate(void *io, int fd, uint64_t size)
{
	(void)io;
	int rc;
	do
		rc = fallocate(fd, 0, 0, (off_t)size);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno == EOPNOTSUPP)
		return write_zeros(fd, size);
	return rc < 0 ? -errno : 0;
}

static int
posix_unlink(void *io, int dirfd, const char *name)
{
	(void)io;
	return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

static int
walk(DIR *dir, int (*each)(void *arg, const char *name), void *arg)
{
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(dir);
		if (!d)
			return -errno;
		struct gp_slice name = gp_slice_str(d->d_name);
		if (gp_slice_eq(name, GP_SLICE(".")) || gp_slice_eq(name, GP_SLICE("..")))
			continue;
		int rc = each(arg, d->d_name);
		if (rc < 0)
			return rc;
	}
}

static int
posix_list(void *io, int dirfd, int (*each)(void *arg, const char *name), void *arg)
{
	(void)io;
	/* A descriptor of its own: closedir closes it, and the caller's position stays. */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int err = -errno;
		close(fd);
		return err;
	}
	int rc = walk(dir, each, arg);
	closedir(dir);
	return rc;
}

static int
posix_size(void *io, int fd, uint64_t *ret_size)
{
	(void)io;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int
posix_free_space(void *io, int dirfd, uint64_t *ret_free)
{
	(void)io;
	struct statvfs v;
	if (fstatvfs(dirfd, &v) < 0)
		return -errno;
	*ret_free = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

struct gp_io
gp_io_posix(void)
{
	static const struct gp_io_ops ops = {
		.open = posix_open,
		.open_dir = posix_open_dir,
		.close = posix_close,
		.pwrite = posix_pwrite,
		.pread = posix_pread,
		.fdatasync = posix_fdatasync,
		.fsync_dir = posix_fsync_dir,
		.ftruncate = posix_ftruncate,
		.fallocate = posix_allocate,
		.unlink = posix_unlink,
		.list = posix_list,
		.size = posix_size,
		.free_space = posix_free_space,
	};
	return (struct gp_io){.ops = &ops};
}
