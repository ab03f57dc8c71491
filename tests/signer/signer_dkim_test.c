/* SPDX-License-Identifier: Apache-2.0 */
/* signer's DKIM keys: which are taken from a domain's file, and what they sign. */
#include "../unit.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "procs/signer/dkim.h"

static const struct gp_slice domain = GP_SLICE("example.org");
static const struct gp_slice digest = GP_SLICE("0123456789abcdef0123456789abcdef");

static const struct dkim_keys nothing;

enum { RSA_2048, RSA_4096, RSA_1024, ED25519, P256, KINDS };
static EVP_PKEY *made[KINDS];

static void
put_private(struct gp_buf *out, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	gp_base64_put(out, gp_slice((char *)der, (size_t)len));
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static void
put_head(struct gp_buf *out)
{
	gp_buf_clear(out);
	gp_buf_printf(out, "gatepost-dkim 1\ndomain %.*s\n", GP_SLICE_FMT(domain));
}

static void
put_key(struct gp_buf *out, const char *selector, const char *algorithm, const char *state,
	EVP_PKEY *key)
{
	gp_buf_printf(out, "key %s %s %s 1 1 AAAA ", selector, algorithm, state);
	if (key)
		put_private(out, key);
	else
		gp_buf_put_str(out, "AAAA");
	gp_buf_put_char(out, '\n');
}

static int
sign(const struct dkim_keys *k, const struct keys *tls, const char *selector, uint8_t *ret)
{
	static const struct keys none;
	struct gp_msg_dkim_sign request = {
		.domain = domain, .selector = gp_slice_str(selector), .digest = digest};
	return dkim_sign(k, tls ? tls : &none, &request, ret);
}

static bool
verifies(int kind, const uint8_t *signature, int len)
{
	const unsigned char *data = (const unsigned char *)digest.ptr;
	EVP_PKEY_CTX *ctx = kind == ED25519 ? NULL : EVP_PKEY_CTX_new(made[kind], NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;
	if (kind == ED25519)
		ok = EVP_DigestVerifyInit(md, NULL, NULL, NULL, made[kind]) == 1 &&
		     EVP_DigestVerify(md, signature, (size_t)len, data, digest.len) == 1;
	else
		ok = EVP_PKEY_verify_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		     EVP_PKEY_verify(ctx, signature, (size_t)len, data, digest.len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void
keys_of_a_file(void **state)
{
	static const struct {
		const char *algorithm, *state;
		int kind;         /* KINDS: what is no key */
		bool told, signs; /* told: those who sign mail hear of it */
	} rows[] = {
		{"rsa-sha256", "active", RSA_2048, true, true},
		{"rsa-sha256", "active", RSA_4096, true, true},
		{"ed25519-sha256", "active", ED25519, true, true},
		{"rsa-sha256", "retiring", RSA_2048, false, true},
		{"rsa-sha256", "pending", RSA_2048, false, false},
		/* What cannot be used is told of, so that nobody sends unsigned. */
		{"rsa-sha256", "active", RSA_1024, true, false},
		{"rsa-sha256", "active", ED25519, true, false},
		{"ed25519-sha256", "active", RSA_2048, true, false},
		{"ed25519-sha256", "active", P256, true, false},
		{"rsa-sha256", "active", KINDS, true, false},
	};
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	uint8_t signature[DKIM_SIGNATURE_MAX];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct dkim_keys k = {};
		put_head(&text);
		put_key(&text, "s", rows[i].algorithm, rows[i].state,
			rows[i].kind < KINDS ? made[rows[i].kind] : NULL);
		int r = dkim_add(&k, &nothing, domain, gp_buf_slice(&text));
		bool told = k.len == 1 && k.items[0].active;
		int n = sign(&k, NULL, "s", signature);
		if (told != rows[i].told || (n > 0) != rows[i].signs ||
		    (r == 0) != (rows[i].signs || !rows[i].told))
			fail_msg("row %zu: %d, %zu keys, signature %d", i, r, k.len, n);
		assert_true(n > 0 ? verifies(rows[i].kind, signature, n) : n == -ENOENT);
		dkim_free(&k);
	}
	gp_buf_free(&text);
}

static void
a_file_that_cannot_be_read_stands_for_its_domain(void **state)
{
	static const struct gp_slice texts[] = {
		GP_SLICE(""),
		GP_SLICE("gatepost-dkim 1\n"),
		GP_SLICE("gatepost-dkim 1\ndomain example.net\n"),
		GP_SLICE("-----BEGIN PRIVATE KEY-----\n"),
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++) {
		struct dkim_keys k = {};
		assert_int_equal(dkim_add(&k, &nothing, domain, texts[i]), -EINVAL);
		assert_int_equal(k.len, 1);
		assert_true(k.items[0].active && !k.items[0].key && k.items[0].algorithm == 0);
		assert_string_equal(k.items[0].domain, "example.org");
		assert_string_equal(k.items[0].selector, "");
		dkim_free(&k);
	}
}

static void
what_is_not_signed(void **state)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	struct dkim_keys k = {};
	struct keys tls = {.len = 1};
	uint8_t signature[DKIM_SIGNATURE_MAX];
	struct gp_msg_dkim_sign request = {
		.domain = domain, .selector = GP_SLICE("s"), .digest = digest};
	(void)state;
	put_head(&text);
	put_key(&text, "s", "rsa-sha256", "active", made[RSA_2048]);
	assert_int_equal(dkim_add(&k, &nothing, domain, gp_buf_slice(&text)), 0);
	assert_true(dkim_sign(&k, &tls, &request, signature) > 0);
	/* another length than a SHA-256 digest's */
	char longer[64] = "";
	for (size_t len = 0; len <= sizeof(longer); len++) {
		request.digest = gp_slice(longer, len);
		int n = dkim_sign(&k, &tls, &request, signature);
		assert_true(len == 32 ? n > 0 : n == -EPERM);
	}
	request.digest = digest;
	request.domain = GP_SLICE("example.or");
	assert_int_equal(dkim_sign(&k, &tls, &request, signature), -ENOENT);
	request.domain = GP_SLICE("");
	assert_int_equal(dkim_sign(&k, &tls, &request, signature), -ENOENT);
	/* a key that shakes hands too: a digest could be that of a handshake */
	memcpy(tls.items[0].id, k.items[0].id, GP_TLS_KEY_ID);
	assert_int_equal(sign(&k, &tls, "s", signature), -ENOENT);
	dkim_free(&k);
	gp_buf_free(&text);
}

static void
a_key_that_is_known_is_not_read_anew(void **state)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	struct dkim_keys before = {}, after = {};
	uint8_t signature[DKIM_SIGNATURE_MAX];
	(void)state;
	put_head(&text);
	put_key(&text, "s", "rsa-sha256", "active", made[RSA_2048]);
	assert_int_equal(dkim_add(&before, &nothing, domain, gp_buf_slice(&text)), 0);
	put_head(&text);
	put_key(&text, "renamed", "rsa-sha256", "active", made[RSA_2048]);
	put_key(&text, "new", "ed25519-sha256", "active", made[ED25519]);
	put_key(&text, "wrong", "ed25519-sha256", "active", made[RSA_2048]);
	assert_int_equal(dkim_add(&after, &before, domain, gp_buf_slice(&text)), -EINVAL);
	assert_ptr_equal(after.items[0].key, before.items[0].key);
	assert_memory_equal(after.items[0].id, before.items[0].id, GP_TLS_KEY_ID);
	dkim_free(&before);
	assert_true(verifies(RSA_2048, signature, sign(&after, NULL, "renamed", signature)));
	assert_true(verifies(ED25519, signature, sign(&after, NULL, "new", signature)));
	assert_int_equal(sign(&after, NULL, "wrong", signature), -ENOENT);
	dkim_free(&after);
	gp_buf_free(&text);
}

static void
there_is_room_for_so_many(void **state)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	struct dkim_keys k = {};
	char selector[8];
	(void)state;
	put_head(&text);
	for (int i = 0; i < GP_KEYRING_KEYS_MAX; i++) {
		snprintf(selector, sizeof(selector), "s%d", i);
		put_key(&text, selector, "ed25519-sha256", "active", made[ED25519]);
	}
	for (int i = 0; i < DKIM_KEYS_MAX / GP_KEYRING_KEYS_MAX; i++)
		assert_int_equal(dkim_add(&k, &nothing, domain, gp_buf_slice(&text)), 0);
	assert_int_equal(dkim_add(&k, &nothing, domain, gp_buf_slice(&text)), -ENOSPC);
	assert_int_equal(k.len, DKIM_KEYS_MAX);
	dkim_free(&k);
	gp_buf_free(&text);
}

static int
set_up(void **state)
{
	(void)state;
	made[RSA_2048] = EVP_RSA_gen(2048);
	made[RSA_4096] = EVP_RSA_gen(4096);
	made[RSA_1024] = EVP_RSA_gen(1024);
	made[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	made[P256] = EVP_EC_gen("P-256");
	return keys_prepare();
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS; i++)
		EVP_PKEY_free(made[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_a_file),
		cmocka_unit_test(a_file_that_cannot_be_read_stands_for_its_domain),
		cmocka_unit_test(what_is_not_signed),
		cmocka_unit_test(a_key_that_is_known_is_not_read_anew),
		cmocka_unit_test(there_is_room_for_so_many),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
