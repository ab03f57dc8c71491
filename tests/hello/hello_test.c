/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos as they are built: octet by octet where that is the matter, and by OpenSSL's word where it
 * is what a server makes of them. */
#include "../unit.h"

#include "core/hello/cipher.h"
#include "peer.h"

static const uint16_t groups[] = {GP_GROUP_SECP384R1, GP_GROUP_X25519};
static const uint16_t schemes[] = {0x0403, 0x0804, 0x0401, 0x0203, 0x0201};

static struct gp_hello
hello_of(uint16_t version, uint16_t flags, const uint16_t *ciphers, size_t len)
{
	return (struct gp_hello){
		.version = version,
		.flags = flags,
		.ciphers = ciphers,
		.ciphers_len = len,
		.groups = groups,
		.groups_len = GP_ARRAY_LEN(groups),
		.schemes = schemes,
		.schemes_len = GP_ARRAY_LEN(schemes),
		.sni = GP_SLICE("mx.example.org"),
	};
}

static void
octets(void **state)
{
	(void)state;
	static const uint16_t ciphers[] = {0x002f, 0x000a};
	struct gp_hello h = {.version = GP_SSL_3,
			     .flags = GP_HELLO_FALLBACK,
			     .ciphers = ciphers,
			     .ciphers_len = 2};
	struct gp_slice random = GP_SLICE("0123456789abcdef0123456789abcdef");
	struct gp_buf out = GP_BUF_INIT(GP_HELLO_MAX);
	assert_int_equal(gp_hello_build(&h, random, &out), 0);
	struct gp_slice want = GP_SLICE("\x16\x03\0\0\x31\1\0\0\x2d\3\0"
					"0123456789abcdef0123456789abcdef"
					"\0\0\6\0\x2f\0\x0a\x56\0\1\0");
	assert_true(gp_slice_eq(gp_buf_slice(&out), want));

	gp_buf_clear(&out);
	h.version = GP_SSL_2;
	assert_int_equal(gp_hello_build(&h, random, &out), 0);
	want = GP_SLICE("\x80\x2e\1\0\2\0\x15\0\0\0\x10\1\0\x80\2\0\x80\3\0\x80\4\0\x80\5\0\x80"
			"\6\0\x40\7\0\xc0"
			"0123456789abcdef");
	assert_true(gp_slice_eq(gp_buf_slice(&out), want));
	gp_buf_free(&out);

	struct gp_buf small = GP_BUF_INIT(20);
	assert_true(gp_hello_build(&h, random, &small) < 0);
	h.version = GP_TLS_1_3;
	gp_buf_clear(&small);
	assert_true(gp_hello_build(&h, random, &small) < 0);
	gp_buf_free(&small);
}

/* All that can be asked of a version, flags and all, fits. */
static void
everything_fits(void **state)
{
	(void)state;
	static const uint16_t versions[] = {GP_SSL_2,   GP_SSL_3,   GP_TLS_1_0,
					    GP_TLS_1_1, GP_TLS_1_2, GP_TLS_1_3};
	char name[GP_HELLO_SNI_MAX] = "";
	uint16_t many[GP_HELLO_GROUPS_MAX] = {}, ids[GP_CIPHERS];
	for (size_t i = 0; i < GP_ARRAY_LEN(versions); i++) {
		struct gp_hello h = {
			.version = versions[i],
			.flags = UINT16_MAX,
			.ciphers = ids,
			.ciphers_len = gp_cipher_list(versions[i], ids, GP_CIPHERS),
			.groups = many,
			.groups_len = GP_HELLO_GROUPS_MAX,
			.schemes = many,
			.schemes_len = GP_HELLO_SCHEMES_MAX,
			.sni = gp_slice(name, sizeof(name)),
		};
		struct gp_buf out = GP_BUF_INIT(GP_HELLO_MAX);
		assert_int_equal(
			gp_hello_build(&h, GP_SLICE("0123456789abcdef0123456789abcdef"), &out), 0);
		gp_buf_free(&out);
	}
}

