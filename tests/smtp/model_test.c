/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may follow what in a dialogue, as a table that was written from the RFCs (5321 section
 * 4.1.4, 3207, 4954, 3030) and not from the code, held against the real session: over all sequences
 * of a few events from three beginnings, and over random walks of twenty, in random pieces.
 *
 *     model_test long         all sequences of five, and ten million steps of walks; some minutes
 *
 * A cell says what the server replies, what the driver is told, and the next state:
 *   m, r, d, e: it is asked about MAIL, RCPT, DATA, the end; a, s: about AUTH, about a response; A:
 *   the transaction is dropped; t: shake hands; X: close
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
enum { SEQUENCE = 3, WALKS = 20000 };
#else
enum { SEQUENCE = 4, WALKS = 100000 };
#endif
enum { LONG_SEQUENCE = 5, LONG_WALKS = 500000, STEPS = 20 /* of a walk */ };

static size_t sequence = SEQUENCE, walks = WALKS;

enum model_state {
	NEW,
	READY,
	FROM,
	TO,
	BODY,
	BAD_BODY, /* with a bare LF in it */
	POISON,
	CHUNKS,   /* BDAT was said */
	FAILED,   /* a chunk was refused, and LAST is due */
	SHAKE,    /* between STARTTLS and TLS */
	EXCHANGE, /* within AUTH */
	GONE,
	IDLE, /* only as what is next: NEW or READY, as it was before the transaction */
};

enum model_event {
	EV_EHLO,
	EV_HELO,
	EV_MAIL,
	EV_MAIL_NODATA, /* whose DATA the driver refuses */
	EV_MAIL_BINARY, /* whose body comes by BDAT alone */
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
	EV_EOF, /* the end of TCP, or close_notify */
	EV_STARTTLS,
	EV_STARTTLS_MORE,
	EV_TLS,        /* the handshake was good */
	EV_TLS_FAILED, /* or not */
	EV_AUTH,
	EV_AUTH_GOOD,
	EV_RESPONSE,
	EV_CANCEL,
	EV_BDAT,
	EV_BDAT_LAST,
	EV_BDAT_NONE_LAST,
	EV_BDAT_COMMAND, /* its octets look like one */
	EV_BDAT_BARE,
	EV_BDAT_WRONG,
	MODEL_EVENTS,
};

static const char *const says[MODEL_EVENTS] = {
	[EV_EHLO] = "EHLO c.example\r\n",
	[EV_HELO] = "HELO c.example\r\n",
	[EV_MAIL] = "MAIL FROM:<a@b>\r\n",
	[EV_MAIL_NODATA] = "MAIL FROM:<nodata@b>\r\n",
	[EV_MAIL_BINARY] = "MAIL FROM:<a@b> BODY=BINARYMIME\r\n",
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
	[EV_STARTTLS] = "STARTTLS\r\n",
	[EV_STARTTLS_MORE] = "STARTTLS\r\nNOOP\r\n",
	[EV_AUTH] = "AUTH PLAIN\r\n",
	[EV_AUTH_GOOD] = "AUTH PLAIN Z29vZA==\r\n",
	[EV_RESPONSE] = "Z29vZA==\r\n",
	[EV_CANCEL] = "*\r\n",
	[EV_BDAT] = "BDAT 3\r\nx\r\n",
	[EV_BDAT_LAST] = "BDAT 3 LAST\r\nx\r\n",
	[EV_BDAT_NONE_LAST] = "BDAT 0 LAST\r\n",
	[EV_BDAT_COMMAND] = "BDAT 6\r\nRSET\r\n",
	[EV_BDAT_BARE] = "BDAT 4\r\nx\n\r\n",
	[EV_BDAT_WRONG] = "BDAT x\r\n",
};

struct cell {
	const char *replies; /* codes of whole replies, behind one another */
	const char *events;
	enum model_state next;
};

