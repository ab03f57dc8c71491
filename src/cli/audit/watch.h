/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost audit watch: tells what is news since each channel was told the last time. A channel is
 * a mail address, a webhook, or standard output where there is neither.
 *
 * What a channel knows is written down after it was told, never before: an alert that was not taken
 * is told again by the next run, with what is new by then. One that was taken is told twice only
 * when this process ends in between; then mail has the same Message-ID.
 */
#pragma once

#include "cli/alert/webhook.h"

struct audit_watch_options {
	bool on;                /* watch, not an audit alone */
	struct alert_mail mail; /* its authorities: the webhook's too */
	struct alert_webhook webhook;
	uint8_t alert_on; /* enum gp_severity */
};

struct audit_options;

/* The values of those options of getopt_long() of watch alone, beside those of cli/alert. */
enum audit_watch_option {
	AUDIT_WATCH_ALERT_ON = ALERT_OPTIONS_END,
};

/* What stands when nothing is said. */
void
audit_watch_defaults(struct audit_watch_options *w);
/* Reads one of them; false after saying what is wrong. */
[[nodiscard]] bool
audit_watch_option(struct audit_watch_options *w, int c, const struct gp_arg *arg);
/* Takes from the environment what was not said. What is wrong with them together, static; NULL:
   nothing is. */
const char *
audit_watch_wrong(struct audit_watch_options *w);

/* Tells of the newest run of the store. Returns an exit code: GP_EXIT_ERROR where an alert was not
   taken, or could not be written down. */
[[nodiscard]] int
audit_watch(const struct audit_options *o, const struct gp_config *config);
