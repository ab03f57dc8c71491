/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls and pushes; session.h says where the rest of it is.
 */
#include "core/probe/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/probe/session.h"
#include "core/smtp/address.h"

const struct probe_task *
gp_probe_task(const struct gp_probe *p)
{
	static const struct probe_task *const tasks[] = {
		[PROBE_TALK] = &gp_probe_talk,           [PROBE_RESUMPTION] = &gp_probe_resumption,
		[PROBE_INJECTION] = &gp_probe_injection, [PROBE_MATRIX] = &gp_probe_matrix,
		[PROBE_SMUGGLING] = &gp_probe_smuggling,
	};
	return tasks[p->task];
}

/* --- the log --- */

static uint32_t
since(uint64_t then_ms, uint64_t now_ms)
{
	return (uint32_t)GP_MIN(now_ms - then_ms, (uint64_t)UINT32_MAX);
}

static void
add_turn(struct gp_probe *p, enum gp_probe_turn_kind kind, struct gp_slice octets)
{
	struct gp_slice kept = gp_slice_take(octets, GP_PROBE_LOG_MAX - p->logged);
	struct gp_probe_turn *t = p->turns < GP_PROBE_TURNS_MAX
					  ? gp_arena_new(&p->arena, struct gp_probe_turn)
					  : NULL;
	if (!t) {
		p->record.log_dropped += octets.len;
		return;
	}
	*t = (struct gp_probe_turn){
		.at_ms = since(p->begun_ms, p->now_ms),
		.connection = (uint16_t)p->record.connections,
		.kind = (uint8_t)kind,
		.tls = p->in_tls,
		.octets = gp_arena_dup(&p->arena, kept),
	};
	p->turns++;
	p->logged += kept.len;
	p->record.log_dropped += octets.len - kept.len;
	if (p->last_turn)
		p->last_turn->next = t;
	else
		p->record.turns = t;
	p->last_turn = t;
}

/* --- what is said, and kept --- */

/* Nothing that wants consent gets past here without. */
static void
about_to_say(struct gp_probe *p, uint32_t consent)
{
	gp_assert((p->o.consents & consent) == consent);
	p->deadline_ms = p->now_ms + p->o.reply_ms;
}

void
gp_probe_say(struct gp_probe *p, uint32_t consent, const char *fmt, ...)
{
	char line[2048];
	va_list args;
	about_to_say(p, consent);
	va_start(args, fmt);
	int len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	gp_assert(len >= 0 && (size_t)len < sizeof(line));
	gp_buf_put(&p->out, gp_slice(line, (size_t)len));
	gp_buf_put_str(&p->out, "\r\n");
}

void
gp_probe_say_octets(struct gp_probe *p, uint32_t consent, struct gp_slice octets)
{
	about_to_say(p, consent);
	gp_buf_put(&p->out, octets);
}

void
gp_probe_store(struct gp_probe *p, enum gp_probe_ask ask, const struct gp_probe_reply *r)
{
	struct gp_probe_reply *to = &p->record.replies[ask];
	if (to->code > 0 || to->lines > 0)
		return; /* a second connection only fills gaps */
	*to = *r;
	to->tls = p->in_tls;
	to->sent_ms = ask == GP_PROBE_GREETING ? 0 : p->sent_ms;
	to->text = gp_arena_dup(&p->arena, r->text);
	to->cut |= to->text.len < r->text.len;
}

struct gp_slice
gp_probe_brief(struct gp_probe *p, const struct gp_probe_reply *r)
{
	return gp_arena_dup(&p->arena, gp_slice_take(r->text, GP_PROBE_BRIEF_MAX));
}

/* --- connections --- */

/* What a task waits for next, or the end. */
static void
find_work(struct gp_probe *p)
{
	while (p->exhausted || !gp_probe_task(p)->wants(p)) {
		if (++p->task == PROBE_TASKS)
			break;
		if (gp_probe_task(p)->begin)
			gp_probe_task(p)->begin(p);
	}
	p->want_due = p->task < PROBE_TASKS;
	p->state = p->want_due ? PROBE_ASKING : PROBE_OVER;
	p->asked_ms = p->now_ms;
	p->deadline_ms = UINT64_MAX;
}

/* Who says that it is busy is not asked again at once. Some servers end a connection by 421 after
   what we have done to them; that is another thing. */
