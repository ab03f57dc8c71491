/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn becomes a host, which stands in line for a connection, is probed, told of, and forgotten.
 * Turns are taken up only as fast as connections may begin, so that memory is for what is under way.
 */
#include "cli/scan_engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/targets/special.h"
#include "sys/clock.h"
#include "sys/loop.h"

enum {
	RESULT_ARENA_MAX = 256 * 1024,
	TICK_MS = 1000,
	/* Hosts that wait for a budget do not keep others from being taken up, within reason. */
	WAITING_FACTOR = 4,
};

struct engine {
	const struct scan_engine_options *o;
	struct scan_counts counts;
	struct gp_loop *loop;
	struct scan_talkers talkers;
	struct scan_rate *rate;
	struct event *tick, *pace, *interrupt, *terminate;
	struct gp_loop_hook turn_end;
	struct gp_list hosts;
	uint64_t next_turn;
	uint32_t open; /* connections, or granted ones */
	uint64_t open_hosts;
	int result;
	bool stop, over;
};

struct host {
	struct gp_list link;
	struct engine *engine;
	uint64_t turn;
	struct gp_sockaddr_text text;
	struct scan_waiter waiter;
	struct scan_result *result;
	struct scan_talk talk;
	bool begun;
};

struct scan_result *
scan_result_free(struct scan_result *r)
{
	if (!r)
		return NULL;
	gp_probe_free(r->probe);
	gp_arena_free(&r->arena);
	free(r);
	return NULL;
}

static void
finish(struct engine *e, int result)
{
	if (e->result == 0)
		e->result = result;
	e->stop = true;
	gp_loop_stop(e->loop);
}

/* --- a host's end --- */

static void
count_host(struct engine *e, const struct scan_result *r)
{
	const struct gp_probe_record *record = r->probe ? gp_probe_record(r->probe) : NULL;
	e->counts.hosts++;
	if (!record) {
		e->counts.left_out++;
		return;
	}
	e->counts.connections += record->connections;
	if (record->connections == 0)
		e->counts.silent++;
	else if (record->replies[GP_PROBE_GREETING].code / 100 == 2)
		e->counts.answered++;
	else
		e->counts.refused++;
}

static void
forget_host(struct host *h)
{
	struct engine *e = h->engine;
	uint64_t now = gp_clock_monotonic_ms();
	scan_talk_end(&h->talk);
	if (h->waiter.counted)
		scan_rate_done(e->rate, &h->waiter, false, now);
	scan_waiter_end(e->rate, &h->waiter, now);
	gp_list_remove(&h->link);
	scan_result_free(h->result);
	free(h);
	e->open_hosts--;
}

static void
end_host(struct host *h)
{
	struct engine *e = h->engine;
	const struct scan_view view = {.result = h->result, .target = gp_slice_str(h->text.s)};
	count_host(e, h->result);
	int r = e->o->tell(e->o->context, &view);
	gp_progress_note(e->o->progress, h->turn);
	e->counts.turns_done++;
	forget_host(h);
	if (r < 0)
		finish(e, r);
}

/* --- connections --- */

static void
on_asks(struct scan_talk *t)
{
	struct host *h = gp_container_of(t, struct host, talk);
	if (h->waiter.counted)
		scan_talk_connect(t); /* the first: it was waited for before the probe began */
	else
		scan_rate_add(h->engine->rate, &h->waiter, true);
}

static void
on_over(struct scan_talk *t, bool backed_off)
{
	struct host *h = gp_container_of(t, struct host, talk);
	struct engine *e = h->engine;
	gp_list_remove(&h->waiter.link);
	if (!h->waiter.counted)
		return;
	e->open--;
	scan_rate_done(e->rate, &h->waiter, backed_off, t->with->now_ms);
}

static void
on_done(struct scan_talk *t)
{
	struct host *h = gp_container_of(t, struct host, talk);
	h->result->probe = t->probe;
	h->result->tls = t->tls;
	end_host(h);
}

static uint8_t
mode_of(const struct engine *e, uint16_t port)
{
	if (e->o->mode >= 0)
		return (uint8_t)e->o->mode;
	return port == 465 ? GP_PROBE_MODE_TLS : GP_PROBE_MODE_STARTTLS;
}

static void
begin_talk(struct host *h)
{
	struct engine *e = h->engine;
	struct gp_probe_options options = e->o->probe;
	struct gp_sockaddr_text address = gp_sockaddr_text(&h->talk.address, false);
	options.mode = mode_of(e, h->result->port);
	options.address = gp_slice_str(address.s);
	h->begun = true;
	if (scan_talk_begin(&h->talk, &options) < 0)
		finish(e, -ENOMEM);
}

