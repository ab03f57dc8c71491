/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/crypto.h"

/*
 * SHA-256 by functions that OpenSSL 3 would rather have replaced by EVP's: those look the algorithm
 * up under locks and take memory, at each message twice, which costs what hashing 1 KB does.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)GP_DKIM_DIGEST_SIZE == SHA256_DIGEST_LENGTH, "the digest is SHA-256's");

int
gp_dkim_digest(struct gp_slice text, struct gp_dkim_digest *ret)
{
	SHA256_CTX ctx;
	bool done = SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, text.ptr, text.len) == 1 &&
		    SHA256_Final(ret->octets, &ctx) == 1;
	return done ? 0 : -ENOMEM;
}

/* --- digests of pieces --- */

struct gp_dkim_hash {
	SHA256_CTX ctx;
	bool failed;
};

struct gp_dkim_hash *
gp_dkim_hash_new(void)
{
	struct gp_dkim_hash *hash = calloc(1, sizeof(*hash));
	if (hash)
		hash->failed = SHA256_Init(&hash->ctx) != 1;
	return hash;
}

struct gp_dkim_hash *
gp_dkim_hash_free(struct gp_dkim_hash *hash)
{
	free(hash);
	return NULL;
}

void
gp_dkim_hash_feed(struct gp_dkim_hash *hash, struct gp_slice piece)
{
	if (SHA256_Update(&hash->ctx, piece.ptr, piece.len) != 1)
		hash->failed = true;
}

int
gp_dkim_hash_peek(const struct gp_dkim_hash *hash, struct gp_dkim_digest *ret)
{
	struct gp_dkim_hash copy = *hash;
	return gp_dkim_hash_end(&copy, ret);
}

int
gp_dkim_hash_end(struct gp_dkim_hash *hash, struct gp_dkim_digest *ret)
{
	if (hash->failed || SHA256_Final(ret->octets, &hash->ctx) != 1)
		return -ENOMEM;
	return 0;
}

/* --- public keys --- */

/*
 * RSA by the numbers themselves: libcrypto's keys of RSA take as long to make as a signature takes
 * to verify, and have locks, fetches and checks around each use. All of it is public, so nothing
 * has to take the same time whatever it is.
 */
struct gp_dkim_pkey {
	EVP_PKEY *ed25519; /* NULL: it is RSA */
	BIGNUM *n, *e;
	BN_MONT_CTX *mont; /* of n */
	BN_CTX *ctx;       /* for numbers on the way */
};

static struct gp_dkim_pkey *
pkey_new(void)
{
	return calloc(1, sizeof(struct gp_dkim_pkey));
}

struct gp_dkim_pkey *
gp_dkim_pkey_rsa(struct gp_slice modulus, struct gp_slice exponent)
{
	gp_assert(modulus.len <= GP_DKIM_SIGNATURE_MAX);
	struct gp_dkim_pkey *key = pkey_new();
	if (!key)
		return NULL;
	key->n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
	key->e = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
	key->ctx = BN_CTX_new();
	key->mont = BN_MONT_CTX_new();
	bool good = key->n && key->e && key->ctx && key->mont && BN_is_odd(key->n) &&
		    BN_is_odd(key->e) && !BN_is_one(key->e) &&
		    BN_MONT_CTX_set(key->mont, key->n, key->ctx) == 1;
	return good ? key : gp_dkim_pkey_free(key);
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
	struct gp_dkim_pkey *key = pkey_new();
	if (!key)
		return NULL;
	key->ed25519 = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						   (const unsigned char *)octets.ptr, octets.len);
	return key->ed25519 ? key : gp_dkim_pkey_free(key);
}

struct gp_dkim_pkey *
gp_dkim_pkey_free(struct gp_dkim_pkey *key)
{
	if (!key)
		return NULL;
	EVP_PKEY_free(key->ed25519);
	BN_free(key->n);
	BN_free(key->e);
	BN_MONT_CTX_free(key->mont);
	BN_CTX_free(key->ctx);
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

/* SHA-256's name, and where the digest goes, in DER (RFC 8017 section 9.2, notes). */
static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
				 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

enum {
	TAIL_LEN = sizeof(prefix) + GP_DKIM_DIGEST_SIZE,
	ENCODED_MIN = TAIL_LEN + 11, /* three octets, and eight of padding */
};

/* What a signer raised to his power (RFC 8017 section 9.2): 0x00 0x01 0xff ... 0xff 0x00, then
 * the prefix and the digest. */
static void
encode_message(const struct gp_dkim_digest *digest, uint8_t *to, size_t len)
{
	gp_assert(len >= ENCODED_MIN);
	memset(to, 0xff, len);
	to[0] = 0;
	to[1] = 1;
	to[len - TAIL_LEN - 1] = 0;
	memcpy(to + len - TAIL_LEN, prefix, sizeof(prefix));
	memcpy(to + len - sizeof(digest->octets), digest->octets, sizeof(digest->octets));
}

/*
 * s to the power of e, modulo n. From the highest bit of e down: a square, and a factor where the
 * bit is set. All is in Montgomery's form but for the last factor, which undoes it; the last bit of
 * e is always set.
 */
static bool
power(struct gp_dkim_pkey *key, const BIGNUM *s, BIGNUM *ret)
{
	BIGNUM *base = BN_CTX_get(key->ctx);
	bool good =
		base && BN_to_montgomery(base, s, key->mont, key->ctx) == 1 && BN_copy(ret, base);
	for (int bit = BN_num_bits(key->e) - 2; bit >= 0 && good; bit--) {
		good = BN_mod_mul_montgomery(ret, ret, ret, key->mont, key->ctx) == 1;
		if (good && BN_is_bit_set(key->e, bit))
			good = BN_mod_mul_montgomery(ret, ret, bit > 0 ? base : s, key->mont,
						     key->ctx) == 1;
	}
	return good;
}

/* RFC 8017 section 8.2.2: what is in the signature has to be the one encoding there is; nothing of
 * it is parsed, so there is nothing to be forged with what a parser passes over. */
static int
verify_rsa(struct gp_dkim_pkey *key, const struct gp_dkim_digest *digest, struct gp_slice signature)
{
	uint8_t found[GP_DKIM_SIGNATURE_MAX], wanted[GP_DKIM_SIGNATURE_MAX];
	size_t len = (size_t)BN_num_bytes(key->n);
	if (signature.len != len || len < ENCODED_MIN)
		return 1;
	BN_CTX_start(key->ctx);
	BIGNUM *s = BN_CTX_get(key->ctx), *m = BN_CTX_get(key->ctx);
	int r = -ENOMEM;
	if (m && BN_bin2bn((const unsigned char *)signature.ptr, (int)len, s)) {
		if (BN_cmp(s, key->n) >= 0)
			r = 1;
		else if (power(key, s, m) && BN_bn2binpad(m, found, (int)len) == (int)len)
			r = 0;
	}
	BN_CTX_end(key->ctx);
	if (r != 0)
		return r;
	encode_message(digest, wanted, len);
	return memcmp(found, wanted, len) != 0;
}

int
gp_dkim_pkey_verify(struct gp_dkim_pkey *key, const struct gp_dkim_digest *digest,
		    struct gp_slice signature)
{
	return key->ed25519 ? verify_ed25519(key->ed25519, digest, signature)
			    : verify_rsa(key, digest, signature);
}
