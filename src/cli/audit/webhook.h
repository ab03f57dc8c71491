/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert by HTTPS: one POST of a JSON object, to a server that proves its name. No redirect is
 * followed; any status from 200 to 299 says that it was taken.
 *
 * Where there is a secret, the field
 *
 *     Gatepost-Signature: t=SECONDS,v1=HEX
 *
 * has the time, since 1970, and the HMAC-SHA-256 of "SECONDS." and the body with the secret as its
 * key; so who gets it can tell that it is ours, and that it is of now.
 */
#pragma once

#include "core/config/config.h"

enum { AUDIT_SECRET_MAX = 1024 }; /* octets */

struct audit_webhook {
	const char *url;                /* "https://name[:port][/path][?query]" */
	struct gp_slice secret;         /* empty: there is no signature */
	const char *authorities;        /* a file, whom to believe; NULL: the system's */
	const char *dns, *resolver;     /* as asks.h has them */
	const struct gp_config *config; /* as there */
};

/* Is it such a URL, with a name that a certificate can prove? */
bool
audit_webhook_url_valid(const char *url);

/* now_s: since 1970. Returns whether the server took it; standard error is told why not, without
   what follows the server's name, which may be secret. */
[[nodiscard]] bool
audit_webhook_send(const struct audit_webhook *w, struct gp_slice body, uint64_t now_s);
