/* SPDX-License-Identifier: Apache-2.0 */
/* signer's keys: which are taken, how long they are kept, and what they sign. */
#include "../sys/tls_rig.h"

#include <openssl/rsa.h>

static const char tls13[] = "                                                                "
			    "TLS 1.3, server CertificateVerify\0"
			    "0123456789abcdef0123456789abcdef";
static const char tls12[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			    "\x03\x00\x1d\x20"
			    "0123456789abcdef0123456789abcdef";

static struct gp_slice
input(bool modern)
{
	return modern ? gp_slice(tls13, sizeof(tls13) - 1) : gp_slice(tls12, sizeof(tls12) - 1);
}

static struct gp_slice
id_slice(const uint8_t id[GP_TLS_KEY_ID])
{
	return gp_slice((const char *)id, GP_TLS_KEY_ID);
}

static bool
verifies(EVP_PKEY *key, const char *hash, bool pss, struct gp_slice data, const uint8_t *signature,
	 int len)
{
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit_ex(md, &ctx, hash, NULL, NULL, key, NULL), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST);
	}
	bool ok = EVP_DigestVerify(md, signature, (size_t)len, (const unsigned char *)data.ptr,
				   data.len) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

static void
each_scheme_is_its_keys_alone(void **state)
{
	static const struct {
		uint16_t scheme;
		const char *hash;
		bool rsa, pss;
		bool p256, p384; /* in TLS 1.3 */
	} rows[] = {
		{GP_TLS_RSA_PKCS1_SHA256, "SHA256", true, false, false, false},
		{GP_TLS_RSA_PKCS1_SHA384, "SHA384", true, false, false, false},
		{GP_TLS_RSA_PKCS1_SHA512, "SHA512", true, false, false, false},
		{GP_TLS_RSA_PSS_SHA256, "SHA256", true, true, false, false},
		{GP_TLS_RSA_PSS_SHA384, "SHA384", true, true, false, false},
		{GP_TLS_RSA_PSS_SHA512, "SHA512", true, true, false, false},
		{GP_TLS_ECDSA_P256_SHA256, "SHA256", false, false, true, false},
		{GP_TLS_ECDSA_P384_SHA384, "SHA384", false, false, false, true},
		{0x0201, "SHA1", false, false, false, false},   /* rsa_pkcs1_sha1 */
		{0x0809, "SHA256", false, false, false, false}, /* rsa_pss_pss_sha256 */
		{0, "SHA256", false, false, false, false},
	};
	struct made made[] = {make((struct wanted){.rsa = true}), make((struct wanted){}),
			      make((struct wanted){.curve = "P-384"})};
	struct keys k = {};
	uint8_t ids[3][GP_TLS_KEY_ID], signature[GP_TLS_SIGNATURE_MAX];
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(keys_add(&k, gp_buf_slice(&made[i].key_pem), 1, ids[i]), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		const bool may[2][3] = {
			{rows[i].rsa, rows[i].p256 || rows[i].p384, rows[i].p256 || rows[i].p384},
			{rows[i].rsa && rows[i].pss, rows[i].p256, rows[i].p384}};
		for (size_t key = 0; key < 3; key++) {
			for (int modern = 0; modern < 2; modern++) {
				int n = keys_sign(&k, id_slice(ids[key]), rows[i].scheme,
						  input(modern), signature);
				if ((n > 0) != may[modern][key])
					fail_msg("scheme %04x, key %zu: %d", rows[i].scheme, key,
						 n);
				if (n > 0)
					assert_true(verifies(made[key].key, rows[i].hash,
							     rows[i].pss, input(modern), signature,
							     n));
				else
					assert_int_equal(n, -EPERM);
			}
		}
	}
	assert_int_equal(keys_sign(&k, id_slice(ids[0]), GP_TLS_RSA_PSS_SHA256,
				   GP_SLICE("anything else"), signature),
			 -EPERM);
	ids[0][31] ^= 1;
	assert_int_equal(
		keys_sign(&k, id_slice(ids[0]), GP_TLS_RSA_PSS_SHA256, input(true), signature),
		-ENOENT);
	assert_int_equal(
		keys_sign(&k, gp_slice(NULL, 0), GP_TLS_RSA_PSS_SHA256, input(true), signature),
		-ENOENT);
	keys_free(&k);
	for (size_t i = 0; i < 3; i++)
		unmake(&made[i]);
}

