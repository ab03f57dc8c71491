/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

int
gp_dkim_digest(struct gp_slice text, struct gp_dkim_digest *ret)
{
	bool done = EVP_Digest(text.ptr, text.len, ret->octets, NULL, EVP_sha256(), NULL) == 1;
	return done ? 0 : -ENOMEM;
}

/* --- digests of pieces --- */

struct gp_dkim_hash {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct gp_dkim_hash *
gp_dkim_hash_new(void)
{
	struct gp_dkim_hash *hash = calloc(1, sizeof(*hash));
	if (!hash)
		return NULL;
	hash->ctx = EVP_MD_CTX_new();
	if (hash->ctx && EVP_DigestInit_ex2(hash->ctx, EVP_sha256(), NULL) == 1)
		return hash;
	return gp_dkim_hash_free(hash);
}

struct gp_dkim_hash *
gp_dkim_hash_free(struct gp_dkim_hash *hash)
{
	if (hash)
		EVP_MD_CTX_free(hash->ctx);
	free(hash);
	return NULL;
}

void
gp_dkim_hash_feed(struct gp_dkim_hash *hash, struct gp_slice piece)
{
	if (EVP_DigestUpdate(hash->ctx, piece.ptr, piece.len) != 1)
		hash->failed = true;
}

int
gp_dkim_hash_peek(const struct gp_dkim_hash *hash, struct gp_dkim_digest *ret)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	bool good = !hash->failed && copy && EVP_MD_CTX_copy_ex(copy, hash->ctx) == 1 &&
		    EVP_DigestFinal_ex(copy, ret->octets, NULL) == 1;
	EVP_MD_CTX_free(copy);
	return good ? 0 : -ENOMEM;
}

int
gp_dkim_hash_end(struct gp_dkim_hash *hash, struct gp_dkim_digest *ret)
{
	if (hash->failed || EVP_DigestFinal_ex(hash->ctx, ret->octets, NULL) != 1)
		return -ENOMEM;
	return 0;
}

/* --- public keys --- */

struct gp_dkim_pkey {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *rsa; /* RSA: set up to verify, again and again */
};

/* Takes pkey over. */
static struct gp_dkim_pkey *
pkey_new(EVP_PKEY *pkey)
{
	struct gp_dkim_pkey *key = pkey ? calloc(1, sizeof(*key)) : NULL;
	if (!key) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	key->pkey = pkey;
	return key;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	bool good = ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 &&
		    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? pkey : NULL;
}

static bool
set_up_rsa(struct gp_dkim_pkey *key)
{
	char padding[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15, digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, padding, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	key->rsa = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	return key->rsa && EVP_PKEY_verify_init_ex(key->rsa, params) == 1;
}

struct gp_dkim_pkey *
gp_dkim_pkey_rsa(struct gp_slice modulus, struct gp_slice exponent)
{
	BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
	BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	struct gp_dkim_pkey *key = pkey_new(from_params("RSA", params));
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key && set_up_rsa(key) ? key : gp_dkim_pkey_free(key);
}

/*
 * The points of order 1, 2, 4 and 8 by their y, little endian, each with the spellings that are not
 * reduced by the prime (RFC 8032 section 5.1.2); the sign of x does not count.
 */
static const uint8_t small_orders[][GP_DKIM_ED25519_SIZE] = {
	{0},
	{1},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool
has_small_order(struct gp_slice octets)
{
	uint8_t y[GP_DKIM_ED25519_SIZE];
	memcpy(y, octets.ptr, sizeof(y));
	y[sizeof(y) - 1] &= 0x7f;
	for (size_t i = 0; i < GP_ARRAY_LEN(small_orders); i++) {
		if (memcmp(y, small_orders[i], sizeof(y)) == 0)
			return true;
	}
	return false;
}

struct gp_dkim_pkey *
gp_dkim_pkey_ed25519(struct gp_slice octets)
{
	gp_assert(octets.len == GP_DKIM_ED25519_SIZE);
	if (has_small_order(octets))
		return NULL;
	return pkey_new(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						    (const unsigned char *)octets.ptr, octets.len));
}

struct gp_dkim_pkey *
gp_dkim_pkey_free(struct gp_dkim_pkey *key)
{
	if (!key)
		return NULL;
	EVP_PKEY_CTX_free(key->rsa);
	EVP_PKEY_free(key->pkey);
	free(key);
	return NULL;
}

static int
verify_ed25519(EVP_PKEY *pkey, const struct gp_dkim_digest *digest, struct gp_slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -ENOMEM;
	if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		r = EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
				     digest->octets, sizeof(digest->octets)) != 1;
	EVP_MD_CTX_free(ctx);
	return r;
}

int
gp_dkim_pkey_verify(struct gp_dkim_pkey *key, const struct gp_dkim_digest *digest,
		    struct gp_slice signature)
{
	if (!key->rsa)
		return verify_ed25519(key->pkey, digest, signature);
	return EVP_PKEY_verify(key->rsa, (const unsigned char *)signature.ptr, signature.len,
			       digest->octets, sizeof(digest->octets)) != 1;
}
