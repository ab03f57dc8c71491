/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a token, in JSON, by itself or by its issuer: RFC 7519 section 4.1, RFC 7662
 * section 2.2. For this folder alone. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "core/oauth/token.h"

/* A member that is a string; ptr is NULL where there is none. */
struct gp_slice
oauth_text(const json_t *object, const char *name);

/* A time in seconds, perhaps with a fraction (RFC 7519 section 2). False: it is none. */
bool
oauth_time(const json_t *claims, const char *name, uint64_t *ret);

/* exp and nbf, each where it is there; iss and aud, each where it is demanded. NULL, or what is
 * wrong: static. */
const char *
oauth_check_claims(const json_t *claims, const struct gp_oauth_demand *demand);

/* Appends NAME and the value as a form has it (RFC 6749 appendix B); name: with "&" and "=". */
void
oauth_put_value(struct gp_buf *out, const char *name, struct gp_slice value);
