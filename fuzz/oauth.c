/* SPDX-License-Identifier: Apache-2.0 */
/* A token, and with an octet 0 first a JWK set: neither may be trusted further than it parses. */
#include "core/oauth/token.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* P-256's generator as a public key: its private key is 1, which no input will happen upon. */
static const char set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
			  "\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
			  "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gp_oauth_demand demand = {.issuer = GP_SLICE("i"),
					       .audience = GP_SLICE("a"),
					       .user_claim = GP_SLICE("email"),
					       .now_s = 1};
	struct gp_slice input = gp_slice((const char *)data, size);
	const char *why;
	if (size > 0 && data[0] == 0) {
		gp_oauth_keys_free(gp_oauth_keys_new(gp_slice_drop(input, 1), &why));
		return 0;
	}
	struct gp_oauth_keys *keys = gp_oauth_keys_new(gp_slice_str(set), &why);
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice user;
	gp_assert(keys);
	gp_assert(gp_oauth_check(keys, &demand, input, &arena, &user, &why) != 0);
	gp_arena_free(&arena);
	gp_oauth_keys_free(keys);
	return 0;
}
