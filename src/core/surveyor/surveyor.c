/* SPDX-License-Identifier: Apache-2.0 */
#include "core/surveyor/surveyor.h"

#include <stdlib.h>
#include <string.h>

#include "core/probe/reader.h"

enum step {
	AT_GREETING,
	AT_EHLO,
	AT_STARTTLS,
	AT_FLIGHT,
};

struct line {
	uint8_t state; /* enum gp_surveyor_state */
	uint8_t step;
	bool backed_off;
	uint64_t deadline_ms;
	struct gp_survey_question question;
	struct probe_reader reader;
	struct gp_buf out;
	struct gp_flight flight;
};

struct gp_surveyor {
	struct gp_surveyor_options o;
	struct gp_arena arena;
	struct gp_survey *survey;
	struct line lines[GP_SURVEYOR_LINES_MAX];
	uint32_t lines_max; /* at once, by now */
	uint32_t hellos;
	uint64_t octets;
	size_t busy;                /* lines that are CONNECTING or OPEN */
	uint64_t busy_ms, spent_ms; /* since when there is one; before that */
};

/* --- its life --- */

const char *
gp_surveyor_options_wrong(const struct gp_surveyor_options *o)
{
	if (o->helo.len == 0 || o->helo.len > GP_SURVEYOR_HELO_MAX)
		return "no name for EHLO, or too long a one";
	for (size_t i = 0; i < o->helo.len; i++)
		if ((unsigned char)o->helo.ptr[i] <= ' ' || o->helo.ptr[i] == 127)
			return "a name for EHLO that is none";
	if (o->sni.len > GP_HELLO_SNI_MAX)
		return "a server's name that is too long";
	if (o->seed.len != GP_SURVEYOR_SEED)
		return "a seed of another length";
	return o->lines_max == 0 || o->lines_max > GP_SURVEYOR_LINES_MAX
		       ? "no lines at once, or too many"
		       : NULL;
}

struct gp_surveyor *
gp_surveyor_new(const struct gp_surveyor_options *options)
{
	gp_assert(!gp_surveyor_options_wrong(options));
	struct gp_surveyor *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
	s->o = *options;
	s->o.helo = gp_arena_dup(&s->arena, options->helo);
	s->o.sni = gp_arena_dup(&s->arena, options->sni);
	s->o.seed = gp_arena_dup(&s->arena, options->seed);
	s->lines_max = options->lines_max;
	const struct gp_survey_options asked = {s->o.sni, options->connections_max, options->brief};
	s->survey = gp_survey_new(&s->arena, &asked);
	return s->arena.failed ? gp_surveyor_free(s) : s;
}

static void
empty_line(struct line *l)
{
	gp_probe_reader_free(&l->reader);
	gp_buf_free(&l->out);
	gp_flight_free(&l->flight);
	*l = (struct line){};
}

struct gp_surveyor *
gp_surveyor_free(struct gp_surveyor *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
		empty_line(&s->lines[i]);
	gp_arena_free(&s->arena);
	free(s);
	return NULL;
}

/* --- time --- */

static uint64_t
end_ms(const struct gp_surveyor *s)
{
	return s->busy_ms + s->o.total_ms - GP_MIN(s->spent_ms, (uint64_t)s->o.total_ms);
}

static void
begin_busy(struct gp_surveyor *s, uint64_t now_ms)
{
	if (s->busy++ == 0)
		s->busy_ms = now_ms;
}

static void
end_busy(struct gp_surveyor *s, uint64_t now_ms)
{
	gp_assert(s->busy > 0);
	if (--s->busy == 0)
		s->spent_ms += now_ms - s->busy_ms;
}

/* --- the end of a line --- */

/* answer: NULL: nothing came of it. */
static void
end_line(struct gp_surveyor *s, struct line *l, const struct gp_flight *answer, uint64_t now_ms)
{
	gp_assert(l->state == GP_SURVEYOR_CONNECTING || l->state == GP_SURVEYOR_OPEN);
	gp_survey_answer(s->survey, l->question.id, answer);
	l->state = GP_SURVEYOR_OVER;
	l->deadline_ms = UINT64_MAX;
	end_busy(s, now_ms);
}

/* Before TLS, to a server that listens. */
static void
leave_in_clear(struct gp_surveyor *s, struct line *l, uint64_t now_ms)
{
	gp_buf_put_str(&l->out, "QUIT\r\n");
	end_line(s, l, NULL, now_ms);
}

/* A server that is told why does not log a client that broke. */
static void
leave_tls(struct gp_surveyor *s, struct line *l, uint64_t now_ms)
{
	static const struct gp_slice alerts = GP_SLICE("\x15\3\1\0\2\1\x5a"
						       "\x15\3\1\0\2\1\0");
	const struct gp_flight *f = &l->flight;
	if (f->hello && !f->alert_fatal && f->version > GP_SSL_2)
		gp_buf_put(&l->out, alerts);
	end_line(s, l, f, now_ms);
}

