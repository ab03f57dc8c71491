/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTA-STS policy that we publish for a domain of our own: what is served at
 * https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 section 3.2).
 */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"

#define GP_MTASTS_PATH "/.well-known/mta-sts.txt"

/*
 * Writes the policy, which gp_mtasts_policy_parse takes, onto `out`. False: the domain has none
 * (mode off), and nothing is written. What does not fit latches out->failed; GP_MTASTS_BODY_MAX
 * always suffices.
 */
bool
gp_mtasts_own_policy(const struct gp_config *cfg, const struct gp_domain_config *domain,
		     struct gp_buf *out);

/* The domain's entry; NULL: it is none of ours. name: lower case, A-labels. */
const struct gp_domain_config *
gp_mtasts_own_domain(const struct gp_config *cfg, struct gp_slice name);
