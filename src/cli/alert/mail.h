/* SPDX-License-Identifier: Apache-2.0 */
/* What a command tells by mail: one message, handed to a server as gatepost send does it. */
#pragma once

#include "base/buf.h"
#include "cli/arg.h"

enum { ALERT_MAIL_TO_MAX = 16 };

struct alert_mail {
	const char *command; /* that complains */
	const char *to[ALERT_MAIL_TO_MAX];
	size_t to_len;
	const char *from; /* an address; or NULL, where nobody is told */
	/* "host", "host:port", "unix:/path"; 465 begins with TLS, and any other port has STARTTLS
	   where it is offered. */
	const char *server;
	const char *user, *password_file; /* AUTH, to a server that has proved its name; or NULL */
	const char *authorities;          /* whom to believe; NULL: the system's */
};

struct alert_mail_text {
	struct gp_slice to;            /* an address */
	struct gp_slice subject, text; /* printable ASCII; lines of UTF-8 */
	struct gp_slice html; /* a whole document that says the same; empty: there is none */
	struct gp_slice key;  /* what makes it another mail than all others: the same one, told
				 again, has the same Message-ID */
	uint64_t now_s;
};

/* The values of their options of getopt_long(): --mail-to, which may be given often, --mail-from,
   and so on; --ca. */
enum alert_mail_option {
	ALERT_MAIL_TO = 512,
	ALERT_MAIL_FROM,
	ALERT_MAIL_SERVER,
	ALERT_MAIL_USER,
	ALERT_MAIL_PASSWORD_FILE,
	ALERT_MAIL_CA,
	ALERT_MAIL_OPTIONS_END,
};

/* Nobody is told; the server is this machine's. */
struct alert_mail
alert_mail(const char *command);
/* Reads one of them; false after saying what is wrong. */
[[nodiscard]] bool
alert_mail_option(struct alert_mail *m, int c, const struct gp_arg *arg);
/* What is wrong with them together, static; NULL: nothing is. */
const char *
alert_mail_wrong(const struct alert_mail *m);

/* Returns whether the server took it; standard error is told why not. */
[[nodiscard]] bool
alert_mail_send(const struct alert_mail *m, const struct alert_mail_text *text);