static bool
signs(const struct keys *k, const uint8_t id[GP_TLS_KEY_ID])
{
	uint8_t signature[GP_TLS_SIGNATURE_MAX];
	return keys_sign(k, id_slice(id), GP_TLS_ECDSA_P256_SHA256, input(true), signature) > 0;
}

static void
keys_are_kept_until_a_new_one_comes(void **state)
{
	enum { A, B, C, D };
	struct made made[4];
	uint8_t ids[4][GP_TLS_KEY_ID];
	struct keys k = {};
	/* In each round one key; which of them are there then. */
	static const struct {
		size_t key;
		bool there[4];
	} rounds[] = {
		{A, {true}},
		{A, {true}},
		/* b takes a's place: whoever has a's certificate still shakes hands with it, */
		{B, {true, true}},
		/* and does so when the same is read again: its certificate may still be there */
		{B, {true, true}},
		{B, {true, true}},
		{C, {false, true, true}},
		{B, {false, true, true}},
		{D, {false, true, false, true}},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(made); i++) {
		made[i] = make((struct wanted){});
		struct keys all = {};
		assert_int_equal(keys_add(&all, gp_buf_slice(&made[i].key_pem), 0, ids[i]), 0);
		keys_free(&all);
	}
	for (uint32_t r = 0; r < GP_ARRAY_LEN(rounds); r++) {
		uint8_t id[GP_TLS_KEY_ID];
		struct gp_slice pem = gp_buf_slice(&made[rounds[r].key].key_pem);
		for (int twice = 0; twice < 2; twice++)
			assert_int_equal(keys_add(&k, pem, r + 1, id), 0);
		for (size_t i = 0; i < GP_ARRAY_LEN(made); i++)
			assert_int_equal(signs(&k, ids[i]), rounds[r].there[i]);
	}
	keys_free(&k);
	for (size_t i = 0; i < GP_ARRAY_LEN(made); i++)
		unmake(&made[i]);
}

static void
put_key(struct gp_buf *out, EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PrivateKey(bio, key, password ? EVP_aes_128_cbc() : NULL,
					     (const unsigned char *)password,
					     password ? (int)strlen(password) : 0, NULL, NULL));
	put_bio(out, bio);
	EVP_PKEY_free(key);
}

static void
what_is_no_key_of_ours_is_refused(void **state)
{
	struct keys k = {};
	uint8_t id[GP_TLS_KEY_ID];
	struct made m = make((struct wanted){});
	EVP_PKEY *const odd[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-521"),
				 EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_EC_gen("P-256")};
	(void)state;
	const struct gp_slice none[] = {GP_SLICE(""), GP_SLICE("hello"), gp_buf_slice(&m.pem),
					gp_slice_take(gp_buf_slice(&m.key_pem), 100)};
	for (size_t i = 0; i < GP_ARRAY_LEN(none); i++)
		assert_int_equal(keys_add(&k, none[i], 1, id), -EINVAL);
	for (size_t i = 0; i < GP_ARRAY_LEN(odd); i++) {
		struct gp_buf pem = GP_BUF_INIT(1 << 16);
		bool locked = i == 3;
		put_key(&pem, odd[i], locked ? "secret" : NULL);
		assert_int_equal(keys_add(&k, gp_buf_slice(&pem), 1, id),
				 locked ? -EINVAL : -EOPNOTSUPP);
		gp_buf_free(&pem);
	}
	assert_int_equal(k.len, 0);
	unmake(&m);
}

static void
there_is_room_for_so_many(void **state)
{
	struct keys k = {};
	uint8_t id[GP_TLS_KEY_ID];
	(void)state;
	for (size_t i = 0; i <= KEYS_MAX; i++) {
		struct gp_buf pem = GP_BUF_INIT(1 << 16);
		put_key(&pem, EVP_EC_gen("P-256"), NULL);
		assert_int_equal(keys_add(&k, gp_buf_slice(&pem), 1, id),
				 i < KEYS_MAX ? 0 : -ENOSPC);
		gp_buf_free(&pem);
	}
	keys_free(&k);
}

static int
set_up(void **state)
{
	(void)state;
	/* Its random octets are made first, outside the locked heap, which leak checkers do not
	 * see. */
	EVP_PKEY_free(EVP_EC_gen("P-256"));
	return keys_prepare();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_is_its_keys_alone),
		cmocka_unit_test(keys_are_kept_until_a_new_one_comes),
		cmocka_unit_test(what_is_no_key_of_ours_is_refused),
		cmocka_unit_test(there_is_room_for_so_many),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
