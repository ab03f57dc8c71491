/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys of DKIM in the hands of commands: made, read, and signing. */
#pragma once

#include <openssl/types.h>

#include "core/dkim/sign.h"

struct dkim_key {
	EVP_PKEY *pkey;
	uint8_t algorithm; /* enum gp_dkim_algorithm */
	unsigned bits;
};

/* Accepts one without a key. */
void
dkim_key_free(struct dkim_key *key);

/* A new one; bits: of RSA. 0 or -ENOMEM. */
[[nodiscard]] int
dkim_key_make(uint8_t algorithm, unsigned bits, struct dkim_key *ret);

/*
 * Reads PEM (PKCS #8, or PKCS #1 for RSA) without a password, or the 32 octets of an Ed25519 key in
 * base64, alone on the first line. Returns 0; 1 when the text is none of these; -ENOMEM.
 */
[[nodiscard]] int
dkim_key_read(struct gp_slice text, struct gp_arena *arena, struct dkim_key *ret);

/* PKCS #8 in PEM, appended. 0 or -ENOMEM. */
[[nodiscard]] int
dkim_key_write(const struct dkim_key *key, struct gp_buf *out);

/* "v=DKIM1; k=rsa; p=..." (RFC 6376 section 3.6.1). 0 or -ENOMEM. */
[[nodiscard]] int
dkim_key_record(const struct dkim_key *key, struct gp_arena *arena, struct gp_slice *ret);

/* Signs a draft. 0 or -ENOMEM. */
[[nodiscard]] int
dkim_key_sign(const struct dkim_key *key, const struct gp_dkim_draft *draft, struct gp_arena *arena,
	      struct gp_slice *ret);
