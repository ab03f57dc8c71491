/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

/* libcurl's and OpenSSL's. The port is the configured one: main.c. */
static const int calls[] = {
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(poll),
	SCMP_SYS(getrandom),   SCMP_SYS(futex),     /* pthread_once(3) says that it is done */
	SCMP_SYS(ftruncate),   SCMP_SYS(fdatasync), /* the policies' files */
};

const struct gp_sandbox fetch_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.dial_port = 443,
};
