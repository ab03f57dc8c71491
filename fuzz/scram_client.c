/* SPDX-License-Identifier: Apache-2.0 */
/* A server of SCRAM that says whatever the input is, which 0xFE separates: who does not know the
 * password is never trusted. */
#include "core/sasl/scram_client.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice input = gp_slice((const char *)data, size), said;
	struct gp_scram_client s;
	const struct gp_scram_login login = {.user = GP_SLICE("user"),
					     .password = GP_SLICE("pencil"),
					     .nonce = GP_SLICE("0123456789abcdefgh"),
					     .binding_type = GP_SLICE("tls-exporter"),
					     .binding = GP_SLICE("channel"),
					     .plus = size > 0 && data[0] & 1};
	gp_assert(gp_scram_begin(&s, &login, &arena, &said) == 0);
	for (int r = 0; r == 0 && input.ptr;) {
		r = gp_scram_step(&s, gp_slice_cut(&input, '\xfe'), &said);
		gp_assert(r == 0 ? !s.why : r == 1 && s.why);
		gp_assert(!s.trusted);
	}
	gp_arena_free(&arena);
	return 0;
}