/* Its turn in the line has come, and it is counted. */
static void
on_granted(struct scan_waiter *w)
{
	struct host *h = gp_container_of(w, struct host, waiter);
	h->engine->open++;
	if (h->begun)
		scan_talk_connect(&h->talk);
	else
		begin_talk(h);
}

/* --- a host's beginning --- */

/* Why it is not to be asked, static; NULL: it may be. */
static const char *
why_left_out(const struct engine *e, const uint8_t *address, size_t len)
{
	const struct gp_special *special = gp_special_of(address, len);
	if (gp_optout_has_address(e->o->optout, address, len))
		return "is on the list of those who asked not to be scanned";
	if (special && (special->never || !e->o->private))
		return special->what;
	return NULL;
}

static struct host *
make_host(struct engine *e, uint64_t turn, const struct gp_target_turn *t)
{
	struct host *h = calloc(1, sizeof(*h));
	struct scan_result *r = calloc(1, sizeof(*r));
	if (!h || !r) {
		free(h);
		free(r);
		return NULL;
	}
	*r = (struct scan_result){
		.arena = GP_ARENA_INIT(RESULT_ARENA_MAX),
		.address_len = t->address_len,
		.port = t->port,
	};
	memcpy(r->address, t->address, sizeof(r->address));
	*h = (struct host){
		.engine = e,
		.turn = turn,
		.result = r,
		.talk = {.with = &e->talkers,
			 .address = gp_sockaddr_from_octets(t->address, t->address_len, t->port),
			 .arena = &r->arena,
			 .number = turn,
			 .fd = -1,
			 .asks = on_asks,
			 .over = on_over,
			 .done = on_done},
	};
	h->text = gp_sockaddr_text(&h->talk.address, false);
	gp_list_init(&h->waiter.link);
	gp_list_append(&e->hosts, &h->link);
	e->open_hosts++;
	return h;
}

static void
begin_host(struct engine *e, uint64_t turn, const struct gp_target_turn *t)
{
	struct host *h = make_host(e, turn, t);
	bool special = gp_special_of(t->address, t->address_len);
	if (!h || scan_waiter_init(e->rate, &h->waiter, t->address, t->address_len, gp_slice("", 0),
				   special && !e->o->keep_budgets) < 0) {
		finish(e, -ENOMEM);
		return;
	}
	h->result->refused = why_left_out(e, t->address, t->address_len);
	if (h->result->refused)
		end_host(h);
	else
		scan_rate_add(e->rate, &h->waiter, false);
}

/* --- the walk --- */

static bool
may_take_up(const struct engine *e)
{
	const struct scan_engine_options *o = e->o;
	return !e->stop && e->next_turn < o->walk->turns && !scan_rate_has_ready(e->rate) &&
	       e->open < o->connections &&
	       e->open_hosts < (uint64_t)WAITING_FACTOR * o->connections &&
	       e->next_turn - o->progress->done < GP_PROGRESS_WINDOW;
}

static void
take_up(struct engine *e)
{
	struct gp_target_turn t;
	uint64_t turn = e->next_turn++;
	if (gp_progress_is_done(e->o->progress, turn))
		return;
	gp_targets_at(e->o->walk, turn, &t);
	begin_host(e, turn, &t);
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
			on_granted(w);
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
	if (e->over)
		return;
	begin_what_may(e);
	uint64_t due = scan_rate_due(e->rate), now = gp_clock_monotonic_ms();
	if (e->open_hosts == 0 && (e->stop || e->next_turn == e->o->walk->turns))
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
	int r = e->o->tick(e->o->context, &e->counts, false);
	if (r < 0)
		finish(e, r);
	gp_timer_set(e->tick, TICK_MS);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	finish(arg, 1);
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
	e->over = true;
	gp_list_each (it, &e->hosts)
		forget_host(gp_container_of(it, struct host, link));
	e->rate = scan_rate_free(e->rate);
	free_event(e->tick);
	free_event(e->pace);
	free_event(e->interrupt);
	free_event(e->terminate);
	gp_loop_free(e->loop);
}

static int
start(struct engine *e)
{
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	e->loop = gp_loop_new();
	e->rate = scan_rate_new(&e->o->limits, seed);
	if (!e->loop || !e->rate || !make_events(e))
		return -ENOMEM;
	e->talkers.base = gp_loop_base(e->loop);
	e->turn_end.run = run_turn_end;
	gp_loop_at_end(e->loop, GP_LOOP_WORK, &e->turn_end);
	return 0;
}

int
scan_engine_run(const struct scan_engine_options *options, struct scan_counts *ret)
{
	static struct engine e; /* the buffer of all talks is in it */
	e = (struct engine){
		.o = options,
		.next_turn = options->progress->done,
		.talkers = {.tls = options->tls, .log = options->log},
		.counts = {.turns = options->walk->turns, .turns_done = options->progress->done},
	};
	gp_list_init(&e.hosts);
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
