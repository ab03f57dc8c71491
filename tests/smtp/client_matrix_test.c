/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every class of answer at every step of a transaction, in all combinations that a server can give:
 * SMTP and LMTP, by DATA and by BDAT, in lock-step and pipelined, one recipient and three, octet by
 * octet. A server that draws its answers from an odometer keeps a log of them; a few lines say from
 * the log alone what each recipient's outcome must be. Where the session goes on, a second message
 * shows that both sides still agree about where they are.
 */
#include "../unit.h"
#include "core/smtp/client.h"

enum { RCPTS_MAX = 3, CHOICES_MAX = 32 };

enum answer { YES, GO_ON, LATER, NO, GOODBYE, GARBAGE, CLOSED, ANSWERS };

static const char *const wire[ANSWERS] = {
	"250 2.0.0 yes\r\n",
	"354 go on\r\n",
	"450 4.0.0 later\r\n",
	"550 5.0.0 no\r\n",
	"421 4.3.2 bye\r\n",
	"hello?\r\n",
	"",
};

/* All sequences of choices, the last one turning fastest; how many a sequence has depends on what
   was chosen before. */
struct odometer {
	uint8_t digits[CHOICES_MAX];
	size_t len, at;
};

static enum answer
choose(struct odometer *o)
{
	assert_true(o->at < CHOICES_MAX);
	if (o->at == o->len)
		o->digits[o->len++] = 0;
	return o->digits[o->at++];
}

/* False: all were seen. */
static bool
turn(struct odometer *o)
{
	o->len = o->at;
	o->at = 0;
	while (o->len > 0 && ++o->digits[o->len - 1] == ANSWERS)
		o->len--;
	return o->len > 0;
}

enum step { MAIL, RCPT, DATA, END, RSET };

struct log_entry {
	enum step step;
	size_t rcpt; /* RCPT, and END of LMTP */
	enum answer answer;
};

struct server {
	struct odometer *odometer; /* NULL: says yes to everything */
	bool lmtp;
	struct gp_buf heard, says;
	struct log_entry log[CHOICES_MAX];
	size_t log_len;
	size_t rcpts;          /* RCPT commands in this transaction */
	bool taken[RCPTS_MAX]; /* those that were taken */
	bool in_body, closed;
	size_t chunk;       /* octets of BDAT's still to come */
	struct gp_buf body; /* of this transaction */
	size_t bodies;      /* ends of data that were seen */
};

static enum answer
answer(struct server *s, enum step step, size_t rcpt)
{
	enum answer a = s->odometer ? choose(s->odometer) : step == DATA ? GO_ON : YES;
	assert_true(s->log_len < CHOICES_MAX);
	s->log[s->log_len++] = (struct log_entry){step, rcpt, a};
	gp_buf_put_str(&s->says, wire[a]);
	s->closed |= a == CLOSED || a == GOODBYE;
	return a;
}

/* LMTP answers for each that was taken; to nobody's dot there is one answer in SMTP, none here. */
static void
end_of_data(struct server *s)
{
	s->in_body = false;
	s->bodies++;
	if (!s->lmtp) {
		(void)answer(s, END, 0);
		return;
	}
	for (size_t i = 0; i < s->rcpts; i++) {
		if (s->taken[i] && !s->closed)
			(void)answer(s, END, i);
	}
}

static void
hear(struct server *s, struct gp_slice line)
{
	if (s->in_body) {
		if (gp_slice_eq(line, GP_SLICE(".\r\n")))
			end_of_data(s);
		else
			gp_buf_put(&s->body, line);
	} else if (gp_slice_starts(line, GP_SLICE("MAIL FROM:<a@example.org>\r\n"))) {
		s->rcpts = 0;
		gp_buf_clear(&s->body);
		(void)answer(s, MAIL, 0);
	} else if (gp_slice_starts(line, GP_SLICE("RCPT TO:<r@example.net>\r\n"))) {
		assert_true(s->rcpts < RCPTS_MAX);
		size_t i = s->rcpts++;
		s->taken[i] = answer(s, RCPT, i) == YES;
	} else if (gp_slice_eq(line, GP_SLICE("DATA\r\n"))) {
		s->in_body = answer(s, DATA, 0) == GO_ON;
	} else if (gp_slice_eq(line, GP_SLICE("BDAT 6 LAST\r\n"))) {
		s->chunk = 6;
	} else if (gp_slice_eq(line, GP_SLICE("RSET\r\n"))) {
		(void)answer(s, RSET, 0);
	} else {
		assert_true(gp_slice_eq(line, GP_SLICE("QUIT\r\n")));
		s->closed = true;
	}
}

/* Swallowed in any case (RFC 3030 section 4.1). */
static void
hear_chunk(struct server *s, char octet)
{
	gp_buf_put_char(&s->body, octet);
	if (--s->chunk == 0 && !s->closed)
		end_of_data(s);
}