static void
be_patient(struct gp_probe *p, enum gp_probe_end end)
{
	bool away = !p->served && (end == GP_PROBE_END_421 || end == GP_PROBE_END_REFUSED);
	if (away && p->turned_away < UINT8_MAX)
		p->turned_away++;
	p->pause_ms = away ? p->turned_away * (uint32_t)GP_PROBE_PATIENCE_MS : 0;
}

uint32_t
gp_probe_pause_ms(const struct gp_probe *p)
{
	return p->pause_ms;
}

void
gp_probe_end_connection(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	gp_assert(p->state != PROBE_OVER);
	if (p->task == PROBE_TALK && !gp_probe_reader_idle(&p->reader) && !p->early) {
		struct gp_probe_reply rest = gp_probe_reader_rest(&p->reader, why);
		gp_probe_store(p, p->ask, &rest);
	}
	add_turn(p, GP_PROBE_TURN_END, gp_slice_str(why));
	gp_buf_free(&p->out);
	p->out = GP_BUF_INIT(PROBE_OUTPUT_MAX);
	gp_probe_reader_clear(&p->reader);
	gp_probe_task(p)->lost(p, end, why);
	be_patient(p, end);
	find_work(p);
}

/* Ends this connection, and there will be no other. */
static void
give_up(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	p->exhausted = true;
	gp_probe_end_connection(p, end, why);
}

static void
give_up_endless(struct gp_probe *p)
{
	give_up(p, GP_PROBE_END_ENDLESS, "more octets than a probe may cost");
}

void
gp_probe_leave(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	p->step = PROBE_AT_QUIT;
	p->leave_end = (uint8_t)end;
	p->leave_why = why;
	p->ask = GP_PROBE_QUIT;
	gp_probe_say(p, 0, "QUIT");
	p->deadline_ms = p->now_ms + GP_MIN(p->o.reply_ms, (uint32_t)PROBE_QUIT_MS);
}

void
gp_probe_want_tls(struct gp_probe *p)
{
	p->state = PROBE_SHAKING;
	p->want_due = true;
	p->deadline_ms = p->now_ms + p->o.reply_ms;
}

void
gp_probe_connecting(struct gp_probe *p, uint64_t now_ms)
{
	gp_assert(p->state == PROBE_ASKING && !p->want_due);
	p->now_ms = now_ms;
	p->end_ms += now_ms - p->asked_ms;
	p->state = PROBE_CONNECTING;
	p->deadline_ms = now_ms + p->o.reply_ms;
}

void
gp_probe_connected(struct gp_probe *p, uint64_t now_ms)
{
	gp_assert(p->state == PROBE_CONNECTING);
	p->now_ms = p->connected_ms = now_ms;
	p->record.connections++;
	p->in_tls = false;
	p->served = false;
	p->early = false;
	p->unasked = 0;
	p->sent_ms = 0;
	p->ehlo = (struct gp_probe_reply){};
	p->step = PROBE_AT_GREETING;
	p->ask = GP_PROBE_GREETING;
	add_turn(p, GP_PROBE_TURN_CONNECT, gp_slice("", 0));
	if (p->o.mode == GP_PROBE_MODE_TLS) {
		gp_probe_want_tls(p);
	} else {
		p->state = PROBE_TALKING;
		p->deadline_ms = now_ms + p->o.greeting_ms;
	}
}

void
gp_probe_unreachable(struct gp_probe *p, uint64_t now_ms)
{
	gp_assert(p->state == PROBE_CONNECTING);
	p->now_ms = now_ms;
	gp_probe_end_connection(p, GP_PROBE_END_NO_CONNECTION, "no connection");
}

static struct gp_probe_tls
copy_tls(struct gp_arena *arena, const struct gp_probe_tls *from)
{
	struct gp_probe_tls tls = *from;
	tls.version = gp_arena_dup(arena, from->version);
	tls.cipher = gp_arena_dup(arena, from->cipher);
	tls.group = gp_arena_dup(arena, from->group);
	tls.chain = gp_arena_dup(arena, from->chain);
	tls.error = gp_arena_dup(arena, from->error);
	return tls;
}

