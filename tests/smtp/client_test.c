/* SPDX-License-Identifier: Apache-2.0 */
/* The client's session: dialogues in clear, without extensions that change the dialogue itself. */
#include "client_dialogue.h"

static const struct gp_rcpt with_dsn[] = {
	{.address = {"bob@example.net", 15}, .notify = GP_NOTIFY_SUCCESS | GP_NOTIFY_DELAY},
	{.address = {"carol@example.net", 17},
	 .notify = GP_NOTIFY_NEVER,
	 .orcpt = {"rfc822;c+2Bx@example.com", 24}},
};
static const struct gp_rcpt utf8[] = {
	{.address = {"b\xc3\xb6"
		     "b@example.net",
		     16}},
	{.address = {"carol@example.net", 17}},
};
static const struct gp_rcpt unsafe[] = {
	{.address = {"bob@example.net>\r\nDATA", 22}},
	{.address = {"carol@example.net", 17}},
	{.address = {"dave@example.net", 16}, .orcpt = {"rfc822;a\nb", 10}},
};

static const struct dialogue dialogues[] = {
	{"one message in lock-step",
	 PLAIN ONE_STEPS BODY_SENT "< 250 2.6.0 queued as 1\n.done\n.ready\n!quit\n> QUIT\n"
				   "< 221 bye\n.close\n",
	 "relayed *250 2.6.0 queued as 1"},
	{"the same in one group",
	 PIPED ONE_GROUP "< 250 ok\n< 250 ok\n< 354 go on\n" BODY_SENT
			 "< 250 queued\n.done\n.ready\n",
	 "relayed *250 2.0.0 queued"},
	{"pipelining that is offered but not wanted",
	 PIPED ONE_STEPS BODY_SENT "< 250 queued\n.done\n.ready\n", "relayed *250 2.0.0 queued",
	 .setup = {.no_pipelining = true}},
	{"two messages in one session",
	 PIPED ONE_GROUP
	 "< 250 ok\n< 250 ok\n< 354 go on\n" BODY_SENT
	 "< 250 queued\n.done\n.ready\n!again\n> MAIL FROM:<alice@example.org>\n"
	 "> RCPT TO:<bob@example.net>\n> DATA\n< 250 ok\n< 250 ok\n< 354 go on\n" BODY_SENT
	 "< 250 again\n.done\n.ready\n",
	 "relayed *250 2.0.0 again"},
	{"dots are doubled, the last line is ended",
	 PLAIN ONE_STEPS "> a\n> ..b\n> ...\n> c\n> .\n< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", .body = "a\r\n.b\r\n..\r\nc"},
	{"the null reverse-path",
	 PLAIN "!send\n> MAIL FROM:<>\n< 250 ok\n> RCPT TO:<bob@example.net>\n< 550 5.1.1 no such "
	       "user\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "failed *550 5.1.1 no such user", .envelope = {RCPTS(one)}},

	/* greetings */
	{"a server that knows HELO only",
	 "< 220-mx\n< 220 ready\n> EHLO gate.example.org\n< 500 what?\n> HELO gate.example.org\n"
	 "< 250 PIPELINING\n.ready\n" ONE_STEPS BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok"},
	{"HELO by choice", "< 220 mx\n> HELO gate.example.org\n< 250 mx\n.ready\n", NULL,
	 .setup = {.helo_only = true}},
	{"a host that takes no mail (RFC 7504)", "< 521 5.3.2 never\n> QUIT\n.close\n", NULL,
	 "failed *521 5.3.2 never"},
	{"a greeting that refuses is about us or the host", "< 554 blocked\n> QUIT\n.close\n", NULL,
	 "deferred *554 5.0.0 blocked"},
	{"a greeting that asks for patience", "< 421 4.3.2 busy\n.close\n", NULL,
	 "deferred *421 4.3.2 busy"},
	{"EHLO put off", "< 220 mx\n> EHLO gate.example.org\n< 450 later\n> QUIT\n.close\n", NULL,
	 "deferred *450 4.0.0 later"},
	{"EHLO and HELO refused",
	 "< 220 mx\n> EHLO gate.example.org\n< 550 no\n> HELO gate.example.org\n< 550 no\n> QUIT\n"
	 ".close\n",
	 NULL, "deferred *550 5.0.0 no"},
	{"not SMTP at all", "< SSH-2.0-OpenSSH_9.2\n.close\n", NULL,
	 "deferred 451 4.5.0 a line without a reply code, at the greeting"},
	{"no greeting", "!+299\n!+1\n.close\n", NULL,
	 "deferred 451 4.4.2 timed out, at the greeting"},
	{"closed at once", "!eof\n.close\n", NULL,
	 "deferred 451 4.4.2 connection lost, at the greeting"},

	/* several recipients */
	{"one of three is refused, one put off",
	 PIPED THREE_GROUP
	 "< 250 ok\n< 250 ok\n< 550 5.1.1 who?\n< 451 4.2.2 full\n< 354 go\n" BODY_SENT
	 "< 250 2.0.0 taken\n.done\n.ready\n",
	 "relayed *250 2.0.0 taken\nfailed *550 5.1.1 who?\ndeferred *451 4.2.2 full",
	 .envelope = {SENDER, RCPTS(three)}},
	{"MAIL is refused: the rest does not count",
	 PIPED THREE_GROUP
	 "< 550 5.7.1 not you\n< 503 a\n< 503 b\n< 503 c\n< 503 d\n.done\n.ready\n",
	 "failed *550 5.7.1 not you\nfailed *550 5.7.1 not you\nfailed *550 5.7.1 not you",
	 .envelope = {SENDER, RCPTS(three)}},
	{"nobody is left, DATA is refused",
	 PIPED ONE_GROUP "< 250 ok\n< 450 4.2.0 later\n< 554 no valid recipients\n.done\n> RSET\n"
			 "< 250 ok\n.ready\n",
	 "deferred *450 4.2.0 later"},
	{"nobody is left, 354 all the same: a lone dot (RFC 2920 section 3.1)",
	 PIPED ONE_GROUP
	 "< 250 ok\n< 450 4.2.0 later\n< 354 go on\n> .\n< 554 nobody\n.done\n> RSET\n"
	 "< 250 ok\n.ready\n",
	 "deferred *450 4.2.0 later"},
	{"nor does a 250 to the lone dot deliver anything",
	 PIPED ONE_GROUP "< 250 ok\n< 550 no\n< 354 go on\n> .\n< 250 ok\n.done\n> RSET\n< 250 ok\n"
			 ".ready\n",
	 "failed *550 5.0.0 no"},
	{"recipients without a sender: better no dot",
	 PIPED ONE_GROUP "< 450 later\n< 250 ok\n< 354 go on\n.done\n.close\n",
	 "deferred *450 4.0.0 later",
	 "deferred 451 4.5.0 recipients taken without a sender, at DATA"},
	{"DATA is refused after recipients were taken",
	 PIPED THREE_GROUP "< 250 ok\n< 250 ok\n< 550 who?\n< 250 ok\n< 451 4.3.0 not now\n.done\n"
			   "> RSET\n< 250 ok\n.ready\n",
	 "deferred *451 4.3.0 not now\nfailed *550 5.0.0 who?\ndeferred *451 4.3.0 not now",
	 .envelope = {SENDER, RCPTS(three)}},
	{"the message is refused after the dot",
	 PLAIN ONE_STEPS BODY_SENT "< 554 5.7.1 spam\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "failed *554 5.7.1 spam"},

	/* the session breaks */
	{"421 between recipients",
	 PIPED THREE_GROUP "< 250 ok\n< 550 who?\n< 421 4.3.2 going down\n.done\n.close\n",
	 "failed *550 5.0.0 who?\ndeferred *421 4.3.2 going down\ndeferred *421 4.3.2 going down",
	 "deferred *421 4.3.2 going down", .envelope = {SENDER, RCPTS(three)}},
	{"closed before the answer to the dot", PLAIN ONE_STEPS BODY_SENT "!eof\n.done\n.close\n",
	 "deferred 451 4.4.2 connection lost, at the end of data"},
	{"no answer to the dot in ten minutes",
	 PLAIN ONE_STEPS BODY_SENT "!+599\n!+1\n.done\n.close\n",
	 "deferred 451 4.4.2 timed out, at the end of data"},
	{"no answer to MAIL in five minutes",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n!+299\n!+1\n.done\n.close\n",
	 "deferred 451 4.4.2 timed out, at MAIL"},
	{"no 354 in two minutes",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n"
	       "< 250 ok\n> DATA\n!+119\n!+1\n.done\n.close\n",
	 "deferred 451 4.4.2 timed out, at DATA"},
	{"the message cannot be read: no end of data", PLAIN ONE_STEPS "!abort\n.done\n.close\n",
	 "deferred 451 4.3.0 cannot be read, at the message"},
	{"the driver's failure at RSET",
	 PLAIN ONE_STEPS BODY_SENT "< 554 no\n.done\n> RSET\n!eof\n.close\n",
	 "failed *554 5.0.0 no", "deferred 451 4.4.2 connection lost, at RSET"},
	{"421 while idle", PLAIN "< 421 timeout\n.close\n", NULL, "deferred *421 4.0.0 timeout"},
	{"no answer to QUIT", PLAIN "!quit\n> QUIT\n!+5\n.close\n", NULL, "none"},

	/* answers nobody asked for */
	{"an answer to MAIL that was there before MAIL",
	 HELLO "< 250 HELP\n< 250 injected\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply before its command, at rest"},
	{"an answer to EHLO that was there before EHLO", "< 220 mx\n< 250 injected\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply before its command, at EHLO", .whole_only = true},
	{"an answer to RCPT in lock-step before RCPT",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n< 250 ok\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply before its command, at RCPT", .whole_only = true},
	{"an answer to the dot in the midst of the body",
	 PLAIN ONE_STEPS "!more\n> first\n< 250 2.0.0 taken\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply before its command, at the message"},
	{"a server that gives up in the midst of the body",
	 PLAIN ONE_STEPS "!more\n> first\n< 552 5.3.4 too big\n.done\n.close\n",
	 "failed *552 5.3.4 too big"},
	{"421 in the midst of the body",
	 PLAIN ONE_STEPS "!more\n> first\n< 421 4.3.2 later\n.done\n.close\n",
	 "deferred *421 4.3.2 later"},
	{"354 to RCPT",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n"
	       "< 354 eager\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply that makes no sense, at RCPT"},
	{"250 to DATA", PIPED ONE_GROUP "< 250 ok\n< 250 ok\n< 250 eager\n.done\n.close\n",
	 "deferred 451 4.5.0 a reply that makes no sense, at DATA"},
	{"lines of a message in a reply stay text, or end the session",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< "
	       "550-no\n< 550-R:<root@localhost>\n< 550-X: a\rM:"
	       "|touch /tmp/x\n< 550 no\n.done\n.ready\n",
	 "failed *550 5.0.0 no\\R:<root@localhost>\\X: a?M:|touch /tmp/x\\no"},
	{"the same without codes",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 550-no\n< R:<root@localhost>\n.done\n"
	       ".close\n",
	 "deferred 451 4.5.0 a line without a reply code, at MAIL"},

	/* extensions */
	{"SIZE, 8BITMIME and DSN, asked for and offered",
	 HELLO "< 250-SIZE 1000\n< 250-8BITMIME\n< 250 DSN\n.ready\n"
	       "!send\n> MAIL FROM:<alice@example.org> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=a+2Bb\n"
	       "< 250 ok\n> RCPT TO:<bob@example.net> NOTIFY=SUCCESS,DELAY\n< 250 ok\n"
	       "> RCPT TO:<carol@example.net> NOTIFY=NEVER ORCPT=rfc822;c+2Bx@example.com\n"
	       "< 550 no\n> DATA\n< 354 go\n" BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok dsn\nfailed *550 5.0.0 no", .mail = {.size = 20, .body_8bit = true},
	 .envelope = {SENDER, .ret = GP_RET_HDRS, .envid = {"a+2Bb", 5}, RCPTS(with_dsn)}},
	{"asked for but not offered",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n"
	       "< 250 ok\n> RCPT TO:<carol@example.net>\n< 250 ok\n> DATA\n< 354 go\n" BODY_SENT
	       "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok\nrelayed *250 2.0.0 ok", .mail = {.size = 20, .body_8bit = true},
	 .envelope = {SENDER, .ret = GP_RET_FULL, .envid = {"a+2Bb", 5}, RCPTS(with_dsn)}},
	{"larger than the server takes", HELLO "< 250 SIZE 1000\n.ready\n!send\n.done\n.ready\n",
	 "failed 552 5.3.4 the message is larger than the server takes", .mail = {.size = 1001}},
	{"just as large as the server takes",
	 HELLO "< 250 SIZE 1000\n.ready\n!send\n> MAIL FROM:<alice@example.org> SIZE=1000\n"
	       "< 552 5.3.4 quota\n.done\n.ready\n",
	 "failed *552 5.3.4 quota", .mail = {.size = 1000}},
	{"8-bit to a host that must be told", PLAIN "!send\n.done\n.ready\n",
	 "failed 554 5.6.3 the message needs 8BITMIME, which the server does not offer",
	 .setup = {.strict_8bit = true}, .mail = {.body_8bit = true}},
	{"SMTPUTF8 where it is offered",
	 HELLO "< 250-8BITMIME\n< 250 SMTPUTF8\n.ready\n"
	       "!send\n> MAIL FROM:<alice@example.org> SMTPUTF8\n< 250 ok\n"
	       "> RCPT TO:<b\xc3\xb6"
	       "b@example.net>\n< 250 ok\n> RCPT TO:<carol@example.net>\n< 250 ok\n> DATA\n"
	       "< 354 go\n" BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok\nrelayed *250 2.0.0 ok", .envelope = {SENDER, RCPTS(utf8)}},
	{"SMTPUTF8 where it is not: those whom it concerns",
	 PLAIN "!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<carol@example.net>\n"
	       "< 250 ok\n> DATA\n< 354 go\n" BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "failed 553 5.6.7 the address needs SMTPUTF8, which the server does not offer\n"
	 "relayed *250 2.0.0 ok",
	 .envelope = {SENDER, RCPTS(utf8)}},
	{"the sender's address concerns all", PLAIN "!send\n.done\n.ready\n",
	 "failed 553 5.6.7 the sender's address needs SMTPUTF8, which the server does not offer",
	 .envelope = {.sender = {"\xc3\xa4@example.org", 14}, RCPTS(one)}},
	{"a header that needs it", PLAIN "!send\n.done\n.ready\n",
	 "failed 554 5.6.9 the header needs SMTPUTF8, which the server does not offer",
	 .mail = {.header_utf8 = true},
	 .envelope = {SENDER, .flags = GP_ENVELOPE_SMTPUTF8, RCPTS(one)}},
	{"SMTPUTF8 that nothing needs is not said",
	 HELLO
	 "< 250 SMTPUTF8\n.ready\n!send\n> MAIL FROM:<alice@example.org>\n< 450 later\n.done\n"
	 ".ready\n",
	 "deferred *450 4.0.0 later",
	 .envelope = {SENDER, .flags = GP_ENVELOPE_SMTPUTF8, RCPTS(one)}},
	{"an address that would be a command",
	 PIPED "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<carol@example.net>\n> DATA\n"
	       "< 250 ok\n< 250 ok\n< 354 go\n" BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "failed 553 5.1.3 the address cannot be sent\nrelayed *250 2.0.0 ok\n"
	 "failed 553 5.1.3 the address cannot be sent",
	 .envelope = {SENDER, RCPTS(unsafe)}},
	{"MAILMAX reached (RFC 9422): the session ends by itself",
	 HELLO "< 250 LIMITS MAILMAX=1\n.ready\n" ONE_STEPS BODY_SENT
	       "< 250 ok\n.done\n> QUIT\n< 221 bye\n.close\n",
	 "relayed *250 2.0.0 ok", "none"},

	/* LMTP */
	{"an answer for each recipient that was taken",
	 LHLO "< 250 PIPELINING\n.ready\n" THREE_GROUP
	      "< 250 ok\n< 250 ok\n< 550 who?\n< 250 ok\n< 354 go\n" BODY_SENT
	      "< 250 2.1.5 bob has it\n< 452 4.2.2 dave is full\n.done\n.ready\n",
	 "delivered *250 2.1.5 bob has it\nfailed *550 5.0.0 who?\ndeferred *452 4.2.2 dave is "
	 "full",
	 .setup = {.lmtp = true}, .envelope = {SENDER, RCPTS(three)}},
	{"closed between the answers",
	 LHLO "< 250 PIPELINING\n.ready\n" THREE_GROUP
	      "< 250 ok\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n" BODY_SENT
	      "< 250 2.1.5 bob has it\n!eof\n.done\n.close\n",
	 "delivered *250 2.1.5 bob has it\n"
	 "deferred 451 4.4.2 connection lost, at the end of data\n"
	 "deferred 451 4.4.2 connection lost, at the end of data",
	 .setup = {.lmtp = true}, .envelope = {SENDER, RCPTS(three)}},
	{"LMTP with nobody left: how many answers to a dot is anybody's guess",
	 LHLO "< 250 PIPELINING\n.ready\n" ONE_GROUP
	      "< 250 ok\n< 550 who?\n< 354 go\n> .\n> QUIT\n.done\n.close\n",
	 "failed *550 5.0.0 who?", "none", .setup = {.lmtp = true}},
	{"LHLO is not replaced by HELO",
	 "< 220 mx\n> LHLO gate.example.org\n< 500 what?\n> QUIT\n.close\n", NULL,
	 "deferred *500 5.0.0 what?", .setup = {.lmtp = true}},

	/* a part of a transaction */
	{"up to RCPT",
	 PIPED "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n< 250 ok\n"
	       "< 250 2.1.5 known\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "relayed *250 2.1.5 known", .mail = {.until = GP_CLIENT_UNTIL_RCPT}},
	{"up to MAIL",
	 PIPED "!send\n> MAIL FROM:<alice@example.org>\n< 250 2.1.0 ok\n.done\n> RSET\n< 250 "
	       "ok\n.ready\n",
	 "relayed *250 2.1.0 ok", .mail = {.until = GP_CLIENT_UNTIL_MAIL}},
};

static void
test_dialogues(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* A server that takes everything: answers each command as it comes, the body by its end. */
struct yes_server {
	size_t answered, lines;
	bool body;
};

static void
say_yes(struct yes_server *s, struct gp_slice heard, struct gp_buf *says)
{
	while (heard.len > 0) {
		struct gp_slice line = gp_slice_cut(&heard, '\n');
		s->lines++;
		if (s->body && !gp_slice_eq(line, GP_SLICE(".\r")))
			continue;
		s->body = gp_slice_eq(line, GP_SLICE("DATA\r"));
		gp_buf_put_str(says, s->body ? "354 go\r\n" : "250-ok\r\n250 PIPELINING\r\n");
		s->answered++;
	}
}

/* A group of commands larger than what is made ahead, a body larger than the output. */
static void
test_large(void **state)
{
	(void)state;
	enum { N = 3000, LINES = 50'000 };
	static struct gp_rcpt rcpts[N];
	for (size_t i = 0; i < N; i++)
		rcpts[i] = one[0];
	struct gp_envelope envelope = {SENDER, RCPTS(rcpts)};
	struct gp_smtp_client_mail mail = {.envelope = &envelope};
	struct gp_smtp_client_setup setup = {.hostname = GP_SLICE("a.example")};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	struct gp_buf says = GP_BUF_INIT(1'000'000);
	struct yes_server server = {};
	size_t lines = 0, out_max = 0, len;
	gp_buf_put_str(&says, "220 mx\r\n");
	for (;;) {
		struct gp_slice input = gp_buf_slice(&says);
		enum gp_client_event event = gp_smtp_client_next(c, &input, 0);
		gp_buf_consume(&says, says.len - input.len);
		if (event == GP_CLIENT_DONE)
			break;
		if (event == GP_CLIENT_READY)
			assert_int_equal(gp_smtp_client_start(c, &mail, 0), 0);
		while (event == GP_CLIENT_BODY && lines < LINES &&
		       gp_smtp_client_body(c, GP_SLICE("........\r\n")) == 10)
			lines++;
		if (event == GP_CLIENT_BODY && lines == LINES)
			gp_smtp_client_body_end(c, 0);
		struct gp_slice out = gp_smtp_client_output(c);
		out_max = GP_MAX(out_max, out.len);
		assert_true(lines > 0 || out_max < 20'000);
		/* whole lines, to spare the server a buffer */
		out = gp_slice_take(out, (size_t)gp_slice_rfind(out, '\n') + 1);
		say_yes(&server, out, &says);
		gp_smtp_client_output_sent(c, out.len, 0);
	}
	assert_int_equal(server.answered, 1 + N + 3);
	assert_int_equal(server.lines, 1 + N + 3 + LINES);
	assert_true(out_max <= GP_CLIENT_OUTPUT_MAX + 8);
	const struct gp_outcome *outcomes = gp_smtp_client_outcomes(c, &len);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(outcomes[i].kind, GP_OUTCOME_RELAYED);
	gp_smtp_client_free(c);
	gp_buf_free(&says);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
