/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of findings, subject by subject, in the formats that people and programs ask for. A subject
 * is whatever a command looked at: a host and port, a domain.
 *
 *	findings_begin(&w); for each subject: findings_write(&w, ...), empty w.out; findings_end(&w)
 *
 * The writer keeps nothing of a subject: memory does not grow with their number. All texts from
 * outside are made visible first (core/identity/visible.h), and then escaped as the format asks.
 *
 * Text and Markdown leave out what passed; all others tell every finding with its state. What a
 * list had no room for is told as one more finding, which says how many they are.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "core/finding/finding.h"

enum findings_format {
	FINDINGS_TEXT,
	FINDINGS_JSON, /* an object a line: {"KEY":subject,"findings":[...]} */
	FINDINGS_CSV,  /* RFC 4180; no field begins as a spreadsheet's formula does */
	FINDINGS_MARKDOWN,
	FINDINGS_SARIF, /* 2.1.0, one run */
	FINDINGS_JUNIT, /* a suite a subject, a case a finding; not measured is skipped */
	FINDINGS_HTML,  /* one page, which loads and runs nothing */
};

enum {
	FINDINGS_KINDS_MAX = 512, /* SARIF describes so many rules; more are named only */
	FINDINGS_FAIL_NEVER = GP_SEVERITY_CRITICAL + 1, /* no finding is as severe */
};

struct findings_writer {
	struct gp_buf *out;  /* the caller's; looks at its `failed` */
	const char *command; /* "gatepost scan": the title; static */
	const char *key;     /* "target", "domain": a subject's name in JSON; static */
	uint8_t format;
	bool colour; /* text only: standard output is a terminal and nobody objects */
	/* HTML only: what the caller tells of the next subject beside findings, lines of which the
	   first is always shown; or empty. */
	struct gp_slice details;

	/* The writer's own. */
	uint64_t results;
	const struct gp_finding_kind *kinds[FINDINGS_KINDS_MAX];
	size_t kinds_len;
};

/* "text", "json", "csv", "markdown", "sarif", "junit", "html"; -1: no such format. */
int
findings_format_of(const char *name);

/* For --fail-on: "info" to "critical", and "never"; -1: no such severity. */
int
findings_fail_on_of(const char *name);

void
findings_begin(struct findings_writer *w);

/* The arena holds texts until the next subject. Returns 0 or -ENOMEM. */
[[nodiscard]] int
findings_write(struct findings_writer *w, struct gp_slice subject, const struct gp_findings *list,
	       struct gp_arena *arena);

/* What FINDINGS_TEXT says of a subject, without its name: for a command whose text tells more of
   it. Returns as findings_write() does. */
[[nodiscard]] int
findings_write_lines(struct findings_writer *w, const struct gp_findings *list,
		     struct gp_arena *arena);

/* Returns 0 or -ENOMEM. */
[[nodiscard]] int
findings_end(struct findings_writer *w);

/* Visible (core/identity/visible.h), but for its ends of lines, which stay: fixes are lines. */
struct gp_slice
findings_lines(struct gp_slice text, struct gp_arena *arena);

/* Stands at the end of a list of which some were dropped; its state is not measured. */
extern const struct gp_finding_kind findings_cut;

/* The list, and behind it what tells how many it has no room for. */
struct gp_findings
findings_whole(const struct gp_findings *list, struct gp_arena *arena);

/* The array "findings", for objects that hold more; NULL: no memory. The caller's. */
json_t *
findings_json(const struct gp_findings *list, struct gp_arena *arena);
