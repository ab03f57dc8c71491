/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a signed question: messages with their length in front, as TCP has them. */
#include "core/tsig/tsig.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char question[] = "\0\0\0\0\0\1\0\0\0\0\0\0\1z\0\0\xfc\0\1";
	static struct gp_tsig_key key;
	struct gp_slice all = gp_slice((const char *)data, size);
	struct gp_buf out = GP_BUF_INIT(1 << 10);
	int r = GP_TSIG_GOOD;
	gp_assert(!gp_tsig_key_read(
		GP_SLICE("key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };"), &key));
	struct gp_tsig *t = gp_tsig_new(&key);
	gp_assert(t && gp_tsig_sign(t, 0, gp_slice(question, sizeof(question) - 1), &out));
	gp_assert(out.len <= sizeof(question) - 1 + GP_TSIG_RECORD_MAX);
	while (r == GP_TSIG_GOOD && all.len >= 2) {
		size_t len = (size_t)(uint8_t)all.ptr[0] << 8 | (uint8_t)all.ptr[1];
		struct gp_slice message = gp_slice_take(gp_slice_drop(all, 2), len);
		all = gp_slice_drop(all, 2 + message.len);
		r = gp_tsig_check(t, message, 0);
		gp_assert(r == GP_TSIG_GOOD || gp_tsig_why(t));
	}
	if (r == GP_TSIG_GOOD)
		r = gp_tsig_end(t);
	gp_assert(r == GP_TSIG_GOOD || gp_tsig_why(t));
	gp_tsig_free(t);
	gp_buf_free(&out);
	return 0;
}
