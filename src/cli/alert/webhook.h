/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command tells by HTTPS: one POST of a JSON object, to a server that proves its name. No
 * redirect is followed; any status from 200 to 299 says that it was taken.
 *
 * Where there is a secret, the field
 *
 *     Gatepost-Signature: t=SECONDS,v1=HEX
 *
 * has the time, since 1970, and the HMAC-SHA-256 of "SECONDS." and the body with the secret as its
 * key; so who gets it can tell that it is ours, and that it is of now.
 */
#pragma once

#include "base/arena.h"
#include "cli/alert/mail.h"
#include "core/config/config.h"

enum { ALERT_SECRET_MAX = 1024 }; /* octets */

struct alert_webhook {
	const char *command;        /* that complains */
	const char *url;            /* "https://name[:port][/path][?query]"; NULL: there is none */
	const char *secret_file;    /* its first line; NULL: GATEPOST_WEBHOOK_SECRET, or none */
	const char *authorities;    /* a file, whom to believe; NULL: the system's */
	const char *dns, *resolver; /* as asks.h has them */
	const struct gp_config *config; /* as there */
};

/* The values of its options of getopt_long(): --webhook, --webhook-secret-file. */
enum alert_webhook_option {
	ALERT_WEBHOOK = ALERT_MAIL_OPTIONS_END,
	ALERT_WEBHOOK_SECRET_FILE,
	ALERT_OPTIONS_END,
};

/* Reads one of them. */
void
alert_webhook_option(struct alert_webhook *w, int c, const struct gp_arg *arg);
/* Takes from the environment (GATEPOST_WEBHOOK) what was not said. What is wrong with them
   together, static; NULL: nothing is. */
const char *
alert_webhook_wrong(struct alert_webhook *w);

/* What it is called where it is remembered that it was told: "webhook:" and a hash, as a URL may be
   a secret. Empty: no memory. */
struct gp_slice
alert_webhook_name(const struct alert_webhook *w, struct gp_arena *arena);

/* now_s: since 1970. Returns whether the server took it; standard error is told why not, without
   what follows the server's name, which may be secret. */
[[nodiscard]] bool
alert_webhook_send(const struct alert_webhook *w, struct gp_slice body, uint64_t now_s);
