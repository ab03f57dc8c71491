/* SPDX-License-Identifier: Apache-2.0 */
/* What the mechanisms share within this folder: each has a function for the client's next response,
 * which returns as gp_sasl_step does, and those that bear tokens one for a bad verdict. */
#pragma once

#include "core/sasl/server.h"

/* response: NULL when there was no initial one. */
typedef int
sasl_step(struct gp_sasl *s, const struct gp_slice *response);
sasl_step sasl_plain, sasl_login, sasl_scram, sasl_oauthbearer, sasl_xoauth2;

int
sasl_reject_token(struct gp_sasl *s);

/* Sets the challenge; returns CHALLENGE. text lives as long as the arena does. */
int
sasl_challenge(struct gp_sasl *s, struct gp_slice text);
/* Both return FAILED; reasons are static. */
int
sasl_malformed(struct gp_sasl *s, const char *reason);
int
sasl_fail(struct gp_sasl *s, const char *reason);

/* Undoes the escapes of a saslname (RFC 5802 section 5.1): "=2C" and "=3D"; "=" stands in no other
 * place. Returns 0, 1 or -ENOMEM. */
int
sasl_unescape(struct gp_sasl *s, struct gp_slice text, struct gp_slice *ret);

/* Takes a name into s->user; returns 0, FAILED or -ENOMEM. authzid: empty, or it must be the same.
 */
int
sasl_take_names(struct gp_sasl *s, struct gp_slice authzid, struct gp_slice name);
