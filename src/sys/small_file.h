/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read whole: configuration and what it names. */
#pragma once

#include <sys/stat.h>

#include "base/arena.h"

/* Reads a regular file of at most max octets; path ends in a NUL behind its len. 0, -EFBIG,
 * -EISDIR, -errno. */
[[nodiscard]] int
gp_file_read(struct gp_slice path, size_t max, struct gp_arena *arena,
	     struct gp_slice *ret_content);

/* The same of a file that is open, from its beginning; the descriptor stays where it stands. */
[[nodiscard]] int
gp_file_read_open(int fd, size_t max, struct gp_arena *arena, struct gp_slice *ret);

/* Whether a regular file is there, which need not be ours to read; path as above. Returns 0,
   -EISDIR, -errno. */
[[nodiscard]] int
gp_file_look(struct gp_slice path);

/*
 * The first line of a regular file, without its end: a secret that an operator wrote. What is read
 * behind it is overwritten. Returns 0; -ENODATA: it is empty; -EFBIG: it has no end within size
 * octets; -EINVAL: no regular file; -errno.
 */
[[nodiscard]] int
gp_file_line(int fd, char *to, size_t size, size_t *ret_len);
/* What such an error is, in words. */
const char *
gp_file_line_trouble(int error);

/* fstat(2) itself: libc's may use the call that takes a path, which most sandboxes refuse. Returns
 * 0 or -errno. */
[[nodiscard]] int
gp_file_stat(int fd, struct stat *ret);
