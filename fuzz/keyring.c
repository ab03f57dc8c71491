/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a domain's keys: what is read is written to a file that reads the same. */
#include "core/keyring/keyring.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_buf first = GP_BUF_INIT(2 * GP_KEYRING_TEXT_MAX), second = first;
	struct gp_keyring k;
	unsigned line;
	if (gp_keyring_parse(text, &k, &line) == 0) {
		gp_keyring_write(&first, &k);
		/* The comments of ours may be what does not fit. */
		if (gp_keyring_parse(gp_buf_slice(&first), &k, &line) == 0)
			gp_keyring_write(&second, &k);
		gp_assert(first.len > GP_KEYRING_TEXT_MAX ||
			  gp_slice_eq(gp_buf_slice(&first), gp_buf_slice(&second)));
		for (size_t i = 0; i < k.len; i++) {
			gp_buf_clear(&second);
			gp_keyring_write_record(&second, &k.keys[i]);
			gp_assert(gp_keyring_record_is(&k.keys[i], gp_buf_slice(&second)));
		}
	}
	gp_buf_free(&first);
	gp_buf_free(&second);
	return 0;
}
