/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/watch.h"
#include "cli/findings/findings.h"

void
audit_watch_defaults(struct audit_watch_options *w)
{
	w->alert_on = GP_SEVERITY_LOW;
	w->mail = alert_mail("gatepost audit");
	w->webhook = (struct alert_webhook){.command = "gatepost audit"};
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
	if (c == AUDIT_WATCH_ALERT_ON)
		return read_severity(w, arg);
	alert_webhook_option(&w->webhook, c, arg);
	return true;
}

const char *
audit_watch_wrong(struct audit_watch_options *w)
{
	const char *wrong = alert_mail_wrong(&w->mail);
	return wrong ? wrong : alert_webhook_wrong(&w->webhook);
}
