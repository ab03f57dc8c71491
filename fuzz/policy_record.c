/* SPDX-License-Identifier: Apache-2.0 */
/* The files of kept MTA-STS policies: whatever they hold, each octet is read or passed over, and
 * what was read is written as it stood. */
#include "procs/fetch/policy_record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice all = gp_slice((const char *)data, size), rest = all;
	struct policy_record r;
	size_t damaged = 0, read = 0;
	while (policy_record_read(&rest, &r, &damaged)) {
		struct gp_buf again = GP_BUF_INIT(1 << 20);
		size_t len = policy_record_size(&r);
		policy_record_write(&again, &r);
		size_t at = damaged + read;
		gp_assert(gp_slice_eq(gp_buf_slice(&again),
				      gp_slice_take(gp_slice_drop(all, at), len)));
		read += len;
		gp_buf_free(&again);
	}
	gp_assert(rest.len == 0 && damaged + read == size);
	return 0;
}
