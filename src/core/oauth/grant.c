/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/grant.h"

#include <errno.h>

#include "core/oauth/claims.h"

void
gp_oauth_write_request(struct gp_buf *out, const struct gp_oauth_client *client)
{
	gp_buf_put_str(out, "grant_type=client_credentials");
	oauth_put_value(out, "&client_id=", client->id);
	oauth_put_value(out, "&client_secret=", client->secret);
	if (client->scope.len > 0)
		oauth_put_value(out, "&scope=", client->scope);
}

/* b64token of RFC 6750 section 2.1. */
static bool
is_token(struct gp_slice s)
{
	size_t len = s.len;
	while (len > 0 && s.ptr[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]) && gp_slice_find(GP_SLICE("-._~+/"), s.ptr[i]) < 0)
			return false;
	}
	return len > 0 && s.len <= GP_OAUTH_GRANTED_MAX;
}

static uint32_t
lifetime_of(const json_t *root)
{
	const json_t *value = json_object_get(root, "expires_in");
	if (!json_is_integer(value))
		return GP_OAUTH_LIFETIME_S;
	json_int_t s = json_integer_value(value);
	return s <= 0 ? 0 : (uint32_t)GP_MIN(s, (json_int_t)GP_OAUTH_LIFETIME_MAX);
}

int
gp_oauth_read_answer(struct gp_slice json, uint64_t seed, struct gp_arena *arena,
		     struct gp_oauth_token *ret, const char **ret_why)
{
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed | 1);
	json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
	struct gp_slice token = oauth_text(root, "access_token");
	int r = 1;
	if (!json_is_object(root))
		*ret_why = "is not a JSON object";
	else if (!gp_slice_eq_nocase(oauth_text(root, "token_type"), GP_SLICE("Bearer")))
		*ret_why = "is not about a bearer token";
	else if (!is_token(token))
		*ret_why = "has no access_token of the form of one";
	else
		r = 0;
	*ret = (struct gp_oauth_token){};
	if (r == 0) {
		ret->text = gp_arena_dup(arena, token);
		ret->lifetime_s = lifetime_of(root);
		r = ret->text.ptr ? 0 : -ENOMEM;
	}
	json_decref(root);
	return r;
}
