/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys that were used before. To make one of its octets takes longer than to verify with it,
 * and most mail comes from few domains. A key is found by its octets, so what the DNS says now is
 * what counts; when there is no room the one goes that was used longest ago.
 */
#pragma once

#include "core/dkim/key.h"

struct gp_dkim_keys;

/* max: keys at most, 1 or more; seed: random, for the keyed hash. NULL: no memory. */
struct gp_dkim_keys *
gp_dkim_keys_new(size_t max, const uint64_t seed[2]);

/* Accepts NULL, returns NULL. */
struct gp_dkim_keys *
gp_dkim_keys_free(struct gp_dkim_keys *keys);

/* The key of a record, which is not a revoked one. It stays the cache's, and is valid until the
 * next call. NULL as gp_dkim_key_open has it. */
struct gp_dkim_pkey *
gp_dkim_keys_get(struct gp_dkim_keys *keys, const struct gp_dkim_key *key);