static void
note_tls(struct gp_probe *p, const struct gp_probe_tls *tls)
{
	if (p->task == PROBE_TALK && !p->record.tls_tried) {
		p->record.tls_tried = true;
		p->record.tls = copy_tls(&p->arena, tls);
		if (p->step == PROBE_AT_STARTTLS)
			p->record.starttls =
				tls->ok ? GP_PROBE_STARTTLS_OK : GP_PROBE_STARTTLS_BROKEN;
	}
	if (p->task == PROBE_RESUMPTION && tls->ok)
		gp_probe_note_resumption(p, tls->resumed);
	p->in_tls = tls->ok;
	add_turn(p, GP_PROBE_TURN_TLS, tls->ok ? tls->version : tls->error);
}

/* No handshake came of it. */
static void
fail_tls(struct gp_probe *p, const char *error)
{
	const struct gp_probe_tls tls = {.error = gp_slice_str(error)};
	note_tls(p, &tls);
	gp_probe_end_connection(p, GP_PROBE_END_TLS, "the handshake failed");
}

void
gp_probe_tls_done(struct gp_probe *p, const struct gp_probe_tls *tls, uint64_t now_ms)
{
	gp_assert(p->state == PROBE_SHAKING && !p->want_due);
	p->now_ms = now_ms;
	note_tls(p, tls);
	if (!tls->ok) {
		gp_probe_end_connection(p, GP_PROBE_END_TLS, "the handshake failed");
		return;
	}
	p->state = PROBE_TALKING;
	if (p->step == PROBE_AT_GREETING)
		p->deadline_ms = now_ms + p->o.greeting_ms;
	else
		gp_probe_say_hello(p);
}

/* --- what comes in --- */

/* A reply to a command that was not sent yet answers nothing; but 421 may come at any time (RFC
   5321 section 3.8). Tasks that provoke such replies judge them themselves. */
static void
answer_early(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (p->task == PROBE_TALK && p->record.unasked++ == 0)
		p->record.unasked_text = gp_probe_brief(p, r);
	if (r->code == 421)
		gp_probe_end_connection(p, GP_PROBE_END_421, "421");
	else if (++p->unasked > GP_PROBE_UNASKED_MAX)
		gp_probe_end_connection(p, GP_PROBE_END_GARBAGE, "replies that answer nothing");
}

static void
answer(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (p->task == PROBE_TALK)
		gp_probe_store(p, p->ask, r);
	if (p->step == PROBE_AT_QUIT)
		gp_probe_end_connection(p, p->leave_end, p->leave_why);
	else if (r->code == 421)
		gp_probe_end_connection(p, GP_PROBE_END_421, "421");
	else if (p->step == PROBE_AT_TASK)
		gp_probe_task(p)->answer(p, r);
	else
		gp_probe_answer_opening(p, r);
}

static void
answer_bad(struct gp_probe *p, enum probe_read got, const struct gp_probe_reply *r)
{
	enum gp_probe_end end = GP_PROBE_END_GARBAGE;
	if (p->task == PROBE_TALK && !p->early)
		gp_probe_store(p, p->ask, r);
	if (got == PROBE_READ_ENDLESS)
		end = GP_PROBE_END_ENDLESS;
	else if (p->step == PROBE_AT_GREETING)
		end = GP_PROBE_END_NOT_SMTP;
	gp_probe_end_connection(p, end, r->none);
}

static void
read_reply(struct gp_probe *p, struct gp_slice *input)
{
	struct gp_probe_reply r;
	uint32_t connection = p->record.connections;
	if (gp_probe_reader_idle(&p->reader))
		p->early = p->out.len > 0;
	enum probe_read got =
		gp_probe_reader_feed(&p->reader, input, since(p->connected_ms, p->now_ms), &r);
	if (got == PROBE_READ_MORE)
		return;
	/* The reader's buffers hold the text until the next feed; what it knows of it is over. */
	p->reader.octets = 0;
	if (got != PROBE_READ_REPLY)
		answer_bad(p, got, &r);
	else if (p->early)
		answer_early(p, &r);
	else
		answer(p, &r);
	gp_probe_reader_clear(&p->reader);
	if (p->state != PROBE_TALKING && p->state != PROBE_SHAKING)
		*input = gp_slice("", 0); /* of a connection that is over */
	gp_assert(p->record.connections == connection);
}

/* Clear text behind the answer to STARTTLS: of the server, or of somebody on the way (RFC 3207
   section 6). */
static void
drop_injected(struct gp_probe *p, struct gp_slice *input)
{
	p->record.clear_behind_220 |= p->task == PROBE_TALK && p->step == PROBE_AT_STARTTLS;
	*input = gp_slice("", 0);
}

