/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct gp_map
gp_map(size_t max, const uint64_t seed[2])
{
	return (struct gp_map){.max = max, .seed = {seed[0], seed[1]}};
}

void
gp_map_free(struct gp_map *m)
{
	free(m->entries);
	*m = gp_map(m->max, m->seed);
}

void
gp_map_clear(struct gp_map *m)
{
	enum { KEPT_MAX = 1024 };
	if (m->cap > KEPT_MAX) {
		gp_map_free(m);
		return;
	}
	if (m->len > 0)
		memset(m->entries, 0, m->cap * sizeof(*m->entries));
	m->len = 0;
}

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* One compression round and three at the end: Aumasson and Bernstein's SipHash, c = 1, d = 3. */
uint64_t
gp_siphash13(const uint64_t seed[2], struct gp_slice s)
{
	uint64_t v[4] = {
		seed[0] ^ 0x736f6d6570736575,
		seed[1] ^ 0x646f72616e646f6d,
		seed[0] ^ 0x6c7967656e657261,
		seed[1] ^ 0x7465646279746573,
	};
	uint64_t last = (uint64_t)s.len << 56;
	for (; s.len >= 8; s = gp_slice_drop(s, 8)) {
		uint64_t word;
		memcpy(&word, s.ptr, 8);
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < s.len; i++)
		last |= (uint64_t)(unsigned char)s.ptr[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The place of the key, or the free place where it would go. The table is never full. */
static size_t
find(const struct gp_map *m, struct gp_slice key, uint32_t hash)
{
	size_t at = hash & (m->cap - 1);
	while (m->entries[at].value) {
		if (m->entries[at].hash == hash && gp_slice_eq(m->entries[at].key, key))
			break;
		at = (at + 1) & (m->cap - 1);
	}
	return at;
}

void *
gp_map_get(const struct gp_map *m, struct gp_slice key)
{
	if (m->len == 0)
		return NULL;
	return m->entries[find(m, key, (uint32_t)gp_siphash13(m->seed, key))].value;
}

static bool
grow(struct gp_map *m)
{
	struct gp_map next = *m;
	next.cap = m->cap > 0 ? m->cap * 2 : 16;
	next.entries = calloc(next.cap, sizeof(*next.entries));
	if (!next.entries)
		return false;
	for (size_t i = 0; i < m->cap; i++) {
		const struct gp_map_entry *e = &m->entries[i];
		if (e->value)
			next.entries[find(&next, e->key, e->hash)] = *e;
	}
	free(m->entries);
	*m = next;
	return true;
}

bool
gp_map_set(struct gp_map *m, struct gp_slice key, void *value)
{
	gp_assert(value);
	/* At three quarters, so that a free place is always near. */
	if (m->len + 1 > m->cap - m->cap / 4 && !grow(m))
		return false;
	uint32_t hash = (uint32_t)gp_siphash13(m->seed, key);
	struct gp_map_entry *e = &m->entries[find(m, key, hash)];
	if (!e->value) {
		if (m->len >= m->max)
			return false;
		m->len++;
	}
	*e = (struct gp_map_entry){.key = key, .value = value, .hash = hash};
	return true;
}

void *
gp_map_remove(struct gp_map *m, struct gp_slice key)
{
	if (m->len == 0)
		return NULL;
	size_t mask = m->cap - 1;
	size_t hole = find(m, key, (uint32_t)gp_siphash13(m->seed, key));
	void *value = m->entries[hole].value;
	if (!value)
		return NULL;
	/* Move later members of the run into the hole when their home lies at or before it. */
	for (size_t at = (hole + 1) & mask; m->entries[at].value; at = (at + 1) & mask) {
		size_t home = m->entries[at].hash & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			m->entries[hole] = m->entries[at];
			hole = at;
		}
	}
	m->entries[hole] = (struct gp_map_entry){};
	m->len--;
	return value;
}

const struct gp_map_entry *
gp_map_next(const struct gp_map *m, size_t *at)
{
	while (*at < m->cap) {
		const struct gp_map_entry *e = &m->entries[(*at)++];
		if (e->value)
			return e;
	}
	return NULL;
}
