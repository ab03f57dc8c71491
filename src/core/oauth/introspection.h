/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the issuer says of a token that nobody else can read, or whose end it may decide at any
 * time: RFC 7662. Who asks is a client of the issuer's, its secret in the body (RFC 6749 section
 * 2.3.1).
 */
#pragma once

#include "core/oauth/grant.h"
#include "core/oauth/token.h"

/* Writes the request's body, of type GP_OAUTH_MEDIA_TYPE; the client's scope is not told. */
void
gp_oauth_write_question(struct gp_buf *out, const struct gp_oauth_client *client,
			struct gp_slice token);

struct gp_oauth_word {
	struct gp_slice user; /* what the claim says, not empty; in the arena */
	uint64_t expires_s;   /* since 1970; UINT64_MAX: it does not say */
};

enum gp_oauth_word_result {
	GP_OAUTH_REFUSED = 1,   /* the token is not good, or not for us */
	GP_OAUTH_SENSELESS = 2, /* that was no answer: nobody knows what the token is */
};

/*
 * Reads the answer (section 2.2), JSON. A token is good when it is active, its exp and nbf allow it
 * where they are told, its iss and aud are those demanded (which may be empty: not demanded), it is
 * not bound to a key (`cnf`: RFC 7800 section 3.1), whose holder we cannot tell from others, and
 * the claim names a user. Returns 0; enum gp_oauth_word_result and *ret_why, static; -ENOMEM. seed:
 * random, for the parser's hash.
 */
[[nodiscard]] int
gp_oauth_read_word(struct gp_slice json, const struct gp_oauth_demand *demand, uint64_t seed,
		   struct gp_arena *arena, struct gp_oauth_word *ret, const char **ret_why);
