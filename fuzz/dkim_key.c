/* SPDX-License-Identifier: Apache-2.0 */
/* A key record, and the octets as a key in DER: what is read can be opened, kept, and verify. */
#include <errno.h>

#include "core/dkim/der.h"
#include "core/dkim/keys.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(struct gp_slice record, const struct gp_dkim_key *key)
{
	static const uint64_t seed[2] = {1, 2};
	static const struct gp_dkim_digest digest;
	gp_assert(key->octets.len > 0 && key->bits > 0);
	if (key->bits > GP_DKIM_RSA_BITS_MAX || record.len > GP_DKIM_RECORD_KEPT_MAX)
		return;
	struct gp_dkim_keys *keys = gp_dkim_keys_new(1, seed);
	struct gp_dkim_pkey *pkey = gp_dkim_keys_open(keys, record, key);
	if (pkey) {
		int r = gp_dkim_pkey_verify(pkey, &digest, key->octets);
		struct gp_dkim_key kept;
		bool found = gp_dkim_keys_find(keys, record, &kept);
		gp_assert(r == 1 && found && kept.bits == key->bits);
	}
	gp_dkim_keys_free(keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(4 << 20);
	struct gp_slice text = gp_slice((const char *)data, size), n, e;
	struct gp_dkim_key key;
	const char *why;
	int r = gp_dkim_key_read(text, &arena, &key, &why);
	gp_assert(r == 0 || r == 1);
	if (r == 0 && !key.revoked)
		check_key(text, &key);
	if (gp_dkim_der_rsa(text, &n, &e))
		gp_assert(n.len > 0 && n.ptr[0] != 0 && e.len > 0 && e.ptr[0] != 0);
	gp_arena_free(&arena);
	return 0;
}
