/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SASL needs of cryptography, by libcrypto: SHA-256, HMAC with it (RFC 2104), PBKDF2 with that
 * (RFC 8018 section 5.2). Each function that returns int gives 0, or -ENOMEM.
 */
#pragma once

#include "base/slice.h"

enum { GP_SHA256_SIZE = 32 };

struct gp_sha256 {
	uint8_t octets[GP_SHA256_SIZE];
};

static inline struct gp_slice
gp_sha256_slice(const struct gp_sha256 *h)
{
	return gp_slice((const char *)h->octets, sizeof(h->octets));
}

[[nodiscard]] int
gp_sha256(struct gp_slice text, struct gp_sha256 *ret);
[[nodiscard]] int
gp_hmac_sha256(struct gp_slice key, struct gp_slice text, struct gp_sha256 *ret);
[[nodiscard]] int
gp_pbkdf2_sha256(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
		 struct gp_sha256 *ret);

/* Whether they are equal, in a time that depends on their lengths alone. */
bool
gp_equal_secretly(struct gp_slice a, struct gp_slice b);
