/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {
	SCMP_SYS(accept4), /* commands */
	SCMP_SYS(openat),    SCMP_SYS(unlinkat),  SCMP_SYS(mkdirat),    SCMP_SYS(getdents64),
	SCMP_SYS(pwrite64),  SCMP_SYS(fdatasync), SCMP_SYS(fsync),      SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fstatfs),   SCMP_SYS(newfstatat), /* fdopendir(3) */
};

const struct gp_sandbox spool_sandbox = {
	.calls = calls,
	.calls_len = GP_ARRAY_LEN(calls),
	.dir_access = GP_SANDBOX_READ | GP_SANDBOX_WRITE | GP_SANDBOX_DIRS,
};
