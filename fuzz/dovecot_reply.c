/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a Dovecot that says whatever the input is. */
#include "core/sasl/dovecot.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	while (input.ptr && !arena.failed) {
		struct gp_dovecot_line line;
		struct gp_slice text = gp_slice_cut(&input, '\n');
		int r = gp_dovecot_parse(text, &arena, &line);
		gp_assert(r == 0 || r == 1 || arena.failed);
		gp_assert(r != 0 || line.kind <= GP_DOVECOT_FAIL);
		gp_assert(r != 0 || line.user.len <= text.len);
	}
	gp_arena_free(&arena);
	return 0;
}
