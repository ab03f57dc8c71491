/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/clock.h"
#include "sys/log.h"

struct gp_loop {
	struct event_base *base;
	struct gp_list stages[GP_LOOP_STAGES];
	bool stop;
};

struct gp_loop *
gp_loop_new(void)
{
	struct gp_loop *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	struct event_config *config = event_config_new();
	if (config) {
		/* One thread a process: locks would be paid for nothing. */
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		l->base = event_base_new_with_config(config);
		event_config_free(config);
		/* Two: GP_LOOP_FIRST, and what libevent gives to all events by itself, 2 / 2. */
		if (l->base && event_base_priority_init(l->base, 2) < 0)
			return gp_loop_free(l);
	}
	for (size_t i = 0; i < GP_LOOP_STAGES; i++)
		gp_list_init(&l->stages[i]);
	return l->base ? l : gp_loop_free(l);
}

struct gp_loop *
gp_loop_free(struct gp_loop *l)
{
	if (!l)
		return NULL;
	if (l->base)
		event_base_free(l->base);
	free(l);
	return NULL;
}

struct event_base *
gp_loop_base(struct gp_loop *l)
{
	return l->base;
}

void
gp_loop_at_end(struct gp_loop *l, enum gp_loop_stage stage, struct gp_loop_hook *hook)
{
	gp_list_append(&l->stages[stage], &hook->link);
}

void
gp_loop_at_end_remove(struct gp_loop_hook *hook)
{
	gp_list_remove(&hook->link);
}

static void
run_end_of_turn(struct gp_loop *l)
{
	for (size_t i = 0; i < GP_LOOP_STAGES; i++) {
		gp_list_each (it, &l->stages[i]) {
			struct gp_loop_hook *hook = gp_container_of(it, struct gp_loop_hook, link);
			hook->run(hook);
		}
		/* What led to a message is in the log before whoever gets it writes of it. */
		gp_log_flush();
	}
}

int
gp_loop_run(struct gp_loop *l)
{
	l->stop = false;
	run_end_of_turn(l);
	while (!l->stop) {
		if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return -EIO;
		run_end_of_turn(l);
	}
	return 0;
}

void
gp_loop_stop(struct gp_loop *l)
{
	l->stop = true;
	event_base_loopbreak(l->base);
}

uint64_t
gp_loop_now_ms(struct gp_loop *l)
{
	(void)l;
	return gp_clock_monotonic_ms();
}

void
gp_timer_set(struct event *timer, uint64_t in_ms)
{
	struct timeval tv = {
		.tv_sec = (time_t)(in_ms / 1000),
		.tv_usec = (suseconds_t)(in_ms % 1000 * 1000),
	};
	event_add(timer, &tv);
}
