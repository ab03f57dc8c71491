/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

#include <seccomp.h>

static const int calls[] = {SCMP_SYS(getrandom)}; /* SCRAM's nonces */

const struct gp_sandbox auth_sandbox = {.calls = calls, .calls_len = GP_ARRAY_LEN(calls)};
const struct gp_sandbox auth_dovecot_sandbox = {
	.calls = calls, .calls_len = GP_ARRAY_LEN(calls), .dial_unix = true};
