/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

enum kind { ACCOUNT = 1, SOURCE, NETWORK, KINDS };

/* A count. The key is a keyed hash: 64 bits that nobody outside can make collide. */
struct entry {
	struct gp_list link; /* that which failed longest ago is the first */
	uint64_t key;
	uint32_t failures; /* 0: unused */
	uint64_t last_ms, not_before_ms;
	bool locked; /* until not_before_ms */
};

/* Accounts have a table of their own: a flood of names forgets no source. */
struct table {
	struct entry *entries;
	size_t used;
	struct gp_list by_age;
	struct gp_map by_key;
};

struct throttle {
	struct throttle_limits limits;
	uint64_t seed[2];
	struct table accounts, sources;
};

static bool
table_init(struct table *t, const uint64_t seed[2])
{
	t->entries = calloc(THROTTLE_ENTRIES, sizeof(*t->entries));
	t->by_key = gp_map(THROTTLE_ENTRIES, seed);
	gp_list_init(&t->by_age);
	return t->entries != NULL;
}

struct throttle *
throttle_new(const struct throttle_limits *limits, const uint64_t seed[2])
{
	struct throttle *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->limits = *limits;
	memcpy(t->seed, seed, sizeof(t->seed));
	bool good = table_init(&t->accounts, seed);
	return table_init(&t->sources, seed) && good ? t : throttle_free(t);
}

struct throttle *
throttle_free(struct throttle *t)
{
	if (!t)
		return NULL;
	gp_map_free(&t->accounts.by_key);
	gp_map_free(&t->sources.by_key);
	free(t->accounts.entries);
	free(t->sources.entries);
	free(t);
	return NULL;
}

void
throttle_limit(struct throttle *t, const struct throttle_limits *limits)
{
	t->limits = *limits;
}

/* --- keys --- */

static size_t
prefix_len(enum kind kind, uint8_t address_len)
{
	if (address_len == 4)
		return kind == SOURCE ? 4 : 3;
	return kind == SOURCE ? 8 : 6;
}

/* False: there is nothing to count by. */
static bool
key_of(const struct throttle *t, const struct throttle_who *who, enum kind kind, uint64_t *ret)
{
	char text[1 + 255];
	size_t len = kind == ACCOUNT ? who->account.len : prefix_len(kind, who->address_len);
	const void *from = kind == ACCOUNT ? (const void *)who->account.ptr : who->address;
	if (len == 0 || len > sizeof(text) - 1)
		return false;
	/* A /32 and a /24 that begin alike, and IPv4 and IPv6, are different things. */
	text[0] = (char)(kind * 32 + (kind == ACCOUNT ? 0 : who->address_len));
	memcpy(text + 1, from, len);
	*ret = gp_siphash13(t->seed, gp_slice(text, len + 1));
	return true;
}

static struct table *
table_of(struct throttle *t, enum kind kind)
{
	return kind == ACCOUNT ? &t->accounts : &t->sources;
}

static struct gp_slice
as_slice(const uint64_t *key)
{
	return gp_slice((const char *)key, sizeof(*key));
}

/* --- entries --- */

static bool
is_forgotten(const struct throttle *t, const struct entry *e, uint64_t now_ms)
{
	return now_ms - e->last_ms >= t->limits.lock_ms;
}

/* NULL: nothing has failed lately. */
static struct entry *
find(struct throttle *t, const struct throttle_who *who, enum kind kind, uint64_t now_ms)
{
	uint64_t key;
	if (!key_of(t, who, kind, &key))
		return NULL;
	struct entry *e = gp_map_get(&table_of(t, kind)->by_key, as_slice(&key));
	return e && !is_forgotten(t, e, now_ms) ? e : NULL;
}

static void
drop(struct table *table, struct entry *e)
{
	gp_map_remove(&table->by_key, as_slice(&e->key));
	gp_list_remove(&e->link);
}

/* An entry for the key, its count at 0; NULL: no memory for the map. */
static struct entry *
make(struct table *table, uint64_t key)
{
	struct entry *e = gp_map_get(&table->by_key, as_slice(&key));
	if (e) {
		drop(table, e);
	} else if (table->used < THROTTLE_ENTRIES) {
		e = &table->entries[table->used++];
	} else {
		e = gp_container_of(table->by_age.next, struct entry, link);
		drop(table, e);
	}
	*e = (struct entry){.key = key};
	gp_list_append(&table->by_age, &e->link);
	if (gp_map_set(&table->by_key, as_slice(&e->key), e))
		return e;
	/* It stays in the list, and is the next to be used again. */
	return NULL;
}

static uint32_t
limit_of(const struct throttle *t, enum kind kind)
{
	return kind == ACCOUNT  ? t->limits.account
	       : kind == SOURCE ? t->limits.source
				: t->limits.network;
}

/* Returns when the next attempt may be made. */
static uint64_t
count_failure(struct throttle *t, const struct throttle_who *who, enum kind kind, uint64_t now_ms)
{
	struct table *table = table_of(t, kind);
	struct entry *e = find(t, who, kind, now_ms);
	uint64_t key;
	if (!e && key_of(t, who, kind, &key))
		e = make(table, key);
	if (!e)
		return now_ms;
	e->failures++;
	e->last_ms = now_ms;
	gp_list_remove(&e->link);
	gp_list_append(&table->by_age, &e->link);
	unsigned doublings = GP_MIN(e->failures - 1, (uint32_t)THROTTLE_DOUBLINGS);
	/* A network is many people's: its failures delay nobody, and only lock. */
	uint64_t delay = kind == NETWORK ? 0 : t->limits.delay_ms << doublings;
	e->locked = e->failures >= limit_of(t, kind);
	e->not_before_ms = now_ms + (e->locked ? t->limits.lock_ms : delay);
	return now_ms + delay;
}

enum throttle_answer
throttle_ask(struct throttle *t, const struct throttle_who *who, uint64_t now_ms,
	     uint64_t *ret_when_ms)
{
	enum throttle_answer answer = THROTTLE_GO;
	*ret_when_ms = now_ms;
	for (enum kind kind = ACCOUNT; kind < KINDS; kind++) {
		const struct entry *e = find(t, who, kind, now_ms);
		if (!e || e->not_before_ms <= now_ms)
			continue;
		if (e->locked)
			return THROTTLE_LOCKED;
		answer = THROTTLE_WAIT;
		*ret_when_ms = GP_MAX(*ret_when_ms, e->not_before_ms);
	}
	return answer;
}

uint64_t
throttle_failed(struct throttle *t, const struct throttle_who *who, uint64_t now_ms)
{
	uint64_t due = now_ms;
	for (enum kind kind = ACCOUNT; kind < KINDS; kind++) {
		uint64_t when = count_failure(t, who, kind, now_ms);
		due = GP_MAX(due, when);
	}
	return due;
}

void
throttle_succeeded(struct throttle *t, const struct throttle_who *who)
{
	uint64_t key;
	if (!key_of(t, who, ACCOUNT, &key))
		return;
	struct entry *e = gp_map_get(&t->accounts.by_key, as_slice(&key));
	if (e)
		e->failures = 0;
}

bool
throttle_same_source(const struct throttle_who *a, const struct throttle_who *b)
{
	return a->address_len == b->address_len &&
	       memcmp(a->address, b->address, prefix_len(SOURCE, a->address_len)) == 0;
}
