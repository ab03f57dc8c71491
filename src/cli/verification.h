/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that is all there, verified: drives core/verify with a command's DNS until it is done,
 * and shows what it came to.
 *
 *     rc = gp_verification_run(&lookup, &query, message, &v);
 *     if (rc == GP_VERIFY_DONE)
 *             facts = gp_verify_facts(v);
 *     gp_verify_free(v);
 */
#pragma once

#include <jansson.h>

#include "cli/lookup.h"
#include "core/verify/verify.h"

/* What is not answered when a round of questions would begin so late is not awaited (RFC 7208
 * section 4.6.4: 20 s at least for all of SPF). */
enum { GP_VERIFICATION_TIME_MAX_MS = 20'000 };

/*
 * message: canonical (message_file.h). A lookup over the network has room for the questions of one
 * message, and of a few others at most. *ret lives until gp_verify_free in any case, NULL included.
 * Returns GP_VERIFY_DONE or GP_VERIFY_TOO_BIG; -ENOMEM, -errno.
 */
[[nodiscard]] int
gp_verification_run(struct gp_lookup *lookup, const struct gp_verify_query *query,
		    struct gp_slice message, struct gp_verify **ret);

/*
 * Sets spf, dkim (a list), arc and dmarc in the object; what was left out is null. trace: with each
 * one's reasoning. False: no memory.
 */
[[nodiscard]] bool
gp_verification_json(const struct gp_verify_facts *facts, bool trace, json_t *object);
