/* SPDX-License-Identifier: Apache-2.0 */
/* NTLM's challenge, as the octets that base64 hides: the target puts them into it. */
#include "core/probe/ntlm.h"

#include "base/base64.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct gp_ntlm_challenge c;
	(void)gp_ntlm_challenge_read(gp_slice((const char *)data, size), &arena, &c);
	gp_base64_put(&text, gp_slice((const char *)data, size));
	(void)gp_ntlm_challenge_read(gp_buf_slice(&text), &arena, &c);
	gp_buf_free(&text);
	gp_arena_free(&arena);
	return 0;
}
