/* SPDX-License-Identifier: Apache-2.0 */
/* Which message goes to which destination, and when: see spool.h for a task's life. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	/* Tasks planned, and tasks handed out, in one turn: what is left waits for the next. */
	PLANS_A_TURN = 500,
	STARTS_A_TURN = 1000,
	/* A start looks at all recipients of its message: so many count as one more. */
	RCPTS_A_START = 64,
	DESTINATIONS_MAX = 1 << 22,
	/* Silent destinations that are asked about in a turn and cannot be served: there may be
	   very many of them, and next to nothing that they may hold. */
	SILENT_REFUSALS_A_TURN = 64,
	/* One message in the store is read again after so long when it could not be read. */
	READ_AGAIN_MS = 60 * 1000,
	/* A mailbox's window from the start: as many as maildir makes durable with one sync. Its
	   disk is not a stranger's server, with which one begins carefully. */
	MAILBOX_WINDOW = 64,
};

static struct {
	struct gp_map destinations;
	struct gp_heap due;    /* tasks WAITING */
	struct gp_heap pauses; /* destinations that rest */
	struct gp_list runnable;
	struct gp_list runnable_silent; /* behind those */
} self;

/* --- destinations --- */

bool
schedule_is_local(enum gp_transport transport)
{
	return transport == GP_TRANSPORT_MAILDIR || transport == GP_TRANSPORT_REPORTS;
}

static uint32_t
window_start(enum gp_transport transport)
{
	if (schedule_is_local(transport))
		return MAILBOX_WINDOW;
	return GP_MAX(spool.env->config->concurrency.start, 1u);
}

static uint32_t
window_max(enum gp_transport transport)
{
	if (schedule_is_local(transport))
		return MAILBOX_WINDOW;
	return GP_MAX(spool.env->config->concurrency.max, 1u);
}

static struct destination *
find_destination(const struct gp_route *route)
{
	struct destination *d = gp_map_get(&self.destinations, route->destination);
	if (d)
		return d;
	d = calloc(1, sizeof(*d) + route->destination.len);
	if (!d)
		return NULL;
	char *key = (char *)(d + 1);
	memcpy(key, route->destination.ptr, route->destination.len);
	d->key = gp_slice(key, route->destination.len);
	d->window = window_start(route->transport);
	d->transport = route->transport;
	gp_list_init(&d->ready);
	gp_list_init(&d->runnable);
	if (!gp_map_set(&self.destinations, d->key, d)) {
		free(d);
		return NULL;
	}
	return d;
}

/* A destination that nothing points to any more is forgotten; one that rests keeps its memory until
 * it has. */
static void
forget_if_unused(struct destination *d)
{
	if (d->tasks > 0 || d->in_flight > 0 || d->pause.at != 0)
		return;
	gp_list_remove(&d->runnable);
	gp_map_remove(&self.destinations, d->key);
	free(d);
}

/* Of one that did not answer, one lease at a time finds out whether it does again. */
static uint32_t
window_of(const struct destination *d)
{
	return d->standing == STANDING_SILENT ? 1 : d->window;
}

static void
look_at(struct destination *d)
{
	bool run = !gp_list_empty(&d->ready) && d->in_flight < window_of(d) && d->pause.at == 0;
	bool silent = d->standing == STANDING_SILENT;
	if (!run)
		gp_list_remove(&d->runnable);
	else if (gp_list_empty(&d->runnable))
		gp_list_append(silent ? &self.runnable_silent : &self.runnable, &d->runnable);
}

/* --- tasks --- */

static struct task *
tasks_of(const struct gp_queued *q)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): free_task() unlinks a task before it frees */
	return q->user;
}

static struct task *
new_task(struct gp_queued *q, struct destination *dest, bool forwards)
{
	struct task *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->q = q;
	t->dest = dest;
	t->forwards = forwards;
	t->lease = TASK_NO_LEASE;
	t->next = tasks_of(q);
	gp_list_init(&t->ready);
	q->user = t;
	if (dest)
		dest->tasks++;
	return t;
}

static void
make_ready(struct task *t)
{
	gp_assert(t->dest);
	gp_heap_remove(&self.due, &t->due);
	t->state = TASK_READY;
	gp_list_append(&t->dest->ready, &t->ready);
	look_at(t->dest);
}

/* Without memory for the heap the task goes to the front of the line: early is better than never.
 */
static void
make_waiting(struct task *t, uint64_t due_ms)
{
	t->state = TASK_WAITING;
	gp_list_remove(&t->ready);
	if (!gp_heap_set(&self.due, &t->due, due_ms) && t->dest)
		make_ready(t);
}

static void
unlink_task(struct task *t)
{
	for (struct task **at = (struct task **)&t->q->user; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			return;
		}
	}
}

static void
free_task(struct task *t)
{
	struct destination *d = t->dest;
	gp_heap_remove(&self.due, &t->due);
	gp_list_remove(&t->ready);
	if (t->state == TASK_LEASED)
		delivery_forget(t);
	unlink_task(t);
	free(t);
	if (d) {
		d->tasks--;
		look_at(d);
		forget_if_unused(d);
	}
}

