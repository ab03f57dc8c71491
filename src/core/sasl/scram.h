/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677): the keys that stand in for a password,
 * and what the two sides prove to each other with them.
 */
#pragma once

#include "core/sasl/crypto.h"

enum {
	GP_SCRAM_ITERATIONS_MIN = 4096, /* RFC 7677 section 4 */
	GP_SCRAM_ITERATIONS_MAX = 1'000'000,
	GP_SCRAM_SALT_MAX = 64,
	/* What new keys are made with: some 50 ms of the client's time. */
	GP_SCRAM_ITERATIONS = 100'000,
	GP_SCRAM_SALT = 16,
};

/* All that a server has to know. Who has them can neither log in nor learn the password, but may
 * guess at it, and play the server to its user. */
struct gp_scram_keys {
	uint32_t iterations;
	struct gp_slice salt;
	struct gp_sha256 stored, server; /* StoredKey, ServerKey */
};

/* Makes the keys of a password that gp_password_is_prepared; salt is not copied. Returns 0 or
 * -ENOMEM. */
[[nodiscard]] int
gp_scram_derive(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
		struct gp_scram_keys *ret);

/* Whether the proof is of one who knows the password. message: AuthMessage. Returns 0, 1 when it is
 * not, or -ENOMEM. */
[[nodiscard]] int
gp_scram_check(const struct gp_scram_keys *keys, struct gp_slice message, struct gp_slice proof);

/* ServerSignature: that we know the keys. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_scram_sign(const struct gp_scram_keys *keys, struct gp_slice message, struct gp_sha256 *ret);

/* The client's side: ClientProof and ServerSignature, of a password that gp_password_is_prepared.
 * Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_scram_prove(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
	       struct gp_slice message, struct gp_sha256 *ret_proof,
	       struct gp_sha256 *ret_signature);
