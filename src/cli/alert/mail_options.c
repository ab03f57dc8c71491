/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/alert/mail.h"
#include "core/smtp/address.h"

struct alert_mail
alert_mail(const char *command)
{
	return (struct alert_mail){.command = command, .server = "127.0.0.1"};
}

/* May it be written between blanks and angle brackets, and be mailed to? */
static bool
address_valid(struct gp_slice address)
{
	ptrdiff_t at = gp_slice_rfind(address, '@');
	if (at <= 0 || !gp_domain_valid(gp_slice_drop(address, (size_t)at + 1)))
		return false;
	for (size_t i = 0; i < (size_t)at; i++) {
		char c = address.ptr[i];
		if (!gp_ascii_is_alnum(c) && !strchr("!#$%&'*+-/=?^_`{|}~.", c))
			return false;
	}
	return true;
}

static bool
read_address(const struct gp_arg *arg, const char **ret)
{
	*ret = arg->value;
	return address_valid(gp_slice_str(arg->value)) || gp_arg_wrong(arg, "is no plain address");
}

static bool
add_to(struct alert_mail *m, const struct gp_arg *arg)
{
	if (m->to_len == ALERT_MAIL_TO_MAX)
		return gp_arg_wrong(arg, "is one address too many");
	for (size_t i = 0; i < m->to_len; i++) {
		if (strcmp(m->to[i], arg->value) == 0)
			return true;
	}
	return read_address(arg, &m->to[m->to_len++]);
}

bool
alert_mail_option(struct alert_mail *m, int c, const struct gp_arg *arg)
{
	switch (c) {
	case ALERT_MAIL_TO:
		return add_to(m, arg);
	case ALERT_MAIL_FROM:
		return read_address(arg, &m->from);
	case ALERT_MAIL_SERVER:
		m->server = arg->value;
		return true;
	case ALERT_MAIL_USER:
		m->user = arg->value;
		return true;
	case ALERT_MAIL_PASSWORD_FILE:
		m->password_file = arg->value;
		return true;
	default:
		m->authorities = arg->value;
		return true;
	}
}

const char *
alert_mail_wrong(const struct alert_mail *m)
{
	if (m->to_len > 0 && !m->from)
		return "--mail-to wants a --mail-from that the mail is of";
	if (!m->user != !m->password_file)
		return "--mail-user and --mail-password-file belong together";
	return NULL;
}
