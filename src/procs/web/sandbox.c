/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {
	SCMP_SYS(accept4),    /* clients */
	SCMP_SYS(socketpair), /* a connection to libmicrohttpd */
	SCMP_SYS(recvfrom),   SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),    /* libmicrohttpd, to its end of a pair; */
	SCMP_SYS(setsockopt), /* it tries TCP_NODELAY there, in vain */
};

const struct gp_sandbox web_sandbox = {
	.calls = calls, .calls_len = GP_ARRAY_LEN(calls), .crypto = true};
