/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection's slot goes round: closed -> claim a message (or wait for its time, or retire) ->
 * connect -> dialogue -> READY: claim the next message on the same connection, or QUIT -> closed.
 * The run ends when all slots have retired.
 */
#include "cli/traffic/load_engine.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "cli/traffic/wire.h"
#include "sys/clock.h"
#include "sys/tls_client.h"

enum {
	INPUT_MAX = 16 * 1024, /* a record of TLS */
	RECORD_MAX = 16 * 1024,
	FAILURES_MAX = 1000, /* connections in a row without a message's outcome: give up */
	RETRY_MS = 20,       /* between two attempts to reach a server that is away */
	PACE_MS = 1,         /* how exactly `rate` is kept */
	OPENING_MAX = 128,   /* idle connections that are on their way at once */
};

struct engine {
	const struct gp_load_options *options;
	struct gp_load_stats *stats;
	struct event_base *base;
	struct gp_tls_client *tls; /* NULL: all is in clear */
	struct event interrupt, terminate, deadline, ticker, pace;
	struct gp_list waiting; /* slots that wait for their time, first come first */
	char run[GP_MARK_RUN_MAX + 1];
	struct slot *slots;
	uint32_t slots_len;
	uint32_t active; /* slots that have not retired */
	uint64_t started_ns;
	uint64_t reached_ns; /* when the server last greeted */
	uint32_t failures;   /* connections in a row that came to nothing */
	uint32_t opened;     /* idle mode: slots that were started */
	uint32_t arrived;    /* idle mode: slots that came to hold a connection, or failed */
	uint32_t held;       /* idle mode: slots that hold a connection */
	uint64_t shown;      /* outcomes at the last line of progress */
	int result;
	bool stop; /* begin nothing new */
	bool idle_told;
	char input[INPUT_MAX];
	char record[RECORD_MAX];
};

struct slot {
	struct engine *engine;
	struct gp_list link; /* in `waiting` */
	struct event event;
	struct event retry;
	int fd;                        /* -1: closed */
	struct gp_tls *tls;            /* NULL: in clear */
	struct gp_tls_session *ticket; /* of the connection before; NULL: none */
	bool shaking;                  /* hands */
	bool greeted;
	bool held;    /* idle mode: nothing more is done with it */
	bool claimed; /* `number` is a message without an outcome */
	uint64_t number;
	uint64_t messages; /* begun on this connection */
	uint64_t since_ns; /* latencies count from here */
	uint64_t connect_ns;
	uint64_t shake_ns;
	uint64_t dot_ns;
	size_t body_left; /* octets at the end of the body that are not sent yet */
	struct gp_buf out;
	struct gp_load_session session;
};

/* Finer than sys/clock.h's milliseconds: an answer over loopback takes 30 microseconds. */
static uint64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1'000'000'000 + (uint64_t)t.tv_nsec;
}

