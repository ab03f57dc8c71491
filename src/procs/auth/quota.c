/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/quota.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

enum {
	PIECES = 12,
	PIECES_KEPT = PIECES + 1, /* the one that goes on now is not over yet */
	HOUR_MS = 60 * 60 * 1000,
	DAY_MS = 24 * HOUR_MS,
};

/* What was spent in the pieces up to the newest; piece n is at n % PIECES_KEPT. */
struct spent {
	uint64_t newest;
	uint32_t pieces[PIECES_KEPT];
};

/* The key is a keyed hash: 64 bits that nobody outside can make collide. */
struct entry {
	struct gp_list link; /* who sent longest ago is the first */
	uint64_t key;
	struct spent hour, day;
};

struct quota {
	struct entry *entries;
	size_t used;
	struct gp_list by_age;
	struct gp_map by_key;
	uint64_t seed[2];
};

struct quota *
quota_new(const uint64_t seed[2])
{
	struct quota *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->entries = calloc(QUOTA_ENTRIES, sizeof(*q->entries));
	q->by_key = gp_map(QUOTA_ENTRIES, seed);
	gp_list_init(&q->by_age);
	memcpy(q->seed, seed, sizeof(q->seed));
	return q->entries ? q : quota_free(q);
}

struct quota *
quota_free(struct quota *q)
{
	if (!q)
		return NULL;
	gp_map_free(&q->by_key);
	free(q->entries);
	free(q);
	return NULL;
}

/* --- entries --- */

static struct gp_slice
as_slice(const uint64_t *key)
{
	return gp_slice((const char *)key, sizeof(*key));
}

/* A free place, or that of whom is forgotten. */
static struct entry *
place(struct quota *q)
{
	if (q->used < QUOTA_ENTRIES)
		return &q->entries[q->used++];
	struct entry *e = gp_container_of(gp_list_pop(&q->by_age), struct entry, link);
	gp_map_remove(&q->by_key, as_slice(&e->key));
	return e;
}

/* NULL: no memory for the map. */
static struct entry *
find_or_add(struct quota *q, struct gp_slice user)
{
	uint64_t key = gp_siphash13(q->seed, user);
	struct entry *e = gp_map_get(&q->by_key, as_slice(&key));
	if (e) {
		gp_list_remove(&e->link);
		gp_list_append(&q->by_age, &e->link);
		return e;
	}
	e = place(q);
	*e = (struct entry){.key = key};
	gp_list_append(&q->by_age, &e->link);
	if (gp_map_set(&q->by_key, as_slice(&e->key), e))
		return e;
	/* Nobody's, until its turn comes to be used again. */
	e->key = 0;
	return NULL;
}

/* --- counts --- */

/* Forgets the pieces that are too old, and sums up the others. */
static uint64_t
sum(struct spent *s, uint64_t newest)
{
	uint64_t total = 0, passed = newest - s->newest;
	for (uint64_t i = 1; i <= GP_MIN(passed, (uint64_t)PIECES_KEPT); i++)
		s->pieces[(s->newest + i) % PIECES_KEPT] = 0;
	s->newest = newest;
	for (size_t i = 0; i < PIECES_KEPT; i++)
		total += s->pieces[i];
	return total;
}

static bool
has_room(struct spent *s, uint32_t limit, uint32_t more, uint64_t now_ms, uint64_t span_ms)
{
	uint64_t total = sum(s, now_ms / (span_ms / PIECES));
	return limit == 0 || total + more <= limit;
}

enum quota_answer
quota_take(struct quota *q, struct gp_slice user, const struct quota_limits *limits,
	   uint32_t recipients, uint64_t now_ms)
{
	if (limits->hourly == 0 && limits->daily == 0)
		return QUOTA_TAKEN;
	struct entry *e = find_or_add(q, user);
	if (!e)
		return QUOTA_UNKNOWN;
	if (!has_room(&e->hour, limits->hourly, recipients, now_ms, HOUR_MS))
		return QUOTA_HOURLY;
	if (!has_room(&e->day, limits->daily, recipients, now_ms, DAY_MS))
		return QUOTA_DAILY;
	e->hour.pieces[e->hour.newest % PIECES_KEPT] += recipients;
	e->day.pieces[e->day.newest % PIECES_KEPT] += recipients;
	return QUOTA_TAKEN;
}
