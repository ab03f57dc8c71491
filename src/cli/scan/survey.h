/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One survey of core/surveyor over real sockets. Each of its connections stands in line as those of
 * probes do, and counts in the same budgets.
 */
#pragma once

#include "cli/scan/parts.h"
#include "core/surveyor/surveyor.h"

struct scan_survey;

struct scan_survey_line {
	struct applicant applicant;
	struct scan_survey *survey;
	struct event event;
	int fd;
	bool joined; /* the budgets: it waits, or is counted */
};

struct scan_survey {
	struct engine *engine;
	struct host *host;
	const struct scan_result *result; /* of the host */
	struct gp_slice operator;         /* as scan_waiter_init() takes them */
	bool exempt;
	/* The last call, from the loop. */
	void (*done)(struct scan_survey *s);
	struct gp_surveyor *surveyor; /* complete when it is done */
	/* private */
	struct gp_sockaddr address;
	struct scan_survey_line lines[GP_SURVEYOR_LINES_MAX];
};

/* Of one whose members before `surveyor` are set, the rest zeroed. 0 or -ENOMEM. To be ended. */
[[nodiscard]] int
scan_survey_begin(struct scan_survey *s, const struct gp_surveyor_options *options);

/* Gives up what is under way. Nothing is called. Accepts NULL, and one that never began. */
void
scan_survey_end(struct scan_survey *s);

/* What is worth keeping of it, in the arena; NULL: no memory. */
const struct scan_surveyed *
scan_survey_keep(const struct gp_surveyor *s, struct gp_arena *arena);
