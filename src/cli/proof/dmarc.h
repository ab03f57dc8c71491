/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print of a DMARC result. */
#pragma once

#include <jansson.h>

#include "core/dmarc/dmarc.h"

/*
 * The object that stands for it in JSON: result, from_domain, org_domain, policy_domain, policy,
 * disposition, spf_aligned, dkim_aligned, reason; null for what there is not. trail: with the lines
 * of the reasoning, too. NULL: no memory.
 */
json_t *
gp_dmarc_json(const struct gp_dmarc_result *r, bool trail);
