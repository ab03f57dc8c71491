/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/wire.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

int
gp_wire_prepare_tls(void)
{
	signal(SIGPIPE, SIG_IGN);
	return gp_tls_prepare();
}

static ssize_t
result_of(ssize_t n)
{
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

ssize_t
gp_wire_send(int fd, struct gp_tls *tls, struct gp_slice data)
{
	return tls ? gp_tls_write(tls, data)
		   : result_of(send(fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT));
}

ssize_t
gp_wire_receive(int fd, struct gp_tls *tls, char *to, size_t size)
{
	return tls ? gp_tls_read(tls, to, size) : result_of(recv(fd, to, size, MSG_DONTWAIT));
}

const char *
gp_wire_error(const struct gp_tls *tls, ssize_t result)
{
	const char *why = tls ? gp_tls_error(tls) : "";
	return why[0] != '\0' ? why : strerror((int)-result);
}
