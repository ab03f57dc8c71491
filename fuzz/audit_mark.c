/* SPDX-License-Identifier: Apache-2.0 */
/* What a web server of a stranger gives for a mark certificate. */
#include "cli/audit/mark.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(AUDIT_MARK_ARENA);
	struct gp_posture_mark m;
	if (audit_mark_read(gp_slice((const char *)data, size), &arena, &m)) {
		gp_assert(m.logo.len <= AUDIT_MARK_LOGO_MAX);
		gp_assert(!(m.self_signed && m.chained));
	}
	gp_arena_free(&arena);
	return 0;
}
