/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/survey.h"

#include <errno.h>
#include <unistd.h>

#include "cli/scan/dial.h"
#include "cli/scan/log.h"
#include "cli/traffic/wire.h"
#include "sys/clock.h"

static unsigned
number_of(const struct scan_survey_line *l)
{
	return (unsigned)(l - l->survey->lines);
}

static struct scan_log_place
place_of(const struct scan_survey_line *l)
{
	return (struct scan_log_place){l->survey->result->number, number_of(l) + 1};
}

static uint64_t
now_of(const struct scan_survey *s)
{
	return s->engine->talkers.now_ms;
}

static void
note(const struct scan_survey_line *l, const char *event)
{
	const struct scan_survey *s = l->survey;
	scan_log_event(s->engine->o->log, place_of(l), now_of(s), event);
}

/* --- the end of a line --- */

static void
leave(struct scan_survey_line *l, bool backed_off)
{
	struct engine *e = l->survey->engine;
	struct scan_waiter *w = &l->applicant.waiter;
	scan_wait_no_more(&l->event);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (!l->joined)
		return;
	l->joined = false;
	if (w->counted) {
		e->open--;
		scan_rate_done(e->rate, w, backed_off, e->talkers.now_ms);
	}
	scan_waiter_end(e->rate, w, e->talkers.now_ms);
}

/* Sends what there is. False: the connection broke. */
static bool
send_out(const struct scan_survey_line *l)
{
	struct scan_survey *s = l->survey;
	for (;;) {
		struct gp_slice out = gp_surveyor_output(s->surveyor, number_of(l));
		if (out.len == 0)
			return true;
		ssize_t n = gp_wire_send(l->fd, NULL, out);
		if (n == -EAGAIN)
			return true;
		if (n <= 0)
			return false;
		scan_log_octets(s->engine->o->log, place_of(l), now_of(s), "out",
				gp_slice_take(out, (size_t)n));
		gp_surveyor_sent(s->surveyor, number_of(l), (size_t)n);
	}
}

static void
close_line(struct scan_survey_line *l)
{
	struct gp_surveyor *surveyor = l->survey->surveyor;
	bool backed_off = gp_surveyor_backed_off(surveyor, number_of(l));
	if (l->fd >= 0)
		(void)send_out(l);
	note(l, "closed");
	gp_surveyor_closed(surveyor, number_of(l));
	leave(l, backed_off);
}

/* --- lines --- */

static void
on_event(evutil_socket_t fd, short what, void *arg);

static void
end_of_input(const struct scan_survey_line *l)
{
	note(l, "eof");
	gp_surveyor_eof(l->survey->surveyor, number_of(l), now_of(l->survey));
}

/* What a line has to say goes out; then it waits for more. */
static void
attend(struct scan_survey_line *l)
{
	struct scan_survey *s = l->survey;
	unsigned n = number_of(l);
	if (gp_surveyor_state(s->surveyor, n) == GP_SURVEYOR_OPEN && !send_out(l))
		end_of_input(l);
	enum gp_surveyor_state state = gp_surveyor_state(s->surveyor, n);
	if (state != GP_SURVEYOR_CONNECTING && state != GP_SURVEYOR_OPEN)
		return;
	short events = state == GP_SURVEYOR_CONNECTING ? EV_WRITE : EV_READ;
	if (state == GP_SURVEYOR_OPEN && gp_surveyor_output(s->surveyor, n).len > 0)
		events |= EV_WRITE;
	uint64_t due = gp_surveyor_deadline(s->surveyor, n), now = now_of(s);
	scan_wait(&l->event, s->engine->talkers.base, l->fd, events, due > now ? due - now : 0,
		  on_event, l);
}

static void
connected(const struct scan_survey_line *l, int result)
{
	struct scan_survey *s = l->survey;
	note(l, result == 0 ? "connected" : "unreachable");
	if (result == 0)
		gp_surveyor_connected(s->surveyor, number_of(l), now_of(s));
	else
		gp_surveyor_unreachable(s->surveyor, number_of(l), now_of(s));
}

static void
stand_in_line(struct scan_survey_line *l)
{
	const struct scan_survey *s = l->survey;
	struct engine *e = s->engine;
	note(l, "wanted");
	if (scan_waiter_init(e->rate, &l->applicant.waiter, s->result->address,
			     s->result->address_len, s->operator, s->exempt) < 0) {
		engine_finish(e, -ENOMEM);
		return;
	}
	l->joined = true;
	scan_rate_add(e->rate, &l->applicant.waiter, true);
}

