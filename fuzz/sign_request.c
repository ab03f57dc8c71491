/* SPDX-License-Identifier: Apache-2.0 */
/* What signer is asked to sign: the first two octets are the scheme, the rest is the input. */
#include "procs/signer/request.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct gp_slice input = gp_slice((const char *)data + 2, size - 2);
	uint16_t scheme = (uint16_t)(data[0] << 8 | data[1]);
	switch (request_check(scheme, input)) {
	case REQUEST_TLS13:
		gp_assert(input.len == 64 + 34 + 32 || input.len == 64 + 34 + 48);
		gp_assert(input.ptr[0] == ' ' && input.ptr[97] == '\0');
		gp_assert(data[0] != 4 || data[1] != 1);
		break;
	case REQUEST_TLS12:
		gp_assert(input.len >= 64 + 4 + 32 && input.len <= 64 + 4 + 97);
		gp_assert(input.ptr[64] == 3);
		break;
	case REQUEST_BAD:
		break;
	}
	return 0;
}
