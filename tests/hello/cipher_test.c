/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <openssl/ssl.h>
#include <string.h>

#include "core/hello/cipher.h"
#include "core/hello/hello.h"

static void
rows_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_CIPHERS; i++) {
		assert_ptr_equal(gp_cipher_of(gp_ciphers[i].id), &gp_ciphers[i]);
		assert_true(i == 0 || gp_ciphers[i - 1].id < gp_ciphers[i].id);
		assert_true(gp_slice_starts(gp_slice_str(gp_ciphers[i].name), GP_SLICE("TLS_")));
	}
	assert_null(gp_cipher_of(0x0000));
	assert_null(gp_cipher_of(0x5600));
	assert_null(gp_cipher_of(0xffff));
}

/* The kinds by which OpenSSL calls what our table has another word for. */
static bool
same_kx(const struct gp_cipher *c, int nid)
{
	switch (nid) {
	case NID_kx_rsa:
		return c->kx == GP_KX_RSA;
	case NID_kx_dhe:
		return c->kx == GP_KX_DHE;
	case NID_kx_ecdhe:
		return c->kx == GP_KX_ECDHE;
	case NID_kx_srp:
		return c->kx == GP_KX_SRP;
	case NID_kx_any:
		return c->kx == GP_KX_ANY;
	default:
		return c->kx == GP_KX_PSK;
	}
}

static bool
same_by(const struct gp_cipher *c, int nid)
{
	switch (nid) {
	case NID_auth_rsa:
		return c->by == GP_BY_RSA || c->kx == GP_KX_PSK || c->kx == GP_KX_SRP;
	case NID_auth_dss:
		return c->by == GP_BY_DSS || c->kx == GP_KX_SRP;
	case NID_auth_ecdsa:
		return c->by == GP_BY_ECDSA;
	case NID_auth_null:
		return c->by == GP_BY_ANON;
	case NID_auth_any:
		return c->by == GP_BY_ANY;
	default:
		return c->kx == GP_KX_PSK || c->kx == GP_KX_SRP;
	}
}

static void
agrees(const SSL_CIPHER *theirs)
{
	const struct gp_cipher *ours = gp_cipher_of(SSL_CIPHER_get_protocol_id(theirs));
	if (!ours)
		fail_msg("%s is not in the table", SSL_CIPHER_standard_name(theirs));
	assert_string_equal(ours->name, SSL_CIPHER_standard_name(theirs));
	assert_int_equal(ours->bits, SSL_CIPHER_get_bits(theirs, NULL));
	assert_int_equal((ours->flags & GP_CIPHER_AEAD) != 0, SSL_CIPHER_is_aead(theirs));
	assert_true(same_kx(ours, SSL_CIPHER_get_kx_nid(theirs)));
	assert_true(same_by(ours, SSL_CIPHER_get_auth_nid(theirs)));
	bool new = strcmp(SSL_CIPHER_get_version(theirs), "TLSv1.2") == 0;
	if (ours->kx != GP_KX_PSK && ours->kx != GP_KX_ANY)
		assert_int_equal((ours->flags & GP_CIPHER_NEW) != 0, new);
}

static void
names_and_kinds_are_those_of_openssl(void **state)
{
	(void)state;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL"), 1);
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	int len = sk_SSL_CIPHER_num(all);
	assert_true(len > 100);
	for (int i = 0; i < len; i++)
		agrees(sk_SSL_CIPHER_value(all, i));
	SSL_CTX_free(ctx);
}

static void
classes(void **state)
{
	(void)state;
	static const struct {
		uint16_t id;
		enum gp_cipher_class class;
		bool forward_secret;
	} cases[] = {
		{0x0001, GP_CLASS_BROKEN, false}, /* RSA_WITH_NULL_MD5 */
		{0x0003, GP_CLASS_BROKEN, false}, /* RSA_EXPORT_WITH_RC4_40_MD5 */
		{0x0005, GP_CLASS_BROKEN, false}, /* RSA_WITH_RC4_128_SHA */
		{0x0016, GP_CLASS_BROKEN, true},  /* DHE_RSA_WITH_3DES_EDE_CBC_SHA */
		{0x0018, GP_CLASS_BROKEN, true},  /* DH_anon_WITH_RC4_128_MD5 */
		{0x0034, GP_CLASS_ANON, true},    /* DH_anon_WITH_AES_128_CBC_SHA */
		{0x0031, GP_CLASS_STATIC, false}, /* DH_RSA_WITH_AES_128_CBC_SHA */
		{0x002f, GP_CLASS_STATIC, false}, /* RSA_WITH_AES_128_CBC_SHA */
		{0x009f, GP_CLASS_DHE, true},
		{0xc030, GP_CLASS_ECDHE, true},
		{0x1301, GP_CLASS_TLS13, true},
		{0x00a8, GP_CLASS_NONE, false}, /* PSK_WITH_AES_128_GCM_SHA256 */
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const struct gp_cipher *c = gp_cipher_of(cases[i].id);
		assert_non_null(c);
		assert_int_equal(gp_cipher_class(c), cases[i].class);
		assert_int_equal(gp_cipher_forward_secret(c), cases[i].forward_secret);
	}
}

static void
lists_of_a_version(void **state)
{
	(void)state;
	uint16_t ids[GP_CIPHERS];
	assert_int_equal(gp_cipher_list(GP_TLS_1_3, ids, GP_CIPHERS), 5);
	assert_int_equal(gp_cipher_list(GP_TLS_1_2, ids, 3), 3);
	size_t len = gp_cipher_list(GP_TLS_1_2, ids, GP_CIPHERS);
	assert_int_equal(gp_cipher_class(gp_cipher_of(ids[0])), GP_CLASS_ECDHE);
	assert_true(gp_cipher_of(ids[0])->flags & GP_CIPHER_AEAD);
	assert_int_equal(gp_cipher_class(gp_cipher_of(ids[len - 1])), GP_CLASS_BROKEN);
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(ids[i], ids[k]);
	/* All of the table is asked for in some version, but what wants a shared secret. */
	size_t others = 0;
	for (size_t i = 0; i < GP_CIPHERS; i++)
		others += gp_cipher_class(&gp_ciphers[i]) == GP_CLASS_NONE;
	assert_int_equal(len + 5 + others, GP_CIPHERS);

	len = gp_cipher_list(GP_SSL_3, ids, GP_CIPHERS);
	assert_true(len > 50);
	for (size_t i = 0; i < len; i++) {
		const struct gp_cipher *c = gp_cipher_of(ids[i]);
		assert_true(c->kx != GP_KX_ECDHE && c->kx != GP_KX_ECDH && c->kx != GP_KX_ANY);
		assert_false(c->flags & (GP_CIPHER_NEW | GP_CIPHER_AEAD));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_in_order),
		cmocka_unit_test(names_and_kinds_are_those_of_openssl),
		cmocka_unit_test(classes),
		cmocka_unit_test(lists_of_a_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
