/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "procs/supervisor/supervisor.h"

/* proc(5): the state is the letter behind the name, which stands in brackets and may hold any. */
bool
process_waits_for_disk(pid_t pid)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	struct gp_slice stat = gp_slice(text, n > 0 ? (size_t)n : 0);
	ptrdiff_t end = gp_slice_rfind(stat, ')');
	return end >= 0 && gp_slice_starts(gp_slice_drop(stat, (size_t)end), GP_SLICE(") D"));
}
