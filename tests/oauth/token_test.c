/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that an issuer of the test's own has signed, good ones and others. */
#include "../unit.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "core/oauth/token.h"

enum { NOW = 1'800'000'000 };

static EVP_PKEY *rsa, *ec, *other_rsa;
static struct gp_oauth_keys *keys;

/* --- the issuer --- */

static void
put_base64url(struct gp_buf *out, struct gp_slice octets)
{
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	gp_base64_put(&text, octets);
	struct gp_slice s = gp_buf_slice(&text);
	for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++)
		gp_buf_put_char(out, s.ptr[i] == '+' ? '-' : s.ptr[i] == '/' ? '_' : s.ptr[i]);
	gp_buf_free(&text);
}

static void
put_number(struct gp_buf *out, const EVP_PKEY *key, const char *param, size_t size)
{
	unsigned char octets[1024];
	BIGNUM *n = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
	size = size > 0 ? size : (size_t)BN_num_bytes(n);
	assert_int_equal(BN_bn2binpad(n, octets, (int)size), size);
	put_base64url(out, gp_slice((char *)octets, size));
	BN_free(n);
}

static void
put_rsa(struct gp_buf *out, const EVP_PKEY *key, const char *more)
{
	gp_buf_printf(out, "{\"kty\":\"RSA\",%s\"n\":\"", more);
	put_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
	gp_buf_put_str(out, "\",\"e\":\"");
	put_number(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
	gp_buf_put_str(out, "\"}");
}

static void
put_ec(struct gp_buf *out, const EVP_PKEY *key, const char *more)
{
	gp_buf_printf(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",%s\"x\":\"", more);
	put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
	gp_buf_put_str(out, "\",\"y\":\"");
	put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	gp_buf_put_str(out, "\"}");
}

/* DER to R and S of 32 octets each. */
static size_t
to_raw(unsigned char *signature, size_t len)
{
	const unsigned char *at = signature;
	ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(both);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), signature, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), signature + 32, 32), 32);
	ECDSA_SIG_free(both);
	return 64;
}

static void
sign(struct gp_buf *out, const char *header, const char *claims, EVP_PKEY *key)
{
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	put_base64url(out, gp_slice_str(header));
	gp_buf_put_char(out, '.');
	put_base64url(out, gp_slice_str(claims));
	struct gp_slice text = gp_buf_slice(out);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(
		EVP_DigestSign(ctx, signature, &len, (const unsigned char *)text.ptr, text.len), 1);
	EVP_MD_CTX_free(ctx);
	if (key == ec)
		len = to_raw(signature, len);
	gp_buf_put_char(out, '.');
	put_base64url(out, gp_slice((char *)signature, len));
}

/* --- its tokens --- */

#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"e\"}"
#define ISS "\"iss\":\"https://i\""
#define AUD "\"aud\":\"mail\""
#define EXP "\"exp\":1800000100"
#define WHO "\"email\":\"a@b.test\""
#define ALL "{" ISS "," AUD "," EXP "," WHO "}"

