/* SPDX-License-Identifier: Apache-2.0 */
/* How far a run has come: a line on standard error, and a file for Prometheus. */
#pragma once

#include "base/buf.h"
#include "cli/asks.h"
#include "cli/progress_line.h"
#include "core/finding/finding.h"

struct audit_progress {
	bool line; /* on standard error */
	struct gp_progress_line shown;
	const char *metrics;    /* path of a file that is replaced; NULL: none */
	uint64_t domains, told; /* the caller counts; those of earlier runs too */
	uint64_t findings[GP_SEVERITY_CRITICAL + 1]; /* that failed; the caller counts */
};

/* Returns 0, or -errno: the file could not be written. */
[[nodiscard]] int
audit_progress_tell(struct audit_progress *p, const struct gp_asks_counts *dns, bool last);

/* In the exposition format of Prometheus, version 0.0.4. */
void
audit_metrics_write(struct gp_buf *out, const struct audit_progress *p,
		    const struct gp_asks_counts *dns, double seconds);