/* After whatever happened: lines that are over are closed, and the next one is asked for. */
static void
go_on(struct scan_survey *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < GP_SURVEYOR_LINES_MAX; i++) {
		struct scan_survey_line *l = &s->lines[i];
		enum gp_surveyor_state state = gp_surveyor_state(s->surveyor, i);
		if (state == GP_SURVEYOR_OVER)
			close_line(l);
		else if (state == GP_SURVEYOR_FREE)
			leave(l, false); /* it is wanted no longer */
	}
	enum gp_surveyor_want want = gp_surveyor_next(s->surveyor, &n);
	if (want == GP_SURVEYOR_CONNECT) {
		stand_in_line(&s->lines[n]);
	} else if (want == GP_SURVEYOR_DONE) {
		const struct scan_log_place host = {s->result->number, 0};
		scan_log_event(s->engine->o->log, host, now_of(s), "surveyed");
		s->done(s);
	}
}

static void
on_granted(struct applicant *a)
{
	struct scan_survey_line *l = gp_container_of(a, struct scan_survey_line, applicant);
	struct scan_survey *s = l->survey;
	s->engine->talkers.now_ms = gp_clock_monotonic_ms();
	note(l, "connecting");
	gp_surveyor_connecting(s->surveyor, number_of(l), now_of(s));
	int r = scan_dial(&s->address, &l->fd);
	if (r != -EAGAIN)
		connected(l, r);
	attend(l);
	go_on(s);
}

/* One buffer full, so that a server that never stops has its turn and no more. */
static void
receive(const struct scan_survey_line *l)
{
	struct scan_survey *s = l->survey;
	struct scan_talkers *with = &s->engine->talkers;
	ssize_t n = gp_wire_receive(l->fd, NULL, with->input, sizeof(with->input));
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		end_of_input(l);
		return;
	}
	struct gp_slice input = gp_slice(with->input, (size_t)n);
	scan_log_octets(with->log, place_of(l), now_of(s), "in", input);
	gp_surveyor_feed(s->surveyor, number_of(l), input, now_of(s));
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct scan_survey_line *l = arg;
	struct scan_survey *s = l->survey;
	enum gp_surveyor_state state = gp_surveyor_state(s->surveyor, number_of(l));
	s->engine->talkers.now_ms = gp_clock_monotonic_ms();
	if (state == GP_SURVEYOR_CONNECTING && (what & EV_WRITE)) {
		connected(l, scan_dial_result(fd));
	} else if (state == GP_SURVEYOR_OPEN && (what & EV_READ)) {
		receive(l);
	} else if (now_of(s) >= gp_surveyor_deadline(s->surveyor, number_of(l))) {
		note(l, "late");
		gp_surveyor_tick(s->surveyor, now_of(s));
	}
	attend(l);
	go_on(s);
}

/* --- its life --- */

int
scan_survey_begin(struct scan_survey *s, const struct gp_surveyor_options *options)
{
	const struct scan_result *r = s->result;
	s->address = gp_sockaddr_from_octets(r->address, r->address_len, r->port);
	for (size_t i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
		s->lines[i] = (struct scan_survey_line){
			.survey = s, .fd = -1, .applicant.granted = on_granted};
	s->surveyor = gp_surveyor_new(options);
	if (!s->surveyor)
		return -ENOMEM;
	scan_log_survey(s->engine->o->log, r->number, now_of(s), options);
	go_on(s);
	return 0;
}

void
scan_survey_end(struct scan_survey *s)
{
	if (!s || !s->surveyor)
		return;
	for (size_t i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
		leave(&s->lines[i], false);
	s->surveyor = gp_surveyor_free(s->surveyor);
}

/* One that is none, or too much, was not seen. */
static void
read_chain(const struct gp_survey_chain *from, struct gp_arena *arena,
	   struct scan_certificates *ret)
{
	if (!gp_tls_chain(from->certificates, from->len, arena, &ret->shown, &ret->certificate))
		*ret = (struct scan_certificates){};
}

const struct scan_surveyed *
scan_survey_keep(const struct gp_surveyor *s, struct gp_arena *arena)
{
	struct scan_surveyed *kept = gp_arena_new(arena, struct scan_surveyed);
	if (!kept)
		return NULL;
	kept->facts = *gp_surveyor_facts(s);
	kept->octets = gp_surveyor_octets(s);
	read_chain(&kept->facts.rsa, arena, &kept->chains[SCAN_CHAIN_RSA]);
	read_chain(&kept->facts.ecdsa, arena, &kept->chains[SCAN_CHAIN_ECDSA]);
	/* The octets end with the surveyor. */
	kept->facts.rsa = kept->facts.ecdsa = (struct gp_survey_chain){};
	return kept;
}
