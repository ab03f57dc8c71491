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
	struct gp_slice text = gp_slice((const char *)data, size);
	/* The first octet says what is asked for. */
	const uint8_t asked = size > 0 ? data[0] : 0;
	const struct scans_wish wish = {.severity = asked % 6,
					.text = gp_slice("x", asked & 8 ? 1 : 0),
					.start = asked >> 6};
	struct scans *s = scans_new(gp_slice_drop(text, 1), 1, 1);
	gp_assert(s);
	gp_assert(scans_write(s, &wish, &arena, &out) == 0);
	/* Whatever was read, what is said is JSON. */
	json_t *said = json_loadb(gp_buf_slice(&out).ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	gp_assert(json_is_array(json_object_get(said, "hosts")));
	json_decref(said);
	scans_free(s);
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return 0;
}