static void
take_input(struct gp_probe *p, struct gp_slice *input)
{
	if (p->state == PROBE_TALKING)
		read_reply(p, input);
	else if (p->state == PROBE_SHAKING)
		drop_injected(p, input);
	else
		*input = gp_slice("", 0);
}

/* What came is counted and kept before it is looked at. */
static void
note_input(struct gp_probe *p, struct gp_slice input)
{
	if (input.len == 0 || (p->state != PROBE_TALKING && p->state != PROBE_SHAKING))
		return;
	p->record.octets += input.len;
	add_turn(p, GP_PROBE_TURN_IN, input);
	if (p->record.octets > p->o.octets_max)
		give_up_endless(p);
}

static void
be_late(struct gp_probe *p)
{
	if (p->now_ms >= p->end_ms)
		give_up(p, GP_PROBE_END_TIME, "the time for this server is over");
	else if (p->state == PROBE_CONNECTING)
		gp_probe_end_connection(p, GP_PROBE_END_NO_CONNECTION, "no connection in time");
	else if (p->state == PROBE_SHAKING)
		fail_tls(p, "no handshake in time");
	else if (p->step == PROBE_AT_QUIT)
		gp_probe_end_connection(p, p->leave_end, p->leave_why);
	else
		gp_probe_end_connection(p, GP_PROBE_END_TIME, "no answer in time");
}

enum gp_probe_want
gp_probe_next(struct gp_probe *p, struct gp_slice *input, uint64_t now_ms)
{
	p->now_ms = now_ms;
	note_input(p, *input);
	for (;;) {
		if (p->state != PROBE_OVER && p->out.failed)
			give_up(p, GP_PROBE_END_MEMORY, "no memory");
		if (input->len > 0)
			take_input(p, input);
		else if (p->state != PROBE_OVER && now_ms >= gp_probe_deadline(p))
			be_late(p);
		else
			break;
	}
	if (p->state == PROBE_OVER)
		return GP_PROBE_WANT_DONE;
	if (!p->want_due)
		return GP_PROBE_WANT_READ;
	p->want_due = false;
	return p->state == PROBE_SHAKING ? GP_PROBE_WANT_TLS : GP_PROBE_WANT_CONNECT;
}

void
gp_probe_eof(struct gp_probe *p, uint64_t now_ms)
{
	p->now_ms = now_ms;
	if (p->state != PROBE_TALKING && p->state != PROBE_SHAKING)
		return;
	if (p->state == PROBE_SHAKING)
		fail_tls(p, "the server closed the connection");
	else if (p->step == PROBE_AT_QUIT)
		gp_probe_end_connection(p, p->leave_end, p->leave_why);
	else
		gp_probe_end_connection(p, GP_PROBE_END_CLOSED, "the server closed the connection");
}

void
gp_probe_overrun(struct gp_probe *p, uint64_t now_ms)
{
	p->now_ms = now_ms;
	if (p->state == PROBE_TALKING || p->state == PROBE_SHAKING)
		give_up_endless(p);
}

struct gp_slice
gp_probe_output(const struct gp_probe *p)
{
	return gp_buf_slice(&p->out);
}

void
gp_probe_output_sent(struct gp_probe *p, size_t n, uint64_t now_ms)
{
	p->now_ms = now_ms;
	add_turn(p, GP_PROBE_TURN_OUT, gp_slice_take(gp_buf_slice(&p->out), n));
	gp_buf_consume(&p->out, n);
	if (p->out.len == 0)
		p->sent_ms = since(p->connected_ms, now_ms);
}

uint64_t
gp_probe_deadline(const struct gp_probe *p)
{
	if (p->state == PROBE_ASKING || p->state == PROBE_OVER)
		return UINT64_MAX;
	return GP_MIN(p->deadline_ms, p->end_ms);
}

const struct gp_probe_record *
gp_probe_record(const struct gp_probe *p)
{
	return &p->record;
}

/* --- its life --- */

static bool
is_token(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]))
			return false;
	}
	return s.len >= 8 && s.len <= 32;
}

/* A date has nothing that could end its field. */
static bool
is_printable(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	}
	return s.len <= 100;
}

/* The matrix puts local part and domain into forms of its own, which a quoted string has no place
   in. */
