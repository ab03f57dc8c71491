/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

/* SQLite's, with files that are open; the locks are those of received.db, which others write. */
static const int calls[] = {
	SCMP_SYS(pwrite64),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
};

const struct gp_sandbox reports_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.locks = true,
};
