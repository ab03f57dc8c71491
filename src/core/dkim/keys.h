/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that were used before: to read a record and to make a key of it takes longer than to verify
 * with it, and most mail comes from few domains. A key is found by its record, so what the DNS says
 * now is what counts; when there is no room the one goes that was used longest ago.
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

enum { GP_DKIM_RECORD_KEPT_MAX = 2048 }; /* octets of a record; RSA of 4096 bits takes some 750 */

/* What a record says, if its key is kept: all of a gp_dkim_key but `octets`, `modulus` and
 * `exponent`. False: it is not. */
[[nodiscard]] bool
gp_dkim_keys_find(const struct gp_dkim_keys *keys, struct gp_slice record, struct gp_dkim_key *ret);

/*
 * The key of a record of at most GP_DKIM_RECORD_KEPT_MAX octets, opened and kept where it is not
 * kept yet. key: what the record says. It stays the cache's, and is valid until the next call. NULL
 * as gp_dkim_key_open has it.
 */
struct gp_dkim_pkey *
gp_dkim_keys_open(struct gp_dkim_keys *keys, struct gp_slice record, const struct gp_dkim_key *key);
