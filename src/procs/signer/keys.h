/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private keys, and signing with them. A key comes with the round of configuration that named
 * it. When a round brings a new one, those that neither it nor the round before named are
 * forgotten; until then certificates that are on their way out, or whose key was mistaken, can
 * still be used by those that have them, however often the configuration is read.
 */
#pragma once

#include <openssl/evp.h>

#include "procs/signer/request.h"

enum {
	KEYS_MAX = 128, /* two rounds of GP_TLS_CERTIFICATES_MAX */
	KEY_PEM_MAX = 64 * 1024,
};

struct keys {
	struct {
		EVP_PKEY *key;
		uint8_t id[GP_TLS_KEY_ID];
		uint32_t round;
	} items[KEYS_MAX];
	size_t len;
};

/* Keeps the private parts of all keys in memory that is locked, is in no core dump, and has guard
   pages, as far as the system's limits let us; before the first key and the sandbox. Returns 0 or
   -ENOMEM. */
int
keys_prepare(void);

/*
 * Adds the first key of a PEM text, or renews it. round: not less than before. ret_id: its id.
 * Returns 0; -EINVAL: no private key, or one with a password; -EOPNOTSUPP: not RSA of 2048 to 8192
 * bits, nor EC on P-256 or P-384; -ENOSPC.
 */
int
keys_add(struct keys *k, struct gp_slice pem, uint32_t round, uint8_t ret_id[GP_TLS_KEY_ID]);

bool
keys_has(const struct keys *k, const uint8_t id[GP_TLS_KEY_ID]);

/* SHA-256 of the key's SubjectPublicKeyInfo. False: no memory. */
bool
keys_identify(const EVP_PKEY *key, uint8_t ret_id[GP_TLS_KEY_ID]);

void
keys_free(struct keys *k);

/*
 * Signs what request_check lets through. ret: at least GP_TLS_SIGNATURE_MAX octets. Returns the
 * signature's length, -ENOENT when there is no such key, -EPERM for an input that is not signed or
 * a scheme that is not the key's, -EIO.
 */
int
keys_sign(const struct keys *k, struct gp_slice id, uint16_t scheme, struct gp_slice input,
	  uint8_t *ret);
