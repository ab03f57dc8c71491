/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dkim_pair.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "core/message/date.h"

enum {
	RSA_BITS = 2048,
	ED25519_OCTETS = 32,
	DAY_LEN = 10, /* "2026-11-30" */
};

static struct gp_slice
put_base64(const unsigned char *der, int len, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_BASE64_MAX);
	struct gp_slice none = {}, copy = {};
	if (len > 0 && gp_base64_put(&text, gp_slice((const char *)der, (size_t)len)))
		copy = gp_arena_dup(arena, gp_buf_slice(&text));
	if (text.ptr)
		OPENSSL_cleanse(text.ptr, text.cap);
	gp_buf_free(&text);
	return copy.len > 0 ? copy : none;
}

static struct gp_slice
private_half(EVP_PKEY *key, struct gp_arena *arena)
{
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	struct gp_slice text = put_base64(der, len, arena);
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	return text;
}

/* As p= has it: of Ed25519 the bare key (RFC 8463 section 4), else the SubjectPublicKeyInfo. */
static struct gp_slice
public_half(EVP_PKEY *key, uint8_t algorithm, struct gp_arena *arena)
{
	unsigned char raw[ED25519_OCTETS], *der = NULL;
	size_t raw_len = sizeof(raw);
	if (algorithm == GP_KEYRING_ED25519)
		return EVP_PKEY_get_raw_public_key(key, raw, &raw_len) == 1
			       ? put_base64(raw, (int)raw_len, arena)
			       : gp_slice(NULL, 0);
	int len = i2d_PUBKEY(key, &der);
	struct gp_slice text = put_base64(der, len, arena);
	OPENSSL_free(der);
	return text;
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
	bool rsa = algorithm == GP_KEYRING_RSA;
	EVP_PKEY *key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key)
		return -EIO;
	const struct gp_keyring_key fresh = {
		.selector = choose_selector(ring, now_s, rsa ? 'r' : 'e', arena),
		.algorithm = algorithm,
		.public_half = public_half(key, algorithm, arena),
		.private_half = private_half(key, arena),
	};
	EVP_PKEY_free(key);
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
