/* SPDX-License-Identifier: Apache-2.0 */
/* The baselines of --baseline: shipped ones by name, and files. */
#pragma once

#include "cli/audit/options.h"
#include "cli/findings/findings.h"
#include "core/baseline/baseline.h"

struct audit_baselines {
	struct gp_baseline list[AUDIT_BASELINES_MAX];
	struct gp_slice texts[AUDIT_BASELINES_MAX]; /* the files that they were read from */
	/* By baseline and rule: for formats that know findings alone. */
	const struct gp_finding_kind *kinds[AUDIT_BASELINES_MAX];
	size_t len;
};

/* What they said of one domain: an array for each, by rule. */
struct audit_judged {
	const struct audit_baselines *baselines;
	const struct gp_baseline_result *results[AUDIT_BASELINES_MAX];
	bool failed; /* some rule did */
};

/* All lives in the arena. Returns an exit code, after saying to standard error what is wrong. */
[[nodiscard]] int
audit_baselines_read(struct audit_baselines *ret, const struct audit_options *o,
		     struct gp_arena *arena);

/* Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_baselines_judge(const struct audit_baselines *baselines, const struct gp_posture_query *query,
		      const struct gp_posture_result *posture, struct gp_arena *arena,
		      struct audit_judged *ret);

/* What failed and what was not measured, as lines for people behind those of the findings. */
void
audit_baselines_text(const struct audit_judged *judged, struct gp_arena *arena, struct gp_buf *out);

/* The object "baselines": an array of rules for each. NULL: no memory. The caller's. */
json_t *
audit_baselines_json(const struct audit_judged *judged, struct gp_arena *arena);

/* Findings and, behind them, what was found out of each rule that applies: "NAME.RULE". */
struct gp_findings
audit_baselines_findings(const struct audit_judged *judged, const struct gp_findings *list,
			 struct gp_arena *arena);
