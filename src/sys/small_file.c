/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
gp_file_read_open(int fd, size_t max, struct gp_arena *arena, struct gp_slice *ret)
{
	struct stat st;
	int r = gp_file_stat(fd, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	size_t size = (size_t)st.st_size, at = 0;
	char *to = gp_arena_alloc(arena, size + 1);
	if (!to)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(fd, to + at, size - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	*ret = gp_slice(to, at);
	return 0;
}

int
gp_file_read(struct gp_slice path, size_t max, struct gp_arena *arena, struct gp_slice *ret_content)
{
	int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = gp_file_read_open(fd, max, arena, ret_content);
	close(fd);
	return r;
}

int
gp_file_look(struct gp_slice path)
{
	struct stat st;
	if (stat(path.ptr, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EISDIR;
}

int
gp_file_stat(int fd, struct stat *ret)
{
	return syscall(SYS_fstat, fd, ret) < 0 ? -errno : 0;
}

int
gp_file_line(int fd, char *to, size_t size, size_t *ret_len)
{
	struct stat st;
	int r = gp_file_stat(fd, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	ssize_t n = pread(fd, to, size, 0);
	if (n < 0)
		return -errno;
	struct gp_slice rest = gp_slice(to, (size_t)n), line = gp_slice_cut(&rest, '\n');
	if (line.len == size)
		return -EFBIG;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	*ret_len = line.len;
	explicit_bzero(to + line.len, size - line.len);
	return line.len > 0 ? 0 : -ENODATA;
}

const char *
gp_file_line_trouble(int error)
{
	return error == -ENODATA ? "its first line is empty"
	       : error == -EFBIG ? "its first line is too long"
				 : strerror(-error);
}
