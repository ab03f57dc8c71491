/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/policy_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct policy_cache {
	struct gp_map map;
	struct gp_list by_age; /* the one asked about last is last */
	size_t len_max, octets, octets_max;
};

struct policy_cache *
policy_cache_new(const uint64_t seed[2], size_t len_max, size_t octets_max)
{
	struct policy_cache *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	/* One more: the newcomer is in before the oldest goes. */
	c->map = gp_map(len_max + 1, seed);
	gp_list_init(&c->by_age);
	c->len_max = len_max;
	c->octets_max = octets_max;
	return c;
}

static void
drop(struct policy_cache *c, struct policy *p)
{
	gp_map_remove(&c->map, policy_domain(p));
	gp_list_remove(&p->link);
	c->octets -= p->text.len;
	free((char *)p->text.ptr);
	free(p);
}

struct policy_cache *
policy_cache_free(struct policy_cache *c)
{
	if (!c)
		return NULL;
	gp_list_each (it, &c->by_age) {
		drop(c, gp_container_of(it, struct policy, link));
	}
	gp_map_free(&c->map);
	free(c);
	return NULL;
}

/* Lets the oldest go while there is too much, but never `kept`, which is the youngest. */
static void
make_room(struct policy_cache *c, const struct policy *kept)
{
	while (c->map.len > c->len_max || c->octets > c->octets_max) {
		struct policy *oldest = gp_container_of(c->by_age.next, struct policy, link);
		if (oldest == kept)
			return;
		drop(c, oldest);
	}
}

static void
make_youngest(struct policy_cache *c, struct policy *p)
{
	gp_list_remove(&p->link);
	gp_list_append(&c->by_age, &p->link);
}

struct policy *
policy_cache_find(struct policy_cache *c, struct gp_slice domain)
{
	struct policy *p = gp_map_get(&c->map, domain);
	if (p)
		make_youngest(c, p);
	return p;
}

static struct policy *
add(struct policy_cache *c, struct gp_slice domain)
{
	gp_assert(domain.len > 0 && domain.len <= POLICY_DOMAIN_MAX);
	struct policy *p = calloc(1, sizeof(*p) + domain.len);
	if (!p)
		return NULL;
	p->domain_len = (uint8_t)domain.len;
	memcpy(p->domain, domain.ptr, domain.len);
	if (!gp_map_set(&c->map, policy_domain(p), p)) {
		free(p);
		return NULL;
	}
	gp_list_append(&c->by_age, &p->link);
	return p;
}

struct policy *
policy_cache_make(struct policy_cache *c, struct gp_slice domain)
{
	struct policy *p = policy_cache_find(c, domain);
	p = p ? p : add(c, domain);
	if (p)
		make_room(c, p);
	return p;
}

bool
policy_cache_set_text(struct policy_cache *c, struct policy *p, struct gp_slice text)
{
	char *copy = malloc(text.len + 1);
	if (!copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	free((char *)p->text.ptr);
	c->octets += text.len - p->text.len;
	p->text = gp_slice(copy, text.len);
	make_youngest(c, p);
	make_room(c, p);
	return true;
}

const struct policy *
policy_cache_next(const struct policy_cache *c, const struct policy *at)
{
	const struct gp_list *next = at ? at->link.next : c->by_age.next;
	return next == &c->by_age ? NULL : gp_container_of(next, struct policy, link);
}
