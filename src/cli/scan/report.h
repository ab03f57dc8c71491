/* SPDX-License-Identifier: Apache-2.0 */
/* What became of one address and port, for people and for programs. */
#pragma once

#include <jansson.h>

#include "cli/scan/scan.h"
#include "core/software/software.h"

/* What is told of a view. */
struct scan_report {
	const struct scan_view *view;
	struct gp_arena *arena;
	struct gp_software software;
	struct gp_findings findings;
};

/* Looks the view over. Texts are in the arena. Returns 0 or -ENOMEM. */
[[nodiscard]] int
scan_report_make(const struct scan_view *view, struct gp_arena *arena, struct scan_report *ret);

/* Whose configuration the server most likely has, which is that of what it is built on; NULL:
   nobody knows. Static. */
const char *
scan_report_software(const struct scan_report *report);

/* The object of `scan --json`; NULL: no memory. The caller's. */
json_t *
scan_report_json(const struct scan_report *report);

/* Lines for people. */
void
scan_report_text(const struct scan_report *report, struct gp_buf *out);

/* The object of a survey, and the array of a chain; NULL: no memory. The caller's. */
json_t *
scan_survey_json(const struct scan_report *report, const struct scan_surveyed *survey);
json_t *
scan_chain_json(const struct scan_report *report, const struct gp_tls_shown *shown);

/* Versions, suites, groups and chains, a line each. */
void
scan_survey_text(const struct scan_report *report, const struct scan_surveyed *survey,
		 struct gp_buf *out);

/* What a server said, safe for any terminal; empty: nothing. */
struct gp_slice
scan_visible(const struct scan_report *report, struct gp_slice text);

/* How the conversation ended, in a word: "quit", "refused", "no_connection"... */
const char *
scan_end_name(uint8_t end);
