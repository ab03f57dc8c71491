/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/talk.h"

#include <errno.h>
#include <unistd.h>

#include "cli/scan/dial.h"
#include "cli/scan/log.h"
#include "cli/traffic/wire.h"
#include "sys/clock.h"

enum talk_state {
	TALK_IDLE,       /* no connection, none wanted */
	TALK_PATIENT,    /* a connection will be wanted, a little later */
	TALK_ASKED,      /* it is wanted */
	TALK_CONNECTING, /* and under way */
	TALK_OPEN,
	TALK_SHAKING,
};

static void
advance(struct scan_talk *t, struct gp_slice input);
static void
on_event(evutil_socket_t fd, short what, void *arg);

static struct scan_log_place
place_of(const struct scan_talk *t)
{
	return (struct scan_log_place){t->number, 0};
}

/* --- waiting --- */

static void
arm(struct scan_talk *t, short events, uint64_t wait_ms)
{
	scan_wait(&t->event, t->with->base, t->fd, events, wait_ms, on_event, t);
}

/* Until the socket is ready for these, or the probe's deadline. */
static void
wait_for(struct scan_talk *t, short events)
{
	uint64_t due = gp_probe_deadline(t->probe), now = t->with->now_ms;
	arm(t, events, due > now ? due - now : 0);
}

