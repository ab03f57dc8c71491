/* SPDX-License-Identifier: Apache-2.0 */
/* An issuer's answer about a token: good only where it says so, to the letter. */
#include "core/oauth/introspection.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gp_oauth_demand demand = {.issuer = GP_SLICE("i"),
					       .audience = GP_SLICE("a"),
					       .user_claim = GP_SLICE("email"),
					       .now_s = 1000};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice json = gp_slice((const char *)data, size);
	struct gp_oauth_word word;
	const char *why = NULL;
	int r = gp_oauth_read_word(json, &demand, 1, &arena, &word, &why);
	gp_assert(r == 0 ? !why && word.user.len > 0
			 : why && (r == GP_OAUTH_REFUSED || r == GP_OAUTH_SENSELESS));
	gp_assert(r != 0 || word.expires_s > 1000 - GP_OAUTH_LEEWAY_S);
	gp_arena_free(&arena);
	return 0;
}
