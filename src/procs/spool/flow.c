/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/spool/flow.h"

#include <string.h>

#include "procs/spool/recent.h"
#include "procs/spool/spool.h"
#include "sys/clock.h"

enum {
	LOOK_AGAIN_MS = 2000,
	/* Messages that are looked at: some 15 ms of a turn, in which others wait for their 250. */
	LOOK_MAX = 50'000,
	TEXTS_MAX = 64 * 1024,
	DESTINATIONS_TOLD = 50,
	AGES = 5,
	SMTPDS_MAX = 64,
};

/* A message is of the first age that it is not above. */
static const uint64_t ages_ms[AGES - 1] = {5 * 60'000, 60 * 60'000, 4 * 60 * 60'000,
					   24 * 60 * 60'000};

static struct {
	struct recent recent;
	uint32_t connections[SMTPDS_MAX];
	uint64_t looks, looked_ms;
	struct gp_msg_flow flow;
	struct gp_arena texts; /* of the destinations that are told, which may be gone soon */
	struct gp_flow_moment moments[RECENT_MOMENTS];
	struct gp_flow_age ages[AGES];
	struct gp_flow_destination told[DESTINATIONS_TOLD];
	struct gp_flow_deferral deferrals[RECENT_DEFERRALS];
	/* Those that most wait for, the first ones first. */
	const struct destination *most[DESTINATIONS_TOLD];
	size_t most_len, seen;
} self = {.texts = {.max = TEXTS_MAX}};

/* --- counting --- */

void
flow_accepted(void)
{
	recent_moment(&self.recent, gp_clock_monotonic_ms())->accepted++;
}

void
flow_refused(uint32_t n)
{
	struct gp_flow_moment *m = recent_moment(&self.recent, gp_clock_monotonic_ms());
	m->refused = n > UINT32_MAX - m->refused ? UINT32_MAX : m->refused + n;
}

void
flow_outcome(uint64_t id, struct gp_slice rcpt, const struct gp_outcome *outcome, uint32_t attempts)
{
	recent_outcome(&self.recent, gp_clock_monotonic_ms(), spool_now_ms(), id, rcpt, outcome,
		       attempts);
}

void
flow_connections(unsigned worker, uint32_t open)
{
	if (worker < SMTPDS_MAX)
		self.connections[worker] = open;
}

/* --- looking --- */

static struct gp_flow_age *
age_of(const struct gp_queued *q, uint64_t now_ms)
{
	uint64_t age = now_ms > q->arrival_ms ? now_ms - q->arrival_ms : 0;
	size_t i = 0;
	while (i < AGES - 1 && age > ages_ms[i])
		i++;
	return &self.ages[i];
}

static void
count_message(const struct gp_queued *q, uint64_t now_ms)
{
	struct gp_flow_age *age = age_of(q, now_ms);
	bool leased = false, ready = false;
	for (const struct task *t = q->user; t; t = t->next) {
		leased = leased || t->state == TASK_LEASED;
		ready = ready || t->state == TASK_READY;
	}
	if (q->flags & GP_QUEUED_HELD)
		age->held++;
	else if (leased)
		age->active++;
	else if (ready)
		age->ready++;
	else
		age->waiting++;
}

/* Where it stands among those that most wait for. */
static void
rank(const struct destination *d)
{
	size_t at = self.most_len < DESTINATIONS_TOLD ? self.most_len++ : DESTINATIONS_TOLD;
	for (; at > 0 && self.most[at - 1]->tasks < d->tasks; at--) {
		if (at < DESTINATIONS_TOLD)
			self.most[at] = self.most[at - 1];
	}
	if (at < DESTINATIONS_TOLD)
		self.most[at] = d;
}

static void
look_at_destination(struct destination *d, const struct gp_queued *q)
{
	if (d->looked_at != self.looks) {
		d->looked_at = self.looks;
		d->oldest_ms = q->arrival_ms;
		self.seen++;
		rank(d);
	}
	d->oldest_ms = GP_MIN(d->oldest_ms, q->arrival_ms);
}

static void
look_at_queue(uint64_t now_ms)
{
	struct gp_msg_flow *f = &self.flow;
	struct gp_queued *q = gp_store_next(spool.store, NULL);
	f->oldest_ms = q ? q->arrival_ms : 0;
	for (; q && f->looked_at < LOOK_MAX; q = gp_store_next(spool.store, q)) {
		f->looked_at++;
		f->oldest_ms = GP_MIN(f->oldest_ms, q->arrival_ms);
		count_message(q, now_ms);
		for (const struct task *t = q->user; t; t = t->next) {
			if (t->dest)
				look_at_destination(t->dest, q);
		}
	}
}

static void
tell_destinations(void)
{
	gp_arena_reset(&self.texts);
	for (size_t i = 0; i < self.most_len; i++) {
		const struct destination *d = self.most[i];
		self.told[i] = (struct gp_flow_destination){
			.key = gp_arena_dup(&self.texts, d->key),
			.tasks = d->tasks,
			.active = d->in_flight,
			.oldest_ms = d->oldest_ms,
			.rests_until_ms = d->pause.at != 0 ? d->pause.key : 0,
			.standing = d->standing,
		};
	}
	self.flow.destinations = self.told;
	self.flow.destinations_len = self.most_len;
	self.flow.destinations_more = (uint32_t)(self.seen - self.most_len);
}

static uint32_t
sum_of_connections(void)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < SMTPDS_MAX; i++)
		sum += GP_MIN(self.connections[i], UINT32_MAX - sum);
	return sum;
}

static void
look(void)
{
	struct gp_store_stats stats = gp_store_stats(spool.store);
	uint64_t now_ms = spool_now_ms();
	self.looks++;
	self.most_len = self.seen = 0;
	memset(self.ages, 0, sizeof(self.ages));
	self.flow = (struct gp_msg_flow){
		.now_ms = now_ms,
		.messages = stats.messages,
		.octets = stats.live_size,
		.full = intake_is_full(),
		.ages = self.ages,
		.ages_len = AGES,
	};
	look_at_queue(now_ms);
}

const struct gp_msg_flow *
flow_look(void)
{
	struct gp_msg_flow *f = &self.flow;
	uint64_t now = gp_clock_monotonic_ms();
	if (self.looks == 0 || now - self.looked_ms >= LOOK_AGAIN_MS) {
		look();
		tell_destinations();
		self.looked_ms = now;
	}
	recent_moments(&self.recent, now, self.moments, &f->moment_ms);
	f->moments = self.moments;
	f->moments_len = RECENT_MOMENTS;
	f->deferrals = self.deferrals;
	f->deferrals_len = recent_deferrals(&self.recent, self.deferrals);
	f->connections = sum_of_connections();
	f->active = (uint32_t)delivery_leases();
	return f;
}
