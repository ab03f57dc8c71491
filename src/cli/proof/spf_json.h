/* SPDX-License-Identifier: Apache-2.0 */
/* What an evaluation of SPF came to, for programs. */
#pragma once

#include <jansson.h>

#include "core/spf/spf.h"

/*
 * {"result","domain","scope","mechanism","explanation","lookups","void_lookups","reason"}; null for
 * what there is not. scope: enum gp_spf_scope. trace: with what became of each term. NULL: no
 * memory.
 */
json_t *
gp_spf_json(const struct gp_spf_result *r, uint8_t scope, bool trace);
