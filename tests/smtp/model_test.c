/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may follow what in a dialogue, as a table that was written from RFC 5321 section 4.1.4 and
 * not from the code, held against the real session: over all sequences of five events, and over
 * random walks of twenty, in random pieces.
 *
 * A cell says what the server replies, what the driver is told, and the next state:
 *   m, r, d, e: it is asked about MAIL, RCPT, DATA, the end; A: the transaction is dropped; X:
 * close
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "smtp/talk.h"

/* Under AddressSanitizer, which looks at each step and not for a rare order of them, less will do.
 */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { SEQUENCE = 4, WALKS = 20000 };
#else
enum { SEQUENCE = 5, WALKS = 100000 };
#endif
enum { STEPS = 20 }; /* of a walk */

enum model_state { NEW, READY, FROM, TO, BODY, GONE, MODEL_STATES };

enum model_event {
	EV_EHLO,
	EV_HELO,
	EV_MAIL,
	EV_BAD_MAIL,
	EV_RCPT,
	EV_RCPT_REFUSED,
	EV_DATA,
	EV_END,
	EV_END_REFUSED,
	EV_RSET,
	EV_NOOP,
	EV_VRFY,
	EV_QUIT,
	EV_GARBAGE,
	EV_EOF,
	MODEL_EVENTS,
};

static const char *const says[MODEL_EVENTS] = {
	[EV_EHLO] = "EHLO c.example\r\n",
	[EV_HELO] = "HELO c.example\r\n",
	[EV_MAIL] = "MAIL FROM:<a@b>\r\n",
	[EV_BAD_MAIL] = "MAIL FROM:a@b\r\n",
	[EV_RCPT] = "RCPT TO:<c@d>\r\n",
	[EV_RCPT_REFUSED] = "RCPT TO:<unknown@d>\r\n",
	[EV_DATA] = "DATA\r\n",
	[EV_END] = ".\r\n",
	[EV_END_REFUSED] = "refuse me\r\n.\r\n",
	[EV_RSET] = "RSET\r\n",
	[EV_NOOP] = "NOOP\r\n",
	[EV_VRFY] = "VRFY c\r\n",
	[EV_QUIT] = "QUIT\r\n",
	[EV_GARBAGE] = "what\r\n",
};

struct cell {
	const char *replies; /* codes of whole replies, behind one another */
	const char *events;
	enum model_state next;
};

