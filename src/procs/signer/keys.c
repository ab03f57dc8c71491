/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/signer/keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum {
	/* A power of 2; an RSA key of 2048 bits has 1 KB in it, one of 8192 bits 5 KB. */
	SECURE_HEAP = 4 * 1024 * 1024,
	SECURE_MIN = 32,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
};

int
keys_prepare(void)
{
	if (CRYPTO_secure_malloc_initialized())
		return 0;
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	/* 2: made, but not locked: RLIMIT_MEMLOCK is the operator's to raise. */
	return CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN) > 0 ? 0 : -ENOMEM;
}

/* --- the store --- */

static int
refuse_password(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool
is_supported(const EVP_PKEY *key)
{
	char curve[32];
	int bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "RSA"))
		return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) &&
	       (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0);
}

bool
keys_identify(const EVP_PKEY *key, uint8_t ret_id[GP_TLS_KEY_ID])
{
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);
	bool ok = len > 0 && EVP_Digest(spki, (size_t)len, ret_id, NULL, EVP_sha256(), NULL);
	OPENSSL_free(spki);
	return ok;
}

static int
read_key(struct gp_slice pem, EVP_PKEY **ret, uint8_t ret_id[GP_TLS_KEY_ID])
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)GP_MIN(pem.len, (size_t)KEY_PEM_MAX));
	*ret = in ? PEM_read_bio_PrivateKey(in, NULL, refuse_password, NULL) : NULL;
	BIO_free(in);
	ERR_clear_error();
	if (!*ret)
		return -EINVAL;
	int r = is_supported(*ret) ? 0 : -EOPNOTSUPP;
	if (r == 0 && !keys_identify(*ret, ret_id))
		r = -EINVAL;
	if (r < 0)
		EVP_PKEY_free(*ret);
	return r;
}

static ptrdiff_t
find(const struct keys *k, struct gp_slice id)
{
	for (size_t i = 0; i < k->len; i++) {
		if (gp_slice_eq(id, gp_slice((const char *)k->items[i].id, GP_TLS_KEY_ID)))
			return (ptrdiff_t)i;
	}
	return -1;
}

bool
keys_has(const struct keys *k, const uint8_t id[GP_TLS_KEY_ID])
{
	return find(k, gp_slice((const char *)id, GP_TLS_KEY_ID)) >= 0;
}

/* Only when there is a new one: the same keys read once more make no certificate's key superfluous.
 */
static void
forget_old(struct keys *k, uint32_t round)
{
	size_t kept = 0;
	for (size_t i = 0; i < k->len; i++) {
		if (k->items[i].round + 1 < round)
			EVP_PKEY_free(k->items[i].key);
		else
			k->items[kept++] = k->items[i];
	}
	k->len = kept;
}

int
keys_add(struct keys *k, struct gp_slice pem, uint32_t round, uint8_t ret_id[GP_TLS_KEY_ID])
{
	EVP_PKEY *key;
	int r = read_key(pem, &key, ret_id);
	if (r < 0)
		return r;
	ptrdiff_t at = find(k, gp_slice((const char *)ret_id, GP_TLS_KEY_ID));
	if (at >= 0) {
		EVP_PKEY_free(key);
		k->items[at].round = round;
		return 0;
	}
	forget_old(k, round);
	if (k->len == KEYS_MAX) {
		EVP_PKEY_free(key);
		return -ENOSPC;
	}
	k->items[k->len].key = key;
	k->items[k->len].round = round;
	memcpy(k->items[k->len++].id, ret_id, GP_TLS_KEY_ID);
	return 0;
}

void
keys_free(struct keys *k)
{
	for (size_t i = 0; i < k->len; i++)
		EVP_PKEY_free(k->items[i].key);
	k->len = 0;
}

/* --- signing --- */

static const struct {
	uint16_t id;
	const char *key;
	const char *hash;
	bool pss;
	int bits; /* of the key, in TLS 1.3; 0: any */
} schemes[] = {
	{GP_TLS_RSA_PKCS1_SHA256, "RSA", "SHA256", false, 0},
	{GP_TLS_RSA_PKCS1_SHA384, "RSA", "SHA384", false, 0},
	{GP_TLS_RSA_PKCS1_SHA512, "RSA", "SHA512", false, 0},
	{GP_TLS_RSA_PSS_SHA256, "RSA", "SHA256", true, 0},
	{GP_TLS_RSA_PSS_SHA384, "RSA", "SHA384", true, 0},
	{GP_TLS_RSA_PSS_SHA512, "RSA", "SHA512", true, 0},
	{GP_TLS_ECDSA_P256_SHA256, "EC", "SHA256", false, 256},
	{GP_TLS_ECDSA_P384_SHA384, "EC", "SHA384", false, 384},
};

/* The scheme's row when it goes with the key in this version of TLS, else -1. */
static ptrdiff_t
find_scheme(uint16_t id, EVP_PKEY *key, enum request_kind kind)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(schemes); i++) {
		if (schemes[i].id != id || !EVP_PKEY_is_a(key, schemes[i].key))
			continue;
		bool fits = kind == REQUEST_TLS12 || schemes[i].bits == 0 ||
			    schemes[i].bits == EVP_PKEY_get_bits(key);
		return fits ? (ptrdiff_t)i : -1;
	}
	return -1;
}

static bool
begin(EVP_MD_CTX *md, EVP_PKEY *key, size_t scheme)
{
	EVP_PKEY_CTX *ctx;
	if (EVP_DigestSignInit_ex(md, &ctx, schemes[scheme].hash, NULL, NULL, key, NULL) != 1)
		return false;
	/* RFC 8446 section 4.2.3: the salt is as long as the hash. */
	return !schemes[scheme].pss ||
	       (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

int
keys_sign(const struct keys *k, struct gp_slice id, uint16_t scheme, struct gp_slice input,
	  uint8_t *ret)
{
	ptrdiff_t at = find(k, id);
	if (at < 0)
		return -ENOENT;
	EVP_PKEY *key = k->items[at].key;
	enum request_kind kind = request_check(scheme, input);
	ptrdiff_t row = kind == REQUEST_BAD ? -1 : find_scheme(scheme, key, kind);
	if (row < 0)
		return -EPERM;
	size_t len = GP_TLS_SIGNATURE_MAX;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && begin(md, key, (size_t)row) &&
		  EVP_DigestSign(md, ret, &len, (const unsigned char *)input.ptr, input.len) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok ? (int)len : -EIO;
}