/* What is the same wherever commands are read: it leaves the state alone. */
#define ANYWHERE(here)                                                              \
	[EV_NOOP] = {"250", "", here}, [EV_VRFY] = {"252", "", here},               \
	[EV_GARBAGE] = {"500", "", here}, [EV_END] = {"500", "", here},             \
	[EV_END_REFUSED] = {"500500", "", here}, [EV_RESPONSE] = {"500", "", here}, \
	[EV_CANCEL] = {"500", "", here}, [EV_TLS] = {"", "", here},                 \
	[EV_TLS_FAILED] = {"", "", here}

/* What comes of all that is not in the table. */
static const struct cell otherwise[GONE] = {
	[BODY] = {"", "", BODY},   [BAD_BODY] = {"", "", BAD_BODY}, [POISON] = {"421", "X", GONE},
	[SHAKE] = {"", "X", GONE}, [EXCHANGE] = {"501", "", READY},
};

/* clang-format off */
static const struct cell model[GONE][MODEL_EVENTS] = {
	[NEW] = {
		ANYWHERE(NEW),
		[EV_EHLO] = {"250", "", READY},         [EV_HELO] = {"250", "", READY},
		[EV_MAIL] = {"503", "", NEW},           [EV_MAIL_NODATA] = {"503", "", NEW},
		[EV_BAD_MAIL] = {"503", "", NEW},       [EV_DATA] = {"503", "", NEW},
		[EV_RCPT] = {"503", "", NEW},           [EV_RCPT_REFUSED] = {"503", "", NEW},
		[EV_MAIL_BINARY] = {"503", "", NEW},
		[EV_RSET] = {"250", "", NEW},
		[EV_QUIT] = {"221", "X", GONE},         [EV_EOF] = {"", "X", GONE},
	},
	[READY] = {
		ANYWHERE(READY),
		[EV_EHLO] = {"250", "", READY},         [EV_HELO] = {"250", "", READY},
		[EV_MAIL] = {"250", "m", FROM},         [EV_MAIL_NODATA] = {"250", "m", FROM},
		[EV_BAD_MAIL] = {"501", "", READY},     [EV_DATA] = {"503", "", READY},
		[EV_RCPT] = {"503", "", READY},         [EV_RCPT_REFUSED] = {"503", "", READY},
		[EV_RSET] = {"250", "", READY},
		[EV_QUIT] = {"221", "X", GONE},         [EV_EOF] = {"", "X", GONE},
	},
	[FROM] = {
		ANYWHERE(FROM),
		[EV_EHLO] = {"250", "A", READY},        [EV_HELO] = {"250", "A", READY},
		[EV_MAIL] = {"503", "", FROM},          [EV_MAIL_NODATA] = {"503", "", FROM},
		[EV_BAD_MAIL] = {"503", "", FROM},      [EV_DATA] = {"554", "", FROM},
		[EV_RCPT] = {"250", "r", TO},           [EV_RCPT_REFUSED] = {"550", "r", FROM},
		[EV_MAIL_BINARY] = {"503", "", FROM},
		[EV_RSET] = {"250", "A", READY},
		[EV_QUIT] = {"221", "AX", GONE},        [EV_EOF] = {"", "AX", GONE},
	},
	[TO] = {
		ANYWHERE(TO),
		[EV_EHLO] = {"250", "A", READY},        [EV_HELO] = {"250", "A", READY},
		[EV_MAIL] = {"503", "", TO},            [EV_MAIL_NODATA] = {"503", "", TO},
		[EV_BAD_MAIL] = {"503", "", TO},        [EV_DATA] = {"354", "d", BODY},
		[EV_RCPT] = {"250", "r", TO},           [EV_RCPT_REFUSED] = {"550", "r", TO},
		[EV_MAIL_BINARY] = {"503", "", TO},
		[EV_RSET] = {"250", "A", READY},
		[EV_QUIT] = {"221", "AX", GONE},        [EV_EOF] = {"", "AX", GONE},
	},
	[BODY] = {
		[EV_END] = {"250", "e", READY},         [EV_END_REFUSED] = {"554", "e", READY},
		[EV_BDAT_BARE] = {"", "", BAD_BODY},    [EV_EOF] = {"", "AX", GONE},
	},
	[BAD_BODY] = {
		[EV_END] = {"554", "A", POISON},        [EV_END_REFUSED] = {"554", "A", POISON},
		[EV_EOF] = {"", "AX", GONE},
	},
	[POISON] = {
		[EV_TLS] = {"", "", POISON},            [EV_TLS_FAILED] = {"", "", POISON},
		[EV_EOF] = {"", "X", GONE},
	},
	[CHUNKS] = {
		ANYWHERE(CHUNKS),
		[EV_EHLO] = {"250", "A", READY},        [EV_HELO] = {"250", "A", READY},
		[EV_MAIL] = {"503", "", CHUNKS},        [EV_MAIL_NODATA] = {"503", "", CHUNKS},
		[EV_BAD_MAIL] = {"503", "", CHUNKS},    [EV_DATA] = {"503", "", CHUNKS},
		[EV_RCPT] = {"503", "", CHUNKS},        [EV_RCPT_REFUSED] = {"503", "", CHUNKS},
		[EV_MAIL_BINARY] = {"503", "", CHUNKS},
		[EV_RSET] = {"250", "A", READY},
		[EV_QUIT] = {"221", "AX", GONE},        [EV_EOF] = {"", "AX", GONE},
	},
	[FAILED] = {
		ANYWHERE(FAILED),
		[EV_EHLO] = {"250", "", READY},         [EV_HELO] = {"250", "", READY},
		[EV_MAIL] = {"503", "", FAILED},        [EV_MAIL_NODATA] = {"503", "", FAILED},
		[EV_BAD_MAIL] = {"503", "", FAILED},    [EV_DATA] = {"503", "", FAILED},
		[EV_RCPT] = {"503", "", FAILED},        [EV_RCPT_REFUSED] = {"503", "", FAILED},
		[EV_MAIL_BINARY] = {"503", "", FAILED},
		[EV_RSET] = {"250", "", IDLE},
		[EV_QUIT] = {"221", "X", GONE},         [EV_EOF] = {"", "X", GONE},
	},
	/* Whatever comes in clear. */
	[SHAKE] = {
		[EV_TLS] = {"", "", NEW},
	},
	/* Each line is a response; what follows one that was refused is a command again. */
	[EXCHANGE] = {
		[EV_RESPONSE] = {"235", "s", READY},
		[EV_DATA] = {"535", "s", READY},        [EV_RSET] = {"535", "s", READY},
		[EV_NOOP] = {"535", "s", READY},        [EV_QUIT] = {"535", "s", READY},
		[EV_GARBAGE] = {"535", "s", READY},     [EV_STARTTLS] = {"535", "s", READY},
		[EV_STARTTLS_MORE] = {"535250", "s", READY},
		[EV_END_REFUSED] = {"501500", "", READY},
		[EV_BDAT] = {"501500", "", READY},      [EV_BDAT_LAST] = {"501500", "", READY},
		[EV_BDAT_COMMAND] = {"501250", "", READY},
		[EV_BDAT_BARE] = {"501500", "X", GONE},
		[EV_TLS] = {"", "", EXCHANGE},          [EV_TLS_FAILED] = {"", "", EXCHANGE},
		[EV_EOF] = {"", "X", GONE},
	},
};
/* clang-format on */

