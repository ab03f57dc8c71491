/* SPDX-License-Identifier: Apache-2.0 */
/* What a chain came to, for programs. */
#pragma once

#include <jansson.h>

#include "core/arc/arc.h"

/*
 * {"result","instances","reason","sealers","oldest_pass","partial"}, and "trace" where it is
 * wanted. oldest_pass is null for a chain that does not pass; partial: the newest signature leaves
 * From or a part of the body open. NULL: no memory.
 */
json_t *
gp_arc_json(const struct gp_arc_verdict *v, bool trace);
