/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/introspection.h"

#include <errno.h>

#include "core/oauth/claims.h"

void
gp_oauth_write_question(struct gp_buf *out, const struct gp_oauth_client *client,
			struct gp_slice token)
{
	oauth_put_value(out, "token=", token);
	gp_buf_put_str(out, "&token_type_hint=access_token");
	oauth_put_value(out, "&client_id=", client->id);
	oauth_put_value(out, "&client_secret=", client->secret);
}

/* NULL, or what is wrong with the token. */
static const char *
judge(const json_t *root, const struct gp_oauth_demand *demand)
{
	if (!json_is_true(json_object_get(root, "active")))
		return "it is not active";
	if (json_object_get(root, "cnf"))
		return "it is bound to a key";
	return oauth_check_claims(root, demand);
}

static int
take_user(const json_t *root, const struct gp_oauth_demand *demand, struct gp_arena *arena,
	  struct gp_oauth_word *ret, const char **ret_why)
{
	const char *name = gp_arena_str(arena, demand->user_claim);
	struct gp_slice user = name ? oauth_text(root, name) : gp_slice(NULL, 0);
	ret->user = gp_arena_dup(arena, user);
	if (arena->failed)
		return -ENOMEM;
	*ret_why = user.len > 0 ? NULL : "it names no user";
	return user.len > 0 ? 0 : GP_OAUTH_REFUSED;
}

int
gp_oauth_read_word(struct gp_slice json, const struct gp_oauth_demand *demand, uint64_t seed,
		   struct gp_arena *arena, struct gp_oauth_word *ret, const char **ret_why)
{
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed | 1);
	json_t *root = json_loadb(json.ptr ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, NULL);
	int r = GP_OAUTH_SENSELESS;
	*ret = (struct gp_oauth_word){.expires_s = UINT64_MAX};
	*ret_why = "the answer does not say whether it is active";
	if (json_is_boolean(json_object_get(root, "active"))) {
		*ret_why = judge(root, demand);
		r = *ret_why ? GP_OAUTH_REFUSED : take_user(root, demand, arena, ret, ret_why);
		(void)oauth_time(root, "exp", &ret->expires_s);
	}
	json_decref(root);
	return r;
}