/* Beside the state: what the answers to STARTTLS, AUTH and BDAT depend on. */
struct position {
	enum model_state state;
	bool tls, helo, esmtp, authenticated, nodata, binary;
	const char *failed; /* FAILED: what the chunks hear */
};

static bool
reads_commands(enum model_state state)
{
	return state <= TO || state == CHUNKS || state == FAILED;
}

static struct cell
starttls(const struct position *p, bool more)
{
	if (p->tls || (p->state != NEW && p->state != READY))
		return (struct cell){more ? "503250" : "503", "", p->state};
	if (more)
		return (struct cell){"554", "X", GONE};
	return (struct cell){"220", "t", SHAKE};
}

static struct cell
auth(const struct position *p, bool good)
{
	if (!p->tls)
		return (struct cell){"538", "", p->state};
	if (!p->esmtp || p->authenticated || p->state != READY)
		return (struct cell){"503", "", p->state};
	return good ? (struct cell){"235", "a", READY} : (struct cell){"334", "a", EXCHANGE};
}

static struct cell
bdat(struct position *p, bool last, bool bare)
{
	bool in_transaction = p->state == FROM || p->state == TO || p->state == CHUNKS;
	bool asked = p->esmtp && p->state == TO;
	const char *code = !p->esmtp            ? "502"
			   : p->state == FAILED ? p->failed
			   : !in_transaction    ? "503"
			   : p->state == FROM   ? "554"
			   : p->nodata          ? "451"
			   : bare && !p->binary ? "554"
						: "250";
	if (strcmp(code, "250") == 0 && last)
		return (struct cell){code, asked ? "de" : "e", READY};
	if (strcmp(code, "250") == 0)
		return (struct cell){code, asked ? "d" : "", CHUNKS};
	p->failed = code;
	return (struct cell){code, asked ? "dA" : in_transaction ? "A" : "", last ? IDLE : FAILED};
}

