/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a process: libevent's, run one turn at a time. A turn waits for events, runs all that
 * are there (those of GP_LOOP_FIRST in a turn of their own, before the others), then the turn's
 * end: whatever was registered with gp_loop_at_end, in order of its stage. That is where the spool
 * syncs once for all that came, where the log is written, and where channels send what was queued.
 */
#pragma once

#include <event2/event.h>

#include "base/list.h"

struct gp_loop;

/* For event_priority_set: what waits with this goes before all the rest. */
enum { GP_LOOP_FIRST = 0 };

enum gp_loop_stage {
	GP_LOOP_WORK, /* make durable, answer */
	GP_LOOP_SEND, /* send what the work left in channels */
	GP_LOOP_STAGES,
};

/* A hook; embedded in its owner, which removes it with gp_loop_at_end_remove. */
struct gp_loop_hook {
	struct gp_list link;
	void (*run)(struct gp_loop_hook *hook);
};

/* NULL: no memory, no epoll. */
struct gp_loop *
gp_loop_new(void);
struct gp_loop *
gp_loop_free(struct gp_loop *l);

struct event_base *
gp_loop_base(struct gp_loop *l);

void
gp_loop_at_end(struct gp_loop *l, enum gp_loop_stage stage, struct gp_loop_hook *hook);
void
gp_loop_at_end_remove(struct gp_loop_hook *hook);

/* Runs turns until gp_loop_stop. Returns 0 or a negative error of the loop itself. */
int
gp_loop_run(struct gp_loop *l);
/* Ends gp_loop_run after this turn, its end included. */
void
gp_loop_stop(struct gp_loop *l);

/* Monotonic milliseconds, read once a turn and after each wait. */
uint64_t
gp_loop_now_ms(struct gp_loop *l);

/* Arms a timer made by evtimer_new or evtimer_assign to fire once, in so many milliseconds. */
void
gp_timer_set(struct event *timer, uint64_t in_ms);