/* why NULL: it is good. */
static const struct {
	const char *header, *claims;
	EVP_PKEY **key;
	const char *why;
} tokens[] = {
	{RS, ALL, &rsa, NULL},
	{ES, ALL, &ec, NULL},
	{"{\"alg\":\"RS256\"}", ALL, &rsa, NULL},
	{"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", ALL, &ec, NULL},
	{RS, "{" ISS ",\"aud\":[\"x\",\"mail\"]," EXP "," WHO "}", &rsa, NULL},
	{RS, "{" ISS "," AUD ",\"exp\":1799999941," WHO "}", &rsa, NULL},
	{RS, "{" ISS "," AUD "," EXP ",\"nbf\":1800000060.5," WHO "}", &rsa, NULL},

	{RS, "{" ISS "," AUD ",\"exp\":1799999940," WHO "}", &rsa, "it has expired"},
	{RS, "{" ISS "," AUD ",\"exp\":-1," WHO "}", &rsa, "it does not say when it ends"},
	{RS, "{" ISS "," AUD ",\"exp\":\"1800000100\"," WHO "}", &rsa,
	 "it does not say when it ends"},
	{RS, "{" ISS "," AUD "," WHO "}", &rsa, "it does not say when it ends"},
	{RS, "{" ISS "," AUD "," EXP ",\"nbf\":1800000061," WHO "}", &rsa, "it is not valid yet"},
	{RS, "{" ISS "," AUD "," EXP ",\"nbf\":\"x\"," WHO "}", &rsa, "it is not valid yet"},
	{RS, "{" AUD "," EXP "," WHO "}", &rsa, "it is another issuer's"},
	{RS, "{\"iss\":\"https://i/\"," AUD "," EXP "," WHO "}", &rsa, "it is another issuer's"},
	{RS, "{" ISS ",\"aud\":\"mails\"," EXP "," WHO "}", &rsa, "it is for another server"},
	{RS, "{" ISS ",\"aud\":[\"x\",7]," EXP "," WHO "}", &rsa, "it is for another server"},
	{RS, "{" ISS "," EXP "," WHO "}", &rsa, "it is for another server"},
	{RS, "{" ISS "," AUD "," EXP "}", &rsa, "it names no user"},
	{RS, "{" ISS "," AUD "," EXP ",\"email\":7}", &rsa, "it names no user"},
	{RS, "{" ISS "," AUD "," EXP ",\"email\":\"\"}", &rsa, "it names no user"},
	{RS, "{" ISS "," AUD "," EXP "," WHO ",\"email\":\"c@b.test\"}", &rsa,
	 "it is no signed token"},
	{RS, "[]", &rsa, "it is no signed token"},
	{RS, "", &rsa, "it is no signed token"},
	{"", ALL, &rsa, "it is no signed token"},

	{RS, ALL, &other_rsa, "the signature is another"},
	{ES, ALL, &rsa, "the signature is another"},
	{RS, ALL, &ec, "the signature is another"},
	{"{\"alg\":\"none\"}", ALL, &rsa, "no key of that name and algorithm"},
	{"{\"alg\":\"HS256\",\"kid\":\"r\"}", ALL, &rsa, "no key of that name and algorithm"},
	{"{\"alg\":\"ES256\",\"kid\":\"r\"}", ALL, &ec, "no key of that name and algorithm"},
	{"{\"alg\":\"RS256\",\"kid\":\"x\"}", ALL, &rsa, "no key of that name and algorithm"},
	{"{\"kid\":\"r\"}", ALL, &rsa, "no key of that name and algorithm"},
	{"{\"alg\":\"RS256\",\"crit\":[\"x\"]}", ALL, &rsa, "it demands an extension"},
};

static const struct gp_oauth_demand demand = {
	.issuer = {"https://i", 9},
	.audience = {"mail", 4},
	.user_claim = {"email", 5},
	.now_s = NOW,
};

static void
assert_token(struct gp_slice token, const char *wanted)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice user = {};
	const char *why = NULL;
	int r = gp_oauth_check(keys, &demand, token, &arena, &user, &why);
	if (r != (wanted ? 1 : 0) || (wanted && strcmp(why, wanted) != 0))
		fail_msg("%.*s: %d %s, wanted %s", GP_SLICE_FMT(token), r, why ? why : "-",
			 wanted ? wanted : "-");
	if (r == 0)
		assert_slice(user, "a@b.test");
	gp_arena_free(&arena);
}

static void
tokens_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(tokens); i++) {
		struct gp_buf token = GP_BUF_INIT(1 << 16);
		sign(&token, tokens[i].header, tokens[i].claims, *tokens[i].key);
		assert_token(gp_buf_slice(&token), tokens[i].why);
		gp_buf_free(&token);
	}
}

