/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/domain/dkim_pair.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "cli/proof/dkim_key.h"
#include "core/message/date.h"

enum {
	RSA_BITS = 2048,
	DAY_LEN = 10, /* "2026-11-30" */
};

/* At the end of selectors. */
static const char letters[] = {[GP_KEYRING_RSA] = 'r', [GP_KEYRING_ED25519] = 'e'};

static_assert((int)GP_KEYRING_RSA == (int)GP_DKIM_RSA_SHA256 &&
		      (int)GP_KEYRING_ED25519 == (int)GP_DKIM_ED25519_SHA256,
	      "one number for an algorithm");

static struct gp_slice
private_half(EVP_PKEY *key, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_BASE64_MAX);
	struct gp_slice copy = {};
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	if (len > 0 && gp_base64_put(&text, gp_slice((const char *)der, (size_t)len)))
		copy = gp_arena_dup(arena, gp_buf_slice(&text));
	if (text.ptr)
		OPENSSL_cleanse(text.ptr, text.cap);
	gp_buf_free(&text);
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	return copy;
}

/* What the record has behind "p=". */
static struct gp_slice
public_half(const struct dkim_key *key, struct gp_arena *arena)
{
	struct gp_slice record;
	if (dkim_key_record(key, arena, &record) < 0)
		return gp_slice(NULL, 0);
	while (record.len > 0 && !gp_slice_starts(record, GP_SLICE("p=")))
		record = gp_slice_drop(record, 1);
	return gp_slice_drop(record, 2);
}

static struct gp_slice
choose_selector(struct gp_keyring *ring, uint64_t now_s, char letter, struct gp_arena *arena)
{
	struct gp_date_text stamp = gp_date_stamp(now_s);
	char day[DAY_LEN + 1];
	size_t len = 0;
	for (size_t i = 0; i < DAY_LEN; i++) {
		if (stamp.s[i] != '-')
			day[len++] = stamp.s[i];
	}
	struct gp_slice name = gp_arena_printf(arena, "%.*s%c", (int)len, day, letter);
	for (unsigned n = 2; name.ptr && gp_keyring_find(ring, name); n++)
		name = gp_arena_printf(arena, "%.*s%c%u", (int)len, day, letter, n);
	return name;
}

static int
add(struct gp_keyring *ring, uint8_t algorithm, uint64_t now_s, struct gp_arena *arena)
{
	struct dkim_key key;
	int r = dkim_key_make(algorithm, RSA_BITS, &key);
	if (r < 0)
		return r;
	const struct gp_keyring_key fresh = {
		.selector = choose_selector(ring, now_s, letters[algorithm], arena),
		.algorithm = algorithm,
		.public_half = public_half(&key, arena),
		.private_half = private_half(key.pkey, arena),
	};
	dkim_key_free(&key);
	if (!fresh.selector.ptr || fresh.public_half.len == 0 || fresh.private_half.len == 0)
		return -ENOMEM;
	gp_keyring_add(ring, &fresh, now_s);
	return 0;
}

int
dkim_pair_add(struct gp_keyring *ring, uint64_t now_s, struct gp_arena *arena)
{
	int r = add(ring, GP_KEYRING_RSA, now_s, arena);
	return r == 0 ? add(ring, GP_KEYRING_ED25519, now_s, arena) : r;
}