/* No line is open any more, and none will be. */
static void
stop(struct gp_surveyor *s, const char *why, uint64_t now_ms)
{
	gp_survey_stop(s->survey, why);
	for (size_t i = 0; i < GP_SURVEYOR_LINES_MAX; i++) {
		struct line *l = &s->lines[i];
		if (l->state == GP_SURVEYOR_CONNECTING || l->state == GP_SURVEYOR_OPEN) {
			end_line(s, l, NULL, now_ms);
		} else if (l->state == GP_SURVEYOR_WANTED) {
			gp_survey_answer(s->survey, l->question.id, NULL);
			empty_line(l);
		}
	}
}

static void
note_back_off(struct gp_surveyor *s, struct line *l)
{
	l->backed_off = true;
	s->lines_max = GP_MAX(s->lines_max / 2, 1u);
}

/* --- from the greeting to TLS --- */

static void
say(struct gp_surveyor *s, struct line *l, enum step step, const char *verb, struct gp_slice rest,
    uint64_t now_ms)
{
	gp_buf_put_str(&l->out, verb);
	gp_buf_put(&l->out, rest);
	gp_buf_put_str(&l->out, "\r\n");
	l->step = (uint8_t)step;
	l->deadline_ms = now_ms + s->o.reply_ms;
	gp_probe_reader_clear(&l->reader);
}

/* Each has a random of its own, and the same survey the same ones. */
static void
say_hello(struct gp_surveyor *s, struct line *l, uint64_t now_ms)
{
	char random[GP_HELLO_RANDOM];
	uint32_t n = ++s->hellos;
	memcpy(random, s->o.seed.ptr, sizeof(random));
	for (size_t i = 0; i < sizeof(n); i++)
		random[i] = (char)(random[i] ^ (char)(n >> (8 * i)));
	gp_flight_init(&l->flight, l->question.hello.version, l->question.want);
	l->step = AT_FLIGHT;
	l->deadline_ms = now_ms + s->o.reply_ms;
	if (gp_hello_build(&l->question.hello, gp_slice(random, sizeof(random)), &l->out) < 0)
		end_line(s, l, NULL, now_ms);
}

static void
answer(struct gp_surveyor *s, struct line *l, const struct gp_probe_reply *r, uint64_t now_ms)
{
	bool good = r->code / 100 == 2;
	if (r->code == 421 || (l->step == AT_GREETING && r->code / 100 == 4))
		note_back_off(s, l);
	if (r->code == 421)
		end_line(s, l, NULL, now_ms);
	else if (l->step == AT_GREETING && good)
		say(s, l, AT_EHLO, "EHLO ", s->o.helo, now_ms);
	else if (l->step == AT_EHLO && good && gp_probe_offers(r, GP_SLICE("STARTTLS"), NULL))
		say(s, l, AT_STARTTLS, "STARTTLS", gp_slice("", 0), now_ms);
	else if (l->step == AT_STARTTLS && r->code == 220)
		say_hello(s, l, now_ms);
	else
		leave_in_clear(s, l, now_ms);
}

static void
read_replies(struct gp_surveyor *s, struct line *l, struct gp_slice *input, uint64_t now_ms)
{
	while (l->state == GP_SURVEYOR_OPEN && l->step < AT_FLIGHT && input->len > 0) {
		struct gp_probe_reply r;
		enum probe_read got = gp_probe_reader_feed(&l->reader, input, 0, &r);
		if (got == PROBE_READ_REPLY)
			answer(s, l, &r, now_ms);
		else if (got != PROBE_READ_MORE)
			end_line(s, l, NULL, now_ms);
	}
}

void
gp_surveyor_feed(struct gp_surveyor *s, unsigned line, struct gp_slice input, uint64_t now_ms)
{
	struct line *l = &s->lines[line];
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_OPEN);
	s->octets += input.len;
	if (s->octets > s->o.octets_max) {
		stop(s, "it costs too many octets", now_ms);
		return;
	}
	read_replies(s, l, &input, now_ms);
	if (l->state != GP_SURVEYOR_OPEN || l->step != AT_FLIGHT)
		return;
	if (gp_flight_feed(&l->flight, input) != GP_FLIGHT_MORE)
		leave_tls(s, l, now_ms);
}

void
gp_surveyor_eof(struct gp_surveyor *s, unsigned line, uint64_t now_ms)
{
	struct line *l = &s->lines[line];
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_OPEN);
	gp_buf_clear(&l->out);
	if (l->step == AT_FLIGHT)
		(void)gp_flight_eof(&l->flight);
	end_line(s, l, l->step == AT_FLIGHT ? &l->flight : NULL, now_ms);
}

