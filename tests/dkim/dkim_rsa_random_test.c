/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys at random, of sizes and exponents that hardly anybody has, and signatures by them, good and
 * damaged: ours and libcrypto's own check are of one opinion about each.
 *
 *     build/tests/dkim_rsa_random_test [KEYS]
 *
 * A modulus is a product of many small primes: worth nothing as a key, and made in no time.
 */
#include "../unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "../prng.h"
#include "core/dkim/crypto.h"

enum {
	PRIMES = 150,       /* of each kind, below; more than a modulus has */
	FACTOR_BITS = 64,   /* of a prime, or less */
	OCTETS_ENOUGH = 62, /* below there is no room for what is signed (RFC 8017 section 9.2) */
	ROOM = GP_DKIM_SIGNATURE_MAX + 2, /* one octet before a signature and one behind it */
};

static size_t keys_wanted = 60;

/* All are primes themselves; the last has as many octets as a key's exponent may. */
static const uint64_t exponents[] = {3, 17, 257, 65'537, 4'294'967'311, 0xffff'ffff'ffff'ffc5};

struct world {
	struct prng random;
	BN_CTX *ctx;
	uint64_t wide[PRIMES];   /* near 2^64, so that products fill their words */
	uint64_t narrow[PRIMES]; /* 2^32 to 2^64 */
};

struct signer {
	BIGNUM *n, *d;
	uint64_t e;
	EVP_PKEY *pkey;
	struct gp_dkim_pkey *key;
	size_t len; /* octets of n */
};

/* --- keys --- */

static BIGNUM *
number(uint64_t value)
{
	uint8_t octets[sizeof(value)];
	for (size_t i = 0; i < sizeof(value); i++)
		octets[i] = (uint8_t)(value >> (56 - 8 * i));
	BIGNUM *bn = BN_bin2bn(octets, sizeof(octets), NULL);
	assert_non_null(bn);
	return bn;
}

/* No exponent may divide p - 1, or it would have no inverse. */
static bool
fits(const struct world *w, uint64_t p)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(exponents); i++) {
		if ((p - 1) % exponents[i] == 0)
			return false;
	}
	BIGNUM *bn = number(p);
	int prime = BN_check_prime(bn, w->ctx, NULL);
	BN_free(bn);
	return prime == 1;
}

static void
find_primes(struct world *w, uint64_t least, uint64_t span, uint64_t *ret)
{
	for (size_t i = 0; i < PRIMES;) {
		ret[i] = least + (prng_next(&w->random) % span | 1);
		bool twice = false;
		for (size_t k = 0; k < i; k++)
			twice = twice || ret[k] == ret[i];
		i += !twice && fits(w, ret[i]);
	}
}

static void
multiply(BIGNUM *product, uint64_t by, BN_CTX *ctx)
{
	BIGNUM *factor = number(by);
	assert_int_equal(BN_mul(product, product, factor, ctx), 1);
	BN_free(factor);
}

/* A modulus of about so many bits, of primes that lie in a row somewhere in their table. */
static void
make_modulus(struct world *w, int bits, BIGNUM *n, BIGNUM *phi)
{
	bool wide = prng_below(&w->random, 2) == 0;
	const uint64_t *primes = wide ? w->wide : w->narrow;
	size_t at = prng_below(&w->random, PRIMES);
	assert_true(BN_one(n) && BN_one(phi));
	do {
		uint64_t p = primes[at++ % PRIMES];
		multiply(n, p, w->ctx);
		multiply(phi, p - 1, w->ctx);
	} while (BN_num_bits(n) + FACTOR_BITS <= bits);
}

static EVP_PKEY *
open_by_libcrypto(const struct signer *s)
{
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *e = number(s->e);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, s->n), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e), 1);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(e);
	return pkey;
}

static struct gp_dkim_pkey *
open_by_us(const struct signer *s)
{
	uint8_t n[GP_DKIM_SIGNATURE_MAX], e[sizeof(s->e)];
	BIGNUM *exponent = number(s->e);
	size_t e_len = (size_t)BN_bn2bin(exponent, e);
	BN_free(exponent);
	assert_int_equal(BN_bn2bin(s->n, n), s->len);
	struct gp_dkim_pkey *key =
		gp_dkim_pkey_rsa(gp_slice((char *)n, s->len), gp_slice((char *)e, e_len));
	assert_non_null(key);
	return key;
}

