/* SPDX-License-Identifier: Apache-2.0 */
/* Keys from JSON, and signatures. */
#include "core/oauth/keys.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

enum {
	P256_SIZE = 32,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	ARENA_MAX = 1 << 20,
};

/* A member in base64url; empty: there is none, or it is none. */
static struct gp_slice
octets_of(const json_t *jwk, const char *name, struct gp_arena *arena)
{
	const json_t *member = json_object_get(jwk, name);
	struct gp_slice octets = {};
	struct gp_slice text = gp_slice(json_string_value(member), json_string_length(member));
	if (!text.ptr || gp_base64_decode(text, GP_BASE64URL, arena, &octets) != 0)
		return gp_slice(NULL, 0);
	return octets;
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

static BIGNUM *
number_of(struct gp_slice octets)
{
	return BN_bin2bn((const unsigned char *)octets.ptr, (int)octets.len, NULL);
}

static EVP_PKEY *
read_rsa(const json_t *jwk, struct gp_arena *arena)
{
	struct gp_slice n = octets_of(jwk, "n", arena), e = octets_of(jwk, "e", arena);
	if (n.len < RSA_BITS_MIN / 8 || n.len > RSA_BITS_MAX / 8 || e.len == 0 || e.len > 8)
		return NULL;
	BIGNUM *modulus = number_of(n), *exponent = number_of(e);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	if (modulus && exponent && build &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = from_params("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	if (pkey && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

/* The point as 4, x, y (SEC 1). libcrypto sees to it that it is on the curve. */
static EVP_PKEY *
read_ec(const json_t *jwk, struct gp_arena *arena)
{
	char point[1 + 2 * P256_SIZE] = {4}, group[] = "prime256v1";
	const char *curve = json_string_value(json_object_get(jwk, "crv"));
	struct gp_slice x = octets_of(jwk, "x", arena), y = octets_of(jwk, "y", arena);
	if (!curve || strcmp(curve, "P-256") != 0 || x.len != P256_SIZE || y.len != P256_SIZE)
		return NULL;
	memcpy(point + 1, x.ptr, P256_SIZE);
	memcpy(point + 1 + P256_SIZE, y.ptr, P256_SIZE);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	return from_params("EC", params);
}

/* Whether a member is there and says something else. */
static bool
says_other(const json_t *jwk, const char *name, const char *wanted)
{
	const json_t *member = json_object_get(jwk, name);
	const char *text = json_string_value(member);
	return member && (!text || strcmp(text, wanted) != 0);
}

/* False: the key is none of ours to use. */
static bool
read_key(const json_t *jwk, struct gp_arena *arena, struct oauth_key *ret)
{
	const char *type = json_string_value(json_object_get(jwk, "kty"));
	const json_t *id = json_object_get(jwk, "kid");
	if (!type)
		return false;
	*ret = (struct oauth_key){.ec = strcmp(type, "EC") == 0};
	if (says_other(jwk, "use", "sig") || says_other(jwk, "alg", ret->ec ? "ES256" : "RS256"))
		return false;
	if (ret->ec)
		ret->pkey = read_ec(jwk, arena);
	else if (strcmp(type, "RSA") == 0)
		ret->pkey = read_rsa(jwk, arena);
	if (json_is_string(id))
		ret->key_id = gp_arena_dup(arena,
					   gp_slice(json_string_value(id), json_string_length(id)));
	return ret->pkey != NULL;
}

static void
read_set(struct gp_oauth_keys *keys, const json_t *set)
{
	for (size_t i = 0; i < json_array_size(set) && keys->len < GP_OAUTH_KEYS_MAX; i++)
		keys->len +=
			read_key(json_array_get(set, i), &keys->arena, &keys->items[keys->len]);
}

struct gp_oauth_keys *
gp_oauth_keys_new(struct gp_slice json, const char **ret_why)
{
	struct gp_oauth_keys *keys = calloc(1, sizeof(*keys));
	json_t *root = json_loadb(json.ptr ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *set = json_object_get(root, "keys");
	*ret_why = !keys ? "out of memory" : !root ? "it is not JSON" : "it has no list of keys";
	if (keys && json_is_array(set)) {
		keys->arena = GP_ARENA_INIT(ARENA_MAX);
		read_set(keys, set);
		*ret_why = keys->len > 0 ? NULL : "none of its keys is for RS256 or ES256";
	}
	json_decref(root);
	return *ret_why ? gp_oauth_keys_free(keys) : keys;
}

struct gp_oauth_keys *
gp_oauth_keys_free(struct gp_oauth_keys *keys)
{
	if (!keys)
		return NULL;
	for (size_t i = 0; i < keys->len; i++)
		EVP_PKEY_free(keys->items[i].pkey);
	gp_arena_free(&keys->arena);
	free(keys);
	return NULL;
}

/* R and S of 32 octets each (RFC 7518 section 3.4) as the DER that libcrypto reads; NULL: memory.
   The caller frees it by OPENSSL_free. */
static unsigned char *
to_der(struct gp_slice signature, int *ret_len)
{
	unsigned char *der = NULL;
	ECDSA_SIG *both = ECDSA_SIG_new();
	BIGNUM *r = number_of(gp_slice_take(signature, P256_SIZE));
	BIGNUM *s = number_of(gp_slice_drop(signature, P256_SIZE));
	*ret_len = -1;
	if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1)
		*ret_len = i2d_ECDSA_SIG(both, &der);
	else
		BN_free(r), BN_free(s);
	ECDSA_SIG_free(both);
	return *ret_len > 0 ? der : NULL;
}

int
oauth_verify(const struct oauth_key *key, struct gp_slice text, struct gp_slice signature)
{
	const unsigned char *octets = (const unsigned char *)signature.ptr;
	unsigned char *der = NULL;
	int len = (int)signature.len, good = -1;
	if (key->ec) {
		if (signature.len != (size_t)2 * P256_SIZE)
			return 1;
		octets = der = to_der(signature, &len);
		if (!der)
			return -ENOMEM;
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1)
		good = EVP_DigestVerify(ctx, octets, (size_t)len, (const unsigned char *)text.ptr,
					text.len) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	return good < 0 ? -ENOMEM : !good;
}
