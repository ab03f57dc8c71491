/* SPDX-License-Identifier: Apache-2.0 */
/* The client credentials grant: RFC 6749 section 4.4, the secret in the body (section 2.3.1). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum gp_oauth_limits {
	GP_OAUTH_GRANTED_MAX = 4096, /* octets of a token that we are given */
	GP_OAUTH_LIFETIME_S = 300,   /* of a token whose answer does not say */
	GP_OAUTH_LIFETIME_MAX =
		86400 /* an answer that says more is taken to say this, in seconds */
};

/* The request's media type. */
#define GP_OAUTH_MEDIA_TYPE "application/x-www-form-urlencoded"

struct gp_oauth_client {
	struct gp_slice id, secret;
	struct gp_slice scope; /* empty: the server's own choice */
};

/* Writes the request's body. */
void
gp_oauth_write_request(struct gp_buf *out, const struct gp_oauth_client *client);

struct gp_oauth_token {
	struct gp_slice text; /* of the form of RFC 6750 section 2.1; in the arena */
	uint32_t lifetime_s;  /* 0: it is of no use any more */
};

/*
 * Reads the answer (RFC 6749 section 5.1), JSON. Returns 0; 1 when it holds no bearer token
 * (*ret_why: static text, to be put behind "the answer "); -ENOMEM. seed: random, for the parser's
 * hash.
 */
[[nodiscard]] int
gp_oauth_read_answer(struct gp_slice json, uint64_t seed, struct gp_arena *arena,
		     struct gp_oauth_token *ret, const char **ret_why);
