/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by RSA, those of a forger too: ours and libcrypto's own check are of one opinion. */
#include "../unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "core/dkim/crypto.h"

enum { LEN = 1024 / 8 };

struct signer {
	EVP_PKEY *pkey;
	BIGNUM *n;
	struct gp_dkim_pkey *key;
};

static const struct gp_dkim_digest digest = {"an honest digest of 32 octets.."};

static void
set_up(struct signer *s)
{
	uint8_t n[LEN], e[8];
	BIGNUM *exponent = NULL;
	*s = (struct signer){.pkey = EVP_RSA_gen(8 * LEN)};
	assert_int_equal(EVP_PKEY_get_bn_param(s->pkey, OSSL_PKEY_PARAM_RSA_N, &s->n), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(s->pkey, OSSL_PKEY_PARAM_RSA_E, &exponent), 1);
	assert_int_equal(BN_bn2bin(s->n, n), LEN);
	int len = BN_bn2bin(exponent, e);
	s->key = gp_dkim_pkey_rsa(gp_slice((char *)n, LEN), gp_slice((char *)e, (size_t)len));
	assert_non_null(s->key);
	BN_free(exponent);
}

static void
tear_down(struct signer *s)
{
	gp_dkim_pkey_free(s->key);
	BN_free(s->n);
	EVP_PKEY_free(s->pkey);
}

/* The private key over any LEN octets at all. */
static void
sign(const struct signer *s, const uint8_t *encoded, uint8_t *ret)
{
	size_t len = LEN;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->pkey, NULL);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, ret, &len, encoded, LEN), 1);
	EVP_PKEY_CTX_free(ctx);
}

static bool
passes_libcrypto(const struct signer *s, struct gp_slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->pkey, NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	int r = EVP_PKEY_verify(ctx, (const uint8_t *)signature.ptr, signature.len, digest.octets,
				sizeof(digest.octets));
	EVP_PKEY_CTX_free(ctx);
	return r == 1;
}

static void
check(const struct signer *s, const char *what, const uint8_t *signature, size_t len, bool good)
{
	struct gp_slice octets = gp_slice((const char *)signature, len);
	bool ours = gp_dkim_pkey_verify(s->key, &digest, octets) == 0;
	if (ours != good || passes_libcrypto(s, octets) != good)
		fail_msg("%s", what);
}

/* RFC 8017 section 9.2: so many octets of 0xff, then `tail`, the digest, and zeros to the end. */
static void
encode(uint8_t *to, uint8_t type, size_t pad, const uint8_t *tail, size_t tail_len)
{
	memset(to, 0, LEN);
	to[1] = type;
	memset(to + 2, 0xff, pad);
	memcpy(to + 2 + pad, tail, tail_len);
	memcpy(to + 2 + pad + tail_len, digest.octets, sizeof(digest.octets));
}

static const uint8_t name[] = {0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
			       0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t without_null[] = {0x00, 0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
				       0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20};
static const uint8_t of_sha384[] = {0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
				    0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x20};

enum { PAD = LEN - 2 - (int)sizeof(name) - GP_DKIM_DIGEST_SIZE };

static const struct {
	const char *what;
	uint8_t type;
	size_t pad;
	const uint8_t *tail;
	size_t tail_len;
	bool good;
} encodings[] = {
	{"as it has to be", 1, PAD, name, sizeof(name), true},
	{"of encryption", 2, PAD, name, sizeof(name), false},
	{"of no type", 0, PAD, name, sizeof(name), false},
	{"short padding, anything behind the digest", 1, 8, name, sizeof(name), false},
	{"no padding", 1, 0, name, sizeof(name), false},
	{"without NULL", 1, PAD + 2, without_null, sizeof(without_null), false},
	{"another hash's name", 1, PAD, of_sha384, sizeof(of_sha384), false},
	{"no name", 1, LEN - 3 - GP_DKIM_DIGEST_SIZE, name, 1, false},
};

static void
one_encoding_passes(void **state)
{
	(void)state;
	struct signer s;
	uint8_t encoded[LEN], signature[LEN];
	set_up(&s);
	for (size_t i = 0; i < GP_ARRAY_LEN(encodings); i++) {
		encode(encoded, encodings[i].type, encodings[i].pad, encodings[i].tail,
		       encodings[i].tail_len);
		sign(&s, encoded, signature);
		check(&s, encodings[i].what, signature, LEN, encodings[i].good);
	}
	/* Each octet of it counts. */
	for (size_t i = 1; i < LEN; i++) {
		encode(encoded, 1, PAD, name, sizeof(name));
		encoded[i] ^= 0x40;
		sign(&s, encoded, signature);
		check(&s, "an octet changed", signature, LEN, false);
	}
	tear_down(&s);
}

/* RFC 8017 sections 8.2.2 and 5.2.2: exactly so long, and below the modulus. */
static void
one_number_passes(void **state)
{
	(void)state;
	struct signer s;
	uint8_t encoded[LEN], signature[LEN + 2] = {};
	BIGNUM *number = BN_new();
	encode(encoded, 1, PAD, name, sizeof(name));
	for (;;) {
		set_up(&s);
		sign(&s, encoded, signature + 1);
		assert_non_null(BN_bin2bn(signature + 1, LEN, number));
		assert_int_equal(BN_add(number, number, s.n), 1);
		/* By chance it has an octet more than the modulus. */
		if (BN_num_bytes(number) == LEN)
			break;
		tear_down(&s);
	}
	check(&s, "as it is", signature + 1, LEN, true);
	check(&s, "a zero in front", signature, LEN + 1, false);
	check(&s, "an octet behind", signature + 1, LEN + 1, false);
	check(&s, "an octet short", signature + 2, LEN - 1, false);
	check(&s, "nothing", signature, 0, false);
	assert_int_equal(BN_bn2binpad(number, signature, LEN), LEN);
	check(&s, "the same number, and the modulus", signature, LEN, false);
	memset(signature, 0, sizeof(signature));
	check(&s, "zero", signature, LEN, false);
	signature[LEN - 1] = 1;
	check(&s, "one", signature, LEN, false);
	memset(signature, 0xff, sizeof(signature));
	check(&s, "above the modulus", signature, LEN, false);
	BN_free(number);
	tear_down(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_encoding_passes),
		cmocka_unit_test(one_number_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
