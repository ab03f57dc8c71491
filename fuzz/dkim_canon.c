/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body in pieces that the first octets choose comes out as it does whole, ends in one line end,
 * and is its own canonical form; so is a field.
 */
#include "core/dkim/canon.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct collector {
	struct gp_dkim_sink sink;
	struct gp_buf out;
};

static void
collect(struct gp_dkim_sink *sink, struct gp_slice octets)
{
	gp_buf_put(&gp_container_of(sink, struct collector, sink)->out, octets);
}

/* cuts: the lengths of the pieces, in turn; empty: all at once. The caller frees the buffer. */
static struct gp_buf
canonical(struct gp_slice body, uint8_t canon, struct gp_slice cuts)
{
	struct collector c = {{collect}, GP_BUF_INIT(4 << 20)};
	struct gp_dkim_canon_body b;
	size_t turn = 0;
	gp_dkim_canon_body_init(&b, canon, &c.sink);
	while (body.len > 0) {
		size_t step = body.len;
		if (cuts.len > 0)
			step = 1 + ((uint8_t)cuts.ptr[turn++ % cuts.len] & 31);
		gp_dkim_canon_body_feed(&b, gp_slice_take(body, step));
		body = gp_slice_drop(body, step);
	}
	gp_dkim_canon_body_end(&b);
	gp_assert(b.size == c.out.len && !c.out.failed);
	return c.out;
}

static void
check_body(struct gp_slice body, struct gp_slice cuts, uint8_t canon)
{
	struct gp_buf whole = canonical(body, canon, GP_SLICE(""));
	struct gp_buf pieces = canonical(body, canon, cuts);
	struct gp_buf again = canonical(gp_buf_slice(&whole), canon, cuts);
	gp_assert(gp_slice_eq(gp_buf_slice(&whole), gp_buf_slice(&pieces)));
	gp_assert(whole.len == 0 || gp_slice_ends_nocase(gp_buf_slice(&whole), GP_SLICE("\r\n")));
	/* What came without a line end was given one: white space before it may go now. */
	if (gp_slice_ends_nocase(body, GP_SLICE("\r\n")))
		gp_assert(gp_slice_eq(gp_buf_slice(&whole), gp_buf_slice(&again)));
	gp_buf_free(&whole);
	gp_buf_free(&pieces);
	gp_buf_free(&again);
}

static void
check_field(struct gp_slice field)
{
	struct gp_buf once = GP_BUF_INIT(4 << 20), twice = GP_BUF_INIT(4 << 20);
	gp_dkim_canon_field(field, GP_DKIM_RELAXED, &once);
	gp_assert(!once.failed && once.len <= field.len + 3);
	gp_dkim_canon_field(gp_buf_slice(&once), GP_DKIM_RELAXED, &twice);
	gp_assert(twice.len <= once.len);
	gp_buf_free(&once);
	gp_buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { CUTS = 4 };
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_slice cuts = gp_slice_take(text, CUTS), body = gp_slice_drop(text, CUTS);
	for (uint8_t canon = 0; canon < GP_DKIM_CANONS; canon++)
		check_body(body, cuts, canon);
	check_field(body);
	return 0;
}
