/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {
	SCMP_SYS(accept4), /* clients */
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
};

const struct gp_sandbox web_sandbox = {
	.calls = calls, .calls_len = GP_ARRAY_LEN(calls), .crypto = true};
