/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the turns of a list of targets: as many at once as are allowed, each probed, and told of
 * when it is over.
 */
#pragma once

#include "cli/scan.h"

struct scan_counts {
	uint64_t turns, turns_done; /* of the walk; before this run, too */
	uint64_t hosts;             /* that were told of */
	uint64_t connections;
	uint64_t answered, silent, refused, left_out; /* of the hosts */
};

struct scan_engine_options {
	const struct gp_targets_walk *walk;
	struct gp_progress *progress; /* where to begin; kept up to date */
	const struct gp_optout *optout;
	bool private; /* special addresses too */
	struct scan_limits limits;
	uint32_t connections;          /* at once */
	bool keep_budgets;             /* for special addresses too */
	struct gp_probe_options probe; /* the same for all */
	int mode;                      /* enum gp_probe_mode; -1: as the port has it */
	struct gp_tls_client *tls;
	struct scan_log *log;
	/* Each result, in the order in which they end. 0, or -errno, which ends the run. */
	int (*tell)(void *context, const struct scan_view *view);
	/* Once a second, and at the end. 0, or -errno, which ends the run. */
	int (*tick)(void *context, const struct scan_counts *counts, bool last);
	void *context;
};

/* Until all turns are done, or SIGINT or SIGTERM comes. Returns 0; 1: it was interrupted; -errno. */
[[nodiscard]] int
scan_engine_run(const struct scan_engine_options *options, struct scan_counts *ret);
