/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is called an archive: what comes out keeps the caps, and comes in full pieces. The first
 * octet chooses the caps. */
#include <errno.h>

#include "core/ingest/archive.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t octets;
	bool last; /* a short piece came */
};

static bool
take(void *context, struct gp_slice piece)
{
	struct seen *s = context;
	gp_assert(piece.len > 0 && piece.len <= GP_ARCHIVE_PIECE && !s->last);
	s->last = piece.len < GP_ARCHIVE_PIECE;
	s->octets += piece.len;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct gp_archive_caps caps = {.octets_max = (uint64_t)data[0] << 12,
				       .ratio_max = 1 + data[0] % 8 * 100};
	struct seen seen = {};
	struct gp_archive_sink sink = {&seen, take};
	struct gp_arena arena = GP_ARENA_INIT(GP_ARCHIVE_ARENA_MAX);
	struct gp_archive_result result;
	int r = gp_archive_read(gp_slice((const char *)data + 1, size - 1), &caps, &sink, &arena,
				&result);
	gp_assert(r == GP_ARCHIVE_READ || (r == GP_ARCHIVE_REFUSED && result.why));
	gp_assert(seen.octets == result.octets && seen.octets <= caps.octets_max);
	gp_arena_free(&arena);
	return 0;
}
