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

#include "cli/arg.h"
#include "core/config/config.h"

enum { AUDIT_MAIL_TO_MAX = 16 };

struct audit_watch_options {
	bool on; /* watch, not an audit alone */
	const char *mail_to[AUDIT_MAIL_TO_MAX];
	size_t mail_to_len;
	const char *mail_from, *mail_server; /* or NULL */
	const char *mail_user, *mail_password_file;
	const char *webhook, *webhook_secret_file;
	const char *authorities; /* for both; NULL: the system's */
	uint8_t alert_on;        /* enum gp_severity */
};

struct audit_options;

/* The values of those options of getopt_long() that are of watch alone. */
enum audit_watch_option {
	AUDIT_WATCH_MAIL_TO = 512,
	AUDIT_WATCH_MAIL_FROM,
	AUDIT_WATCH_MAIL_SERVER,
	AUDIT_WATCH_MAIL_USER,
	AUDIT_WATCH_MAIL_PASSWORD_FILE,
	AUDIT_WATCH_WEBHOOK,
	AUDIT_WATCH_WEBHOOK_SECRET_FILE,
	AUDIT_WATCH_CA,
	AUDIT_WATCH_ALERT_ON,
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
