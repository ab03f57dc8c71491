/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/rate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/map.h"

enum {
	BUDGETS_MAX = 4'000'000,
	KEY_MAX = 1 + SCAN_OPERATOR_MAX,
	CATCH_UP_US = 50'000, /* what a late timer may make up for at once */
};

struct scan_budget {
	uint8_t key[KEY_MAX];
	uint8_t key_len;
	uint32_t limit; /* at once; 0: none */
	uint32_t at_once;
	uint32_t members; /* waiters that point here */
	uint32_t back_off_ms;
	uint64_t not_before_ms;
	struct gp_list line;      /* who waits for this one */
	struct gp_heap_node wake; /* in `sleeping`, while somebody waits for not_before_ms */
};

struct scan_rate {
	struct scan_limits limits;
	struct gp_map budgets;
	struct gp_heap sleeping;
	struct gp_list ready;
	double next_us; /* when the next connection is due by the global rate */
};

struct scan_rate *
scan_rate_new(const struct scan_limits *limits, const uint64_t seed[2])
{
	struct scan_rate *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->limits = *limits;
	r->budgets = gp_map(BUDGETS_MAX, seed);
	gp_list_init(&r->ready);
	return r;
}

struct scan_rate *
scan_rate_free(struct scan_rate *r)
{
	const struct gp_map_entry *e;
	size_t at = 0;
	if (!r)
		return NULL;
	while ((e = gp_map_next(&r->budgets, &at)))
		free(e->value);
	gp_map_free(&r->budgets);
	gp_heap_free(&r->sleeping);
	free(r);
	return NULL;
}

/* --- budgets --- */

static struct scan_budget *
find_budget(struct scan_rate *r, enum scan_budget_kind kind, struct gp_slice name, uint32_t limit)
{
	uint8_t key[KEY_MAX] = {(uint8_t)kind};
	name = gp_slice_take(name, SCAN_OPERATOR_MAX);
	memcpy(key + 1, name.ptr, name.len);
	struct gp_slice text = gp_slice((const char *)key, 1 + name.len);
	struct scan_budget *b = gp_map_get(&r->budgets, text);
	if (b)
		return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	memcpy(b->key, key, sizeof(key));
	b->key_len = (uint8_t)text.len;
	b->limit = limit;
	gp_list_init(&b->line);
	if (gp_map_set(&r->budgets, gp_slice((const char *)b->key, b->key_len), b))
		return b;
	free(b);
	return NULL;
}

/* A budget that says nothing any more. What was asked for too much stays known till it is over. */
static void
forget_idle(struct scan_rate *r, struct scan_budget *b, uint64_t now_ms)
{
	if (b->members > 0 || b->not_before_ms > now_ms)
		return;
	gp_assert(b->at_once == 0 && gp_list_empty(&b->line));
	gp_heap_remove(&r->sleeping, &b->wake);
	(void)gp_map_remove(&r->budgets, gp_slice((const char *)b->key, b->key_len));
	free(b);
}

static size_t
network_octets(size_t address_len)
{
	return address_len == 4 ? 3 : 6; /* a /24, a /48 */
}

static bool
join(struct scan_rate *r, struct scan_waiter *w, enum scan_budget_kind kind, struct gp_slice name,
     uint32_t limit)
{
	struct scan_budget *b = find_budget(r, kind, name, limit);
	if (b)
		b->members++;
	w->budgets[kind] = b;
	return b;
}

int
scan_waiter_init(struct scan_rate *r, struct scan_waiter *w, const uint8_t *address,
		 size_t address_len, struct gp_slice operator, bool exempt)
{
	const struct scan_limits *limits = &r->limits;
	struct gp_slice whole = gp_slice((const char *)address, address_len);
	*w = (struct scan_waiter){};
	gp_list_init(&w->link);
	if (exempt)
		return 0;
	bool good = join(r, w, SCAN_BUDGET_ADDRESS, whole, limits->per_address) &&
		    join(r, w, SCAN_BUDGET_NETWORK, gp_slice_take(whole, network_octets(whole.len)),
			 limits->per_network) &&
		    (operator.len == 0 ||
		     join(r, w, SCAN_BUDGET_OPERATOR, operator, limits->per_operator));
	if (good)
		return 0;
	scan_waiter_end(r, w, 0);
	return -ENOMEM;
}

void
scan_waiter_end(struct scan_rate *r, struct scan_waiter *w, uint64_t now_ms)
{
	gp_assert(!w->counted);
	gp_list_remove(&w->link);
	for (size_t i = 0; i < SCAN_BUDGETS; i++) {
		struct scan_budget *b = w->budgets[i];
		w->budgets[i] = NULL;
		if (!b)
			continue;
		b->members--;
		forget_idle(r, b, now_ms);
	}
}

/* --- the lines --- */

void
scan_rate_add(struct scan_rate *r, struct scan_waiter *w, bool urgent)
{
	gp_assert(!w->counted && gp_list_empty(&w->link));
	if (urgent)
		gp_list_insert(&r->ready, &w->link);
	else
		gp_list_append(&r->ready, &w->link);
}

