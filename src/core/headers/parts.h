/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder. */
#pragma once

#include "core/headers/headers.h"

/* Sets the verdict and its reasons, from all else in *h. */
void
gp_headers_judge(struct gp_headers *h, const struct gp_headers_query *query,
		 struct gp_arena *arena);
