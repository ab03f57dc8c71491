/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of hashes over the lines of a log, and its signatures. */
#pragma once

#include <openssl/types.h>

#include "cli/scan/log.h"

struct scan_chain {
	uint8_t hash[SCAN_LOG_HASH]; /* of all lines so far; zeros at first */
};

/* line: with its LF. False: no memory. */
[[nodiscard]] bool
scan_chain_add(struct scan_chain *chain, struct gp_slice line);

/* The user's key, in a file; NULL: his own one, made where there is none. Returns 0, or -errno
   after saying what is wrong. The caller's to free by EVP_PKEY_free(). */
[[nodiscard]] int
scan_seal_key(const char *path, EVP_PKEY **ret);

[[nodiscard]] bool
scan_seal_public(EVP_PKEY *key, uint8_t ret[SCAN_LOG_KEY]);
[[nodiscard]] bool
scan_seal_sign(EVP_PKEY *key, const struct scan_chain *chain, uint8_t ret[SCAN_LOG_SIGNATURE]);
[[nodiscard]] bool
scan_seal_verify(const uint8_t key[SCAN_LOG_KEY], const struct scan_chain *chain,
		 struct gp_slice signature);
