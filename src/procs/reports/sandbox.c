/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

/* SQLite's, with files that are open; the locks are those of received.db, which others write. */
static const int calls[] = {
	SCMP_SYS(pwrite64),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
};

/* Beyond that, libpq's and OpenSSL's on connections that were made before: there is no socket(2)
   and no connect(2). */
static const int server_calls[] = {
	SCMP_SYS(pwrite64), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate),
	SCMP_SYS(sendto),   SCMP_SYS(recvfrom),  SCMP_SYS(poll),
};

const struct gp_sandbox reports_server_sandbox = {
	.calls = server_calls,
	.calls_len = GP_ARRAY_LEN(server_calls),
	.locks = true, /* of refused.db */
	.crypto = true,
};

const struct gp_sandbox reports_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.locks = true,
};
