/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {
	SCMP_SYS(getrandom), /* nonces, blinding, tickets' secrets */
};

const struct gp_sandbox signer_sandbox = {.calls = calls, .calls_len = GP_ARRAY_LEN(calls)};
