/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/spool/recent.h"

#include <string.h>

struct gp_flow_moment *
recent_moment(struct recent *r, uint64_t now_ms)
{
	uint64_t now = now_ms / RECENT_MOMENT_MS;
	for (uint64_t gone = GP_MIN(now - r->moment, (uint64_t)RECENT_MOMENTS); gone > 0; gone--)
		r->moments[(now - gone + 1) % RECENT_MOMENTS] = (struct gp_flow_moment){};
	r->moment = now;
	return &r->moments[now % RECENT_MOMENTS];
}

static uint16_t
keep(char *to, size_t max, struct gp_slice text)
{
	struct gp_slice kept = gp_slice_take(text, max);
	if (kept.len > 0)
		memcpy(to, kept.ptr, kept.len);
	return (uint16_t)kept.len;
}

static void
remember(struct recent *r, uint64_t wall_ms, uint64_t id, struct gp_slice rcpt,
	 const struct gp_outcome *o, uint32_t attempts)
{
	struct recent_deferral *d = &r->deferrals[r->deferrals_told++ % RECENT_DEFERRALS];
	d->time_ms = wall_ms;
	d->id = id;
	d->reply = o->reply;
	d->reply.text = gp_slice(NULL, 0);
	d->attempts = attempts;
	d->rcpt_len = keep(d->rcpt, sizeof(d->rcpt), rcpt);
	d->remote_len = keep(d->remote, sizeof(d->remote), o->remote);
	d->text_len = keep(d->text, sizeof(d->text), o->reply.text);
}

void
recent_outcome(struct recent *r, uint64_t now_ms, uint64_t wall_ms, uint64_t id,
	       struct gp_slice rcpt, const struct gp_outcome *o, uint32_t attempts)
{
	struct gp_flow_moment *m = recent_moment(r, now_ms);
	m->delivered += o->kind == GP_OUTCOME_DELIVERED || o->kind == GP_OUTCOME_RELAYED;
	m->failed += o->kind == GP_OUTCOME_FAILED;
	m->deferred += o->kind == GP_OUTCOME_DEFERRED;
	if (o->kind == GP_OUTCOME_DEFERRED)
		remember(r, wall_ms, id, rcpt, o, attempts);
}

void
recent_moments(struct recent *r, uint64_t now_ms, struct gp_flow_moment ret[RECENT_MOMENTS],
	       uint32_t *ret_ms)
{
	(void)recent_moment(r, now_ms);
	for (uint64_t i = 0; i < RECENT_MOMENTS; i++)
		ret[i] = r->moments[(r->moment + 1 + i) % RECENT_MOMENTS];
	*ret_ms = (uint32_t)(now_ms % RECENT_MOMENT_MS);
}

size_t
recent_deferrals(const struct recent *r, struct gp_flow_deferral ret[RECENT_DEFERRALS])
{
	size_t len = (size_t)GP_MIN(r->deferrals_told, (uint64_t)RECENT_DEFERRALS);
	for (size_t i = 0; i < len; i++) {
		const struct recent_deferral *d =
			&r->deferrals[(r->deferrals_told - 1 - i) % RECENT_DEFERRALS];
		ret[i] = (struct gp_flow_deferral){
			.time_ms = d->time_ms,
			.id = d->id,
			.rcpt = gp_slice(d->rcpt, d->rcpt_len),
			.remote = gp_slice(d->remote, d->remote_len),
			.reply = d->reply,
			.attempts = d->attempts,
		};
		ret[i].reply.text = gp_slice(d->text, d->text_len);
	}
	return len;
}
