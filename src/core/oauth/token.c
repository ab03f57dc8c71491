/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/token.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "core/oauth/claims.h"
#include "core/oauth/keys.h"

/* A part of the token as a JSON object. Returns 0, 1 or -ENOMEM. */
static int
read_object(struct gp_slice text, struct gp_arena *arena, json_t **ret)
{
	struct gp_slice json;
	int r = gp_base64_decode(text, GP_BASE64URL, arena, &json);
	if (r != 0)
		return r;
	*ret = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
	return !json_is_object(*ret);
}

/* NULL: one of the keys has signed it; else what is wrong. *ret_error: -ENOMEM, or left alone. */
static const char *
check_signature(const struct gp_oauth_keys *keys, const json_t *header, struct gp_slice text,
		struct gp_slice signature, int *ret_error)
{
	struct gp_slice id = oauth_text(header, "kid"), algorithm = oauth_text(header, "alg");
	const char *why = "no key of that name and algorithm";
	/* What we do not understand could change what the rest means (RFC 7515 section 4.1.11). */
	if (json_object_get(header, "crit"))
		return "it demands an extension";
	for (size_t i = 0; i < keys->len; i++) {
		const struct oauth_key *key = &keys->items[i];
		if (!gp_slice_eq(algorithm, gp_slice_str(key->ec ? "ES256" : "RS256")) ||
		    (id.ptr && !gp_slice_eq(id, key->key_id)))
			continue;
		int r = oauth_verify(key, text, signature);
		if (r == 0)
			return NULL;
		if (r < 0)
			*ret_error = r;
		why = "the signature is another";
	}
	return why;
}

/* NULL, or what is wrong. */
static const char *
check_claims(const json_t *claims, const struct gp_oauth_demand *demand)
{
	uint64_t expires;
	if (!oauth_time(claims, "exp", &expires))
		return "it does not say when it ends";
	return oauth_check_claims(claims, demand);
}

/* The three parts, decoded; 0, 1, -ENOMEM. */
struct parts {
	json_t *header, *claims;
	struct gp_slice text, signature; /* what was signed */
};

static int
take_apart(struct gp_slice token, struct gp_arena *arena, struct parts *ret)
{
	struct gp_slice rest = token;
	struct gp_slice header = gp_slice_cut(&rest, '.'), claims = gp_slice_cut(&rest, '.');
	if (token.len > GP_OAUTH_TOKEN_MAX || !rest.ptr || gp_slice_find(rest, '.') >= 0)
		return 1;
	ret->text = gp_slice_take(token, header.len + 1 + claims.len);
	int r = gp_base64_decode(rest, GP_BASE64URL, arena, &ret->signature);
	if (r == 0)
		r = read_object(header, arena, &ret->header);
	return r == 0 ? read_object(claims, arena, &ret->claims) : r;
}

int
gp_oauth_check(const struct gp_oauth_keys *keys, const struct gp_oauth_demand *demand,
	       struct gp_slice token, struct gp_arena *arena, struct gp_slice *ret_user,
	       const char **ret_why)
{
	struct parts p = {};
	int r = take_apart(token, arena, &p);
	const char *why = r == 1 ? "it is no signed token" : NULL;
	if (r == 0)
		why = check_signature(keys, p.header, p.text, p.signature, &r);
	if (r == 0 && !why)
		why = check_claims(p.claims, demand);
	if (r == 0 && !why) {
		const char *name = gp_arena_str(arena, demand->user_claim);
		struct gp_slice user = name ? oauth_text(p.claims, name) : gp_slice(NULL, 0);
		*ret_user = gp_arena_dup(arena, user);
		why = user.len > 0 ? NULL : "it names no user";
	}
	json_decref(p.header);
	json_decref(p.claims);
	*ret_why = why;
	if (r < 0 || arena->failed)
		return -ENOMEM;
	return why != NULL;
}
