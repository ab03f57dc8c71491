/* SPDX-License-Identifier: Apache-2.0 */
/* A token endpoint's answer: what is taken of it can always stand in an AUTH response. */
#include "core/oauth/grant.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_oauth_token token;
	const char *why = NULL;
	int r = gp_oauth_read_answer(gp_slice((const char *)data, size), 1, &arena, &token, &why);
	gp_assert(r == 0 ? token.text.len > 0 && token.text.len <= GP_OAUTH_GRANTED_MAX &&
				   token.lifetime_s <= GP_OAUTH_LIFETIME_MAX
			 : r == 1 && why);
	for (size_t i = 0; i < token.text.len; i++)
		gp_assert(token.text.ptr[i] > ' ' && token.text.ptr[i] < 127);
	gp_arena_free(&arena);
	return 0;
}
