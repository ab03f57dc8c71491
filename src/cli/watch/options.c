/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/watch.h"

enum {
	MESSAGES = 100,
	SOURCE = 20,
	SESSIONS = 10,
	POINTS = 10,
	HUNDRED = 100,
};

struct watch_options
watch_options(void)
{
	return (struct watch_options){
		.webhook = {.command = "gatepost reports"},
		.limits = {MESSAGES, SOURCE, SESSIONS, POINTS},
	};
}

bool
watch_option(struct watch_options *w, int c, const struct gp_arg *arg)
{
	switch (c) {
	case WATCH_OPTION_STATE:
		w->state = arg->value;
		return true;
	case WATCH_OPTION_DRY_RUN:
		w->dry_run = true;
		return true;
	case WATCH_OPTION_MESSAGES:
		return gp_arg_u64(arg, 1, UINT32_MAX, &w->limits.messages);
	case WATCH_OPTION_SOURCE:
		return gp_arg_u64(arg, 1, UINT32_MAX, &w->limits.source);
	case WATCH_OPTION_SESSIONS:
		return gp_arg_u64(arg, 1, UINT32_MAX, &w->limits.sessions);
	case WATCH_OPTION_FALL:
		return gp_arg_u64(arg, 1, HUNDRED, &w->limits.points);
	default:
		alert_webhook_option(&w->webhook, c, arg);
		return true;
	}
}
