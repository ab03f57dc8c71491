/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/answers.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "core/dns/name.h"

enum { TYPE_NAME = 0 }; /* of the entry that says: this name is there */

struct gp_answers {
	struct gp_arena *arena;
	struct gp_map map; /* of struct gp_dns_answer, by struct key */
	bool closed;
};

/* A question as the map's key: the type, then the name as on the wire. */
struct key {
	uint8_t octets[2 + GP_DNS_NAME_MAX];
	size_t len;
};

static struct key
make_key(const struct gp_name *name, uint16_t type)
{
	struct key key = {.len = 2 + (size_t)name->len};
	key.octets[0] = (uint8_t)(type >> 8);
	key.octets[1] = (uint8_t)type;
	memcpy(key.octets + 2, name->octets, name->len);
	return key;
}

static const struct gp_dns_answer *
get(const struct gp_answers *set, const struct gp_name *name, uint16_t type)
{
	struct key key = make_key(name, type);
	return gp_map_get(&set->map, gp_slice((const char *)key.octets, key.len));
}

static struct gp_answers *
make(struct gp_arena *arena, size_t max, const uint64_t seed[2], bool closed)
{
	struct gp_answers *set = gp_arena_new(arena, struct gp_answers);
	if (set)
		*set = (struct gp_answers){arena, gp_map(max, seed), closed};
	return set;
}

struct gp_answers *
gp_answers_new(struct gp_arena *arena, size_t max, const uint64_t seed[2])
{
	return make(arena, max, seed, false);
}

struct gp_answers *
gp_answers_new_closed(struct gp_arena *arena, size_t max, const uint64_t seed[2])
{
	return make(arena, max, seed, true);
}

struct gp_answers *
gp_answers_free(struct gp_answers *set)
{
	if (set)
		gp_map_free(&set->map);
	return NULL;
}

static const struct gp_dns_record *
copy_records(struct gp_arena *arena, const struct gp_dns_record *records, size_t len)
{
	struct gp_dns_record *copy = gp_arena_array(arena, len, sizeof(*copy));
	for (size_t i = 0; copy && i < len; i++) {
		copy[i] = records[i];
		copy[i].name = gp_arena_dup(arena, records[i].name);
		copy[i].tag = gp_arena_dup(arena, records[i].tag);
		copy[i].data = gp_arena_dup(arena, records[i].data);
	}
	return copy;
}

static struct gp_dns_answer *
copy_answer(struct gp_arena *arena, const struct gp_dns_answer *answer)
{
	struct gp_dns_answer *copy = gp_arena_new(arena, struct gp_dns_answer);
	if (!copy)
		return NULL;
	*copy = *answer;
	copy->name = gp_arena_dup(arena, answer->name);
	copy->canonical = gp_arena_dup(arena, answer->canonical);
	copy->trouble = gp_arena_dup(arena, answer->trouble);
	copy->records = copy_records(arena, answer->records, answer->records_len);
	return arena->failed ? NULL : copy;
}

/* Puts a copy in, under a type of its own choice. */
static int
put(struct gp_answers *set, const struct gp_dns_answer *answer, uint16_t type)
{
	struct gp_name name;
	if (!gp_name_from_text(answer->name, &name))
		return -EINVAL;
	struct key key = make_key(&name, type);
	struct gp_slice k = gp_slice((const char *)key.octets, key.len);
	if (set->map.len >= set->map.max && !gp_map_get(&set->map, k))
		return 1;
	k = gp_arena_dup(set->arena, k);
	struct gp_dns_answer *copy = copy_answer(set->arena, answer);
	return k.ptr && copy && gp_map_set(&set->map, k, copy) ? 0 : -ENOMEM;
}

int
gp_answers_add(struct gp_answers *set, const struct gp_dns_answer *answer)
{
	gp_assert(answer->type != TYPE_NAME);
	return put(set, answer, answer->type);
}

int
gp_answers_add_name(struct gp_answers *set, struct gp_slice name, uint8_t status, bool secure)
{
	gp_assert(set->closed);
	struct gp_dns_answer answer = {.name = name, .status = status, .secure = secure};
	return put(set, &answer, TYPE_NAME);
}

int
gp_answers_add_bogus_name(struct gp_answers *set, struct gp_slice name)
{
	gp_assert(set->closed);
	struct gp_dns_answer answer = {.name = name, .status = GP_DNS_SERVFAIL, .bogus = true};
	return put(set, &answer, TYPE_NAME);
}

/* One name of a closed set, aliases apart. NULL: it exists and has no such record. */
static const struct gp_dns_answer *
find_one(const struct gp_answers *set, const struct gp_name *name, uint16_t type)
{
	static const struct gp_dns_answer absent = {.status = GP_DNS_NXDOMAIN};
	const struct gp_dns_answer *known = get(set, name, TYPE_NAME);
	if (!known)
		return &absent;
	return known->status != GP_DNS_OK ? known : get(set, name, type);
}

static void
set_status(struct gp_dns_answer *ret, const struct gp_dns_answer *found, bool secure)
{
	ret->status = found->status;
	ret->bogus = found->bogus;
	ret->secure = secure;
}

/* As a resolver does it: the records, else the alias's target, else nothing. */
static void
find_closed(const struct gp_answers *set, struct gp_name name, struct gp_dns_answer *ret)
{
	static const struct gp_dns_answer nodata = {.status = GP_DNS_NODATA},
					  endless = {.status = GP_DNS_SERVFAIL};
	bool secure = true;
	for (size_t n = 0; n <= GP_DNS_CNAMES_MAX; n++) {
		const struct gp_dns_answer *known = get(set, &name, TYPE_NAME);
		const struct gp_dns_answer *found = find_one(set, &name, ret->type);
		secure = secure && known && known->secure;
		if (found) {
			ret->records = found->records;
			ret->records_len = found->records_len;
			return set_status(ret, found, secure);
		}
		const struct gp_dns_answer *alias = get(set, &name, GP_DNS_CNAME);
		if (!alias)
			return set_status(ret, &nodata, secure);
		if (alias->status != GP_DNS_OK)
			return set_status(ret, alias, secure);
		ret->canonical = alias->records[0].name;
		if (!gp_name_from_text(ret->canonical, &name))
			break;
	}
	set_status(ret, &endless, false);
}

bool
gp_answers_find(const struct gp_answers *set, struct gp_slice name, uint16_t type,
		struct gp_dns_answer *ret)
{
	struct gp_name wire;
	*ret = (struct gp_dns_answer){.name = name, .canonical = name, .type = type};
	if (!gp_name_from_text(name, &wire)) {
		ret->status = GP_DNS_NXDOMAIN;
		return true;
	}
	if (set->closed) {
		find_closed(set, wire, ret);
		return true;
	}
	const struct gp_dns_answer *known = get(set, &wire, type);
	if (!known)
		return false;
	*ret = *known;
	ret->name = name;
	return true;
}

const struct gp_dns_answer *
gp_answers_next(const struct gp_answers *set, size_t *at)
{
	gp_assert(!set->closed);
	const struct gp_map_entry *entry = gp_map_next(&set->map, at);
	return entry ? entry->value : NULL;
}
