/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/audit/mail.h"
#include "cli/audit/watch.h"
#include "cli/audit/webhook.h"
#include "cli/findings/findings.h"

void
audit_watch_defaults(struct audit_watch_options *w)
{
	w->alert_on = GP_SEVERITY_LOW;
	w->mail_server = "127.0.0.1";
}

static bool
read_address(const struct gp_arg *arg, const char **ret)
{
	*ret = arg->value;
	return audit_mail_address_valid(gp_slice_str(arg->value)) ||
	       gp_arg_wrong(arg, "is no plain address");
}

static bool
add_mail_to(struct audit_watch_options *w, const struct gp_arg *arg)
{
	if (w->mail_to_len == AUDIT_MAIL_TO_MAX)
		return gp_arg_wrong(arg, "is one address too many");
	for (size_t i = 0; i < w->mail_to_len; i++) {
		if (strcmp(w->mail_to[i], arg->value) == 0)
			return true;
	}
	return read_address(arg, &w->mail_to[w->mail_to_len++]);
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
	switch (c) {
	case AUDIT_WATCH_MAIL_TO:
		return add_mail_to(w, arg);
	case AUDIT_WATCH_MAIL_FROM:
		return read_address(arg, &w->mail_from);
	case AUDIT_WATCH_MAIL_SERVER:
		w->mail_server = arg->value;
		return true;
	case AUDIT_WATCH_MAIL_USER:
		w->mail_user = arg->value;
		return true;
	case AUDIT_WATCH_MAIL_PASSWORD_FILE:
		w->mail_password_file = arg->value;
		return true;
	case AUDIT_WATCH_WEBHOOK:
		w->webhook = arg->value;
		return true;
	case AUDIT_WATCH_WEBHOOK_SECRET_FILE:
		w->webhook_secret_file = arg->value;
		return true;
	case AUDIT_WATCH_CA:
		w->authorities = arg->value;
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
	if (w->mail_to_len > 0 && !w->mail_from)
		return "--mail-to wants a --mail-from that the mail is of";
	if (!w->mail_user != !w->mail_password_file)
		return "--mail-user and --mail-password-file belong together";
	if (w->webhook && !audit_webhook_url_valid(w->webhook))
		return "the webhook is no https URL with a server's name";
	if (w->webhook_secret_file && !w->webhook)
		return "--webhook-secret-file is for a --webhook";
	return NULL;
}
