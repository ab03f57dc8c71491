/* SPDX-License-Identifier: Apache-2.0 */
/* A domain's posture in the form that was asked for. */
#pragma once

#include "cli/audit/baselines.h"
#include "cli/findings/findings.h"
#include "core/posture/posture.h"

/* Text tells the class behind the name, JSON beside it; other forms tell findings alone, of which
   each rule of a baseline is one. Into w->out; the arena holds texts. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_report_write(struct findings_writer *w, const struct gp_posture_result *r,
		   const struct audit_judged *judged, struct gp_arena *arena);