static struct cell
look_up(struct position *p, enum model_event event)
{
	if (reads_commands(p->state)) {
		switch (event) {
		case EV_STARTTLS:
		case EV_STARTTLS_MORE:
			return starttls(p, event == EV_STARTTLS_MORE);
		case EV_AUTH:
		case EV_AUTH_GOOD:
			return auth(p, event == EV_AUTH_GOOD);
		case EV_BDAT:
		case EV_BDAT_COMMAND:
		case EV_BDAT_BARE:
			return bdat(p, false, event == EV_BDAT_BARE);
		case EV_BDAT_LAST:
		case EV_BDAT_NONE_LAST:
			return bdat(p, true, false);
		case EV_BDAT_WRONG:
			return (struct cell){"501", model[p->state][EV_EOF].events, GONE};
		case EV_MAIL_BINARY:
			if (p->state == READY)
				return p->esmtp ? (struct cell){"250", "m", FROM}
						: (struct cell){"555", "", READY};
			break;
		case EV_DATA:
			if ((p->state == FROM || p->state == TO) && p->binary)
				return (struct cell){"503", "", p->state};
			if (p->state == TO && p->nodata)
				return (struct cell){"451", "d", TO};
			break;
		default:
			break;
		}
	}
	const struct cell *cell = &model[p->state][event];
	return cell->replies ? *cell : otherwise[p->state];
}

static struct cell
go(struct position *p, enum model_event event)
{
	struct cell cell = look_up(p, event);
	if (p->state == SHAKE && event == EV_TLS)
		*p = (struct position){.tls = true};
	if (reads_commands(p->state) && (event == EV_EHLO || event == EV_HELO)) {
		p->helo = true;
		p->esmtp = event == EV_EHLO;
	}
	if (cell.next == FROM && p->state == READY) {
		p->nodata = event == EV_MAIL_NODATA;
		p->binary = event == EV_MAIL_BINARY;
	}
	if (strcmp(cell.replies, "235") == 0)
		p->authenticated = true;
	p->state = cell.next == IDLE ? (p->helo ? READY : NEW) : cell.next;
	return cell;
}

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
	static const struct gp_reply no_data = {451, 4, 3, 0, {"No", 2}};
	static const struct gp_reply no_body = {554, 5, 7, 1, {"No", 2}};
	const struct gp_reply *reply = &yes;
	if (event == GP_SMTP_RCPT &&
	    gp_smtp_server_path(r->session)->local.len == strlen("unknown"))
		reply = &no_user;
	if (event == GP_SMTP_DATA &&
	    gp_smtp_server_envelope(r->session)->sender.len == strlen("nodata@b"))
		reply = &no_data;
	if (event == GP_SMTP_END && r->body_refused)
		reply = &no_body;
	gp_smtp_server_answer(r->session, reply);
}

