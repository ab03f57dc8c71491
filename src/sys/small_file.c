/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
read_all(int fd, size_t max, struct gp_arena *arena, struct gp_slice *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	size_t size = (size_t)st.st_size, at = 0;
	char *to = gp_arena_alloc(arena, size + 1);
	if (!to)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = read(fd, to + at, size - at);
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
	int r = read_all(fd, max, arena, ret_content);
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
