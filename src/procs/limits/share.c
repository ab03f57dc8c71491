/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/limits/share.h"

void
share_init(struct share *s, size_t max)
{
	gp_list_init(&s->holders);
	s->held = 0;
	s->max = max;
}

void
share_join(struct share *s, struct share_holder *h)
{
	h->held = 0;
	h->settled = false;
	gp_list_append(&s->holders, &h->link);
}

void
share_leave(struct share *s, struct share_holder *h)
{
	gp_assert(s->held >= h->held);
	s->held -= h->held;
	h->held = 0;
	gp_list_remove(&h->link);
}

/* One look at all for each time that the bound is passed: who wants it to be passed again has to
 * fill up what the one who left held. */
static struct share_holder *
find_most(struct share *s, struct share_holder *most)
{
	gp_list_each (it, &s->holders) {
		struct share_holder *h = gp_container_of(it, struct share_holder, link);
		if (!h->settled && h->held > most->held)
			most = h;
	}
	return most;
}

struct share_holder *
share_set(struct share *s, struct share_holder *h, size_t held)
{
	gp_assert(!h->settled && s->held <= s->max);
	s->held += held - h->held;
	h->held = held;
	return s->held > s->max ? find_most(s, h) : NULL;
}
