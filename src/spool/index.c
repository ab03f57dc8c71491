/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "spool/internal.h"

static struct gp_slice
key_of(const uint64_t *id)
{
	return gp_slice((const char *)id, sizeof(*id));
}

static uint64_t
record_size(const struct entry *e)
{
	return gp_record_size(e->at.meta_len, e->q.size);
}

static uint64_t
due_of(const struct gp_rcpt_state *state)
{
	return gp_rcpt_pending(state) ? GP_MIN(state->next_ms, UINT64_MAX - 1) : UINT64_MAX;
}

/* Counts again; recipients are few, and a change of many is one call. */
static void
sum_up(struct entry *e)
{
	e->q.pending_len = 0;
	e->q.next_ms = UINT64_MAX;
	for (uint32_t i = 0; i < e->q.rcpts_len; i++) {
		e->q.pending_len += e->due[i] != UINT64_MAX;
		e->q.next_ms = GP_MIN(e->q.next_ms, e->due[i]);
	}
}

struct entry *
entry_new(struct gp_store *s, uint64_t id, const struct gp_message_meta *m, uint64_t size,
	  const struct place *at)
{
	size_t n = m->envelope.rcpts_len;
	struct entry *e = calloc(1, sizeof(*e) + n * sizeof(e->due[0]));
	if (!e)
		return NULL;
	e->q.id = id;
	e->q.arrival_ms = m->envelope.arrival_ms;
	e->q.size = size;
	e->q.rcpts_len = (uint32_t)n;
	e->q.flags = m->flags;
	e->at = *at;
	for (size_t i = 0; i < n; i++)
		e->due[i] = m->states ? due_of(&m->states[i])
				      : GP_MIN(m->envelope.arrival_ms, UINT64_MAX - 1);
	sum_up(e);
	if (!gp_map_set(&s->index, key_of(&e->q.id), e)) {
		free(e);
		return NULL;
	}
	gp_list_init(&e->in_fresh);
	gp_list_append(&at->segment->live, &e->in_segment);
	s->stats.messages++;
	s->stats.live_size += record_size(e);
	return e;
}

void
entry_free(struct gp_store *s, struct entry *e)
{
	void *removed = gp_map_remove(&s->index, key_of(&e->q.id));
	gp_assert(removed == e);
	gp_list_remove(&e->in_segment);
	gp_list_remove(&e->in_fresh);
	s->stats.messages--;
	s->stats.live_size -= record_size(e);
	free(e);
}

void
entry_move(struct gp_store *s, struct entry *e, const struct place *at)
{
	s->stats.live_size -= record_size(e);
	e->at = *at;
	e->last = (struct place){};
	e->chain = 0;
	s->stats.live_size += record_size(e);
	gp_list_remove(&e->in_segment);
	gp_list_append(&at->segment->live, &e->in_segment);
}

void
entry_apply(struct entry *e, const struct gp_outcome_meta *o, const struct place *at)
{
	for (size_t i = 0; i < o->len; i++) {
		if (o->changes[i].rcpt < e->q.rcpts_len)
			e->due[o->changes[i].rcpt] = due_of(&o->changes[i].state);
	}
	e->q.flags = o->flags;
	e->last = *at;
	bool first = o->prev_sequence == 0;
	e->chain = first ? 1 : (uint8_t)GP_MIN(e->chain + 1, CHAIN_MAX);
	sum_up(e);
}

struct gp_queued *
gp_store_find(const struct gp_store *s, uint64_t id)
{
	struct entry *e = gp_map_get(&s->index, key_of(&id));
	return e ? &e->q : NULL;
}

struct gp_queued *
gp_store_next(const struct gp_store *s, const struct gp_queued *after)
{
	struct gp_list *segment = s->segments.next;
	if (after) {
		const struct entry *e = entry_of(after);
		if (e->in_segment.next != &e->at.segment->live)
			return &gp_container_of(e->in_segment.next, struct entry, in_segment)->q;
		segment = e->at.segment->link.next;
	}
	for (; segment != &s->segments; segment = segment->next) {
		struct segment *g = gp_container_of(segment, struct segment, link);
		if (!gp_list_empty(&g->live))
			return &gp_container_of(g->live.next, struct entry, in_segment)->q;
	}
	return NULL;
}

uint64_t
gp_queued_due_ms(const struct gp_queued *q, uint32_t i)
{
	gp_assert(i < q->rcpts_len);
	return entry_of(q)->due[i];
}