static void
open_both(struct signer *s)
{
	s->len = (size_t)BN_num_bytes(s->n);
	s->pkey = open_by_libcrypto(s);
	s->key = open_by_us(s);
}

static void
close_both(struct signer *s)
{
	EVP_PKEY_free(s->pkey);
	s->key = gp_dkim_pkey_free(s->key);
}

static void
signer_open(struct world *w, struct signer *s)
{
	size_t octets = 1 + prng_below(&w->random, GP_DKIM_SIGNATURE_MAX);
	size_t exponent = prng_below(&w->random, GP_ARRAY_LEN(exponents));
	*s = (struct signer){BN_new(), BN_new(), .e = exponents[exponent]};
	BIGNUM *phi = BN_new(), *e = number(s->e);
	make_modulus(w, 8 * (int)octets, s->n, phi);
	assert_non_null(BN_mod_inverse(s->d, e, phi, w->ctx));
	BN_free(phi);
	BN_free(e);
	open_both(s);
}

static void
signer_close(struct signer *s)
{
	close_both(s);
	BN_free(s->n);
	BN_free(s->d);
}

/* --- signatures --- */

static const uint8_t name[] = {0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
			       0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/* Below OCTETS_ENOUGH: what there is room for, from the end. */
static void
encode(const struct signer *s, const struct gp_dkim_digest *digest, uint8_t *to)
{
	uint8_t whole[GP_DKIM_SIGNATURE_MAX + OCTETS_ENOUGH];
	size_t len = GP_MAX(s->len, (size_t)OCTETS_ENOUGH);
	memset(whole, 0xff, len);
	whole[0] = 0;
	whole[1] = 1;
	memcpy(whole + len - sizeof(*digest) - sizeof(name), name, sizeof(name));
	memcpy(whole + len - sizeof(*digest), digest, sizeof(*digest));
	memcpy(to, whole + len - s->len, s->len);
}

/* By the private exponent, whatever it is. */
static void
sign(struct world *w, const struct signer *s, const uint8_t *encoded, uint8_t *ret)
{
	BIGNUM *m = BN_bin2bn(encoded, (int)s->len, NULL);
	assert_int_equal(BN_mod_exp(m, m, s->d, s->n, w->ctx), 1);
	assert_int_equal(BN_bn2binpad(m, ret, (int)s->len), s->len);
	BN_free(m);
}

static bool
passes_libcrypto(const struct signer *s, const struct gp_dkim_digest *digest,
		 struct gp_slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->pkey, NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	int r = EVP_PKEY_verify(ctx, (const uint8_t *)signature.ptr, signature.len, digest->octets,
				sizeof(digest->octets));
	EVP_PKEY_CTX_free(ctx);
	return r == 1;
}

static void
check(const struct signer *s, const struct gp_dkim_digest *digest, struct gp_slice signature,
      const char *what, bool good)
{
	bool ours = gp_dkim_pkey_verify(s->key, digest, signature) == 0;
	bool theirs = passes_libcrypto(s, digest, signature);
	if (ours != theirs || ours != good)
		fail_msg("%s, %d bits, e=%ju: ours %d, libcrypto's %d", what, BN_num_bits(s->n),
			 (uintmax_t)s->e, ours, theirs);
}

/* Returns which. */
static size_t
flip_any_bit(struct world *w, uint8_t *octets, size_t len)
{
	size_t bit = prng_below(&w->random, 8 * len);
	octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return bit;
}

/* Other numbers that are the signature's modulo n, or next to that; those of more octets than n do
 * not come about. at: of the signature. */
static void
check_other_numbers(const struct signer *s, const struct gp_dkim_digest *digest, const uint8_t *at)
{
	uint8_t octets[GP_DKIM_SIGNATURE_MAX];
	struct gp_slice text = gp_slice((char *)octets, s->len);
	BIGNUM *number = BN_bin2bn(at, (int)s->len, NULL), *other = BN_new();
	assert_int_equal(BN_sub(other, s->n, number), 1);
	assert_int_equal(BN_bn2binpad(other, octets, (int)s->len), s->len);
	check(s, digest, text, "less the modulus", false);
	assert_int_equal(BN_add(other, s->n, number), 1);
	if (BN_bn2binpad(other, octets, (int)s->len) == (int)s->len)
		check(s, digest, text, "and the modulus", false);
	assert_int_equal(BN_bn2binpad(s->n, octets, (int)s->len), s->len);
	check(s, digest, text, "the modulus", false);
	octets[s->len - 1] ^= 1;
	check(s, digest, text, "the modulus less one", false);
	memset(octets, 0, s->len);
	check(s, digest, text, "zero", false);
	octets[s->len - 1] = 1;
	check(s, digest, text, "one", false);
	BN_free(number);
	BN_free(other);
}

/* at: of the signature, with an octet in front of it and one behind. */
static void
check_damaged(struct world *w, const struct signer *s, const struct gp_dkim_digest *digest,
	      uint8_t *at)
{
	const char *text = (char *)at;
	struct gp_dkim_digest other = *digest;
	at[-1] = at[s->len] = 0;
	check(s, digest, gp_slice(text - 1, s->len + 1), "a zero in front", false);
	check(s, digest, gp_slice(text, s->len + 1), "a zero behind", false);
	check(s, digest, gp_slice(text, s->len - 1), "an octet short", false);
	check(s, digest, gp_slice(text + 1, s->len - 1), "the first octet missing", false);
	flip_any_bit(w, other.octets, sizeof(other.octets));
	check(s, &other, gp_slice(text, s->len), "another digest", false);
	for (size_t i = 0; i < 4; i++) {
		size_t bit = flip_any_bit(w, at, s->len);
		check(s, digest, gp_slice(text, s->len), "a bit changed", false);
		at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* The modulus with a bit changed; it is as long, and odd, as others are refused when they open. */
static void
check_other_key(struct world *w, struct signer *s, const struct gp_dkim_digest *digest,
		struct gp_slice signature)
{
	int bit = 1 + (int)prng_below(&w->random, 8 * s->len - 9);
	close_both(s);
	if (BN_is_bit_set(s->n, bit))
		assert_int_equal(BN_clear_bit(s->n, bit), 1);
	else
		assert_int_equal(BN_set_bit(s->n, bit), 1);
	open_both(s);
	check(s, digest, signature, "another key", false);
}

static void
check_key(struct world *w, struct signer *s)
{
	uint8_t encoded[ROOM], room[ROOM], *at = room + 1;
	struct gp_slice signature = gp_slice((char *)at, s->len);
	struct gp_dkim_digest digest;
	for (size_t i = 0; i < sizeof(digest); i++)
		digest.octets[i] = (uint8_t)prng_next(&w->random);
	encode(s, &digest, encoded);
	flip_any_bit(w, encoded + 1, s->len - 1);
	sign(w, s, encoded, at);
	check(s, &digest, signature, "another encoding", false);
	encode(s, &digest, encoded);
	sign(w, s, encoded, at);
	check(s, &digest, signature, "as it is", s->len >= OCTETS_ENOUGH);
	check_other_numbers(s, &digest, at);
	check_damaged(w, s, &digest, at);
	check_other_key(w, s, &digest, signature);
}

static void
ours_is_libcryptos_opinion(void **state)
{
	(void)state;
	static struct world w = {.random = {2048}};
	w.ctx = BN_CTX_new();
	find_primes(&w, UINT64_MAX << 48, 1ull << 48, w.wide);
	find_primes(&w, 1ull << 32, UINT64_MAX - (1ull << 32), w.narrow);
	for (size_t i = 0; i < keys_wanted; i++) {
		struct signer s;
		signer_open(&w, &s);
		check_key(&w, &s);
		signer_close(&s);
	}
	BN_CTX_free(w.ctx);
}

int
main(int argc, char **argv)
{
	uint64_t wanted;
	if (argc > 1 && gp_slice_u64(gp_slice_str(argv[1]), 1 << 30, &wanted))
		keys_wanted = wanted;
	const struct CMUnitTest tests[] = {cmocka_unit_test(ours_is_libcryptos_opinion)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
