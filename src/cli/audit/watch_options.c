/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/audit/watch.h"
#include "cli/audit/webhook.h"
#include "cli/findings/findings.h"

void
audit_watch_defaults(struct audit_watch_options *w)
{
	w->alert_on = GP_SEVERITY_LOW;
	w->mail = alert_mail("gatepost audit");
}

static bool
read_severity(struct audit_watch_options *w, const struct gp_arg *arg)
{
	int severity = findings_fail_on_of(arg->value);
	w->alert_on = (uint8_t)severity;
	return (severity >= 0 && severity != FINDINGS_FAIL_NEVER) ||
	       gp_arg_wrong(arg, "is none of info, low, medium, high and critical");
}

bool
audit_watch_option(struct audit_watch_options *w, int c, const struct gp_arg *arg)
{
	if (!w->on)
		return gp_arg_wrong(arg, "is for gatepost audit watch");
	if (c < ALERT_MAIL_OPTIONS_END)
		return alert_mail_option(&w->mail, c, arg);
	switch (c) {
	case AUDIT_WATCH_WEBHOOK:
		w->webhook = arg->value;
		return true;
	case AUDIT_WATCH_WEBHOOK_SECRET_FILE:
		w->webhook_secret_file = arg->value;
		return true;
	default:
		return read_severity(w, arg);
	}
}

const char *
audit_watch_wrong(struct audit_watch_options *w)
{
	const char *url = getenv("GATEPOST_WEBHOOK");
	if (!w->webhook && url && url[0] != '\0')
		w->webhook = url;
	const char *wrong = alert_mail_wrong(&w->mail);
	if (wrong)
		return wrong;
	if (w->webhook && !audit_webhook_url_valid(w->webhook))
		return "the webhook is no https URL with a server's name";
	if (w->webhook_secret_file && !w->webhook)
		return "--webhook-secret-file is for a --webhook";
	return NULL;
}
