/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/limits/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum {
	/* Places where a source may be; a bucket is one or two lines of the processor's cache. */
	WAYS = 8,
	BUCKETS = RATE_SOURCES / WAYS,
};

/* A place. The key is a keyed hash: 64 bits that nobody outside can make collide. */
struct count {
	uint64_t key;
	uint64_t clean_us; /* when all of it will be forgotten; in the past: free */
};

struct rate {
	uint64_t seed[2];
	struct count counts[BUCKETS][WAYS];
};

struct rate *
rate_new(const uint64_t seed[2])
{
	struct rate *r = calloc(1, sizeof(*r));
	if (r)
		memcpy(r->seed, seed, sizeof(r->seed));
	return r;
}

struct rate *
rate_free(struct rate *r)
{
	free(r);
	return NULL;
}

/* The source's place, or the one that it may have. */
static struct count *
place_of(struct rate *r, uint64_t key)
{
	struct count *bucket = r->counts[key % BUCKETS], *first = bucket;
	for (size_t i = 0; i < WAYS; i++) {
		if (bucket[i].key == key)
			return &bucket[i];
		if (bucket[i].clean_us < first->clean_us)
			first = &bucket[i];
	}
	return first;
}

static uint64_t
key_of(const struct rate *r, const struct rate_ask *ask)
{
	return gp_siphash13(r->seed, ask->source);
}

static uint64_t
span_us(const struct rate_ask *ask)
{
	return (uint64_t)ask->span_ms * 1000;
}

/* When it will be forgotten if this counts too; its span from now at most, or it is too much. */
static uint64_t
clean_after(struct rate *r, const struct rate_ask *ask, uint64_t now_us)
{
	uint64_t key = key_of(r, ask);
	const struct count *c = place_of(r, key);
	uint64_t from_us = c->key == key ? GP_MAX(c->clean_us, now_us) : now_us;
	return from_us + ask->amount * span_us(ask) / ask->max;
}

int
rate_take(struct rate *r, const struct rate_ask *asks, size_t asks_len, uint64_t now_ms)
{
	uint64_t now_us = now_ms * 1000;
	for (size_t i = 0; i < asks_len; i++) {
		if (clean_after(r, &asks[i], now_us) > now_us + span_us(&asks[i]))
			return (int)i;
	}
	for (size_t i = 0; i < asks_len; i++) {
		uint64_t clean_us = clean_after(r, &asks[i], now_us), key = key_of(r, &asks[i]);
		*place_of(r, key) = (struct count){.key = key, .clean_us = clean_us};
	}
	return -1;
}