static bool
is_plain_address(struct gp_slice s)
{
	static const char specials[] = "\"\\<>()[]:;,@%!/ ";
	struct gp_slice domain = s, local = gp_slice_cut(&domain, '@');
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] <= ' ' || local.ptr[i] > '~' ||
		    gp_slice_find(gp_slice_str(specials), local.ptr[i]) >= 0)
			return false;
	}
	return local.len > 0 && local.len <= GP_LOCAL_MAX && gp_domain_valid(domain) &&
	       !gp_slice_has_8bit(domain);
}

const char *
gp_probe_options_wrong(const struct gp_probe_options *o)
{
	bool mails = o->consents &
		     (GP_PROBE_RELAY | GP_PROBE_CANARY | GP_PROBE_SMUGGLE | GP_PROBE_ASK_MAILBOX);
	bool sends = o->consents & (GP_PROBE_CANARY | GP_PROBE_SMUGGLE);
	if (!gp_domain_valid(o->helo) || gp_slice_has_8bit(o->helo))
		return "the name for EHLO is no domain";
	if (mails && !is_plain_address(o->recipient))
		return "the recipient is no plain address, USER@DOMAIN";
	if ((o->consents & GP_PROBE_CANARY) && !(o->consents & GP_PROBE_RELAY))
		return "a canary needs the relay test";
	if (sends && !is_token(o->token))
		return "the token is not 8 to 32 letters and digits";
	if (sends && (o->date.len == 0 || !is_printable(o->date)))
		return "the date is none";
	return NULL;
}

/* What strangers chose: into commands only if it can be nothing but a name. */
static struct gp_slice
domain_or_none(struct gp_arena *arena, struct gp_slice s)
{
	if (s.len == 0 || !gp_domain_valid(s) || gp_slice_has_8bit(s))
		return gp_slice("", 0);
	return gp_arena_dup(arena, s);
}

static bool
is_address_char(char c)
{
	return gp_ascii_hex(c) >= 0 || c == '.' || c == ':';
}

static struct gp_slice
address_or_none(struct gp_arena *arena, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_address_char(s.ptr[i]))
			return gp_slice("", 0);
	}
	return gp_arena_dup(arena, gp_slice_take(s, 45));
}

static void
copy_options(struct gp_probe *p, const struct gp_probe_options *from)
{
	struct gp_probe_options *o = &p->o;
	*o = *from;
	o->helo = gp_arena_dup(&p->arena, from->helo);
	o->recipient = gp_arena_dup(&p->arena, from->recipient);
	o->token = gp_arena_dup(&p->arena, from->token);
	o->date = gp_arena_dup(&p->arena, from->date);
	o->server = domain_or_none(&p->arena, from->server);
	o->hosted = domain_or_none(&p->arena, from->hosted);
	o->address = address_or_none(&p->arena, from->address);
	o->own_address = address_or_none(&p->arena, from->own_address);
	if (o->greeting_ms == 0)
		o->greeting_ms = GP_PROBE_GREETING_MS;
	if (o->reply_ms == 0)
		o->reply_ms = GP_PROBE_REPLY_MS;
	if (o->total_ms == 0)
		o->total_ms = o->consents ? GP_PROBE_CONSENTED_MS : GP_PROBE_TOTAL_MS;
	if (o->octets_max == 0)
		o->octets_max = GP_PROBE_OCTETS_MAX;
}

struct gp_probe *
gp_probe_new(const struct gp_probe_options *options, uint64_t now_ms)
{
	gp_assert(!gp_probe_options_wrong(options));
	struct gp_probe *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->arena = GP_ARENA_INIT(PROBE_ARENA_MAX);
	p->reader = gp_probe_reader();
	p->out = GP_BUF_INIT(PROBE_OUTPUT_MAX);
	p->ehlo_text = GP_BUF_INIT(GP_PROBE_TEXT_MAX);
	p->now_ms = p->begun_ms = now_ms;
	p->record.mode = options->mode;
	p->record.consents = options->consents;
	p->record.inject_why = "not tried";
	copy_options(p, options);
	p->end_ms = now_ms + p->o.total_ms;
	find_work(p);
	return p->arena.failed ? gp_probe_free(p) : p;
}

struct gp_probe *
gp_probe_free(struct gp_probe *p)
{
	if (!p)
		return NULL;
	gp_probe_reader_free(&p->reader);
	gp_buf_free(&p->out);
	gp_buf_free(&p->ehlo_text);
	gp_arena_free(&p->arena);
	free(p);
	return NULL;
}