void
schedule_remove(struct gp_queued *q)
{
	while (tasks_of(q))
		free_task(tasks_of(q));
}

bool
schedule_leased(const struct gp_queued *q)
{
	for (const struct task *t = tasks_of(q); t; t = t->next) {
		if (t->state == TASK_LEASED)
			return true;
	}
	return false;
}

/* --- planning --- */

static struct task *
task_for(struct gp_queued *q, const struct destination *d, bool forwards)
{
	struct task *t = tasks_of(q);
	while (t && (t->dest != d || t->forwards != forwards))
		t = t->next;
	return t;
}

/* The task of this recipient's destination and reverse-path, made when there is none. An address
   that has no way at all gets the destination of an empty key, where delivery_start finds out why
   and settles it. */
static struct task *
plan_rcpt(struct gp_queued *q, const struct gp_envelope *e, const struct gp_rcpt *rcpt,
	  struct gp_arena *arena)
{
	struct gp_route route = {};
	struct gp_reply why;
	int r = gp_policy_route(spool.policy, rcpt->address, arena, &route, &why);
	if (r < 0)
		return NULL;
	if (r > 0)
		route = (struct gp_route){.destination = GP_SLICE("")};
	struct destination *d = find_destination(&route);
	if (!d)
		return NULL;
	bool forwards = gp_envelope_forwards(e, rcpt);
	struct task *t = task_for(q, d, forwards);
	return t ? t : new_task(q, d, forwards);
}

bool
schedule_add(struct gp_queued *q, const struct gp_envelope *envelope)
{
	struct gp_arena arena = GP_ARENA_INIT(16 * 1024 * 1024);
	bool ok = true;
	for (size_t i = 0; ok && i < envelope->rcpts_len; i++)
		ok = plan_rcpt(q, envelope, &envelope->rcpts[i], &arena) != NULL;
	gp_arena_free(&arena);
	for (struct task *t = tasks_of(q); t; t = t->next) {
		if (gp_list_empty(&t->ready))
			make_ready(t);
	}
	return ok;
}

static bool
is_pending(const struct gp_rcpt_state *s)
{
	return s->last.kind == 0 || s->last.kind == GP_OUTCOME_DEFERRED;
}

bool
schedule_plan(struct gp_queued *q, const struct gp_stored *m)
{
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024 * 1024);
	bool ok = true;
	for (size_t i = 0; ok && i < m->envelope.rcpts_len; i++) {
		uint64_t due = m->states[i].next_ms;
		if (!is_pending(&m->states[i]))
			continue;
		struct task *t = plan_rcpt(q, &m->envelope, &m->envelope.rcpts[i], &arena);
		ok = t != NULL;
		/* New ones, and those whose recipient is due before the others that they knew of.
		 */
		if (t && t->state == TASK_WAITING && (t->due.at == 0 || t->due.key > due))
			make_waiting(t, due);
	}
	gp_arena_free(&arena);
	return ok;
}

bool
schedule_recovered(struct gp_queued *q)
{
	struct task *t = new_task(q, NULL, false);
	if (!t)
		return false;
	make_waiting(t, q->next_ms);
	return t->due.at != 0;
}

/* Reads the message of a task without a destination, and replaces it by those that it needs. False:
   not now, or the message is gone. */
static bool
plan_unplanned(struct task *t)
{
	struct gp_queued *q = t->q;
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024 * 1024);
	struct gp_stored m;
	int r = gp_store_read_envelope(spool.store, q, &arena, &m);
	bool planned = r == 0 && schedule_plan(q, &m);
	if (planned) {
		free_task(t);
	} else if (r == GP_STORE_DAMAGED) {
		gp_error("message_damaged", GP_FID("id", q->id));
		schedule_remove(q);
		if (gp_store_quarantine(spool.store, q) < 0)
			gp_error("cannot_quarantine", GP_FID("id", q->id));
	} else {
		make_waiting(t, spool_now_ms() + READ_AGAIN_MS);
	}
	gp_arena_free(&arena);
	return planned;
}

void
schedule_reload(void)
{
	for (struct gp_queued *q = gp_store_next(spool.store, NULL); q;
	     q = gp_store_next(spool.store, q)) {
		if (schedule_leased(q))
			continue; /* what remains of it is routed anew when its lease ends */
		uint64_t due = UINT64_MAX;
		for (struct task *t = tasks_of(q); t; t = t->next)
			due = GP_MIN(due, t->state == TASK_READY ? 0 : t->due.key);
		schedule_remove(q);
		struct task *t = new_task(q, NULL, false);
		if (t)
			make_waiting(t, due == UINT64_MAX ? q->next_ms : due);
	}
}

void
schedule_retry(struct gp_queued *q)
{
	struct task *unplanned = task_for(q, NULL, false);
	/* Planned later, it would be due when its recipients were before. */
	if (unplanned && unplanned->state == TASK_WAITING && !plan_unplanned(unplanned))
		return;
	for (struct task *t = tasks_of(q); t; t = t->next) {
		if (t->dest && t->dest->pause.at != 0) {
			gp_heap_remove(&self.pauses, &t->dest->pause);
			look_at(t->dest);
		}
		if (t->state == TASK_WAITING)
			make_waiting(t, 0);
	}
}