/* Which of its budgets it has to wait for; NULL: none. */
static struct scan_budget *
obstacle(const struct scan_waiter *w, uint64_t now_ms)
{
	for (size_t i = 0; i < SCAN_BUDGETS; i++) {
		struct scan_budget *b = w->budgets[i];
		if (b && ((b->limit > 0 && b->at_once >= b->limit) || b->not_before_ms > now_ms))
			return b;
	}
	return NULL;
}

/* Without memory for the heap the waiter goes on with the next one that is done there. */
static void
wait_for(struct scan_rate *r, struct scan_budget *b, struct scan_waiter *w, uint64_t now_ms)
{
	gp_list_append(&b->line, &w->link);
	if (b->not_before_ms > now_ms)
		(void)!gp_heap_set(&r->sleeping, &b->wake, b->not_before_ms);
}

/* As many as it has room for, to the front of the common line, in their order. */
static void
release(struct scan_rate *r, struct scan_budget *b, uint64_t now_ms)
{
	uint32_t room = b->limit > 0 ? b->limit - GP_MIN(b->at_once, b->limit) : UINT32_MAX;
	struct gp_list *at = &r->ready, *item;
	if (b->not_before_ms > now_ms)
		return;
	for (; room > 0 && (item = gp_list_pop(&b->line)); room--) {
		gp_list_insert(at, item);
		at = item;
	}
}

static void
wake(struct scan_rate *r, uint64_t now_ms)
{
	struct gp_heap_node *first;
	while ((first = gp_heap_first(&r->sleeping)) && first->key <= now_ms) {
		struct scan_budget *b = gp_container_of(first, struct scan_budget, wake);
		gp_heap_remove(&r->sleeping, first);
		release(r, b, now_ms);
		forget_idle(r, b, now_ms);
	}
}

static bool
in_time(const struct scan_rate *r, uint64_t now_ms)
{
	return r->limits.per_s <= 0 || r->next_us <= (double)now_ms * 1000;
}

static void
count(struct scan_rate *r, struct scan_waiter *w, uint64_t now_ms)
{
	double now_us = (double)now_ms * 1000;
	if (r->limits.per_s > 0)
		r->next_us = GP_MAX(r->next_us, now_us - CATCH_UP_US) + 1e6 / r->limits.per_s;
	for (size_t i = 0; i < SCAN_BUDGETS; i++) {
		if (w->budgets[i])
			w->budgets[i]->at_once++;
	}
	w->counted = true;
}

struct scan_waiter *
scan_rate_next(struct scan_rate *r, uint64_t now_ms)
{
	wake(r, now_ms);
	while (in_time(r, now_ms)) {
		struct gp_list *item = gp_list_pop(&r->ready);
		if (!item)
			return NULL;
		struct scan_waiter *w = gp_container_of(item, struct scan_waiter, link);
		struct scan_budget *b = obstacle(w, now_ms);
		if (!b) {
			count(r, w, now_ms);
			return w;
		}
		wait_for(r, b, w, now_ms);
	}
	return NULL;
}

static void
back_off(struct scan_rate *r, struct scan_budget *b, uint64_t now_ms)
{
	/* Several connections that hear it at once are one refusal. */
	if (b->not_before_ms > now_ms)
		return;
	b->back_off_ms = b->back_off_ms == 0
				 ? SCAN_BACK_OFF_MS
				 : GP_MIN(2 * b->back_off_ms, (uint32_t)SCAN_BACK_OFF_MAX_MS);
	b->not_before_ms = now_ms + b->back_off_ms;
	/* So that it is forgotten some time, or whoever waits here goes on. */
	(void)!gp_heap_set(&r->sleeping, &b->wake, b->not_before_ms);
}

static void
leave(struct scan_rate *r, struct scan_budget *b, bool backed_off, uint64_t now_ms)
{
	gp_assert(b->at_once > 0);
	b->at_once--;
	if (backed_off)
		back_off(r, b, now_ms);
	else if (b->not_before_ms <= now_ms)
		b->back_off_ms = 0;
	release(r, b, now_ms);
}

/* Those who wait for the same address come before those who share no more than an operator: each
   budget puts its own to the front. */
void
scan_rate_done(struct scan_rate *r, struct scan_waiter *w, bool backed_off, uint64_t now_ms)
{
	gp_assert(w->counted);
	w->counted = false;
	for (size_t i = SCAN_BUDGETS; i-- > 0;) {
		if (w->budgets[i])
			leave(r, w->budgets[i], backed_off, now_ms);
	}
}

uint64_t
scan_rate_due(const struct scan_rate *r)
{
	const struct gp_heap_node *first = gp_heap_first(&r->sleeping);
	uint64_t due = first ? first->key : UINT64_MAX;
	if (!gp_list_empty(&r->ready))
		due = GP_MIN(due, r->limits.per_s > 0 ? (uint64_t)(r->next_us / 1000) + 1 : 0);
	return due;
}

bool
scan_rate_has_ready(const struct scan_rate *r)
{
	return !gp_list_empty(&r->ready);
}