/* clang-format off */
static const struct cell model[MODEL_STATES][MODEL_EVENTS] = {
	[NEW] = {
		[EV_EHLO] = {"250", "", READY},         [EV_HELO] = {"250", "", READY},
		[EV_MAIL] = {"503", "", NEW},           [EV_BAD_MAIL] = {"503", "", NEW},
		[EV_RCPT] = {"503", "", NEW},           [EV_RCPT_REFUSED] = {"503", "", NEW},
		[EV_DATA] = {"503", "", NEW},           [EV_END] = {"500", "", NEW},
		[EV_END_REFUSED] = {"500500", "", NEW}, [EV_RSET] = {"250", "", NEW},
		[EV_NOOP] = {"250", "", NEW},           [EV_VRFY] = {"252", "", NEW},
		[EV_QUIT] = {"221", "X", GONE},         [EV_GARBAGE] = {"500", "", NEW},
		[EV_EOF] = {"", "X", GONE},
	},
	[READY] = {
		[EV_EHLO] = {"250", "", READY},           [EV_HELO] = {"250", "", READY},
		[EV_MAIL] = {"250", "m", FROM},           [EV_BAD_MAIL] = {"501", "", READY},
		[EV_RCPT] = {"503", "", READY},           [EV_RCPT_REFUSED] = {"503", "", READY},
		[EV_DATA] = {"503", "", READY},           [EV_END] = {"500", "", READY},
		[EV_END_REFUSED] = {"500500", "", READY}, [EV_RSET] = {"250", "", READY},
		[EV_NOOP] = {"250", "", READY},           [EV_VRFY] = {"252", "", READY},
		[EV_QUIT] = {"221", "X", GONE},           [EV_GARBAGE] = {"500", "", READY},
		[EV_EOF] = {"", "X", GONE},
	},
	[FROM] = {
		[EV_EHLO] = {"250", "A", READY},         [EV_HELO] = {"250", "A", READY},
		[EV_MAIL] = {"503", "", FROM},           [EV_BAD_MAIL] = {"503", "", FROM},
		[EV_RCPT] = {"250", "r", TO},            [EV_RCPT_REFUSED] = {"550", "r", FROM},
		[EV_DATA] = {"554", "", FROM},           [EV_END] = {"500", "", FROM},
		[EV_END_REFUSED] = {"500500", "", FROM}, [EV_RSET] = {"250", "A", READY},
		[EV_NOOP] = {"250", "", FROM},           [EV_VRFY] = {"252", "", FROM},
		[EV_QUIT] = {"221", "AX", GONE},         [EV_GARBAGE] = {"500", "", FROM},
		[EV_EOF] = {"", "AX", GONE},
	},
	[TO] = {
		[EV_EHLO] = {"250", "A", READY},       [EV_HELO] = {"250", "A", READY},
		[EV_MAIL] = {"503", "", TO},           [EV_BAD_MAIL] = {"503", "", TO},
		[EV_RCPT] = {"250", "r", TO},          [EV_RCPT_REFUSED] = {"550", "r", TO},
		[EV_DATA] = {"354", "d", BODY},        [EV_END] = {"500", "", TO},
		[EV_END_REFUSED] = {"500500", "", TO}, [EV_RSET] = {"250", "A", READY},
		[EV_NOOP] = {"250", "", TO},           [EV_VRFY] = {"252", "", TO},
		[EV_QUIT] = {"221", "AX", GONE},       [EV_GARBAGE] = {"500", "", TO},
		[EV_EOF] = {"", "AX", GONE},
	},
	[BODY] = {
		[EV_EHLO] = {"", "", BODY},             [EV_HELO] = {"", "", BODY},
		[EV_MAIL] = {"", "", BODY},             [EV_BAD_MAIL] = {"", "", BODY},
		[EV_RCPT] = {"", "", BODY},             [EV_RCPT_REFUSED] = {"", "", BODY},
		[EV_DATA] = {"", "", BODY},             [EV_END] = {"250", "e", READY},
		[EV_END_REFUSED] = {"554", "e", READY}, [EV_RSET] = {"", "", BODY},
		[EV_NOOP] = {"", "", BODY},             [EV_VRFY] = {"", "", BODY},
		[EV_QUIT] = {"", "", BODY},             [EV_GARBAGE] = {"", "", BODY},
		[EV_EOF] = {"", "AX", GONE},
	},
	/* [GONE]: nothing is said, nothing is told. */
};
/* clang-format on */

enum { TEXT_MAX = 512 };

struct text {
	char s[TEXT_MAX];
	size_t len;
};

static void
add(struct text *t, const char *s, size_t len)
{
	gp_assert(t->len + len < TEXT_MAX);
	memcpy(t->s + t->len, s, len);
	t->len += len;
}

/* The code of each whole reply: of lines without the hyphen. */
static void
collect_replies(struct gp_smtp_server *session, struct text *replies)
{
	struct gp_slice out = gp_smtp_server_output(session);
	size_t sent = out.len;
	while (out.len > 0) {
		struct gp_slice line = gp_slice_cut(&out, '\n');
		if (line.ptr[3] == ' ')
			add(replies, line.ptr, 3);
	}
	gp_smtp_server_output_sent(session, sent);
}

struct real {
	struct gp_smtp_server *session;
	struct text replies, events;
	bool body_refused, closed;
};

static void
answer(struct real *r, enum gp_smtp_event event)
{
	static const struct gp_reply yes = {250, 2, 0, 0, {"Ok", 2}};
	static const struct gp_reply no_user = {550, 5, 1, 1, {"No", 2}};
	static const struct gp_reply no_body = {554, 5, 7, 1, {"No", 2}};
	bool unknown = event == GP_SMTP_RCPT &&
		       gp_smtp_server_path(r->session)->local.len == strlen("unknown");
	bool refuse_body = event == GP_SMTP_END && r->body_refused;
	gp_smtp_server_answer(r->session, unknown ? &no_user : refuse_body ? &no_body : &yes);
}

