/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever message: its parts keep the limits, lie within each other, and have no more octets than
 * there were. */
#include "core/message/mime.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(64 << 20);
	struct gp_mime mime;
	gp_assert(gp_mime_read(gp_slice((const char *)data, size), &arena, &mime) == 0);
	gp_assert(mime.len >= 1 && mime.len <= GP_MIME_PARTS_MAX);
	for (size_t i = 0; i < mime.len; i++) {
		const struct gp_mime_part *p = &mime.parts[i];
		gp_assert(i == 0 ? p->within == 0 : p->within < i);
		gp_assert(p->depth <= GP_MIME_DEPTH_MAX);
		gp_assert(i == 0 || p->depth == mime.parts[p->within].depth + 1);
		struct gp_slice octets = gp_mime_octets(p, &arena);
		gp_assert(octets.ptr && octets.len <= p->body.len && p->body.len <= size);
	}
	gp_arena_free(&arena);
	return 0;
}
