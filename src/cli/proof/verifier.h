/* SPDX-License-Identifier: Apache-2.0 */
/* A stored message, verified: core/verify with the DNS of lookup.h. */
#pragma once

#include "cli/lookup.h"
#include "core/verify/verify.h"

/*
 * Verifies a message with CRLF line ends; all that can be asked at once is. After a minute what has
 * no answer is none. Returns 0, and *ret has the facts; free it. 1: its header is too large.
 * -ENOMEM.
 */
[[nodiscard]] int
gp_verifier_run(struct gp_lookup *l, const struct gp_verify_query *query, struct gp_slice message,
		struct gp_verify **ret);
