/* SPDX-License-Identifier: Apache-2.0 */
/* What this folder's files share. */
#pragma once

#include <openssl/evp.h>

#include "core/oauth/token.h"

struct oauth_key {
	EVP_PKEY *pkey;
	bool ec;                /* ES256; else RS256 */
	struct gp_slice key_id; /* empty: none */
};

struct gp_oauth_keys {
	struct oauth_key items[GP_OAUTH_KEYS_MAX];
	size_t len;
	struct gp_arena arena; /* of the key ids */
};

/* Whether the signature over the text is the key's. Returns 0, 1 or -ENOMEM. */
[[nodiscard]] int
oauth_verify(const struct oauth_key *key, struct gp_slice text, struct gp_slice signature);