/* What the client has to say, octet by octet; after its end the server hears nothing. */
static void
carry(struct gp_smtp_client *c, struct server *s)
{
	struct gp_slice out;
	while ((out = gp_smtp_client_output(c)).len > 0) {
		char octet = out.ptr[0];
		gp_smtp_client_output_sent(c, 1, 0);
		if (s->chunk > 0) {
			hear_chunk(s, octet);
			continue;
		}
		gp_buf_put_char(&s->heard, octet);
		if (octet != '\n')
			continue;
		if (!s->closed)
			hear(s, gp_buf_slice(&s->heard));
		gp_buf_clear(&s->heard);
	}
}

static void
give_body(struct gp_smtp_client *c, struct server *s)
{
	for (const char *at = "a\r\n.\r\n"; *at; at++) {
		assert_int_equal(gp_smtp_client_body(c, gp_slice(at, 1)), 1);
		carry(c, s);
	}
	gp_smtp_client_body_end(c, 0);
}

/* Runs until an event of the driver's. */
static enum gp_client_event
run(struct gp_smtp_client *c, struct server *s)
{
	for (;;) {
		struct gp_slice input = gp_slice_take(gp_buf_slice(&s->says), 1);
		size_t len = input.len;
		enum gp_client_event event = gp_smtp_client_next(c, &input, 0);
		gp_buf_consume(&s->says, len - input.len);
		carry(c, s);
		if (event == GP_CLIENT_BODY)
			give_body(c, s);
		else if (event != GP_CLIENT_WAIT)
			return event;
		else if (s->says.len == 0 && s->closed)
			gp_smtp_client_eof(c);
		else
			assert_true(len > 0 || s->says.len > 0);
	}
}

/* The independent word on it. */

static uint8_t
verdict(enum answer a)
{
	return a == YES ? GP_OUTCOME_RELAYED : a == NO ? GP_OUTCOME_FAILED : GP_OUTCOME_DEFERRED;
}

/* Does this answer leave the session in step? */
static bool
fits(const struct log_entry *e)
{
	return e->answer == LATER || e->answer == NO ||
	       e->answer == (e->step == DATA ? GO_ON : YES);
}

static void
settle(uint8_t *kinds, size_t n, uint8_t kind)
{
	for (size_t i = 0; i < n; i++) {
		if (kinds[i] == 0)
			kinds[i] = kind;
	}
}

static void
expect_kinds(const struct server *s, size_t n, uint8_t *kinds)
{
	bool mail = false;
	for (size_t i = 0; i < s->log_len; i++) {
		const struct log_entry *e = &s->log[i];
		uint8_t kind = verdict(e->answer);
		if (!fits(e)) {
			settle(kinds, n, GP_OUTCOME_DEFERRED);
			return;
		}
		if (e->step == MAIL)
			mail = e->answer == YES;
		if (e->step == MAIL && !mail)
			settle(kinds, n, kind);
		if (e->step == RCPT && mail && e->answer != YES)
			settle(kinds + e->rcpt, 1, kind);
		if (e->step == DATA && e->answer != GO_ON)
			settle(kinds, n, kind);
		if (e->step == END && !s->lmtp)
			settle(kinds, n, kind);
		if (e->step == END && s->lmtp)
			settle(kinds + e->rcpt, 1, kind);
	}
	settle(kinds, n, GP_OUTCOME_DEFERRED);
}

static void
check(const struct gp_smtp_client *c, const struct server *s, bool bdat, size_t n)
{
	const char *whole = bdat ? "a\r\n.\r\n" : "a\r\n..\r\n";
	uint8_t kinds[RCPTS_MAX] = {};
	size_t len, relayed = 0;
	const struct gp_outcome *outcomes = gp_smtp_client_outcomes(c, &len);
	assert_int_equal(len, n);
	expect_kinds(s, n, kinds);
	for (size_t i = 0; i < n; i++) {
		uint8_t kind = outcomes[i].kind;
		if (kind == GP_OUTCOME_DELIVERED && s->lmtp)
			kind = GP_OUTCOME_RELAYED;
		assert_int_equal(kind, kinds[i]);
		assert_true(outcomes[i].reply.code >= 200 && outcomes[i].reply.enhanced_class > 0);
		relayed += kind == GP_OUTCOME_RELAYED;
		assert_true(kind != GP_OUTCOME_RELAYED || s->taken[i]);
	}
	/* Who has it has it whole; an end without a body is for nobody. */
	if (relayed > 0)
		assert_slice(gp_buf_slice(&s->body), whole);
	if (s->bodies > 0 && s->body.len == 0) {
		for (size_t i = 0; i < s->rcpts; i++)
			assert_false(s->taken[i]);
	}
}

/* One way to hold the dialogue. */
struct way {
	bool lmtp, pipelining, bdat;
	size_t n; /* recipients */
};

