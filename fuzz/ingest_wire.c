/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a reader that may have been taken over: what is heard is as core/ingest/report.h
 * promises it, and written again it is what was heard. */
#include "core/ingest/wire.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
empty(struct gp_told_writer *w)
{
	(void)w;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_told_writer again = gp_told_writer(4 << 20, SIZE_MAX, empty);
	struct gp_told_hearer hearer = {};
	struct gp_ingest_listener l = gp_told_listener(&again);
	struct gp_slice rest = gp_slice((const char *)data, size), fields;
	uint8_t kind;
	while (gp_told_take(&rest, &kind, &fields) == 0) {
		gp_buf_clear(&again.out);
		if (gp_told_tell(&hearer, kind, fields, &l) != 0)
			break;
		if (kind == GP_TOLD_DETAIL)
			continue;
		struct gp_slice got = gp_buf_slice(&again.out), twice;
		/* A row's detail may have another place. */
		size_t place = kind == GP_TOLD_ROW;
		do
			gp_assert(gp_told_take(&got, &kind, &twice) == 0);
		while (kind == GP_TOLD_DETAIL);
		gp_assert(got.len == 0);
		gp_assert(gp_slice_eq(gp_slice_drop(fields, place), gp_slice_drop(twice, place)));
	}
	gp_told_writer_free(&again);
	gp_told_hearer_free(&hearer);
	return 0;
}