static void
no_octet_may_change(void **state)
{
	struct gp_buf token = GP_BUF_INIT(1 << 16);
	(void)state;
	sign(&token, ES, ALL, ec);
	struct gp_slice whole = gp_buf_slice(&token);
	for (size_t i = 0; i < whole.len; i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_slice user;
		const char *why;
		char *octet = (char *)whole.ptr + i, was = *octet;
		*octet = was == 'A' ? 'B' : 'A';
		assert_int_equal(gp_oauth_check(keys, &demand, whole, &arena, &user, &why), 1);
		assert_int_equal(
			gp_oauth_check(keys, &demand, gp_slice_take(whole, i), &arena, &user, &why),
			1);
		*octet = was;
		gp_arena_free(&arena);
	}
	gp_buf_free(&token);
}

static void
texts_that_are_no_tokens(void **state)
{
	static char octets[GP_OAUTH_TOKEN_MAX + 2] = "e30.e30.";
	static const char *const texts[] = {"",    ".",       "..",       "...",       "a",
					    "a.b", "a.b.c.d", "e30.e30.", "e30.e30.AA"};
	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_token(gp_slice_str(texts[i]), "it is no signed token");
	assert_token(gp_slice_str(texts[7]), "no key of that name and algorithm");
	assert_token(gp_slice_str(texts[8]), "no key of that name and algorithm");
	/* One octet less, and the signature would not be base64 either. */
	memset(octets + 8, 'A', sizeof(octets) - 8);
	assert_token(gp_slice(octets, GP_OAUTH_TOKEN_MAX), "no key of that name and algorithm");
	assert_token(gp_slice(octets, sizeof(octets)), "it is no signed token");
}

static void
sets_without_a_key_are_none(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{"", "it is not JSON"},
		{"{", "it is not JSON"},
		{"{}", "it has no list of keys"},
		{"[]", "it has no list of keys"},
		{"{\"keys\":{}}", "it has no list of keys"},
		{"{\"keys\":[]}", "none of its keys is for RS256 or ES256"},
		{"{\"keys\":[7,{},{\"kty\":7},{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		 "none of its keys is for RS256 or ES256"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
		 "none of its keys is for RS256 or ES256"},
		{"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
		 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
		 "none of its keys is for RS256 or ES256"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char *why = NULL;
		assert_null(gp_oauth_keys_new(gp_slice_str(cases[i].json), &why));
		assert_string_equal(why, cases[i].why);
	}
}

static void
keys_for_other_uses_are_left_out(void **state)
{
	static const char *const members[] = {"\"use\":\"enc\",", "\"alg\":\"RS512\",",
					      "\"alg\":\"PS256\",", "\"use\":7,"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(members); i++) {
		struct gp_buf json = GP_BUF_INIT(1 << 16);
		const char *why;
		gp_buf_put_str(&json, "{\"keys\":[");
		put_rsa(&json, rsa, members[i]);
		gp_buf_put_str(&json, "]}");
		assert_null(gp_oauth_keys_new(gp_buf_slice(&json), &why));
		gp_buf_free(&json);
	}
}

static int
set_up(void **state)
{
	struct gp_buf json = GP_BUF_INIT(1 << 16);
	const char *why;
	(void)state;
	rsa = EVP_RSA_gen(2048);
	other_rsa = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-256");
	gp_buf_put_str(&json, "{\"keys\":[");
	put_rsa(&json, rsa, "\"kid\":\"r\",\"use\":\"sig\",");
	gp_buf_put_char(&json, ',');
	put_ec(&json, ec, "\"kid\":\"e\",\"alg\":\"ES256\",");
	gp_buf_put_str(&json, "]}");
	keys = gp_oauth_keys_new(gp_buf_slice(&json), &why);
	gp_buf_free(&json);
	return keys ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	gp_oauth_keys_free(keys);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(other_rsa);
	EVP_PKEY_free(ec);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_judged),
		cmocka_unit_test(no_octet_may_change),
		cmocka_unit_test(texts_that_are_no_tokens),
		cmocka_unit_test(sets_without_a_key_are_none),
		cmocka_unit_test(keys_for_other_uses_are_left_out),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
