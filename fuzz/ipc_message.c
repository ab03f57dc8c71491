/* SPDX-License-Identifier: Apache-2.0 */
/* First octet: the message's type; second: whether a descriptor came along; the rest: its payload.
 * What decodes must encode to the same octets. */
#include "base/buf.h"
#include "ipc/messages.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_buf again = GP_BUF_INIT(16 << 20);
	struct gp_message m;
	if (size < 2)
		return 0;
	struct gp_slice payload = gp_slice_drop(gp_slice((const char *)data, size), 2);
	int fd = data[1] & 1 ? 0 : -1;
	if (gp_message_decode(data[0], payload, fd, &arena, &m)) {
		gp_assert(m.type == data[0] && m.fd == fd);
		gp_assert(gp_message_encode(&again, &m));
		gp_assert(gp_slice_eq(gp_buf_slice(&again), payload));
	}
	gp_buf_free(&again);
	gp_arena_free(&arena);
	return 0;
}
