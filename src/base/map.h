/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from byte strings to pointers: open addressing, keyed hash (SipHash-1-3), so that
 * strangers who choose keys cannot choose collisions; the seed is an argument, as core has no
 * randomness of its own. A map that is filled with another's entries, as gp_map_next() tells
 * them, needs another seed: in their order by the same hash they would lie in one long run. Keys
 * are not copied: they must live as long as their entry.
 *
 * It has a cap on entries at creation. Removal leaves no tombstones (backward shift).
 */
#pragma once

#include "base/slice.h"

struct gp_map_entry {
	struct gp_slice key;
	void *value; /* NULL: the place is free */
	uint32_t hash;
};

struct gp_map {
	struct gp_map_entry *entries;
	size_t len, cap, max;
	uint64_t seed[2];
};

/* max: entries at most; seed: random where keys come from outside, anything elsewhere. */
struct gp_map
gp_map(size_t max, const uint64_t seed[2]);
void
gp_map_free(struct gp_map *m);
/* Forgets all entries; keeps the memory for the next ones, unless it is much. */
void
gp_map_clear(struct gp_map *m);

/* The value, or NULL. */
void *
gp_map_get(const struct gp_map *m, struct gp_slice key);

/* Sets or replaces (the key too). False: the cap, or no memory. value is not NULL. */
[[nodiscard]] bool
gp_map_set(struct gp_map *m, struct gp_slice key, void *value);

/* Removes and returns the value, or NULL. */
void *
gp_map_remove(struct gp_map *m, struct gp_slice key);

/* Walks all entries: *at starts at 0; NULL at the end. No change in between. */
const struct gp_map_entry *
gp_map_next(const struct gp_map *m, size_t *at);

uint64_t
gp_siphash13(const uint64_t seed[2], struct gp_slice s);
