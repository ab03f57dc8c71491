/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

int
scan_dial(const struct gp_sockaddr *address, int *ret_fd)
{
	const int one = 1;
	int fd = socket(address->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	*ret_fd = fd;
	if (fd < 0)
		return -errno;
	/* Commands are short, and each waits for the answer to the one before. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&address->ss, address->len) == 0)
		return 0;
	return errno == EINPROGRESS ? -EAGAIN : -errno;
}

int
scan_dial_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	return -error;
}

void
scan_wait(struct event *event, struct event_base *base, int fd, short events, uint64_t wait_ms,
	  event_callback_fn call, void *arg)
{
	wait_ms = GP_MIN(wait_ms, (uint64_t)1 << 31);
	const struct timeval tv = {.tv_sec = (time_t)(wait_ms / 1000),
				   .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
	events |= EV_PERSIST;
	if (event_initialized(event) && event_get_events(event) != events)
		event_del(event);
	if (!event_initialized(event) || event_get_events(event) != events)
		event_assign(event, base, fd, events, call, arg);
	event_add(event, &tv);
}

void
scan_wait_no_more(struct event *event)
{
	if (event_initialized(event))
		event_del(event);
	memset(event, 0, sizeof(*event));
}