static void
answer_auth(struct real *r)
{
	static const struct gp_reply wrong = {535, 5, 7, 8, {"No", 2}};
	struct gp_slice said = gp_smtp_server_auth_response(r->session);
	if (!said.ptr)
		gp_smtp_server_auth_challenge(r->session, GP_SLICE(""));
	else if (gp_slice_eq(said, GP_SLICE("good")))
		assert_true(gp_smtp_server_auth_done(r->session, GP_SLICE("alice")));
	else
		gp_smtp_server_answer(r->session, &wrong);
}

/* Behind CLOSE nothing has any effect: not what comes in clear after a close_notify. */
static void
check_closed(struct real *r, struct gp_slice input)
{
	size_t len = input.len;
	assert_int_equal(gp_smtp_server_next(r->session, &input, 0), GP_SMTP_CLOSE);
	assert_int_equal(input.len, len);
	assert_int_equal(gp_smtp_server_output(r->session).len, 0);
}

static void
feed(struct real *r, struct gp_slice input)
{
	static const struct gp_reply taken = {220, 2, 0, 0, {"Ok", 2}};
	if (r->closed)
		check_closed(r, input);
	while (!r->closed) {
		enum gp_smtp_event event = gp_smtp_server_next(r->session, &input, 0);
		switch (event) {
		case GP_SMTP_NEED_INPUT:
			collect_replies(r->session, &r->replies);
			if (gp_smtp_server_deadline(r->session) == 0)
				break;
			return;
		case GP_SMTP_MAIL:
		case GP_SMTP_RCPT:
		case GP_SMTP_DATA:
		case GP_SMTP_END:
			add(&r->events, &"?mrd?e"[event], 1);
			answer(r, event);
			break;
		case GP_SMTP_AUTH:
		case GP_SMTP_AUTH_STEP:
			add(&r->events, event == GP_SMTP_AUTH ? "a" : "s", 1);
			answer_auth(r);
			break;
		case GP_SMTP_STARTTLS:
			gp_smtp_server_answer(r->session, &taken);
			break;
		case GP_SMTP_HANDSHAKE:
			add(&r->events, "t", 1);
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

/* What the driver does, and not the client. */
static bool
do_driver_event(struct real *r, enum model_event event, bool shaking)
{
	if (event == EV_EOF && !r->closed)
		gp_smtp_server_eof(r->session);
	if (event == EV_TLS && shaking)
		gp_smtp_server_tls_started(r->session);
	if (event == EV_TLS_FAILED && shaking)
		gp_smtp_server_tls_failed(r->session);
	return event == EV_EOF || event == EV_TLS || event == EV_TLS_FAILED;
}

static void
do_event(struct real *r, enum model_event event, bool shaking, uint64_t *seed)
{
	r->body_refused = event == EV_END_REFUSED;
	if (do_driver_event(r, event, shaking)) {
		feed(r, gp_slice("", 0));
		return;
	}
	struct gp_slice rest = gp_slice_str(says[event]);
	/* What follows STARTTLS ends the session in either case, but not by the same words. */
	if (event == EV_STARTTLS_MORE)
		seed = NULL;
	while (rest.len > 0) {
		size_t len = seed ? next_random(seed) % rest.len + 1 : rest.len;
		feed(r, gp_slice_take(rest, len));
		rest = gp_slice_drop(rest, len);
	}
}

/* What comes before the events of a sequence: so that those few get further. */
enum beginning { IN_CLEAR, WITHIN_TLS, IN_TRANSACTION, BEGINNINGS };

static struct position
begin(struct real *real, enum beginning beginning)
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
	struct gp_smtp_server_setup setup = {
		.hostname = {"mx", 2},
		.limits = &limits,
		.tls_offered = true,
		.tls = beginning == WITHIN_TLS,
		.auth_mechanisms = {"PLAIN", 5},
		.chunking = true,
		.binarymime = true,
	};
	*real = (struct real){.session = gp_smtp_server_new(&setup, 0)};
	assert_non_null(real->session);
	feed(real, gp_slice("", 0));
	if (beginning != IN_TRANSACTION)
		return (struct position){.tls = setup.tls};
	feed(real, GP_SLICE("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"));
	return (struct position){.state = TO, .helo = true, .esmtp = true};
}

static void
report(const uint8_t *events, size_t len, const struct text *replies, const struct text *told,
       const struct real *real)
{
	for (size_t i = 0; i < len; i++)
		print_error("%s\n", says[events[i]] ? says[events[i]] : "(the driver's)");
	print_error("model: %s %s\nreal:  %s %s\n", replies->s, told->s, real->replies.s,
		    real->events.s);
	fail();
}

/* Runs the events through the session and through the table. */
static void
check_walk(enum beginning beginning, const uint8_t *events, size_t len, uint64_t *seed)
{
	struct real real;
	struct position position = begin(&real, beginning);
	struct text replies = real.replies, told = real.events;
	for (size_t i = 0; i < len; i++) {
		do_event(&real, events[i], position.state == SHAKE, seed);
		if (position.state == GONE)
			continue;
		struct cell cell = go(&position, events[i]);
		add(&replies, cell.replies, strlen(cell.replies));
		add(&told, cell.events, strlen(cell.events));
	}
	if (strcmp(real.replies.s, replies.s) != 0 || strcmp(real.events.s, told.s) != 0)
		report(events, len, &replies, &told, &real);
	bool known = real.closed ? true
				 : (gp_smtp_server_identity(real.session).len > 0) ==
					   position.authenticated;
	assert_true(known);
	gp_smtp_server_free(real.session);
}

static void
all_sequences(void **state)
{
	(void)state;
	for (enum beginning from = 0; from < BEGINNINGS; from++) {
		uint8_t events[LONG_SEQUENCE] = {};
		size_t i = 0;
		while (i < sequence) {
			check_walk(from, events, sequence, NULL);
			for (i = 0; i < sequence && ++events[i] == MODEL_EVENTS; i++)
				events[i] = 0;
		}
	}
}

/* Events that lead on come more often, or no walk would get far. */
static void
random_walks(void **state)
{
	static const uint8_t onward[] = {
		EV_EHLO,     EV_EHLO, EV_MAIL,     EV_MAIL,        EV_RCPT,      EV_RCPT,
		EV_DATA,     EV_END,  EV_BDAT,     EV_BDAT,        EV_BDAT_LAST, EV_TLS,
		EV_STARTTLS, EV_AUTH, EV_RESPONSE, EV_MAIL_BINARY,
	};
	uint64_t seed = 0x9E3779B97F4A7C15;
	uint8_t events[STEPS];
	(void)state;
	for (size_t walk = 0; walk < walks; walk++) {
		for (size_t i = 0; i < STEPS; i++) {
			uint64_t n = next_random(&seed) >> 8;
			bool odd = n % 4 == 0;
			events[i] = odd ? (uint8_t)(n / 4 % MODEL_EVENTS)
					: onward[n / 4 % GP_ARRAY_LEN(onward)];
		}
		check_walk(walk % BEGINNINGS, events, STEPS, &seed);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sequences),
		cmocka_unit_test(random_walks),
	};
	if (argc > 1 && strcmp(argv[1], "long") == 0) {
		sequence = LONG_SEQUENCE;
		walks = LONG_WALKS;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
