/* SPDX-License-Identifier: Apache-2.0 */
/* The clean world's domain, asked about as most tests do. */
#pragma once

#include "world.h"

/* Of an evaluation, at most. */
enum { ROUNDS_MAX = 24 };

static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};

static const struct gp_posture_query query = {
	.domain = {"d.test", 6},
	.now_s = 1'700'000'000,
	.selectors = selectors,
	.selectors_len = GP_ARRAY_LEN(selectors),
	.validated = true,
};

static inline void
run(const struct gp_answers *world, const struct gp_posture_query *q, struct gp_arena *arena,
    struct gp_posture_result *ret)
{
	assert_int_equal(gp_posture_eval(q, world, arena, ret), GP_POSTURE_DONE);
}
