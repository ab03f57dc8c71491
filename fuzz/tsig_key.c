/* SPDX-License-Identifier: Apache-2.0 */
/* A file with a key of TSIG. */
#include "core/tsig/key.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_tsig_key key;
	const char *why = gp_tsig_key_read(gp_slice((const char *)data, size), &key);
	if (why)
		return 0;
	gp_assert(key.name.len > 1 && key.secret_len > 0 && key.secret_len <= GP_TSIG_SECRET_MAX);
	gp_assert(gp_tsig_algorithm_name(key.algorithm));
	return 0;
}
