/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {
	SCMP_SYS(openat), SCMP_SYS(openat2),   SCMP_SYS(mkdirat),  SCMP_SYS(fsync),
	SCMP_SYS(linkat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat), SCMP_SYS(sync_file_range),
	SCMP_SYS(syncfs), SCMP_SYS(fstatfs),   SCMP_SYS(uname),
};

const struct gp_sandbox maildir_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.dir_access = GP_SANDBOX_READ | GP_SANDBOX_WRITE | GP_SANDBOX_DIRS,
};
