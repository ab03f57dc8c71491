/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DKIM keys of our domains, and signing mail with them. They are no TLS keys: who may have a
 * digest signed may have anything signed, so a key that is both signs no mail.
 *
 * Keys that are active are told of to those who sign mail. Those that retire still sign what was
 * asked for a moment before that was told.
 */
#pragma once

#include <openssl/evp.h>

#include "core/keyring/keyring.h"
#include "ipc/messages.h"
#include "procs/signer/keys.h"

enum {
	DKIM_KEYS_MAX = 4096, /* as many as a dkim_signers message holds */
	DKIM_DIGEST = 32,
	DKIM_SIGNATURE_MAX = 512, /* RSA of 4096 bits */
};

struct dkim_key {
	char domain[GP_KEYRING_DOMAIN_MAX + 1];
	char selector[GP_KEYRING_SELECTOR_MAX + 1]; /* "": the file could not be read */
	uint8_t algorithm;                          /* enum gp_keyring_algorithm; 0: as above */
	bool active;
	EVP_PKEY *key; /* NULL: mail of this domain must be signed, and cannot be */
	uint8_t id[GP_TLS_KEY_ID];
	uint8_t source[DKIM_DIGEST]; /* SHA-256 of the text that it was read from */
};

/* All zeroes: none. */
struct dkim_keys {
	struct dkim_key *items;
	size_t len, cap;
};

/*
 * Adds the keys of a domain's file that sign. before: the store that this one takes the place of;
 * keys that are there are not read anew, which takes a millisecond each. Returns 0; -ENOSPC or
 * -ENOMEM: nothing was added; -EINVAL: the file, or a key in it, cannot be read, or is not what it
 * says it is. Then what cannot be used stands there without a key.
 */
int
dkim_add(struct dkim_keys *k, const struct dkim_keys *before, struct gp_slice domain,
	 struct gp_slice text);

void
dkim_free(struct dkim_keys *k);

/*
 * Signs a digest (RFC 6376 section 3.7, RFC 8463 section 3). tls: the keys that are for handshakes.
 * ret: at least DKIM_SIGNATURE_MAX octets. Returns the signature's length; -EPERM: that is no
 * digest; -ENOENT: there is no such key; -EIO.
 */
int
dkim_sign(const struct dkim_keys *k, const struct keys *tls, const struct gp_msg_dkim_sign *request,
	  uint8_t *ret);
