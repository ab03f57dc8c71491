/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/sandbox.h"

#include <seccomp.h>

/* Its work comes as descriptors; each has its time. */
static const int calls[] = {SCMP_SYS(recvmsg), SCMP_SYS(setitimer)};

const struct gp_sandbox reports_reader_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
};
