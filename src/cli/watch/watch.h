/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost reports watch: looks at the database once, and tells what is news since each channel was
 * told the last time. A channel is a mail address, a webhook, or standard output where there is
 * neither.
 *
 * What a channel knows is written down after it was told, never before: an alert that was not taken
 * is told again by the next look, with what is new by then. One that was taken is told twice only
 * when this process ends in between.
 */
#pragma once

#include "cli/alert/webhook.h"
#include "cli/watch/rules.h"

struct watch_options {
	struct alert_webhook webhook;
	struct watch_limits limits;
	const char *state; /* path; NULL: STATE/reports/watch.json, or beside --database */
	bool dry_run;      /* print what each would be told, and remember nothing */
};

/* The values of those options of getopt_long() that are of watch alone, beside those of cli/alert:
   --state, --dry-run, --min-messages, --min-source, --min-sessions, --fall. */
enum watch_option {
	WATCH_OPTION_STATE = ALERT_OPTIONS_END,
	WATCH_OPTION_DRY_RUN,
	WATCH_OPTION_MESSAGES,
	WATCH_OPTION_SOURCE,
	WATCH_OPTION_SESSIONS,
	WATCH_OPTION_FALL,
	WATCH_OPTIONS_END,
};

/* What stands when nothing is said. */
struct watch_options
watch_options(void);
/* Reads one of them, or of a webhook's; false after saying what is wrong. */
[[nodiscard]] bool
watch_option(struct watch_options *w, int c, const struct gp_arg *arg);
