/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what was sent by what arrived. */
#pragma once

#include "core/probe/probe.h"

/* The lines of canary.h in a file that have this token at their beginning, in the arena. Where the
   file is not there yet, nothing has arrived. Returns 0 or -errno. */
[[nodiscard]] int
scan_arrivals_read(const char *list, struct gp_slice token, struct gp_arena *arena,
		   struct gp_slice *ret);

/* Judges by such lines. 0 or -ENOMEM. */
[[nodiscard]] int
scan_arrivals_judge(struct gp_slice lines, struct gp_probe *probe);
