/* SPDX-License-Identifier: Apache-2.0 */
/* The header splitter: its offsets add up, and the meter agrees with it in whatever pieces. */
#include "core/message/header.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_fields(const struct gp_header *h, struct gp_arena *arena)
{
	size_t at = 0;
	for (size_t i = 0; i < h->fields_len; i++) {
		gp_assert(h->fields[i].at == at && h->fields[i].len > 0);
		struct gp_slice value = gp_header_value(h, i);
		gp_assert(gp_header_name(h, i).len + value.len <= h->fields[i].len);
		gp_assert(gp_header_unfold(value, arena).len <= value.len);
		gp_assert(gp_header_find(h, gp_header_name(h, i), i) == i ||
			  h->fields[i].name_len == 0);
		at += h->fields[i].len;
	}
	gp_assert(at == h->len && h->body_at >= at && h->body_at <= h->message.len);
}

/* A CR at the very end is the start of a line that may yet turn out empty: the meter waits. */
static bool
is_complete(struct gp_slice message)
{
	return message.len > 0 && message.ptr[message.len - 1] != '\r';
}

static void
check_meter(const struct gp_header *h, size_t piece)
{
	struct gp_header_meter m = {};
	struct gp_slice rest = h->message;
	while (rest.len > 0) {
		gp_header_meter_feed(&m, gp_slice_take(rest, piece));
		rest = gp_slice_drop(rest, piece);
	}
	gp_assert(m.size == h->len && m.fields == h->fields_len);
	gp_assert(m.received == gp_header_count(h, GP_SLICE("Received")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_slice message = gp_slice((const char *)data, size);
	struct gp_header h;
	if (size == 0)
		return 0;
	size_t piece = 1 + (size_t)data[0] % 64;
	int r = gp_header_split(message, &arena, &h);
	gp_assert(r >= 0);
	if (r == 0)
		check_fields(&h, &arena);
	if (r == 0 && is_complete(message))
		check_meter(&h, piece);
	gp_arena_free(&arena);
	return 0;
}
