/* SPDX-License-Identifier: Apache-2.0 */
/* An alert by mail: one message, handed to a server as gatepost send does it. */
#pragma once

#include "base/buf.h"

struct audit_mail {
	const char *from; /* an address */
	/* "host", "host:port", "unix:/path"; 465 begins with TLS, and any other port has STARTTLS
	   where it is offered. */
	const char *server;
	const char *user, *password_file; /* AUTH, to a server that has proved its name; or NULL */
	const char *authorities;          /* whom to believe; NULL: the system's */
};

struct audit_mail_text {
	struct gp_slice to;            /* an address */
	struct gp_slice subject, text; /* printable ASCII; lines of UTF-8 */
	struct gp_slice key; /* what makes it another alert than all others: the same one, told
				again, has the same Message-ID */
	uint64_t now_s;
};

/* May it be written between blanks and angle brackets, and be mailed to? */
bool
audit_mail_address_valid(struct gp_slice address);

/* Returns whether the server took it; standard error is told why not. */
[[nodiscard]] bool
audit_mail_send(const struct audit_mail *m, const struct audit_mail_text *text);
