/* SPDX-License-Identifier: Apache-2.0 */
/* Findings in one more form, into a file of their own. Each function returns 0, -ENOMEM or -EIO. */
#pragma once

#include <stdio.h>

#include "cli/audit/baselines.h"

struct audit_copy {
	FILE *out; /* the caller's */
	struct findings_writer writer;
	struct gp_buf text;
};

/* format: enum findings_format. To be freed. */
void
audit_copy_begin(struct audit_copy *c, FILE *out, uint8_t format);
void
audit_copy_free(struct audit_copy *c);
[[nodiscard]] int
audit_copy_domain(struct audit_copy *c, const struct gp_posture_result *r,
		  const struct audit_judged *judged, struct gp_arena *arena);
[[nodiscard]] int
audit_copy_address(struct audit_copy *c, struct gp_slice address,
		   const struct gp_findings *findings, struct gp_arena *arena);
[[nodiscard]] int
audit_copy_end(struct audit_copy *c);