/* --- running --- */

static void
wake_due(uint64_t now)
{
	int plans = 0;
	for (struct gp_heap_node *n; (n = gp_heap_first(&self.due)) && n->key <= now;) {
		struct task *t = gp_container_of(n, struct task, due);
		if (t->q->flags & GP_QUEUED_HELD) {
			/* Looked at again when it is released: schedule_retry. */
			make_waiting(t, UINT64_MAX - 1);
		} else if (t->dest) {
			make_ready(t);
		} else {
			if (++plans > PLANS_A_TURN)
				return;
			(void)plan_unplanned(t);
		}
	}
}

static void
wake_pauses(uint64_t now)
{
	for (struct gp_heap_node *n; (n = gp_heap_first(&self.pauses)) && n->key <= now;) {
		struct destination *d = gp_container_of(n, struct destination, pause);
		gp_heap_remove(&self.pauses, &d->pause);
		d->window = window_start(d->transport);
		look_at(d);
		forget_if_unused(d);
	}
}

/* One task of the destination. Returns how many starts it counts as; 0: nobody can take it now. */
static int
start_one(struct destination *d)
{
	struct task *t = gp_container_of(gp_list_pop(&d->ready), struct task, ready);
	int cost = 1 + (int)(t->q->rcpts_len / RCPTS_A_START);
	if (t->q->flags & GP_QUEUED_HELD) {
		make_waiting(t, UINT64_MAX - 1);
		return 1;
	}
	t->state = TASK_LEASED;
	d->in_flight++;
	if (delivery_start(t))
		return cost;
	t->state = TASK_READY;
	d->in_flight--;
	gp_list_insert(&d->ready, &t->ready);
	return 0;
}

/* In turn, one of each: a long line to one destination does not hold up the others. Those that
   nobody can take now go to the end of the line; so many of them are asked about at most. */
static int
run_line(struct gp_list *line, int starts_max, size_t refusals_max)
{
	struct gp_list stuck;
	int starts = 0;
	gp_list_init(&stuck);
	for (size_t refusals = 0;
	     !gp_list_empty(line) && starts < starts_max && refusals < refusals_max;) {
		struct destination *d =
			gp_container_of(gp_list_pop(line), struct destination, runnable);
		d->tasks++; /* it must not go while we hold it */
		int cost = start_one(d);
		d->tasks--;
		starts += cost;
		if (cost > 0) {
			look_at(d);
			forget_if_unused(d);
		} else {
			refusals++;
			gp_list_append(&stuck, &d->runnable);
		}
	}
	for (struct gp_list *it; (it = gp_list_pop(&stuck));)
		gp_list_append(line, it);
	return starts;
}

bool
schedule_run(void)
{
	uint64_t now = spool_now_ms();
	wake_due(now);
	wake_pauses(now);
	int starts = run_line(&self.runnable, STARTS_A_TURN, SIZE_MAX);
	starts += run_line(&self.runnable_silent, STARTS_A_TURN - starts, SILENT_REFUSALS_A_TURN);
	return starts >= STARTS_A_TURN;
}

uint64_t
schedule_next_ms(void)
{
	const struct gp_heap_node *due = gp_heap_first(&self.due),
				  *pause = gp_heap_first(&self.pauses);
	uint64_t next = due ? due->key : UINT64_MAX;
	return pause ? GP_MIN(next, pause->key) : next;
}

void
schedule_done(struct task *t, uint64_t due_ms)
{
	gp_assert(t->state == TASK_LEASED);
	t->state = TASK_WAITING;
	if (due_ms == UINT64_MAX)
		free_task(t);
	else
		make_waiting(t, due_ms);
}

void
schedule_release(struct destination *d)
{
	gp_assert(d->in_flight > 0);
	d->in_flight--;
	look_at(d);
	forget_if_unused(d);
}

/* One more at a time after as many successes as are under way at once; half after a failure. */
void
schedule_feedback(struct destination *d, bool ok, uint64_t pause_until_ms)
{
	if (ok) {
		if (++d->successes >= d->window) {
			d->successes = 0;
			d->window = GP_MIN(d->window + 1, window_max(d->transport));
		}
		return;
	}
	d->successes = 0;
	d->window = GP_MAX(d->window / 2, 1u);
	if (pause_until_ms > 0 && d->window == 1 &&
	    !gp_heap_set(&self.pauses, &d->pause, pause_until_ms))
		gp_error("cannot_pause", GP_F("destination", d->key));
	look_at(d);
}

int
schedule_start(void)
{
	self.destinations = gp_map(DESTINATIONS_MAX, spool.env->seed);
	gp_list_init(&self.runnable);
	gp_list_init(&self.runnable_silent);
	for (struct gp_queued *q = gp_store_next(spool.store, NULL); q;
	     q = gp_store_next(spool.store, q)) {
		if (!schedule_recovered(q))
			return -ENOMEM;
	}
	return 0;
}