static void
feed(struct real *r, struct gp_slice input)
{
	while (!r->closed) {
		enum gp_smtp_event event = gp_smtp_server_next(r->session, &input, 0);
		switch (event) {
		case GP_SMTP_NEED_INPUT:
			collect_replies(r->session, &r->replies);
			return;
		case GP_SMTP_MAIL:
		case GP_SMTP_RCPT:
		case GP_SMTP_DATA:
		case GP_SMTP_END:
			add(&r->events, &"?mrd?e"[event], 1);
			answer(r, event);
			break;
		case GP_SMTP_ABORT:
			add(&r->events, "A", 1);
			break;
		case GP_SMTP_CLOSE:
			add(&r->events, "X", 1);
			collect_replies(r->session, &r->replies);
			r->closed = true;
			break;
		default:
			break;
		}
	}
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
do_event(struct real *r, enum model_event event, uint64_t *seed)
{
	r->body_refused = event == EV_END_REFUSED;
	if (event == EV_EOF) {
		if (!r->closed)
			gp_smtp_server_eof(r->session);
		feed(r, gp_slice("", 0));
		return;
	}
	struct gp_slice rest = gp_slice_str(says[event]);
	while (rest.len > 0) {
		size_t len = seed ? next_random(seed) % rest.len + 1 : rest.len;
		feed(r, gp_slice_take(rest, len));
		rest = gp_slice_drop(rest, len);
	}
}

/* Runs the events through the session and through the table. */
static void
check_walk(const uint8_t *events, size_t len, uint64_t *seed)
{
	static const struct gp_limits limits = {
		.message_size = 10000,
		.header_size = 10000,
		.header_fields = 1000,
		.recipients = 100,
		.messages = 100,
		.errors = 1000,
		.useless_commands = 1000,
		.hops = 50,
		.command_length = 512,
		.command_time = 1000,
	};
	static const struct gp_smtp_server_setup setup = {.hostname = {"mx", 2}, .limits = &limits};
	struct real real = {.session = gp_smtp_server_new(&setup, 0)};
	struct text replies = {}, told = {};
	enum model_state state = NEW;
	assert_non_null(real.session);
	add(&replies, "220", 3);
	feed(&real, gp_slice("", 0));
	for (size_t i = 0; i < len; i++) {
		do_event(&real, events[i], seed);
		if (state == GONE)
			continue;
		const struct cell *cell = &model[state][events[i]];
		add(&replies, cell->replies, strlen(cell->replies));
		add(&told, cell->events, strlen(cell->events));
		state = cell->next;
	}
	if (strcmp(real.replies.s, replies.s) != 0 || strcmp(real.events.s, told.s) != 0) {
		for (size_t i = 0; i < len; i++)
			print_error("%s\n", says[events[i]] ? says[events[i]] : "(eof)");
		print_error("model: %s %s\nreal:  %s %s\n", replies.s, told.s, real.replies.s,
			    real.events.s);
		fail();
	}
	gp_smtp_server_free(real.session);
}

static void
all_sequences(void **state)
{
	uint8_t events[SEQUENCE] = {};
	(void)state;
	for (;;) {
		check_walk(events, GP_ARRAY_LEN(events), NULL);
		size_t i = 0;
		while (i < GP_ARRAY_LEN(events) && ++events[i] == MODEL_EVENTS)
			events[i++] = 0;
		if (i == GP_ARRAY_LEN(events))
			return;
	}
}

/* Events that lead on come more often, or no walk would get far. */
static void
random_walks(void **state)
{
	static const uint8_t onward[] = {EV_EHLO, EV_MAIL, EV_RCPT, EV_DATA, EV_END};
	uint64_t seed = 0x9E3779B97F4A7C15;
	uint8_t events[STEPS];
	(void)state;
	for (size_t walk = 0; walk < WALKS; walk++) {
		for (size_t i = 0; i < STEPS; i++) {
			uint64_t n = next_random(&seed) >> 8;
			bool odd = n % 4 == 0;
			events[i] = odd ? (uint8_t)(n / 4 % MODEL_EVENTS)
					: onward[n / 4 % GP_ARRAY_LEN(onward)];
		}
		check_walk(events, STEPS, &seed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sequences),
		cmocka_unit_test(random_walks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