static void
close_connection(struct scan_talk *t)
{
	scan_wait_no_more(&t->event);
	if (t->connection && t->state == TALK_OPEN) {
		/* Tickets come late. */
		if (t->resume && !t->session)
			t->session = gp_tls_session(t->connection);
		gp_tls_close(t->connection);
	}
	if (t->connection)
		t->tls_octets += gp_tls_received(t->connection);
	t->connection = gp_tls_free(t->connection);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* What was asked for is given back, whether it came to a connection or not. */
static void
give_back(struct scan_talk *t)
{
	bool had = t->state != TALK_IDLE;
	if (t->state >= TALK_CONNECTING)
		t->spent_ms += t->with->now_ms - t->dialled_ms;
	close_connection(t);
	t->state = TALK_IDLE;
	if (had)
		t->over(t, t->too_much);
	t->too_much = false;
}

/* --- TLS --- */

static void
copy_facts(struct scan_talk *t)
{
	struct gp_tls_facts facts = gp_tls_facts(t->connection);
	struct scan_tls *tls = &t->tls;
	tls->version = facts.version;
	tls->cipher = gp_arena_str(t->arena, gp_slice_str(facts.cipher));
	tls->trust = (uint8_t)facts.trust;
	tls->trust_text = facts.trust_text;
	if (!gp_tls_shown(t->connection, t->arena, &tls->shown) || !tls->cipher)
		tls->shown = (struct gp_tls_shown){};
	if (!gp_tls_certificate(t->connection, t->arena, &tls->certificate))
		tls->certificate = (struct gp_tls_certificate){};
}

/* The handshake is over, by 0 or otherwise. Only a probe's first one is kept: the next ones are
   with the same server, and prove other things. */
static void
note_handshake(struct scan_talk *t, int result)
{
	struct scan_tls *tls = &t->tls;
	bool first = !tls->tried;
	const char *error = result == 0 ? "" : gp_tls_error(t->connection);
	uint64_t took = t->with->now_ms - t->shake_ms;
	struct gp_tls_facts facts = {};
	if (first) {
		*tls = (struct scan_tls){.tried = true,
					 .ok = result == 0,
					 .handshake_ms = (uint32_t)GP_MIN(took, 1'000'000u),
					 .error = gp_arena_str(t->arena, gp_slice_str(error))};
		if (result == 0)
			copy_facts(t);
	}
	if (result == 0)
		facts = gp_tls_facts(t->connection);
	const struct gp_probe_tls told = {
		.ok = result == 0,
		.version = gp_slice_str(facts.version),
		.cipher = gp_slice_str(facts.cipher),
		.group = gp_slice_str(tls->shown.group),
		.error = gp_slice_str(result == 0 ? facts.trust_text : error),
		.stapled = tls->shown.staple != GP_TLS_STAPLE_NONE,
		.resumed = facts.resumed,
		.handshake_ms = (uint32_t)GP_MIN(took, 1'000'000u),
	};
	t->state = TALK_OPEN;
	scan_log_tls(t->with->log, t->number, t->with->now_ms, &told, first ? tls : NULL);
	gp_probe_tls_done(t->probe, &told, t->with->now_ms);
}

/* False: it goes on when the socket is ready. */
static bool
shake_hands(struct scan_talk *t)
{
	int r = gp_tls_handshake(t->connection);
	if (r == -EAGAIN) {
		wait_for(t, gp_tls_wants(t->connection) == GP_TLS_WANTS_WRITE ? EV_WRITE : EV_READ);
		return false;
	}
	note_handshake(t, r);
	return true;
}

static void
begin_tls(struct scan_talk *t)
{
	const struct gp_tls_goal goal = {.name = t->sni, .session = t->session};
	static const struct gp_probe_tls failed = {.error = {"no memory for TLS", 17}};
	t->shake_ms = t->with->now_ms;
	t->connection = gp_tls_connect(t->with->tls, t->fd, &goal);
	if (t->connection) {
		t->state = TALK_SHAKING;
		return;
	}
	scan_log_tls(t->with->log, t->number, t->with->now_ms, &failed, NULL);
	gp_probe_tls_done(t->probe, &failed, t->with->now_ms);
}

/* --- connections --- */

static void
note(const struct scan_talk *t, const char *event)
{
	scan_log_event(t->with->log, place_of(t), t->with->now_ms, event);
}

static void
connected(struct scan_talk *t, int result)
{
	note(t, result == 0 ? "connected" : "unreachable");
	if (result == 0) {
		t->state = TALK_OPEN;
		gp_probe_connected(t->probe, t->with->now_ms);
	} else {
		t->connect_error = result;
		gp_probe_unreachable(t->probe, t->with->now_ms);
	}
	advance(t, gp_slice("", 0));
}

void
scan_talk_connect(struct scan_talk *t)
{
	gp_assert(t->state == TALK_ASKED);
	t->with->now_ms = gp_clock_monotonic_ms();
	t->dialled_ms = t->with->now_ms;
	note(t, "connecting");
	gp_probe_connecting(t->probe, t->with->now_ms);
	int r = scan_dial(&t->address, &t->fd);
	if (r == -EAGAIN) {
		t->state = TALK_CONNECTING;
		wait_for(t, EV_WRITE);
	} else {
		connected(t, r);
	}
}

/* --- octets --- */

static void
end_of_input(struct scan_talk *t)
{
	note(t, "eof");
	gp_probe_eof(t->probe, t->with->now_ms);
}

/* Sends what there is. False: the connection broke. */
static bool
send_out(struct scan_talk *t)
{
	for (;;) {
		struct gp_slice out = gp_probe_output(t->probe);
		if (out.len == 0)
			return true;
		ssize_t n = gp_wire_send(t->fd, t->connection, out);
		if (n == -EAGAIN)
			return true;
		if (n <= 0)
			return false;
		scan_log_octets(t->with->log, place_of(t), t->with->now_ms, "out",
				gp_slice_take(out, (size_t)n));
		gp_probe_output_sent(t->probe, (size_t)n, t->with->now_ms);
	}
}

/* A server that has asked for patience gets it. */
static void
ask_for_connection(struct scan_talk *t)
{
	uint32_t pause = gp_probe_pause_ms(t->probe);
	give_back(t);
	t->state = pause > 0 ? TALK_PATIENT : TALK_ASKED;
	if (pause > 0)
		arm(t, 0, pause);
	else
		t->asks(t);
}

/* The probe's next wish, until it is one that has to be waited for. */
static void
advance(struct scan_talk *t, struct gp_slice input)
{
	for (;;) {
		enum gp_probe_want want = gp_probe_next(t->probe, &input, t->with->now_ms);
		switch (want) {
		case GP_PROBE_WANT_DONE:
			give_back(t);
			t->done(t);
			return;
		case GP_PROBE_WANT_CONNECT:
			ask_for_connection(t);
			return;
		case GP_PROBE_WANT_TLS:
			begin_tls(t);
			break;
		case GP_PROBE_WANT_READ:
			break;
		}
		if (t->state == TALK_SHAKING) {
			if (!shake_hands(t))
				return;
			continue;
		}
		if (t->state != TALK_OPEN)
			return;
		if (!send_out(t)) {
			end_of_input(t);
			continue;
		}
		wait_for(t, EV_READ | (gp_probe_output(t->probe).len > 0 ? EV_WRITE : 0));
		return;
	}
}

/* 421, or a greeting that is another 4yz. */
static bool
says_too_much(const struct scan_talk *t, struct gp_slice input)
{
	bool greeting = gp_probe_record(t->probe)->replies[GP_PROBE_GREETING].code == 0;
	return gp_slice_starts(input, GP_SLICE("421")) ||
	       (greeting && gp_slice_starts(input, GP_SLICE("4")));
}

/* TLS has messages that are no data, and a server may send them without end: tickets, for one. What
   is within records counts as replies do. */
static bool
is_overrun(const struct scan_talk *t)
{
	return t->connection &&
	       t->tls_octets + gp_tls_received(t->connection) > GP_PROBE_OCTETS_MAX;
}

static void
end_overrun(struct scan_talk *t)
{
	note(t, "overrun");
	gp_probe_overrun(t->probe, t->with->now_ms);
}

/* One buffer full, so that a server that never stops has its turn and no more. */
static void
receive(struct scan_talk *t)
{
	ssize_t n = gp_wire_receive(t->fd, t->connection, t->with->input, sizeof(t->with->input));
	bool overrun = is_overrun(t);
	struct gp_slice input = gp_slice(t->with->input, n > 0 && !overrun ? (size_t)n : 0);
	if (overrun)
		end_overrun(t);
	else if (input.len > 0)
		scan_log_octets(t->with->log, place_of(t), t->with->now_ms, "in", input);
	else if (n != -EAGAIN)
		end_of_input(t);
	t->too_much |= says_too_much(t, input);
	advance(t, input);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct scan_talk *t = arg;
	t->with->now_ms = gp_clock_monotonic_ms();
	if (t->state == TALK_PATIENT) {
		scan_wait_no_more(&t->event);
		t->state = TALK_ASKED;
		t->asks(t);
	} else if (t->state == TALK_CONNECTING && (what & EV_WRITE)) {
		connected(t, scan_dial_result(fd));
	} else if (t->state == TALK_OPEN && (what & EV_READ)) {
		receive(t);
	} else {
		if (t->with->now_ms >= gp_probe_deadline(t->probe))
			note(t, "late");
		advance(t, gp_slice("", 0));
	}
}

/* --- its life --- */

int
scan_talk_begin(struct scan_talk *t, const struct gp_probe_options *options)
{
	t->fd = -1;
	t->tls = (struct scan_tls){};
	t->resume = options->resume;
	t->state = TALK_IDLE;
	t->probe = gp_probe_new(options, t->with->now_ms);
	if (!t->probe)
		return -ENOMEM;
	advance(t, gp_slice("", 0));
	return 0;
}

void
scan_talk_end(struct scan_talk *t)
{
	close_connection(t);
	t->session = gp_tls_session_free(t->session);
	t->state = TALK_IDLE;
}
