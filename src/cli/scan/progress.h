/* SPDX-License-Identifier: Apache-2.0 */
/* How far a run has come: a line on a terminal, and a file for Prometheus. */
#pragma once

#include "cli/progress_line.h"
#include "cli/scan/engine.h"
#include "core/finding/finding.h"

struct scan_progress {
	bool line; /* on standard error */
	struct gp_progress_line shown;
	const char *metrics; /* path of a file that is replaced; NULL: none */
	uint64_t findings[GP_SEVERITY_CRITICAL + 1]; /* that failed; the caller counts */
};

void
scan_progress_begin(struct scan_progress *p, uint64_t turns_done);

/* Returns 0, or -errno: the file could not be written. */
[[nodiscard]] int
scan_progress_tell(struct scan_progress *p, const struct scan_counts *counts, bool last);

/* In the exposition format of Prometheus, version 0.0.4. */
void
scan_metrics_write(struct gp_buf *out, const struct scan_counts *counts,
		   const struct scan_progress *p, double seconds);
