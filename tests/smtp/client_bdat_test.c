/* SPDX-License-Identifier: Apache-2.0 */
/* BDAT and BINARYMIME seen from the client (RFC 3030), and the round trips that they save. */
#include "client_dialogue.h"

#define CHUNKY HELLO "< 250-8BITMIME\n< 250-CHUNKING\n< 250 BINARYMIME\n.ready\n"
#define CHUNKY_PIPED \
	HELLO "< 250-8BITMIME\n< 250-BINARYMIME\n< 250-CHUNKING\n< 250 PIPELINING\n.ready\n"
#define CHUNKING .setup = {.chunking = true}
#define SIZED .mail = {.size = 20}
#define BINARY(size_) .mail = {.size = (size_), .body_8bit = true, .body_binary = true}

/* The usual body is 20 octets. */
#define CHUNK "> BDAT 20 LAST\n> Subject: x\n> \n> text\n"
#define STEPS                                                                             \
	"!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n" \
	"< 250 ok\n"
#define GROUP "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n" CHUNK
#define GROUP_OF_THREE                                                          \
	"!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n" \
	"> RCPT TO:<carol@example.net>\n> RCPT TO:<dave@example.net>\n" CHUNK

static const struct dialogue dialogues[] = {
	{"in lock-step", CHUNKY STEPS CHUNK "< 250 2.0.0 taken\n.done\n.ready\n",
	 "relayed *250 2.0.0 taken", CHUNKING, SIZED},
	{"in one group with the body",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 250 ok\n< 250 taken\n.done\n.ready\n",
	 "relayed *250 2.0.0 taken", CHUNKING, SIZED},
	{"two in one session",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 250 ok\n< 250 a\n.done\n.ready\n!again\n"
			    "> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n" CHUNK
			    "< 250 ok\n< 250 ok\n< 250 b\n.done\n.ready\n",
	 "relayed *250 2.0.0 b", CHUNKING, SIZED},
	{"not wished", CHUNKY ONE_STEPS BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", SIZED},
	{"not offered", PLAIN ONE_STEPS BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", CHUNKING, SIZED},
	{"of a size that nobody knows", CHUNKY ONE_STEPS BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", CHUNKING},
	{"dots are no more than dots, and the last line has no end",
	 CHUNKY STEPS "> BDAT 8 LAST\n> .\n> ..\n= a\n< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", CHUNKING, .mail = {.size = 8}, .body = ".\r\n..\r\na"},

	/* BINARYMIME */
	{"a binary body",
	 CHUNKY "!send\n> MAIL FROM:<alice@example.org> BODY=BINARYMIME\n< 250 ok\n"
		"> RCPT TO:<bob@example.net>\n< 250 ok\n> BDAT 7 LAST\n= a\rb\xff.\r.\n"
		"< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", BINARY(7), .body = "a\rb\xff.\r."},
	{"no BINARYMIME", HELLO "< 250 CHUNKING\n.ready\n!send\n.done\n.ready\n",
	 "failed 554 5.6.1 the message needs BINARYMIME, which the server does not offer",
	 BINARY(7)},
	{"no CHUNKING", HELLO "< 250 BINARYMIME\n.ready\n!send\n.done\n.ready\n",
	 "failed 554 5.6.1 the message needs BINARYMIME, which the server does not offer",
	 BINARY(7)},

	/* recipients that are refused after the body has gone */
	{"one of three is refused, one put off",
	 CHUNKY_PIPED GROUP_OF_THREE
	 "< 250 ok\n< 250 ok\n< 550 5.1.1 who?\n< 451 4.2.2 full\n< 250 2.0.0 taken\n.done\n"
	 ".ready\n",
	 "relayed *250 2.0.0 taken\nfailed *550 5.1.1 who?\ndeferred *451 4.2.2 full", CHUNKING,
	 SIZED, .envelope = {SENDER, RCPTS(three)}},
	{"nobody is left",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 550 5.1.1 who?\n< 554 nobody\n.done\n> RSET\n< 250 ok\n"
			    ".ready\n",
	 "failed *550 5.1.1 who?", CHUNKING, SIZED},
	{"nobody is left, and a 250 delivers nothing",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 450 4.1.1 who?\n< 250 ok\n.done\n> RSET\n< 250 ok\n"
			    ".ready\n",
	 "deferred *450 4.1.1 who?", CHUNKING, SIZED},
	{"MAIL is refused: the rest does not count",
	 CHUNKY_PIPED GROUP
	 "< 550 5.7.1 not you\n< 250 ok\n< 250 ok\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "failed *550 5.7.1 not you", CHUNKING, SIZED},
	{"the message is refused",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 250 ok\n< 554 5.7.1 spam\n.done\n> RSET\n< 250 ok\n"
			    ".ready\n",
	 "failed *554 5.7.1 spam", CHUNKING, SIZED},
	{"in lock-step nobody is left, and nothing is sent",
	 CHUNKY "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n"
		"< 550 5.1.1 who?\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "failed *550 5.1.1 who?", CHUNKING, SIZED},

	/* LMTP waits for its recipients: it has an answer for each */
	{"LMTP",
	 LHLO "< 250-CHUNKING\n< 250 PIPELINING\n.ready\n"
	      "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n"
	      "> RCPT TO:<carol@example.net>\n> RCPT TO:<dave@example.net>\n= \n"
	      "< 250 ok\n< 250 ok\n< 550 5.1.1 who?\n< 250 ok\n" CHUNK
	      "< 250 2.1.5 bob has it\n< 452 4.2.2 dave is full\n.done\n.ready\n",
	 "delivered *250 2.1.5 bob has it\nfailed *550 5.1.1 who?\n"
	 "deferred *452 4.2.2 dave is full",
	 .setup = {.lmtp = true, .chunking = true}, SIZED, .envelope = {SENDER, RCPTS(three)}},

	/* the session breaks */
	{"closed before MAIL was answered", CHUNKY_PIPED GROUP "!eof\n.done\n.close\n",
	 "deferred 451 4.4.2 connection lost, at MAIL", CHUNKING, SIZED},
	{"closed before the chunk was answered",
	 CHUNKY_PIPED GROUP "< 250 ok\n< 250 ok\n!eof\n.done\n.close\n",
	 "deferred 451 4.4.2 connection lost, at the end of data", CHUNKING, SIZED},
	{"421 to RCPT", CHUNKY_PIPED GROUP "< 250 ok\n< 421 4.3.2 bye\n.done\n.close\n",
	 "deferred *421 4.3.2 bye", CHUNKING, SIZED},
	{"354 to the chunk", CHUNKY_PIPED GROUP "< 250 ok\n< 250 ok\n< 354 go on\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply that makes no sense, at the end of data", CHUNKING, SIZED},
	{"no answer to the chunk in ten minutes",
	 CHUNKY_PIPED GROUP "!+9\n< 250 ok\n< 250 ok\n!+599\n!+1\n.done\n.close\n",
	 "deferred 451 4.4.2 timed out, at the end of data", CHUNKING, SIZED},
	{"an answer to the chunk in the midst of it",
	 CHUNKY STEPS "!more\n> BDAT 20 LAST\n> first\n< 250 taken\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply before its command, at the message", CHUNKING, SIZED},
	{"a server that gives up in the midst of it",
	 CHUNKY STEPS "!more\n> BDAT 20 LAST\n> first\n< 552 5.3.4 too big\n.done\n.close\n",
	 "failed *552 5.3.4 too big", CHUNKING, SIZED},
	{"an answer to MAIL in the midst of it, and then trouble",
	 CHUNKY_PIPED "!send\n!more\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n"
		      "> BDAT 20 LAST\n> first\n< 250 ok\n< 250 ok\n< 451 4.3.0 disk\n.done\n"
		      ".close\n",
	 "deferred *451 4.3.0 disk", CHUNKING, SIZED},
	{"the message cannot be read", CHUNKY STEPS "!abort\n> BDAT 20 LAST\n.done\n.close\n",
	 "deferred 451 4.3.0 cannot be read, at the message", CHUNKING, SIZED, .whole_only = true},
	{"shorter than was said: no end of it",
	 CHUNKY STEPS "> BDAT 21 LAST\n> Subject: x\n> \n> text\n.done\n.close\n",
	 "deferred 451 4.3.0 the message is shorter than it was said to be, at the message",
	 CHUNKING, .mail = {.size = 21}},
	{"longer than was said", CHUNKY STEPS "> BDAT 19 LAST\n.done\n.close\n",
	 "deferred 451 4.3.0 the message is longer than it was said to be, at the message",
	 CHUNKING, .mail = {.size = 19}, .whole_only = true},
};

static void
test_dialogues(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

static struct gp_smtp_client *
greeted(bool chunking, const char *offers)
{
	const struct gp_smtp_client_setup setup = {.hostname = GP_SLICE("a.example"),
						   .chunking = chunking};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	struct gp_slice input = GP_SLICE("220 mx\r\n");
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_WAIT);
	gp_smtp_client_output_sent(c, gp_smtp_client_output(c).len, 0);
	input = gp_slice_str(offers);
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_READY);
	return c;
}

/* A refusal that is there before anything was sent is no answer to the chunk: it bounces nobody. */
static void
test_refused_before_sent(void **state)
{
	(void)state;
	struct gp_smtp_client *c = greeted(true, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	const struct gp_envelope envelope = {SENDER, RCPTS(one)};
	const struct gp_smtp_client_mail mail = {.envelope = &envelope, .size = 20};
	struct gp_slice input = {};
	size_t n;
	assert_int_equal(gp_smtp_client_start(c, &mail, 0), 0);
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_BODY);
	input = GP_SLICE("554 no\r\n");
	assert_int_equal(gp_smtp_client_next(c, &input, 0), GP_CLIENT_DONE);
	assert_int_equal(gp_smtp_client_outcomes(c, &n)->kind, GP_OUTCOME_DEFERRED);
	gp_smtp_client_free(c);
}

/* MAIL is refused while a long list of recipients is on its way: no body goes after them. */
static void
test_refused_in_a_long_group(void **state)
{
	(void)state;
	enum { N = 2000 };
	static struct gp_rcpt rcpts[N];
	for (size_t i = 0; i < N; i++)
		rcpts[i] = one[0];
	struct gp_smtp_client *c = greeted(true, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	const struct gp_envelope envelope = {SENDER, RCPTS(rcpts)};
	const struct gp_smtp_client_mail mail = {.envelope = &envelope, .size = 20};
	enum gp_client_event event = GP_CLIENT_WAIT;
	assert_int_equal(gp_smtp_client_start(c, &mail, 0), 0);
	while (event == GP_CLIENT_WAIT) {
		struct gp_slice input = GP_SLICE("550 no\r\n");
		gp_smtp_client_output_sent(c, gp_smtp_client_output(c).len, 0);
		event = gp_smtp_client_next(c, &input, 0);
	}
	assert_int_equal(event, GP_CLIENT_DONE);
	gp_smtp_client_free(c);
}

/* A server a long way off: it hears all that the client has to say, then answers all of that. */
struct far {
	struct gp_smtp_client *client;
	const char *body;
	size_t body_len, given;
	struct gp_buf heard, says;
	size_t chunk; /* octets of it still to come; then it answers */
	bool in_data;
};

static void
far_hear_line(struct far *f, struct gp_slice line)
{
	uint64_t size;
	if (f->in_data && !gp_slice_eq(line, GP_SLICE(".\r\n")))
		return;
	f->in_data = gp_slice_eq(line, GP_SLICE("DATA\r\n"));
	if (gp_slice_starts(line, GP_SLICE("BDAT "))) {
		struct gp_slice digits = gp_slice_drop(line, 5);
		assert_true(gp_slice_u64(gp_slice_cut(&digits, ' '), 1'000'000, &size));
		assert_slice(digits, "LAST\r\n");
		f->chunk = size;
		return;
	}
	gp_buf_put_str(&f->says, f->in_data ? "354 go\r\n" : "250 ok\r\n");
}

static void
far_hear(struct far *f)
{
	while (f->heard.len > 0) {
		struct gp_slice all = gp_buf_slice(&f->heard);
		ptrdiff_t lf = gp_slice_find(all, '\n');
		size_t n = f->chunk > 0 ? GP_MIN(f->chunk, all.len) : (size_t)lf + 1;
		if (f->chunk > 0 && (f->chunk -= n) == 0)
			gp_buf_put_str(&f->says, "250 taken\r\n");
		else if (f->chunk == 0)
			far_hear_line(f, gp_slice_take(all, n));
		gp_buf_consume(&f->heard, n);
	}
}

static void
far_give_body(struct far *f)
{
	struct gp_slice rest = gp_slice(f->body + f->given, f->body_len - f->given);
	f->given += gp_smtp_client_body(f->client, rest);
	if (f->given == f->body_len)
		gp_smtp_client_body_end(f->client, 0);
}

/* How often the client waits for it between start and DONE. */
static size_t
round_trips(struct far *f)
{
	size_t trips = 0;
	for (;;) {
		struct gp_slice input = gp_buf_slice(&f->says);
		size_t len = input.len;
		enum gp_client_event event = gp_smtp_client_next(f->client, &input, 0);
		gp_buf_consume(&f->says, len - input.len);
		struct gp_slice out = gp_smtp_client_output(f->client);
		gp_buf_put(&f->heard, out);
		gp_smtp_client_output_sent(f->client, out.len, 0);
		if (event == GP_CLIENT_BODY)
			far_give_body(f);
		else if (event == GP_CLIENT_DONE)
			return trips;
		else if (out.len == 0 && f->says.len == 0) {
			trips++;
			assert_true(f->heard.len > 0);
			far_hear(f);
		}
	}
}

static char large[300'000];

static const struct {
	const char *offers;
	bool chunking;
	size_t size;
	size_t trips;
} trips[] = {
	{"250-mx\r\n250 CHUNKING\r\n", false, 20, 4}, /* MAIL, RCPT, DATA, dot */
	{"250-mx\r\n250 CHUNKING\r\n", true, 20, 3},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", false, 20, 2},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", true, 20, 1},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", true, GP_CLIENT_AHEAD_MAX, 1},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", true, GP_CLIENT_AHEAD_MAX + 1, 2},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", true, sizeof(large), 2},
	{"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", false, sizeof(large), 2},
};

static void
test_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = "text\r\n"[i % 6];
	for (size_t i = 0; i < GP_ARRAY_LEN(trips); i++) {
		const struct gp_envelope envelope = {SENDER, RCPTS(one)};
		const struct gp_smtp_client_mail mail = {.envelope = &envelope,
							 .size = trips[i].size};
		struct far f = {.client = greeted(trips[i].chunking, trips[i].offers),
				.body = large,
				.body_len = trips[i].size,
				.heard = GP_BUF_INIT(1'000'000),
				.says = GP_BUF_INIT(1'000)};
		size_t n;
		assert_int_equal(gp_smtp_client_start(f.client, &mail, 0), 0);
		assert_int_equal(round_trips(&f), trips[i].trips);
		assert_int_equal(gp_smtp_client_outcomes(f.client, &n)->kind, GP_OUTCOME_RELAYED);
		gp_smtp_client_free(f.client);
		gp_buf_free(&f.heard);
		gp_buf_free(&f.says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_refused_before_sent),
		cmocka_unit_test(test_refused_in_a_long_group),
		cmocka_unit_test(test_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
