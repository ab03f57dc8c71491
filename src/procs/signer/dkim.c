/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/signer/dkim.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* What verifiers take (RFC 8301 section 3.2), and what resists. */
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 4096,
};

/* --- a key --- */

static bool
is_supported(const EVP_PKEY *key, uint8_t algorithm)
{
	int bits = EVP_PKEY_get_bits(key);
	if (algorithm == GP_KEYRING_RSA)
		return EVP_PKEY_is_a(key, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
	return EVP_PKEY_is_a(key, "ED25519");
}

/* NULL: not base64 of a private key. What is decoded lies where all keys do. */
static EVP_PKEY *
decode(struct gp_slice base64)
{
	int size = (int)base64.len;
	unsigned char *der = OPENSSL_secure_malloc(base64.len + 1);
	int len = der ? EVP_DecodeBlock(der, (const unsigned char *)base64.ptr, size) : -1;
	const unsigned char *at = der;
	EVP_PKEY *key = len > 0 ? d2i_AutoPrivateKey(NULL, &at, len) : NULL;
	OPENSSL_secure_clear_free(der, base64.len + 1);
	ERR_clear_error();
	return key;
}

/* NULL: it cannot be used. */
static EVP_PKEY *
read_key(const struct gp_keyring_key *from, uint8_t ret_id[GP_TLS_KEY_ID])
{
	EVP_PKEY *key = decode(from->private_half);
	if (key && is_supported(key, from->algorithm) && keys_identify(key, ret_id))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* --- the store --- */

/* A key that was read from the same text; NULL: there is none. */
static const struct dkim_key *
find_source(const struct dkim_keys *k, const uint8_t source[DKIM_DIGEST])
{
	for (size_t i = 0; i < k->len; i++) {
		if (k->items[i].key && memcmp(k->items[i].source, source, DKIM_DIGEST) == 0)
			return &k->items[i];
	}
	return NULL;
}

/* False: it cannot be used. */
static bool
fill_key(struct dkim_key *key, const struct dkim_keys *before, const struct gp_keyring_key *from)
{
	struct gp_slice text = from->private_half;
	if (EVP_Digest(text.ptr, text.len, key->source, NULL, EVP_sha256(), NULL) != 1)
		return false;
	const struct dkim_key *known = find_source(before, key->source);
	if (known && known->algorithm == from->algorithm && EVP_PKEY_up_ref(known->key) == 1) {
		key->key = known->key;
		memcpy(key->id, known->id, sizeof(key->id));
	} else {
		key->key = read_key(from, key->id);
	}
	return key->key != NULL;
}

static int
reserve(struct dkim_keys *k, size_t n)
{
	if (k->len + n > DKIM_KEYS_MAX)
		return -ENOSPC;
	if (k->len + n <= k->cap)
		return 0;
	size_t cap = 2 * k->cap + GP_KEYRING_KEYS_MAX;
	struct dkim_key *grown = reallocarray(k->items, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	k->items = grown;
	k->cap = cap;
	return 0;
}

static struct dkim_key *
add(struct dkim_keys *k, struct gp_slice domain)
{
	struct dkim_key *key = &k->items[k->len++];
	*key = (struct dkim_key){.active = true};
	snprintf(key->domain, sizeof(key->domain), "%.*s", GP_SLICE_FMT(domain));
	return key;
}

/* False: it cannot be used. */
static bool
add_key(struct dkim_keys *k, const struct dkim_keys *before, struct gp_slice domain,
	const struct gp_keyring_key *from)
{
	struct dkim_key *key = add(k, domain);
	snprintf(key->selector, sizeof(key->selector), "%.*s", GP_SLICE_FMT(from->selector));
	key->algorithm = from->algorithm;
	key->active = from->state == GP_KEYRING_ACTIVE;
	return fill_key(key, before, from);
}

int
dkim_add(struct dkim_keys *k, const struct dkim_keys *before, struct gp_slice domain,
	 struct gp_slice text)
{
	struct gp_keyring ring;
	unsigned line;
	bool good = gp_keyring_parse(text, &ring, &line) == 0 && gp_slice_eq(ring.domain, domain);
	int r = reserve(k, good ? gp_keyring_count(&ring, GP_KEYRING_ACTIVE) +
					   gp_keyring_count(&ring, GP_KEYRING_RETIRING)
				: 1);
	if (r < 0)
		return r;
	if (!good) {
		add(k, domain);
		return -EINVAL;
	}
	for (size_t i = 0; i < ring.len; i++) {
		uint8_t state = ring.keys[i].state;
		if (state == GP_KEYRING_ACTIVE || state == GP_KEYRING_RETIRING)
			good = add_key(k, before, domain, &ring.keys[i]) && good;
	}
	return good ? 0 : -EINVAL;
}

void
dkim_free(struct dkim_keys *k)
{
	for (size_t i = 0; i < k->len; i++)
		EVP_PKEY_free(k->items[i].key);
	free(k->items);
	*k = (struct dkim_keys){};
}

/* --- signing --- */

static const struct dkim_key *
find(const struct dkim_keys *k, struct gp_slice domain, struct gp_slice selector)
{
	for (size_t i = 0; i < k->len; i++) {
		const struct dkim_key *key = &k->items[i];
		if (key->key && gp_slice_eq(selector, gp_slice_str(key->selector)) &&
		    gp_slice_eq(domain, gp_slice_str(key->domain)))
			return key;
	}
	return NULL;
}

static bool
sign_rsa(EVP_PKEY *key, struct gp_slice digest, uint8_t *ret, size_t *ret_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		  EVP_PKEY_sign(ctx, ret, ret_len, (const unsigned char *)digest.ptr, digest.len) ==
			  1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* RFC 8463 section 3: the digest is what PureEdDSA signs. */
static bool
sign_ed25519(EVP_PKEY *key, struct gp_slice digest, uint8_t *ret, size_t *ret_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(md, ret, ret_len, (const unsigned char *)digest.ptr, digest.len) ==
			  1;
	EVP_MD_CTX_free(md);
	return ok;
}

int
dkim_sign(const struct dkim_keys *k, const struct keys *tls, const struct gp_msg_dkim_sign *request,
	  uint8_t *ret)
{
	size_t len = DKIM_SIGNATURE_MAX;
	if (request->digest.len != DKIM_DIGEST)
		return -EPERM;
	const struct dkim_key *key = find(k, request->domain, request->selector);
	if (!key || keys_has(tls, key->id))
		return -ENOENT;
	bool ok = key->algorithm == GP_KEYRING_RSA
			  ? sign_rsa(key->key, request->digest, ret, &len)
			  : sign_ed25519(key->key, request->digest, ret, &len);
	ERR_clear_error();
	return ok ? (int)len : -EIO;
}
