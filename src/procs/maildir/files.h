/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer does to the file system, as a table: the tests put another one in its place, that
 * records the order of the calls and lets any of them fail.
 *
 * All names are single components unless said otherwise; no call follows a symbolic link. Functions
 * return 0 or a descriptor, or -errno.
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct gp_maildir_files {
	/* The directory at a relative path of several components, all of it below root. -ENOSYS:
	   the kernel cannot do that in one call. */
	int (*open_below)(int root_fd, const char *path);
	int (*open_dir)(int parent_fd, const char *name);
	/* Mode 0700. */
	int (*make_dir)(int parent_fd, const char *name);
	/* A new file, mode 0600, for writing; -EEXIST when the name is taken. */
	int (*create)(int dir_fd, const char *name);
	/* All of s. */
	int (*write)(int fd, struct gp_slice s);
	/* How many octets were read; 0: the file ends before `at`. */
	ssize_t (*read_at)(int fd, char *to, size_t size, uint64_t at);
	int (*sync)(int fd);
	/* Makes the octets of a file set out for the disk, and waits for nothing. It promises
	   nothing: its failure shows in the sync. */
	void (*start_writing)(int fd);
	/* A number for the file system that fd is on. */
	int (*device)(int fd, uint64_t *ret);
	/* Syncs all of the file system that fd is on; fails also by an error in writing anything
	   on it since fd was opened. 1: not known to be so on this file system or kernel, sync each
	   file instead. 0 is no proof on a file system that has turned read-only by itself. */
	int (*sync_whole)(int fd);
	/* Monotonic milliseconds. */
	uint64_t (*now_ms)(void);
	/* Gives the file its final name; -EEXIST when that is taken, and nothing changed. */
	int (*publish)(int from_fd, const char *from, int to_fd, const char *to);
	int (*remove)(int dir_fd, const char *name);
	void (*close)(int fd);
};

/* The real one. */
extern const struct gp_maildir_files gp_maildir_files;