/* Each version of a server that has all of them, in pieces of each size. */
static void
versions_and_ciphers(void **state)
{
	(void)state;
	static const struct {
		uint16_t version, cipher;
	} cases[] = {
		{GP_TLS_1_0, 0x0035},     {GP_TLS_1_1, 0xc013}, {GP_TLS_1_2, 0xc02f},
		{GP_TLS_1_2, 0x0033},     {GP_TLS_1_2, 0x0002}, {GP_TLS_1_2, 0x00a6},
		{GP_TLS_1_2, 0xc016 - 1}, /* ECDH_anon_WITH_NULL_SHA */
	};
	static const size_t pieces[] = {1, 2, 7, 100, 100'000};
	struct peer p = peer_open(TLS1_VERSION, TLS1_3_VERSION, "ALL:COMPLEMENTOFALL");
	for (size_t i = 0; i < GP_ARRAY_LEN(cases) * GP_ARRAY_LEN(pieces); i++) {
		size_t k = i / GP_ARRAY_LEN(pieces);
		const struct gp_cipher *c = gp_cipher_of(cases[k].cipher);
		struct gp_hello h = hello_of(cases[k].version, 0, &cases[k].cipher, 1);
		struct gp_flight f;
		peer_answer(&p, &h, GP_FLIGHT_WHOLE, pieces[i % GP_ARRAY_LEN(pieces)], &f);
		assert_int_equal(f.state, GP_FLIGHT_DONE);
		assert_true(f.hello && !f.retry && !f.alert);
		assert_int_equal(f.version, cases[k].version);
		assert_int_equal(f.cipher, cases[k].cipher);
		assert_int_equal(f.certificates_len, c->by != GP_BY_ANON);
		if (f.certificates_len > 0)
			assert_true(f.certificates[0].len > 500 &&
				    f.certificates[0].ptr[0] == 0x30);
		assert_int_equal(f.group, c->kx == GP_KX_ECDHE ? GP_GROUP_SECP384R1 : 0);
		assert_int_equal(f.dh_bits > 0, c->kx == GP_KX_DHE);
		if (f.dh_bits > 0)
			assert_string_equal(f.dh_prime, "MODP");
		gp_flight_free(&f);
	}
	peer_close(&p);
}

static void
primes(void **state)
{
	(void)state;
	static const struct {
		int nid;
		const char *name;
	} cases[] = {{NID_ffdhe3072, "FFDHE"}, {NID_modp_4096, "MODP"}};
	uint16_t cipher = 0x009f;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct peer p = peer_open(TLS1_2_VERSION, TLS1_2_VERSION, "ALL");
		EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_DH, NULL);
		EVP_PKEY *params = NULL;
		assert_int_equal(EVP_PKEY_paramgen_init(maker), 1);
		assert_int_equal(EVP_PKEY_CTX_set_dh_nid(maker, cases[i].nid), 1);
		assert_int_equal(EVP_PKEY_paramgen(maker, &params), 1);
		EVP_PKEY_CTX_free(maker);
		assert_int_equal(SSL_CTX_set_dh_auto(p.ctx, 0), 1);
		assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(p.ctx, params), 1);
		struct gp_hello h = hello_of(GP_TLS_1_2, 0, &cipher, 1);
		struct gp_flight f;
		peer_answer(&p, &h, GP_FLIGHT_WHOLE, 1000, &f);
		assert_int_equal(f.dh_bits, i == 0 ? 3072 : 4096);
		assert_string_equal(f.dh_prime, cases[i].name);
		gp_flight_free(&f);
		peer_close(&p);
	}
}

static void
extensions(void **state)
{
	(void)state;
	uint16_t cipher = 0xc02f;
	struct peer p = peer_open(TLS1_VERSION, TLS1_2_VERSION, "ALL");
	struct gp_hello h = hello_of(GP_TLS_1_2, UINT16_MAX & ~GP_HELLO_FALLBACK, &cipher, 1);
	struct gp_flight f;
	peer_answer(&p, &h, GP_FLIGHT_HELLO, 1000, &f);
	assert_int_equal(f.state, GP_FLIGHT_DONE);
	assert_int_equal(f.took, GP_TOOK_TICKET | GP_TOOK_MASTER_SECRET | GP_TOOK_RENEGOTIATION);
	assert_int_equal(f.certificates_len, 0);
	gp_flight_free(&f);

	h.flags = 0;
	peer_answer(&p, &h, GP_FLIGHT_HELLO, 1000, &f);
	assert_true(f.hello && f.took == 0);
	gp_flight_free(&f);

	/* RFC 7507 section 3: the server has a better version. */
	h.version = GP_TLS_1_0;
	cipher = 0xc013;
	h.flags = GP_HELLO_FALLBACK;
	peer_answer(&p, &h, GP_FLIGHT_WHOLE, 1000, &f);
	assert_true(f.alert_fatal && !f.hello);
	assert_string_equal(gp_tls_alert_name(f.description), "inappropriate_fallback");
	gp_flight_free(&f);
	peer_close(&p);
}

static void
tls13(void **state)
{
	(void)state;
	static const uint16_t ciphers[] = {0x1301, 0x1302};
	struct peer p = peer_open(TLS1_VERSION, TLS1_3_VERSION, "ALL");
	struct gp_hello h = hello_of(GP_TLS_1_3, GP_HELLO_GREASE, ciphers, 2);
	struct gp_flight f;
	peer_answer(&p, &h, GP_FLIGHT_WHOLE, 3, &f);
	assert_int_equal(f.state, GP_FLIGHT_DONE);
	assert_true(f.hello && f.retry);
	assert_int_equal(f.version, GP_TLS_1_3);
	assert_int_equal(f.group, GP_GROUP_X25519); /* its choice, not ours */
	gp_flight_free(&f);

	/* The base point will do for a share. */
	char share[32] = {9};
	h.x25519 = gp_slice(share, sizeof(share));
	h.groups = &groups[1];
	h.groups_len = 1;
	peer_answer(&p, &h, GP_FLIGHT_WHOLE, 3, &f);
	assert_int_equal(f.state, GP_FLIGHT_DONE);
	assert_true(f.hello && !f.retry);
	assert_int_equal(f.group, GP_GROUP_X25519);
	gp_flight_free(&f);

	/* A server without TLS 1.3 says so. */
	assert_int_equal(SSL_CTX_set_max_proto_version(p.ctx, TLS1_2_VERSION), 1);
	peer_answer(&p, &h, GP_FLIGHT_WHOLE, 3, &f);
	assert_true(!f.hello && f.alert_fatal);
	assert_string_equal(gp_tls_alert_name(f.description), "protocol_version");
	gp_flight_free(&f);
	peer_close(&p);
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(gp_tls_version_name(GP_SSL_2), "SSLv2");
	assert_string_equal(gp_tls_version_name(GP_TLS_1_3), "TLS 1.3");
	assert_string_equal(gp_tls_version_name(0), "?");
	assert_string_equal(gp_tls_group_name(GP_GROUP_X25519MLKEM768), "X25519MLKEM768");
	assert_null(gp_tls_group_name(0x0a0a));
	assert_int_equal(gp_tls_group_bits(GP_GROUP_SECP521R1), 521);
	assert_int_equal(gp_tls_group_bits(0x0a0a), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets),
		cmocka_unit_test(everything_fits),
		cmocka_unit_test(versions_and_ciphers),
		cmocka_unit_test(primes),
		cmocka_unit_test(extensions),
		cmocka_unit_test(tls13),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