static struct gp_smtp_client *
greeted(const struct way *way)
{
	const struct gp_smtp_client_setup setup = {
		.hostname = GP_SLICE("gate"),
		.lmtp = way->lmtp,
		.chunking = way->bdat,
	};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	struct gp_slice input = GP_SLICE("220 mx\r\n");
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_WAIT);
	gp_smtp_client_output_sent(c, gp_smtp_client_output(c).len, 0);
	input = way->pipelining ? GP_SLICE("250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n")
				: GP_SLICE("250-mx\r\n250 CHUNKING\r\n");
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_READY);
	return c;
}

/* A second message, which the server takes. */
static void
check_second(struct gp_smtp_client *c, struct server *s, bool bdat,
	     const struct gp_smtp_client_mail *mail)
{
	s->odometer = NULL;
	s->log_len = 0;
	assert_int_equal(gp_smtp_client_start(c, mail, 0), 0);
	assert_int_equal(run(c, s), GP_CLIENT_DONE);
	check(c, s, bdat, mail->envelope->rcpts_len);
	assert_int_equal(run(c, s), GP_CLIENT_READY);
	gp_smtp_client_quit(c, 0);
	assert_int_equal(run(c, s), GP_CLIENT_CLOSE);
}

static void
run_one(struct odometer *odometer, const struct way *way)
{
	static const struct gp_rcpt rcpts[RCPTS_MAX] = {
		{.address = {"r@example.net", 13}},
		{.address = {"r@example.net", 13}},
		{.address = {"r@example.net", 13}},
	};
	const struct gp_envelope envelope = {
		.sender = GP_SLICE("a@example.org"), .rcpts = rcpts, .rcpts_len = way->n};
	const struct gp_smtp_client_mail mail = {.envelope = &envelope, .size = 6};
	struct server s = {
		.odometer = odometer,
		.lmtp = way->lmtp,
		.heard = GP_BUF_INIT(1000),
		.says = GP_BUF_INIT(1000),
		.body = GP_BUF_INIT(1000),
	};
	struct gp_smtp_client *c = greeted(way);
	assert_int_equal(gp_smtp_client_start(c, &mail, 0), 0);
	assert_int_equal(run(c, &s), GP_CLIENT_DONE);
	check(c, &s, way->bdat, way->n);
	if (run(c, &s) == GP_CLIENT_READY)
		check_second(c, &s, way->bdat, &mail);
	else
		assert_int_equal(run(c, &s), GP_CLIENT_CLOSE);
	c = gp_smtp_client_free(c);
	gp_buf_free(&s.heard);
	gp_buf_free(&s.says);
	gp_buf_free(&s.body);
}

static void
run_all(struct way way, size_t at_least)
{
	struct odometer odometer = {};
	size_t runs = 0;
	do {
		odometer.at = 0;
		run_one(&odometer, &way);
		runs++;
	} while (turn(&odometer));
	print_message("%s by %s, %s, %zu recipients: %zu dialogues\n", way.lmtp ? "LMTP" : "SMTP",
		      way.bdat ? "BDAT" : "DATA", way.pipelining ? "pipelined" : "in lock-step",
		      way.n, runs);
	assert_true(runs >= at_least);
}

static void
test_smtp(void **state)
{
	(void)state;
	run_all((struct way){.n = 1}, 60);
	run_all((struct way){.n = 3}, 500);
	run_all((struct way){.bdat = true, .n = 1}, 40);
	run_all((struct way){.bdat = true, .n = 3}, 400);
}

static void
test_smtp_pipelined(void **state)
{
	(void)state;
	run_all((struct way){.pipelining = true, .n = 1}, 150);
	run_all((struct way){.pipelining = true, .n = 3}, 1500);
	run_all((struct way){.pipelining = true, .bdat = true, .n = 1}, 100);
	run_all((struct way){.pipelining = true, .bdat = true, .n = 3}, 1000);
}

static void
test_lmtp(void **state)
{
	(void)state;
	run_all((struct way){.lmtp = true, .n = 1}, 40);
	run_all((struct way){.lmtp = true, .n = 3}, 500);
	run_all((struct way){.lmtp = true, .bdat = true, .n = 1}, 30);
	run_all((struct way){.lmtp = true, .bdat = true, .n = 3}, 300);
}

static void
test_lmtp_pipelined(void **state)
{
	(void)state;
	run_all((struct way){.lmtp = true, .pipelining = true, .n = 1}, 150);
	run_all((struct way){.lmtp = true, .pipelining = true, .n = 3}, 1500);
	run_all((struct way){.lmtp = true, .pipelining = true, .bdat = true, .n = 1}, 30);
	run_all((struct way){.lmtp = true, .pipelining = true, .bdat = true, .n = 3}, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp),
		cmocka_unit_test(test_smtp_pipelined),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_lmtp_pipelined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
