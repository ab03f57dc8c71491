/* SPDX-License-Identifier: Apache-2.0 */
/* One connection on the loop: how it is made, and how it is waited for. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "sys/address.h"

/* Begins to connect. 0: it stands; -EAGAIN: not yet, and scan_dial_result() tells once the socket
   can be written to; -errno. *ret_fd: -1, or to be closed in any case. */
[[nodiscard]] int
scan_dial(const struct gp_sockaddr *address, int *ret_fd);
/* 0 or -errno. */
[[nodiscard]] int
scan_dial_result(int fd);

/* Waits, again and again, for these events of the socket (none: for the time alone), or for
   wait_ms. The event is zeroed before the first time. */
void
scan_wait(struct event *event, struct event_base *base, int fd, short events, uint64_t wait_ms,
	  event_callback_fn call, void *arg);
/* Accepts one that never waited. */
void
scan_wait_no_more(struct event *event);
