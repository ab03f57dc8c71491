/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a scan, as the dashboard shows them, from whoever wrote the file. */
#include <jansson.h>

#include "procs/figures/scans.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
	struct gp_buf out = GP_BUF_INIT(4'194'240);
	gp_assert(scans_write(gp_slice((const char *)data, size), 1, 1, &arena, &out) == 0);
	/* Whatever was read, what is said is JSON. */
	json_t *said = json_loadb(gp_buf_slice(&out).ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	gp_assert(json_is_array(json_object_get(said, "hosts")));
	json_decref(said);
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return 0;
}
