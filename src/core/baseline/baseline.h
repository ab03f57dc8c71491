/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines: what an authority, a receiver or a company of its own asks of a domain's mail, as
 * rules in a file (README.md has the form), held against what core/posture found.
 *
 * A rule has the outcome that its lines have: all of one alternative must hold. What was not looked
 * at, or what the DNS did not say, neither holds nor fails: the rule is not measured.
 */
#pragma once

#include "core/posture/posture.h"

enum gp_baseline_limits {
	GP_BASELINE_RULES_MAX = 200,
	GP_BASELINE_TERMS_MAX = 2000,    /* of all rules: lines that are held against a domain */
	GP_BASELINE_LINE_MAX = 1000,     /* octets, with the lines that go on with it */
	GP_BASELINE_NAME_MAX = 40,       /* octets */
	GP_BASELINE_FINDINGS_MAX = 16,   /* told of one rule */
	GP_BASELINE_EVIDENCE_MAX = 1500, /* octets */
};

/* A file as it was read. Texts are of whoever wrote it: any octets but controls. */
struct gp_baseline {
	struct gp_slice name; /* letters, digits, "-" and "." */
	struct gp_slice title;
	struct gp_slice document; /* where it is written; empty: not told */
	const struct gp_baseline_rule *rules;
	size_t len;
};

struct gp_baseline_rule {
	struct gp_slice id;      /* as a baseline's name; once in a baseline */
	struct gp_slice text;    /* what is asked, in a line */
	struct gp_slice section; /* of the document; empty: not told */
	uint32_t classes;        /* of domains that it is for: a bit 1 << enum gp_posture_class */
	const struct gp_baseline_term *terms;
	size_t terms_len;
};

struct gp_baseline_error {
	size_t line; /* from 1; 0: the file as a whole */
	struct gp_slice why;
};

/*
 * Reads a file's text, which must outlive the baseline. Returns 0; 1 where it is malformed, with
 * the first mistake in *ret_error; -ENOMEM.
 */
[[nodiscard]] int
gp_baseline_read(struct gp_slice text, struct gp_arena *arena, struct gp_baseline *ret,
		 struct gp_baseline_error *ret_error);

enum gp_baseline_outcome {
	GP_BASELINE_PASS,
	GP_BASELINE_FAIL,
	GP_BASELINE_NOT_APPLICABLE,
	GP_BASELINE_NOT_MEASURED,
};

struct gp_baseline_result {
	const struct gp_baseline_rule *rule;
	uint8_t outcome; /* enum gp_baseline_outcome */
	/* What decides, with quotes of findings and of the rule: any octets but controls. */
	struct gp_slice evidence;
	const struct gp_finding *const *findings; /* that decide: of a pass there are none */
	size_t findings_len;
};

/*
 * One result a rule, in the baseline's order, in the arena; they point into the posture and the
 * baseline. The query is that of the posture. NULL: no memory.
 */
const struct gp_baseline_result *
gp_baseline_judge(const struct gp_baseline *baseline, const struct gp_posture_query *query,
		  const struct gp_posture_result *posture, struct gp_arena *arena);

/* "pass", "fail", "not_applicable", "not_measured" */
const char *
gp_baseline_outcome_name(uint8_t outcome);

/* Those that are shipped, as they stand in rules/: each can be read. */
struct gp_baseline_file {
	const char *name; /* the baseline's */
	struct gp_slice text;
};
extern const struct gp_baseline_file gp_baseline_files[];
extern const size_t gp_baseline_files_len;
