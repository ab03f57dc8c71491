/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print of an SPF result. */
#pragma once

#include <jansson.h>

#include "core/spf/spf.h"

/*
 * The object that stands for it in JSON: result, domain, scope, mechanism, explanation, lookups,
 * void_lookups, reason; null for what there is not. scope: enum gp_spf_scope, of the query. trace:
 * with the lines of the trail, too. NULL: no memory.
 */
json_t *
gp_spf_json(const struct gp_spf_result *r, uint8_t scope, bool trace);
