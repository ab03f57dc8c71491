/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DKIM needs of cryptography, by libcrypto: SHA-256, and public keys that verify. Nothing else
 * of src/core/dkim knows the library. What these functions make stands outside of arenas: free it.
 */
#pragma once

#include "base/slice.h"

enum gp_dkim_crypto_limits {
	GP_DKIM_DIGEST_SIZE = 32,
	GP_DKIM_ED25519_SIZE = 32,        /* octets of a key (RFC 8032 section 5.1.5) */
	GP_DKIM_SIGNATURE_MAX = 4096 / 8, /* octets of any signature that can be verified */
};

struct gp_dkim_digest {
	uint8_t octets[GP_DKIM_DIGEST_SIZE];
};

static inline struct gp_slice
gp_dkim_digest_slice(const struct gp_dkim_digest *d)
{
	return gp_slice((const char *)d->octets, sizeof(d->octets));
}

/* SHA-256 of a text that is all there. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_digest(struct gp_slice text, struct gp_dkim_digest *ret);

/* SHA-256 of a text that comes in pieces. */
struct gp_dkim_hash;

/* NULL: no memory. */
struct gp_dkim_hash *
gp_dkim_hash_new(void);

/* Accepts NULL, returns NULL. */
struct gp_dkim_hash *
gp_dkim_hash_free(struct gp_dkim_hash *hash);

void
gp_dkim_hash_feed(struct gp_dkim_hash *hash, struct gp_slice piece);

/* Of what was fed so far; more may be fed. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_hash_peek(const struct gp_dkim_hash *hash, struct gp_dkim_digest *ret);

/* Once, at the end; 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_hash_end(struct gp_dkim_hash *hash, struct gp_dkim_digest *ret);

/* A public key, ready to verify; not to be used by two threads at once. */
struct gp_dkim_pkey;

/* Modulus and exponent without leading zeros, of at most GP_DKIM_SIGNATURE_MAX octets. NULL: no
 * memory, or one of them is even, or the exponent is 1. */
struct gp_dkim_pkey *
gp_dkim_pkey_rsa(struct gp_slice modulus, struct gp_slice exponent);

/* GP_DKIM_ED25519_SIZE octets. NULL as above, or the point is of small order: such a key verifies
 * signatures that nobody made. */
struct gp_dkim_pkey *
gp_dkim_pkey_ed25519(struct gp_slice octets);

/* Accepts NULL, returns NULL. */
struct gp_dkim_pkey *
gp_dkim_pkey_free(struct gp_dkim_pkey *key);

/*
 * Whether the signature is by this key over the digest: for RSA PKCS #1 v1.5 with SHA-256 (RFC 6376
 * section 3.3), which a modulus of less than 62 octets has no room for; for Ed25519 the digest is
 * the message that is signed (RFC 8463 section 3). Returns 0: it is; 1: it is not; -ENOMEM.
 */
[[nodiscard]] int
gp_dkim_pkey_verify(struct gp_dkim_pkey *key, const struct gp_dkim_digest *digest,
		    struct gp_slice signature);
