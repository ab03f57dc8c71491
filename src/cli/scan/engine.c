/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns are taken up only as fast as connections may begin, so that memory is for what is under
 * way.
 */
#include "cli/scan/engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "cli/command.h"
#include "cli/scan/log.h"
#include "cli/scan/parts.h"
#include "procs/fetch/https.h"
#include "sys/clock.h"
#include "sys/small_file.h"

enum {
	TICK_MS = 1000,
	/* Turns and hosts that wait, for names or a budget, do not keep others from being taken up,
	   within reason. */
	WAITING_FACTOR = 4,
	PLACES_MAX = 1'000'000,
	ANSWERS_MAX = 256,         /* of one who asks: a domain with all its hosts */
	AUTHORITIES_MAX = 8 << 20, /* octets; the system's are 220 KB */
	PORT_HTTPS = 443,
};

void
engine_finish(struct engine *e, int result)
{
	if (e->result == 0)
		e->result = result;
	e->stop = true;
	gp_loop_stop(e->loop);
}

/* --- the walk --- */

static bool
may_take_up(const struct engine *e)
{
	const struct scan_engine_options *o = e->o;
	size_t waiting_max = (size_t)WAITING_FACTOR * o->connections;
	return !e->stop && e->next_turn < o->walk->turns && !scan_rate_has_ready(e->rate) &&
	       e->open < o->connections && e->open_hosts < waiting_max &&
	       e->open_turns < waiting_max && e->next_turn - o->progress->done < GP_PROGRESS_WINDOW;
}

static void
take_up(struct engine *e)
{
	uint64_t turn = e->next_turn++;
	if (!gp_progress_is_done(e->o->progress, turn))
		turn_begin(e, turn);
}

static void
grant(struct engine *e, struct scan_waiter *w)
{
	struct applicant *a = gp_container_of(w, struct applicant, waiter);
	e->open++;
	a->granted(a);
}

/* All that may begin now does. */
static void
begin_what_may(struct engine *e)
{
	uint64_t now = gp_clock_monotonic_ms();
	for (;;) {
		struct scan_waiter *w =
			e->open < e->o->connections ? scan_rate_next(e->rate, now) : NULL;
		if (w)
			grant(e, w);
		else if (may_take_up(e))
			take_up(e);
		else
			return;
	}
}

static void
run_turn_end(struct gp_loop_hook *hook)
{
	struct engine *e = gp_container_of(hook, struct engine, turn_end);
	if (e->stop)
		return;
	begin_what_may(e);
	uint64_t due = scan_rate_due(e->rate), now = gp_clock_monotonic_ms();
	if (e->open_turns == 0 && e->next_turn == e->o->walk->turns)
		gp_loop_stop(e->loop);
	else if (due != UINT64_MAX && e->open < e->o->connections)
		gp_timer_set(e->pace, due > now ? due - now : 0);
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	/* The turn's end does it. */
	(void)fd, (void)what, (void)arg;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	(void)fd, (void)what;
	int r = e->o->log ? scan_log_seal(e->o->log, false) : 0;
	if (r == 0)
		r = e->o->tick(e->o->context, &e->counts, false);
	if (r < 0)
		engine_finish(e, r);
	gp_timer_set(e->tick, TICK_MS);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	engine_finish(arg, SCAN_END_STOPPED);
}

static bool
make_events(struct engine *e)
{
	struct event_base *base = gp_loop_base(e->loop);
	e->tick = evtimer_new(base, on_tick, e);
	e->pace = evtimer_new(base, on_pace, e);
	e->interrupt = evsignal_new(base, SIGINT, on_signal, e);
	e->terminate = evsignal_new(base, SIGTERM, on_signal, e);
	if (!e->tick || !e->pace || !e->interrupt || !e->terminate)
		return false;
	gp_timer_set(e->tick, TICK_MS);
	return event_add(e->interrupt, NULL) == 0 && event_add(e->terminate, NULL) == 0;
}

static void
free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void
free_engine(struct engine *e)
{
	e->stop = true;
	host_free_all(e);
	gp_list_each (it, &e->turns)
		turn_free(gp_container_of(it, struct turn, link));
	e->https = https_free(e->https);
	if (e->has_dns)
		gp_asks_close(&e->dns);
	gp_map_free(&e->by_place);
	e->rate = scan_rate_free(e->rate);
	free_event(e->tick);
	free_event(e->pace);
	free_event(e->interrupt);
	free_event(e->terminate);
	gp_loop_free(e->loop);
}

static int
open_https(struct engine *e)
{
	struct gp_arena arena = GP_ARENA_INIT(AUTHORITIES_MAX);
	struct https_options options = {.port = PORT_HTTPS};
	const char *path = e->o->authorities;
	int r = path ? gp_file_read(gp_slice_str(path), AUTHORITIES_MAX / 2, &arena, &options.ca)
		     : 0;
	if (r == 0)
		r = https_new(e->talkers.base, &options, &e->https);
	gp_arena_free(&arena);
	return r;
}

/* Returns as scan_engine_run() does. */
static int
start(struct engine *e)
{
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	e->by_place = gp_map(PLACES_MAX, seed);
	e->loop = gp_loop_new();
	e->rate = scan_rate_new(&e->o->limits, seed);
	if (!e->loop || !e->rate || !make_events(e))
		return -ENOMEM;
	e->talkers.base = gp_loop_base(e->loop);
	e->turn_end.run = run_turn_end;
	gp_loop_at_end(e->loop, GP_LOOP_WORK, &e->turn_end);
	e->has_dns = true;
	const struct gp_asks_options dns = {.command = e->o->command,
					    .config = e->o->config,
					    .dns = e->o->dns,
					    .resolver = e->o->resolver,
					    .answers_max = ANSWERS_MAX,
					    .per_s = e->o->dns_per_s};
	int code = gp_asks_open(&e->dns, e->talkers.base, &dns);
	if (code != GP_EXIT_OK)
		return code == GP_EXIT_USAGE ? SCAN_END_USAGE : -ENOMEM;
	int r = e->o->mta_sts ? open_https(e) : 0;
	if (r < 0)
		return r;
	return e->o->confine(e->o->context) < 0 ? SCAN_END_USAGE : 0;
}

int
scan_engine_run(const struct scan_engine_options *options, struct scan_counts *ret)
{
	static struct engine e; /* the buffer of all talks is in it */
	e = (struct engine){
		.o = options,
		.next_turn = options->progress->done,
		.talkers = {.tls = options->tls, .log = options->log},
		.counts = {.turns = options->walk->turns,
			   .turns_done = gp_progress_count(options->progress)},
	};
	gp_list_init(&e.turns);
	gp_list_init(&e.hosts);
	gp_list_init(&e.kept);
	int r = start(&e);
	if (r == 0)
		r = gp_loop_run(e.loop);
	if (r == 0)
		r = e.result;
	int ticked = options->tick(options->context, &e.counts, true);
	free_engine(&e);
	*ret = e.counts;
	return r == 0 && ticked < 0 ? ticked : r;
}
