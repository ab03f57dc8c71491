/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door between the storage engine and the system: nothing else in src/spool makes a system
 * call on files. io_posix.c is the real back end; the tests put a disk of their own behind it that
 * loses, tears and refuses.
 *
 * All functions return -errno on failure. EINTR and short transfers are the back end's business: a
 * transfer is whole or it is an error; only pread may return less than asked, at the end of the
 * file. Names are plain file names inside the directory that a descriptor stands for.
 */
#pragma once

#include "base/slice.h"

enum gp_io_open {
	GP_IO_READ,   /* an existing file, for reading */
	GP_IO_DIRECT, /* the same, past the page cache where the file system can: after a failed
			 sync the cache may show what the disk does not have. Offsets, lengths and
			 addresses are multiples of GP_IO_ALIGN */
	GP_IO_WRITE,  /* an existing file, for writing and reading */
	GP_IO_CREATE, /* a new file, for writing and reading; -EEXIST when the name is taken */
};

enum {
	GP_IO_ALIGN = 4096,
	GP_IO_NAME_MAX = 64, /* octets of a file name of ours, NUL included */
};

struct gp_io_ops {
	/* A file in the directory. Mode 0600, close-on-exec. Returns the descriptor. */
	int (*open)(void *io, int dirfd, const char *name, enum gp_io_open how);

	/* The directory `name` in dirfd, made when it is missing (mode 0700; not synced). Returns a
	   descriptor. */
	int (*open_dir)(void *io, int dirfd, const char *name);

	/* Never fails; nothing is synced by it. */
	void (*close)(void *io, int fd);

	/* All of data at that offset. Returns 0. */
	int (*pwrite)(void *io, int fd, struct gp_slice data, uint64_t offset);

	/* Returns the octets read: less than len only at the end of the file. */
	int64_t (*pread)(void *io, int fd, char *to, size_t len, uint64_t offset);

	/* Content and size of the file are on stable storage when it returns 0. After a failure the
	   caller never syncs this descriptor again. */
	int (*fdatasync)(void *io, int fd);

	/* Names made and removed in the directory are on stable storage when it returns 0. */
	int (*fsync_dir)(void *io, int dirfd);

	int (*ftruncate)(void *io, int fd, uint64_t size);

	/* Blocks for [0, size), zeroed; the file is then that long. -ENOSPC leaves a file to be
	   unlinked. */
	int (*fallocate)(void *io, int fd, uint64_t size);

	int (*unlink)(void *io, int dirfd, const char *name);

	/* Calls each() for every name but "." and ".."; a negative answer ends the walk and is
	   returned. */
	int (*list)(void *io, int dirfd, int (*each)(void *arg, const char *name), void *arg);

	/* Length of an open file. */
	int (*size)(void *io, int fd, uint64_t *ret_size);

	/* Octets of the file system that this process may still use. */
	int (*free_space)(void *io, int dirfd, uint64_t *ret_free);
};

/* A back end and its state. Passed by value; must outlive the store. */
struct gp_io {
	const struct gp_io_ops *ops;
	void *ctx;
};

/* The real files. No state. */
struct gp_io
gp_io_posix(void);
