/* SPDX-License-Identifier: Apache-2.0 */
/* An aggregate report as one piece, and in pieces whose length the first octet says: the same is
 * told, and it is what is promised. */
#include "ingest_listener.h"

#include "core/ingest/aggregate.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct told
read_in_steps(struct gp_slice xml, size_t step)
{
	struct told t = {};
	struct gp_ingest_listener listener = told_listener(&t);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 16);
	gp_assert(a != NULL);
	for (; xml.len > 0; xml = gp_slice_drop(xml, step)) {
		int r = gp_aggregate_feed(a, gp_slice_take(xml, step));
		gp_assert(r == 0);
	}
	int r = gp_aggregate_end(a);
	gp_assert(r == 0 && t.heads + t.lost == 1);
	gp_aggregate_free(a);
	return t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct gp_slice xml = gp_slice((const char *)data + 1, size - 1);
	struct told whole = read_in_steps(xml, size), stepped = read_in_steps(xml, 1 + data[0]);
	gp_assert(whole.sum == stepped.sum && whole.last == stepped.last);
	return 0;
}
