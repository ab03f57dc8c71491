/* SPDX-License-Identifier: Apache-2.0 */
/* Who has private keys in these tests: makes one, tells its record, signs drafts with it. */
#pragma once

#include "rig.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "core/dkim/sign.h"

struct signer {
	EVP_PKEY *pkey;
	uint8_t algorithm;
	struct gp_slice octets; /* the public key: a SubjectPublicKeyInfo, or Ed25519's octets */
};

/* bits: of RSA; 0: Ed25519. */
static inline void
signer_open(struct signer *s, unsigned bits, struct gp_arena *arena)
{
	unsigned char *der = NULL, raw[GP_DKIM_ED25519_SIZE];
	size_t len = sizeof(raw);
	s->algorithm = bits > 0 ? GP_DKIM_RSA_SHA256 : GP_DKIM_ED25519_SHA256;
	s->pkey = bits > 0 ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(s->pkey);
	if (bits == 0) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(s->pkey, raw, &len), 1);
		s->octets = gp_arena_dup(arena, gp_slice((const char *)raw, len));
		return;
	}
	int der_len = i2d_PUBKEY(s->pkey, &der);
	assert_true(der_len > 0);
	s->octets = gp_arena_dup(arena, gp_slice((const char *)der, (size_t)der_len));
	OPENSSL_free(der);
}

static inline void
signer_close(struct signer *s)
{
	EVP_PKEY_free(s->pkey);
}

/* p= of these octets. */
static inline struct gp_slice
signer_base64(struct gp_slice octets, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	assert_true(gp_base64_put(&text, octets));
	struct gp_slice out = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return out;
}

/* "TAGS p=..." as its record. */
static inline struct gp_slice
signer_record(const struct signer *s, const char *tags, struct gp_arena *arena)
{
	struct gp_slice p = signer_base64(s->octets, arena);
	return gp_arena_printf(arena, "%s%sp=%.*s", tags,
			       s->algorithm == GP_DKIM_ED25519_SHA256 ? " k=ed25519; " : " ",
			       GP_SLICE_FMT(p));
}

static inline struct gp_slice
signer_sign(const struct signer *s, const struct gp_dkim_draft *d, struct gp_arena *arena)
{
	bool rsa = s->algorithm == GP_DKIM_RSA_SHA256;
	struct gp_slice input = rsa ? d->input : gp_dkim_digest_slice(&d->digest);
	size_t len = GP_DKIM_SIGNATURE_MAX * 2;
	unsigned char *to = gp_arena_alloc(arena, len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, rsa ? EVP_sha256() : NULL, NULL, s->pkey),
			 1);
	assert_int_equal(EVP_DigestSign(ctx, to, &len, (const unsigned char *)input.ptr, input.len),
			 1);
	EVP_MD_CTX_free(ctx);
	return gp_slice((const char *)to, len);
}

/* What an order leaves open: a.test, the selector, the time, the names. */
static inline struct gp_dkim_order
signer_order(const struct signer *s, const char *selector)
{
	return (struct gp_dkim_order){.domain = GP_SLICE("a.test"),
				      .selector = gp_slice_str(selector),
				      .algorithm = s->algorithm,
				      .header_canon = GP_DKIM_RELAXED,
				      .body_canon = GP_DKIM_RELAXED,
				      .time_s = RIG_NOW_S};
}

/* The message with one field more on top. order->body_hash is made here. */
static inline struct gp_slice
signer_message(const struct signer *s, struct gp_dkim_order order, struct gp_slice message,
	       struct rig *r)
{
	struct gp_header h;
	struct gp_dkim_body body;
	struct gp_dkim_draft draft;
	struct gp_slice field;
	const char *why = NULL;
	size_t place;
	assert_int_equal(gp_header_split(message, &r->arena, &h), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_dkim_body_want(&body, order.body_canon, GP_DKIM_BODY_ALL, &place), 0);
	rig_feed(r, &body, gp_header_body(&h));
	order.body_hash = &body.hashes[place].digest;
	if (gp_dkim_draft(&order, &h, &r->arena, &draft, &why) != 0)
		fail_msg("%s", why);
	gp_dkim_body_free(&body);
	struct gp_slice signature = signer_sign(s, &draft, &r->arena);
	assert_int_equal(gp_dkim_finish(&draft, signature, &r->arena, &field), 0);
	return gp_arena_printf(&r->arena, "%.*s%.*s", GP_SLICE_FMT(field), GP_SLICE_FMT(message));
}
