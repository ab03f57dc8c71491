/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

/* Time that a mail may take. */
static const int calls[] = {
	SCMP_SYS(setitimer),
};

const struct gp_sandbox ingest_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
};