static struct timeval
timeval_of(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
				.tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void
finish(struct engine *e, int result)
{
	if (e->result == GP_LOAD_END_DONE)
		e->result = result;
	event_base_loopbreak(e->base);
}

static void
give_up(struct engine *e)
{
	finish(e, GP_LOAD_END_GAVE_UP);
}

static void
note_failure(struct engine *e, const char *what, struct gp_slice text)
{
	char *to = e->stats->first_failure;
	if (to[0] == '\0')
		snprintf(to, sizeof(e->stats->first_failure), "%s%.*s", what, GP_SLICE_FMT(text));
}

/* ---- outcomes ---- */

/* The mark of the slot's message; one that was never begun has no time. */
static struct gp_mark
mark_of(const struct slot *slot)
{
	struct gp_mark mark = {.number = slot->number};
	if (slot->session.mark.number == slot->number)
		return slot->session.mark;
	memcpy(mark.run, slot->engine->run, sizeof(mark.run));
	return mark;
}

static void
settle(struct slot *slot, enum gp_load_outcome outcome, struct gp_slice text)
{
	struct engine *e = slot->engine;
	struct gp_mark mark = mark_of(slot);
	gp_assert(slot->claimed);
	slot->claimed = false;
	e->stats->outcomes[outcome]++;
	e->stats->end_us = gp_clock_wall_us();
	if (outcome == GP_LOAD_ACCEPTED)
		e->failures = 0;
	if (outcome == GP_LOAD_REFUSED && e->stats->first_refusal[0] == '\0')
		snprintf(e->stats->first_refusal, sizeof(e->stats->first_refusal), "%.*s",
			 GP_SLICE_FMT(text));
	if (e->options->ledger_fd < 0)
		return;
	int r = gp_ledger_write(e->options->ledger_fd, &mark, outcome, text);
	if (r < 0)
		finish(e, r);
}

static void
message_ended(struct slot *slot)
{
	const struct gp_load_session *s = &slot->session;
	struct gp_load_stats *stats = slot->engine->stats;
	if (s->outcome == GP_LOAD_ACCEPTED) {
		uint64_t now = now_ns();
		gp_histogram_add(&stats->message_ns, now - slot->since_ns);
		gp_histogram_add(&stats->dot_ns, now - slot->dot_ns);
	}
	settle(slot, s->outcome, gp_load_session_reply(s));
}

/* ---- a slot's round ---- */

static void
connect_slot(struct slot *slot);
static void
on_socket(evutil_socket_t fd, short what, void *arg);
static void
open_idle(struct engine *e);

static void
retire(struct slot *slot)
{
	struct engine *e = slot->engine;
	gp_assert(slot->fd < 0 && !slot->claimed);
	if (--e->active == 0)
		finish(e, e->stop ? GP_LOAD_END_STOPPED : GP_LOAD_END_DONE);
}

/* When message number n may begin. */
static uint64_t
due_ns(const struct engine *e, uint64_t n)
{
	double rate = e->options->rate;
	return rate > 0 ? e->started_ns + (uint64_t)((double)(n - 1) * 1e9 / rate) : 0;
}

enum claim { CLAIM_GOT, CLAIM_WAIT, CLAIM_NONE };

static enum claim
claim(struct slot *slot)
{
	struct engine *e = slot->engine;
	if (slot->claimed)
		return CLAIM_GOT;
	if (e->stop || e->stats->begun >= e->options->count)
		return CLAIM_NONE;
	if (e->options->rate > 0 && now_ns() < due_ns(e, e->stats->begun + 1))
		return CLAIM_WAIT;
	slot->number = ++e->stats->begun;
	slot->claimed = true;
	return CLAIM_GOT;
}

static void
begin_message(struct slot *slot)
{
	uint64_t now_us = gp_clock_wall_us();
	if (slot->engine->options->no_mail) {
		settle(slot, GP_LOAD_ACCEPTED, gp_slice("", 0));
		gp_load_session_quit(&slot->session, &slot->out);
		return;
	}
	if (slot->messages++ > 0 || slot->engine->options->per_connection != 1)
		slot->since_ns = now_ns();
	gp_load_session_begin(&slot->session, slot->number, now_us, &slot->out);
}

/* The slot, closed or with a session that is ready, takes its next step. */
static void
next_step(struct slot *slot)
{
	struct engine *e = slot->engine;
	bool open = slot->fd >= 0;
	uint64_t per_connection = e->options->per_connection;
	if (open && per_connection > 0 && slot->messages >= per_connection) {
		gp_load_session_quit(&slot->session, &slot->out);
		return;
	}
	switch (claim(slot)) {
	case CLAIM_GOT:
		if (open)
			begin_message(slot);
		else
			connect_slot(slot);
		break;
	case CLAIM_WAIT:
		gp_list_append(&e->waiting, &slot->link);
		break;
	case CLAIM_NONE:
		if (open)
			gp_load_session_quit(&slot->session, &slot->out);
		else
			retire(slot);
		break;
	}
}

static void
end_tls(struct slot *slot)
{
	if (slot->tls && !slot->shaking) {
		struct gp_tls_session *fresh =
			slot->engine->options->resume ? gp_tls_session(slot->tls) : NULL;
		if (fresh) {
			gp_tls_session_free(slot->ticket);
			slot->ticket = fresh;
		}
		gp_tls_close(slot->tls);
	}
	slot->tls = gp_tls_free(slot->tls);
	slot->shaking = false;
}

static void
close_slot(struct slot *slot)
{
	if (slot->fd < 0)
		return;
	event_del(&slot->event);
	end_tls(slot);
	close(slot->fd);
	slot->fd = -1;
	gp_list_remove(&slot->link);
	gp_buf_clear(&slot->out);
}

/* The server is not there, or does not greet. */
static void
not_reached(struct slot *slot, struct gp_slice why)
{
	struct engine *e = slot->engine;
	uint64_t away_ms = (now_ns() - e->reached_ns) / 1'000'000;
	struct timeval wait = timeval_of(RETRY_MS);
	e->stats->connect_failures++;
	note_failure(e, "not reached: ", why);
	if (e->options->reconnect_ms > away_ms && !e->stop) {
		event_add(&slot->retry, &wait);
		return;
	}
	if (slot->claimed)
		settle(slot, GP_LOAD_FAILED, why);
	if (e->options->reconnect_ms > 0 || ++e->failures >= FAILURES_MAX)
		give_up(e);
	else
		event_add(&slot->retry, &(struct timeval){}); /* by the loop, not by recursion */
}

static void
lost_idle(struct slot *slot, struct gp_slice why)
{
	struct engine *e = slot->engine;
	e->stats->connect_failures += !slot->greeted;
	e->arrived += !slot->held;
	e->held -= slot->held;
	note_failure(e, "idle connection: ", why);
	close_slot(slot);
}

/* What a message came to whose connection ends now. */
static enum gp_load_outcome
outcome_of_loss(const struct slot *slot)
{
	bool begun = slot->session.mark.number == slot->number;
	bool all_sent = slot->session.dot_sent && slot->body_left == 0 && slot->out.len == 0;
	return begun && all_sent ? GP_LOAD_DOUBTFUL : GP_LOAD_FAILED;
}

/* The connection ended without QUIT's answer. */
static void
lost(struct slot *slot, struct gp_slice text)
{
	struct engine *e = slot->engine;
	/* The words may be the connection's own. */
	char copy[GP_LOAD_REPLY_MAX];
	struct gp_slice why = gp_slice(copy, GP_MIN(text.len, sizeof(copy)));
	memcpy(copy, text.ptr, why.len);
	if (e->options->idle > 0) {
		lost_idle(slot, why);
		return;
	}
	enum gp_load_outcome outcome = outcome_of_loss(slot);
	close_slot(slot);
	if (!slot->greeted) {
		not_reached(slot, why);
		return;
	}
	if (slot->claimed) {
		note_failure(e, "connection lost: ", why);
		settle(slot, outcome, why);
	}
	if (++e->failures >= FAILURES_MAX && e->options->reconnect_ms == 0)
		give_up(e);
	else
		event_add(&slot->retry, &(struct timeval){});
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	next_step(arg);
}

/* ---- sending ---- */

static void
want(struct slot *slot, bool to_write)
{
	short events = EV_PERSIST | EV_READ | (to_write ? EV_WRITE : 0);
	if (event_get_events(&slot->event) == events)
		return;
	event_del(&slot->event);
	event_assign(&slot->event, slot->engine->base, slot->fd, events, on_socket, slot);
	event_add(&slot->event, NULL);
}

/* The two as one record, as far as it holds them: a command that goes with a message's first octets
   is not worth a record of its own. */
static ssize_t
send_record(struct slot *slot, struct gp_slice out, struct gp_slice rest)
{
	char *record = slot->engine->record;
	out = gp_slice_take(out, RECORD_MAX);
	rest = gp_slice_take(rest, RECORD_MAX - out.len);
	if (out.len > 0)
		memcpy(record, out.ptr, out.len);
	if (rest.len > 0)
		memcpy(record + out.len, rest.ptr, rest.len);
	return gp_wire_send(slot->fd, slot->tls, gp_slice(record, out.len + rest.len));
}

static ssize_t
send_clear(struct slot *slot, struct gp_slice out, struct gp_slice rest)
{
	struct iovec iov[2] = {{(void *)out.ptr, out.len}, {(void *)rest.ptr, rest.len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = rest.len > 0 ? 2 : 1};
	ssize_t n = sendmsg(slot->fd, &msg, MSG_NOSIGNAL);
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

/* As much as goes at once, by TLS a record. Returns how many octets; negative: the connection was
   lost. */
static ssize_t
send_some(struct slot *slot)
{
	struct gp_slice body = slot->engine->options->body;
	struct gp_slice out = gp_buf_slice(&slot->out);
	struct gp_slice rest = gp_slice_drop(body, body.len - slot->body_left);
	if (out.len + rest.len == 0)
		return 0;
	ssize_t n = slot->tls ? send_record(slot, out, rest) : send_clear(slot, out, rest);
	if (n < 0 && n != -EAGAIN) {
		lost(slot, gp_slice_str(gp_wire_error(slot->tls, n)));
		return n;
	}
	size_t sent = n > 0 ? (size_t)n : 0;
	size_t of_out = GP_MIN(sent, out.len);
	gp_buf_consume(&slot->out, of_out);
	slot->body_left -= sent - of_out;
	if (slot->body_left > 0 && sent > of_out)
		slot->dot_ns = now_ns();
	return (ssize_t)sent;
}

/* Sends what is there, as far as it goes. False: the connection was lost. */
static bool
send_out(struct slot *slot)
{
	struct gp_load_session *s = &slot->session;
	if (s->body_due) {
		s->body_due = false;
		slot->body_left = slot->engine->options->body.len;
		slot->dot_ns = now_ns();
	}
	ssize_t n;
	do
		n = send_some(slot);
	while (slot->tls && n > 0);
	if (n >= 0 && !slot->shaking)
		want(slot, slot->out.len > 0 || slot->body_left > 0);
	return n >= 0;
}

/* ---- TLS ---- */

static void
shaken(struct slot *slot)
{
	struct gp_load_stats *stats = slot->engine->stats;
	struct gp_tls_facts facts = gp_tls_facts(slot->tls);
	slot->shaking = false;
	gp_histogram_add(&stats->handshake_ns, now_ns() - slot->shake_ns);
	stats->resumed += facts.resumed;
	if (stats->handshakes++ == 0)
		snprintf(stats->tls, sizeof(stats->tls), "%s %s", facts.version, facts.cipher);
	if (slot->engine->options->tls == GP_LOAD_BY_STARTTLS)
		gp_load_session_tls_started(&slot->session, &slot->out);
}

/* Goes on with the handshake. False: the connection was lost. */
static bool
shake_hands(struct slot *slot)
{
	int r = gp_tls_handshake(slot->tls);
	if (r == -EAGAIN) {
		want(slot, gp_tls_wants(slot->tls) == GP_TLS_WANTS_WRITE);
		return true;
	}
	if (r < 0) {
		lost(slot, gp_slice_str(gp_tls_error(slot->tls)));
		return false;
	}
	shaken(slot);
	return send_out(slot);
}

/* The next octet is TLS. False: no memory. */
static bool
begin_tls(struct slot *slot)
{
	const struct gp_tls_goal goal = {.session = slot->ticket};
	slot->tls = gp_tls_connect(slot->engine->tls, slot->fd, &goal);
	slot->shaking = slot->tls;
	slot->shake_ns = now_ns();
	return slot->tls;
}

/* ---- receiving ---- */

static void
greeted(struct slot *slot)
{
	struct engine *e = slot->engine;
	uint64_t now = now_ns();
	slot->greeted = true;
	e->reached_ns = now;
	e->stats->connections++;
	gp_histogram_add(&e->stats->greeting_ns, now - slot->connect_ns);
}

static void
bye(struct slot *slot)
{
	close_slot(slot);
	next_step(slot);
}

static void
hold(struct slot *slot)
{
	gp_buf_clear(&slot->out);
	slot->held = true;
	slot->engine->arrived++;
	slot->engine->held++;
}

/* One event of the session. False: the slot is closed, or on another connection already. */
static bool
act(struct slot *slot, enum gp_load_event event)
{
	const struct gp_load_options *options = slot->engine->options;
	switch (event) {
	case GP_LOAD_GREETED:
		greeted(slot);
		if (options->idle > 0 && options->tls == GP_LOAD_CLEAR)
			hold(slot);
		return true;
	case GP_LOAD_STARTTLS:
		if (begin_tls(slot))
			return true;
		lost(slot, GP_SLICE("no memory for TLS"));
		return false;
	case GP_LOAD_READY:
		if (options->idle > 0)
			hold(slot);
		else
			next_step(slot);
		return true;
	case GP_LOAD_MESSAGE:
		message_ended(slot);
		return true;
	case GP_LOAD_BYE:
		bye(slot);
		return false;
	case GP_LOAD_BROKEN:
		lost(slot, gp_load_session_reply(&slot->session));
		return false;
	default:
		return true;
	}
}

/* Deals with one read. False as above. */
static bool
take_input(struct slot *slot, struct gp_slice in)
{
	enum gp_load_event event;
	while (!slot->held && (event = gp_load_session_next(&slot->session, &in, &slot->out)) !=
				      GP_LOAD_WANT_INPUT) {
		if (!act(slot, event))
			return false;
	}
	return !slot->shaking || shake_hands(slot);
}

static void
receive(struct slot *slot)
{
	struct engine *e = slot->engine;
	ssize_t n = gp_wire_receive(slot->fd, slot->tls, e->input, sizeof(e->input));
	if (n == -EAGAIN)
		return;
	if (n <= 0)
		lost(slot, n < 0 ? gp_slice_str(gp_wire_error(slot->tls, n))
				 : GP_SLICE("closed by the server"));
	else if (take_input(slot, gp_slice(e->input, (size_t)n)))
		send_out(slot);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	(void)fd;
	if (slot->shaking)
		(void)shake_hands(slot);
	else if ((!(what & EV_WRITE) || send_out(slot)) && (what & EV_READ))
		receive(slot);
	if (slot->engine->options->idle > 0)
		open_idle(slot->engine);
}

/* ---- connecting ---- */

static int
open_socket(const struct gp_sockaddr *server)
{
	const struct sockaddr *addr = (const struct sockaddr *)&server->ss;
	int one = 1;
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, addr, server->len) < 0 && errno != EINPROGRESS) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Returns 0 or -errno. Where the server speaks first, one wait for input covers the connection and
   its failure as well. */
static int
dial(struct slot *slot)
{
	struct engine *e = slot->engine;
	bool tls = e->options->tls == GP_LOAD_TLS;
	slot->greeted = slot->held = false;
	slot->messages = 0;
	slot->body_left = 0;
	slot->since_ns = slot->connect_ns = now_ns();
	gp_load_session_init(&slot->session, &e->options->plan, e->stats->reply_classes);
	slot->fd = open_socket(&e->options->server);
	if (slot->fd < 0) {
		int r = slot->fd;
		slot->fd = -1;
		return r;
	}
	if (tls && !begin_tls(slot)) {
		close(slot->fd);
		slot->fd = -1;
		return -ENOMEM;
	}
	event_assign(&slot->event, e->base, slot->fd, EV_READ | EV_PERSIST | (tls ? EV_WRITE : 0),
		     on_socket, slot);
	event_add(&slot->event, NULL);
	return 0;
}

static void
connect_slot(struct slot *slot)
{
	int r = dial(slot);
	if (r < 0)
		not_reached(slot, gp_slice_str(strerror(-r)));
}

/* ---- idle connections ---- */

static void
tell_idle(struct engine *e)
{
	struct timeval wait = timeval_of(e->options->hold_ms);
	double seconds = (double)(now_ns() - e->started_ns) / 1e9;
	if (e->idle_told || e->arrived < e->slots_len)
		return;
	e->idle_told = true;
	e->stats->held = e->held;
	e->stats->end_us = gp_clock_wall_us();
	if (e->options->idle_ready)
		e->options->idle_ready(e->options, e->held, seconds);
	if (e->options->hold_ms > 0)
		event_add(&e->deadline, &wait);
}

/* Opens as many as may be on their way at once: a listener's queue is not what is measured. */
static void
open_idle(struct engine *e)
{
	while (e->opened < e->slots_len && e->opened - e->arrived < OPENING_MAX) {
		struct slot *slot = &e->slots[e->opened++];
		int r = dial(slot);
		if (r == 0)
			continue;
		e->stats->connect_failures++;
		e->arrived++;
		note_failure(e, "not reached: ", gp_slice_str(strerror(-r)));
	}
	tell_idle(e);
}

/* ---- the run ---- */

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	(void)fd, (void)what;
	if (e->stop || e->options->idle > 0) {
		finish(e, e->options->idle > 0 ? GP_LOAD_END_DONE : GP_LOAD_END_STOPPED);
		return;
	}
	/* Messages that have begun come to their end; what waits for its time goes home. */
	e->stop = true;
	struct gp_list *link;
	while ((link = gp_list_pop(&e->waiting))) {
		struct slot *slot = gp_container_of(link, struct slot, link);
		next_step(slot);
		if (slot->fd >= 0)
			send_out(slot);
	}
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	uint64_t now = now_ns();
	(void)fd, (void)what;
	while (!gp_list_empty(&e->waiting) &&
	       (e->stats->begun >= e->options->count || due_ns(e, e->stats->begun + 1) <= now)) {
		struct slot *slot = gp_container_of(gp_list_pop(&e->waiting), struct slot, link);
		next_step(slot);
		if (slot->fd >= 0)
			send_out(slot);
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	const struct gp_load_stats *stats = e->stats;
	uint64_t ended = 0;
	(void)fd, (void)what;
	for (size_t i = 0; i < GP_LOAD_OUTCOMES; i++)
		ended += stats->outcomes[i];
	fprintf(stderr,
		"\r%" PRIu64 " of %" PRIu64 "  %" PRIu64 "/s  p99 %.1f ms  %" PRIu64
		" not accepted \033[K",
		ended, e->options->count, ended - e->shown,
		(double)gp_histogram_quantile(&stats->message_ns, 0.99) / 1e6,
		ended - stats->outcomes[GP_LOAD_ACCEPTED]);
	fflush(stderr);
	e->shown = ended;
}

static void
add_events(struct engine *e)
{
	const struct gp_load_options *options = e->options;
	struct timeval second = timeval_of(1000), pace = timeval_of(PACE_MS);
	struct timeval time = timeval_of(options->time_ms);
	evsignal_assign(&e->interrupt, e->base, SIGINT, on_stop, e);
	evsignal_assign(&e->terminate, e->base, SIGTERM, on_stop, e);
	evtimer_assign(&e->deadline, e->base, on_stop, e);
	event_assign(&e->ticker, e->base, -1, EV_PERSIST, on_tick, e);
	event_assign(&e->pace, e->base, -1, EV_PERSIST, on_pace, e);
	event_add(&e->interrupt, NULL);
	event_add(&e->terminate, NULL);
	if (options->time_ms > 0)
		event_add(&e->deadline, &time);
	if (options->progress && options->idle == 0)
		event_add(&e->ticker, &second);
	if (options->rate > 0)
		event_add(&e->pace, &pace);
}

static void
start(struct engine *e)
{
	e->started_ns = e->reached_ns = now_ns();
	e->stats->start_us = gp_clock_wall_us();
	for (uint32_t i = 0; i < e->slots_len; i++) {
		struct slot *slot = &e->slots[i];
		slot->engine = e;
		slot->fd = -1;
		slot->out = GP_BUF_INIT(GP_LOAD_OUT_MAX);
		gp_list_init(&slot->link);
		evtimer_assign(&slot->retry, e->base, on_retry, slot);
	}
	e->active = e->slots_len;
	if (e->options->idle > 0) {
		open_idle(e);
		return;
	}
	for (uint32_t i = 0; i < e->slots_len; i++)
		next_step(&e->slots[i]);
}

/* A message whose dot was sent before the run was broken off is in doubt like any other. */
static void
end_slots(struct engine *e)
{
	for (uint32_t i = 0; i < e->slots_len; i++) {
		struct slot *slot = &e->slots[i];
		if (slot->claimed)
			settle(slot, outcome_of_loss(slot), GP_SLICE("broken off"));
		close_slot(slot);
		event_del(&slot->retry);
		slot->ticket = gp_tls_session_free(slot->ticket);
		gp_buf_free(&slot->out);
	}
}

static void
end(struct engine *e)
{
	end_slots(e);
	event_del(&e->interrupt);
	event_del(&e->terminate);
	event_del(&e->deadline);
	event_del(&e->ticker);
	event_del(&e->pace);
	if (e->options->progress && e->options->idle == 0)
		fputc('\n', stderr);
}

int
gp_load_run(const struct gp_load_options *options, struct gp_load_stats *stats)
{
	struct engine *e = calloc(1, sizeof(*e));
	int r = -ENOMEM;
	if (!e)
		return r;
	e->options = options;
	e->stats = stats;
	snprintf(e->run, sizeof(e->run), "%s", options->plan.run);
	e->slots_len = options->idle > 0 ? options->idle : options->sessions;
	e->slots = calloc(e->slots_len, sizeof(*e->slots));
	e->base = event_base_new();
	e->tls = options->tls != GP_LOAD_CLEAR ? gp_tls_client_new(NULL) : NULL;
	gp_list_init(&e->waiting);
	if (e->slots && e->base && !e->tls == (options->tls == GP_LOAD_CLEAR)) {
		add_events(e);
		start(e);
		event_base_dispatch(e->base);
		end(e);
		r = e->result;
	}
	if (e->base)
		event_base_free(e->base);
	gp_tls_client_free(e->tls);
	free(e->slots);
	free(e);
	return r;
}