/* --- lines --- */

enum gp_surveyor_want
gp_surveyor_next(struct gp_surveyor *s, unsigned *ret_line)
{
	struct line *vacant = NULL;
	size_t used = 0;
	for (size_t i = GP_SURVEYOR_LINES_MAX; i-- > 0;) {
		struct line *l = &s->lines[i];
		if (l->state == GP_SURVEYOR_WANTED)
			return GP_SURVEYOR_WAIT;
		used += l->state != GP_SURVEYOR_FREE;
		vacant = l->state == GP_SURVEYOR_FREE ? l : vacant;
	}
	if (used > 0 && used >= s->lines_max)
		return GP_SURVEYOR_WAIT;
	if (s->spent_ms >= s->o.total_ms)
		gp_survey_stop(s->survey, "it takes too long");
	gp_assert(vacant);
	switch (gp_survey_next(s->survey, &vacant->question)) {
	case GP_SURVEY_ASK:
		vacant->state = GP_SURVEYOR_WANTED;
		vacant->deadline_ms = UINT64_MAX;
		vacant->reader = gp_probe_reader();
		vacant->out = GP_BUF_INIT(GP_HELLO_MAX);
		*ret_line = (unsigned)(vacant - s->lines);
		return GP_SURVEYOR_CONNECT;
	case GP_SURVEY_WAIT:
		break;
	case GP_SURVEY_DONE:
		return used > 0 ? GP_SURVEYOR_WAIT : GP_SURVEYOR_DONE;
	}
	return GP_SURVEYOR_WAIT;
}

enum gp_surveyor_state
gp_surveyor_state(const struct gp_surveyor *s, unsigned line)
{
	return line < GP_SURVEYOR_LINES_MAX ? s->lines[line].state : GP_SURVEYOR_FREE;
}

void
gp_surveyor_connecting(struct gp_surveyor *s, unsigned line, uint64_t now_ms)
{
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_WANTED);
	s->lines[line].state = GP_SURVEYOR_CONNECTING;
	s->lines[line].deadline_ms = now_ms + s->o.reply_ms;
	begin_busy(s, now_ms);
}

void
gp_surveyor_connected(struct gp_surveyor *s, unsigned line, uint64_t now_ms)
{
	struct line *l = &s->lines[line];
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_CONNECTING);
	l->state = GP_SURVEYOR_OPEN;
	l->deadline_ms = now_ms + s->o.greeting_ms;
	if (s->o.tls_at_once)
		say_hello(s, l, now_ms);
}

void
gp_surveyor_unreachable(struct gp_surveyor *s, unsigned line, uint64_t now_ms)
{
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_CONNECTING);
	end_line(s, &s->lines[line], NULL, now_ms);
}

void
gp_surveyor_closed(struct gp_surveyor *s, unsigned line)
{
	gp_assert(gp_surveyor_state(s, line) == GP_SURVEYOR_OVER);
	empty_line(&s->lines[line]);
}

struct gp_slice
gp_surveyor_output(const struct gp_surveyor *s, unsigned line)
{
	gp_assert(gp_surveyor_state(s, line) >= GP_SURVEYOR_OPEN);
	return gp_buf_slice(&s->lines[line].out);
}

void
gp_surveyor_sent(struct gp_surveyor *s, unsigned line, size_t n)
{
	gp_assert(gp_surveyor_state(s, line) >= GP_SURVEYOR_OPEN);
	gp_buf_consume(&s->lines[line].out, n);
}

bool
gp_surveyor_backed_off(const struct gp_surveyor *s, unsigned line)
{
	return s->lines[line].backed_off;
}

/* --- deadlines --- */

uint64_t
gp_surveyor_deadline(const struct gp_surveyor *s, unsigned line)
{
	uint64_t due = s->lines[line].deadline_ms;
	return s->busy > 0 ? GP_MIN(due, end_ms(s)) : due;
}

void
gp_surveyor_tick(struct gp_surveyor *s, uint64_t now_ms)
{
	if (s->busy > 0 && now_ms >= end_ms(s))
		stop(s, "it takes too long", now_ms);
	for (size_t i = 0; i < GP_SURVEYOR_LINES_MAX; i++) {
		struct line *l = &s->lines[i];
		if ((l->state == GP_SURVEYOR_CONNECTING || l->state == GP_SURVEYOR_OPEN) &&
		    now_ms >= l->deadline_ms)
			end_line(s, l, NULL, now_ms);
	}
}

const struct gp_survey_facts *
gp_surveyor_facts(const struct gp_surveyor *s)
{
	return gp_survey_facts(s->survey);
}

uint64_t
gp_surveyor_octets(const struct gp_surveyor *s)
{
	return s->octets;
}
