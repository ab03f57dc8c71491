/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words, and text made visible: what comes out acts nowhere, and stays as it is. */
#include "base/utf8.h"
#include "core/identity/visible.h"
#include "core/identity/words.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 24);
	struct gp_slice value = gp_slice((const char *)data, size), decoded;
	bool any = gp_words_decode(value, &arena, &decoded);
	gp_assert(any || gp_slice_eq(decoded, value));
	struct gp_slice shown = gp_visible(decoded, &arena);
	gp_assert(arena.failed || shown.ptr);
	gp_assert(gp_utf8_printable(shown) && !gp_visible_hides(shown));
	gp_assert(arena.failed || gp_slice_eq(gp_visible(shown, &arena), shown));
	gp_arena_free(&arena);
	return 0;
}
