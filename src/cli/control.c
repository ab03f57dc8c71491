/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/address.h"

int
gp_control_connect(const struct gp_config *cfg, struct gp_control *ret)
{
	char address[sizeof(ret->path) + sizeof("unix:")];
	struct gp_sockaddr a;
	snprintf(ret->path, sizeof(ret->path), "%.*s/control", GP_SLICE_FMT(cfg->state));
	snprintf(address, sizeof(address), "unix:%s", ret->path);
	ret->fd = -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int error = gp_sockaddr_parse(gp_slice_str(address), 0, &a) == 0 ? 0 : -ENAMETOOLONG;
	if (error == 0 && connect(fd, (const struct sockaddr *)&a.ss, a.len) < 0)
		error = -errno;
	if (error == 0)
		ret->fd = fd;
	else
		close(fd);
	return error;
}
