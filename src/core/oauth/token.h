/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens that are JWTs (RFC 7519) signed by RS256 or ES256 (RFC 7518 section 3.1), checked
 * with the issuer's keys (RFC 7517). The token chooses nothing but which key it was signed with:
 * the algorithm follows from the key (RFC 8725 section 3.1).
 */
#pragma once

#include "base/arena.h"

enum {
	GP_OAUTH_TOKEN_MAX = 8192,
	GP_OAUTH_KEYS_MAX = 32,
	GP_OAUTH_LEEWAY_S = 60, /* that clocks may differ by */
};

/* The keys of a JWK set. */
struct gp_oauth_keys;

/*
 * Reads a JWK set. Keys for other uses and of other kinds than RSA of 2,048 bits or more and EC on
 * P-256 are left out (RFC 7517 section 5). *ret_why: what is wrong with it, static. Returns NULL
 * when it is no set, has no usable key, or memory has ended.
 */
struct gp_oauth_keys *
gp_oauth_keys_new(struct gp_slice json, const char **ret_why);
/* Accepts NULL, returns NULL. */
struct gp_oauth_keys *
gp_oauth_keys_free(struct gp_oauth_keys *keys);

/* What a token must say. Of issuer and audience, one that is empty is not demanded; of a token that
   speaks for itself both are. */
struct gp_oauth_demand {
	struct gp_slice issuer, audience;
	struct gp_slice user_claim; /* the claim that names the user: a string */
	uint64_t now_s;             /* since 1970 */
};

/*
 * Checks the token: signature, exp (which it must have), nbf, iss, aud. *ret_user: what the claim
 * says, in the arena. Returns 0; 1 and *ret_why (static) when it is not good; -ENOMEM.
 */
[[nodiscard]] int
gp_oauth_check(const struct gp_oauth_keys *keys, const struct gp_oauth_demand *demand,
	       struct gp_slice token, struct gp_arena *arena, struct gp_slice *ret_user,
	       const char **ret_why);
