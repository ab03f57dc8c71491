/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

struct entry {
	struct gp_list used;    /* the one used last is first */
	struct gp_dkim_key key; /* without slices */
	struct gp_dkim_pkey *pkey;
	size_t len;
	char record[];
};

struct gp_dkim_keys {
	struct gp_map map; /* record to entry */
	struct gp_list used;
	size_t max;
};

struct gp_dkim_keys *
gp_dkim_keys_new(size_t max, const uint64_t seed[2])
{
	gp_assert(max > 0);
	struct gp_dkim_keys *keys = calloc(1, sizeof(*keys));
	if (!keys)
		return NULL;
	keys->map = gp_map(max, seed);
	keys->max = max;
	gp_list_init(&keys->used);
	return keys;
}

static void
entry_free(struct gp_dkim_keys *keys, struct entry *e)
{
	gp_list_remove(&e->used);
	gp_map_remove(&keys->map, gp_slice(e->record, e->len));
	gp_dkim_pkey_free(e->pkey);
	free(e);
}

struct gp_dkim_keys *
gp_dkim_keys_free(struct gp_dkim_keys *keys)
{
	if (!keys)
		return NULL;
	while (!gp_list_empty(&keys->used))
		entry_free(keys, gp_container_of(keys->used.next, struct entry, used));
	gp_map_free(&keys->map);
	free(keys);
	return NULL;
}

/* Takes pkey over. */
static struct entry *
entry_new(struct gp_dkim_keys *keys, struct gp_slice record, const struct gp_dkim_key *key,
	  struct gp_dkim_pkey *pkey)
{
	struct entry *e = pkey ? calloc(1, sizeof(*e) + record.len) : NULL;
	if (keys->map.len == keys->max)
		entry_free(keys, gp_container_of(keys->used.prev, struct entry, used));
	if (e) {
		e->key = *key;
		e->key.octets = e->key.modulus = e->key.exponent = GP_SLICE("");
		e->pkey = pkey;
		e->len = record.len;
		memcpy(e->record, record.ptr, record.len);
		gp_list_init(&e->used);
		if (gp_map_set(&keys->map, gp_slice(e->record, e->len), e))
			return e;
	}
	gp_dkim_pkey_free(pkey);
	free(e);
	return NULL;
}

bool
gp_dkim_keys_find(const struct gp_dkim_keys *keys, struct gp_slice record, struct gp_dkim_key *ret)
{
	const struct entry *e = gp_map_get(&keys->map, record);
	if (e)
		*ret = e->key;
	return e != NULL;
}

struct gp_dkim_pkey *
gp_dkim_keys_open(struct gp_dkim_keys *keys, struct gp_slice record, const struct gp_dkim_key *key)
{
	gp_assert(record.len <= GP_DKIM_RECORD_KEPT_MAX);
	struct entry *e = gp_map_get(&keys->map, record);
	if (!e)
		e = entry_new(keys, record, key, gp_dkim_key_open(key));
	if (!e)
		return NULL;
	gp_list_remove(&e->used);
	gp_list_insert(&keys->used, &e->used);
	return e->pkey;
}
