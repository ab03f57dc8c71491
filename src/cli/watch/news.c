/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/news.h"

#include <errno.h>

#include "base/map.h"

struct finding_news {
	const struct watch_given *given;
	struct gp_arena *arena;
	struct gp_map read; /* struct watch_reading by what it is of */
	struct gp_map known;
	size_t alike[WATCH_KINDS]; /* so many are known by now, */
	struct gp_map shares;      /* and size_t by kind and domain */
	bool all_silent, failed;   /* failed: no memory */
	struct watch_news *ret;
};

static struct gp_slice
key_of(struct gp_arena *arena, uint8_t kind, struct gp_slice domain, struct gp_slice object)
{
	return gp_arena_printf(arena, "%u\n%.*s\n%.*s", kind, GP_SLICE_FMT(domain),
			       GP_SLICE_FMT(object));
}

static struct gp_slice
reading_key(struct finding_news *n, const struct watch_reading *r)
{
	return key_of(n->arena, r->kind, r->domain, r->object);
}

static bool
fill_maps(struct finding_news *n)
{
	bool good = true;
	for (size_t i = 0; i < n->given->readings_len && good; i++) {
		const struct watch_reading *r = &n->given->readings[i];
		struct gp_slice key = reading_key(n, r);
		good = key.ptr && gp_map_set(&n->read, key, (void *)r);
	}
	for (size_t i = 0; i < n->given->known_len && good; i++) {
		const struct watch_known *k = &n->given->known[i];
		struct gp_slice key = key_of(n->arena, k->kind, k->domain, k->object);
		good = key.ptr && gp_map_set(&n->known, key, (void *)k);
	}
	return good;
}

static bool
make_room(struct finding_news *n)
{
	size_t most = GP_MAX(n->given->readings_len, (size_t)1);
	struct watch_news *ret = n->ret;
	ret->came = gp_arena_array(n->arena, most, sizeof(struct watch_reading *));
	ret->over = gp_arena_array(n->arena, most, sizeof(*ret->over));
	ret->known = gp_arena_array(n->arena, WATCH_KNOWN_MAX, sizeof(*ret->known));
	return !n->arena->failed;
}

/* --- what he knows --- */

static bool
is_told_once(uint8_t kind)
{
	return kind == WATCH_POLICY || kind == WATCH_SOURCE;
}

static bool
is_silence(uint8_t kind)
{
	return kind == WATCH_SILENCE || kind == WATCH_REPORTER;
}

/* How many of that kind and domain are known. NULL: no memory. */
static size_t *
share_of(struct finding_news *n, uint8_t kind, struct gp_slice domain)
{
	struct gp_slice key = key_of(n->arena, kind, domain, GP_SLICE(""));
	size_t *share = key.ptr ? gp_map_get(&n->shares, key) : NULL;
	if (share)
		return share;
	share = key.ptr ? gp_arena_new(n->arena, size_t) : NULL;
	n->failed |= !share || !gp_map_set(&n->shares, key, share);
	return n->failed ? NULL : share;
}

/* False: there is no room for it. */
static bool
keep(struct finding_news *n, const struct watch_known *k)
{
	size_t *share = share_of(n, k->kind, k->domain);
	if (!share || *share >= WATCH_KNOWN_DOMAIN_MAX)
		return false;
	if (n->alike[k->kind] >= WATCH_KNOWN_ALIKE_MAX)
		return false;
	n->alike[k->kind]++;
	++*share;
	n->ret->known[n->ret->known_len++] = *k;
	return true;
}

static void
look_at_known(struct finding_news *n, const struct watch_known *k)
{
	struct gp_slice key = key_of(n->arena, k->kind, k->domain, k->object);
	const struct watch_reading *r = key.ptr ? gp_map_get(&n->read, key) : NULL;
	if (!r && (is_told_once(k->kind) || n->given->today - k->told_day > WATCH_FORGOTTEN_DAYS))
		return;
	if (!r || watch_holds(r, k, &n->given->limits))
		(void)keep(n, k);
	else
		n->ret->over[n->ret->over_len++] = (struct watch_over){k, r};
}

/* --- what he does not --- */

/* A silence of all says what that of each would. */
static bool
is_said_by_all(const struct finding_news *n, const struct watch_reading *r)
{
	return n->all_silent && is_silence(r->kind) && r->domain.len > 0;
}

static void
look_at_reading(struct finding_news *n, const struct watch_reading *r)
{
	struct gp_slice key = reading_key(n, r);
	if (!key.ptr || gp_map_get(&n->known, key) || is_said_by_all(n, r) ||
	    !watch_fires(r, &n->given->limits))
		return;
	const struct watch_known known = {.kind = r->kind,
					  .domain = r->domain,
					  .object = r->object,
					  .told_day = n->given->today,
					  .day = r->day,
					  .past = r->past,
					  .now = r->now};
	if (keep(n, &known))
		n->ret->came[n->ret->came_len++] = r;
}

static bool
are_all_silent(const struct finding_news *n)
{
	for (size_t i = 0; i < n->ret->known_len; i++) {
		const struct watch_known *k = &n->ret->known[i];
		if (k->kind == WATCH_SILENCE && k->domain.len == 0)
			return true;
	}
	return false;
}

static void
look_at_readings(struct finding_news *n, uint8_t kind, bool of_all)
{
	for (size_t i = 0; i < n->given->readings_len; i++) {
		const struct watch_reading *r = &n->given->readings[i];
		if (r->kind == kind && (r->domain.len == 0) == of_all)
			look_at_reading(n, r);
	}
}

int
watch_news_find(const struct watch_given *given, struct gp_arena *arena, struct watch_news *ret)
{
	struct finding_news n = {
		.given = given,
		.arena = arena,
		.read = gp_map(given->readings_len + 1, given->seed),
		.known = gp_map(given->known_len + 1, given->seed),
		.shares = gp_map(given->readings_len + given->known_len + 1, given->seed),
		.ret = ret};
	*ret = (struct watch_news){};
	bool good = make_room(&n) && fill_maps(&n);
	for (size_t i = 0; i < given->known_len && good; i++)
		look_at_known(&n, &given->known[i]);
	if (good)
		look_at_readings(&n, WATCH_SILENCE, true);
	n.all_silent = are_all_silent(&n);
	for (uint8_t kind = 1; kind < WATCH_KINDS && good; kind++)
		look_at_readings(&n, kind, false);
	gp_map_free(&n.read);
	gp_map_free(&n.known);
	gp_map_free(&n.shares);
	return good && !n.failed && !arena->failed ? 0 : -ENOMEM;
}
