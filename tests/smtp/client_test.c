/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues. A line of a script is
 *
 *     < TEXT     the server says it
 *     > TEXT     the client must have said it, and nothing else before
 *     .EVENT     the client must give this event now: .ready .done .close
 *     !send      the transaction begins        !quit     the driver is through
 *     !again     the same one once more        !eof      the server has closed
 *     !more      a piece of the body, no end   !abort    the message cannot be read any further
 *     !+N        N seconds pass
 *
 * Body and its end are given as soon as they are asked for, unless the next line is !more. At the
 * end the client must have no more to say. Then the outcomes are compared: "kind code x.y.z text",
 * with '*' for "said by the remote server" before the code and "dsn" behind it. Each dialogue is
 * run with the bytes of both sides whole, and one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scan.h"
#include "core/smtp/client.h"

#define HELLO "< 220 mx ready\n> EHLO gate.example.org\n< 250-mx\n"
#define PLAIN HELLO "< 250 HELP\n.ready\n"
#define PIPED HELLO "< 250 PIPELINING\n.ready\n"
#define LHLO "< 220 mx ready\n> LHLO gate.example.org\n< 250-mx\n"

struct dialogue {
	const char *name;
	const char *script;
	const char *outcomes; /* a line each */
	const char *failure;  /* the session's, where it is to be compared */
	struct gp_smtp_client_setup setup;
	struct gp_smtp_client_mail mail; /* without envelope: `envelope` below */
	struct gp_envelope envelope;     /* without recipients: bob@example.net */
	const char *body;
	bool whole_only; /* hangs on what comes in one piece */
};

static const struct gp_rcpt one[] = {{.address = {"bob@example.net", 15}}};
static const struct gp_rcpt three[] = {
	{.address = {"bob@example.net", 15}},
	{.address = {"carol@example.net", 17}},
	{.address = {"dave@example.net", 16}},
};
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

#define RCPTS(array) .rcpts = (array), .rcpts_len = GP_ARRAY_LEN(array)
#define SENDER .sender = {"alice@example.org", 17}

/* What most transactions say, in lock-step and in one group. */
#define ONE_STEPS                                                                         \
	"!send\n> MAIL FROM:<alice@example.org>\n< 250 ok\n> RCPT TO:<bob@example.net>\n" \
	"< 250 ok\n> DATA\n< 354 go on\n"
#define BODY_SENT "> Subject: x\n> \n> text\n> .\n"
#define ONE_GROUP "!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n> DATA\n"
#define THREE_GROUP                                                             \
	"!send\n> MAIL FROM:<alice@example.org>\n> RCPT TO:<bob@example.net>\n" \
	"> RCPT TO:<carol@example.net>\n> RCPT TO:<dave@example.net>\n> DATA\n"

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

struct run {
	const struct dialogue *d;
	struct gp_envelope envelope;
	struct gp_smtp_client_mail mail;
	struct gp_smtp_client *client;
	struct gp_buf input;        /* what the server has said and the client has not read */
	struct gp_buf said;         /* by the client, not yet compared */
	enum gp_client_event event; /* pulled, not yet compared; WAIT: none */
	uint64_t now_ms;
	bool octets; /* one at a time */
	bool more, more_given, abort;
};

static void
drain(struct run *r)
{
	struct gp_slice out;
	while ((out = gp_smtp_client_output(r->client)).len > 0) {
		out = gp_slice_take(out, r->octets ? 1 : out.len);
		gp_buf_put(&r->said, out);
		gp_smtp_client_output_sent(r->client, out.len, r->now_ms);
	}
}

static void
give_body(struct run *r)
{
	struct gp_slice body = gp_slice_str(r->d->body ? r->d->body : "Subject: x\r\n\r\ntext\r\n");
	if (r->abort) {
		gp_smtp_client_body_abort(r->client, "cannot be read");
		return;
	}
	if (r->more)
		body = r->more_given ? gp_slice("", 0) : GP_SLICE("first\r\n");
	r->more_given = true;
	while (body.len > 0) {
		struct gp_slice piece = gp_slice_take(body, r->octets ? 1 : body.len);
		body = gp_slice_drop(body, gp_smtp_client_body(r->client, piece));
		drain(r);
	}
	if (!r->more)
		gp_smtp_client_body_end(r->client, r->now_ms);
}

/* Hands over what the server has said, and stops at an event of the script's kind. */
static void
pull(struct run *r)
{
	while (r->event == GP_CLIENT_WAIT) {
		struct gp_slice all = gp_buf_slice(&r->input);
		struct gp_slice piece = gp_slice_take(all, r->octets ? 1 : all.len);
		size_t len = piece.len;
		enum gp_client_event event = gp_smtp_client_next(r->client, &piece, r->now_ms);
		gp_buf_consume(&r->input, len - piece.len);
		drain(r);
		if (event == GP_CLIENT_BODY)
			give_body(r);
		else if (event != GP_CLIENT_READY || r->input.len == 0)
			r->event = event;
		if (r->input.len == 0 && (event == GP_CLIENT_WAIT || r->more))
			return;
	}
}

static void
expect_said(struct run *r, struct gp_slice line)
{
	if (gp_slice_find(gp_buf_slice(&r->said), '\n') < 0)
		pull(r);
	struct gp_slice said = gp_buf_slice(&r->said);
	ptrdiff_t lf = gp_slice_find(said, '\n');
	if (lf < 1 || !gp_slice_eq(gp_slice_take(said, (size_t)lf - 1), line))
		fail_msg("%s: expected '%.*s', said '%.*s'", r->d->name, GP_SLICE_FMT(line),
			 GP_SLICE_FMT(said));
	gp_buf_consume(&r->said, (size_t)lf + 1);
}

static void
expect_event(struct run *r, struct gp_slice name)
{
	static const char *const names[] = {"wait", "ready", "body", "done", "close"};
	pull(r);
	if (!gp_slice_eq(name, gp_slice_str(names[r->event])))
		fail_msg("%s: expected %.*s, event %s, said '%.*s'", r->d->name, GP_SLICE_FMT(name),
			 names[r->event], GP_SLICE_FMT(gp_buf_slice(&r->said)));
	r->event = GP_CLIENT_WAIT;
}

static void
do_command(struct run *r, struct gp_slice command)
{
	uint64_t seconds;
	if (gp_slice_eq(command, GP_SLICE("more"))) {
		r->more = true;
		return;
	}
	if (gp_slice_eq(command, GP_SLICE("abort"))) {
		r->abort = true;
		return;
	}
	pull(r);
	assert_int_equal(r->event, GP_CLIENT_WAIT);
	if (gp_slice_eq(command, GP_SLICE("eof")))
		gp_smtp_client_eof(r->client);
	else if (gp_slice_eq(command, GP_SLICE("quit")))
		gp_smtp_client_quit(r->client, r->now_ms);
	else if (gp_slice_u64(gp_slice_drop(command, 1), 10'000, &seconds))
		r->now_ms += seconds * 1000;
	else
		assert_int_equal(gp_smtp_client_start(r->client, &r->mail, r->now_ms), 0);
}

static void
do_line(struct run *r, struct gp_slice line)
{
	if (gp_slice_starts(line, GP_SLICE("< "))) {
		gp_buf_put(&r->input, gp_slice_drop(line, 2));
		gp_buf_put_str(&r->input, "\r\n");
	} else if (gp_slice_starts(line, GP_SLICE("> "))) {
		expect_said(r, gp_slice_drop(line, 2));
	} else if (gp_slice_starts(line, GP_SLICE("."))) {
		expect_event(r, gp_slice_drop(line, 1));
	} else {
		do_command(r, gp_slice_drop(line, 1));
	}
}

static void
put_outcome(struct gp_buf *to, const struct gp_outcome *o)
{
	static const char *const kinds[] = {"none", "delivered", "relayed", "deferred", "failed"};
	gp_buf_put_str(to, kinds[o->kind]);
	if (o->kind == 0)
		return;
	gp_buf_printf(to, " %s%u %u.%u.%u ", o->remote_said ? "*" : "", o->reply.code,
		      o->reply.enhanced_class, o->reply.enhanced_subject, o->reply.enhanced_detail);
	for (size_t i = 0; i < o->reply.text.len; i++) {
		char c = o->reply.text.ptr[i];
		gp_buf_put_char(to, c == '\n' ? '\\' : c);
	}
	gp_buf_put_str(to, o->remote_dsn ? " dsn" : "");
	assert_true(gp_slice_eq(o->remote, GP_SLICE("mx.example.net [192.0.2.1]:25")));
}

static void
expect_text(const struct run *r, struct gp_buf *text, const char *expected)
{
	if (!gp_slice_eq(gp_buf_slice(text), gp_slice_str(expected)))
		fail_msg("%s: '%.*s'", r->d->name, GP_SLICE_FMT(gp_buf_slice(text)));
	gp_buf_free(text);
}

static void
expect_results(const struct run *r)
{
	if (r->d->outcomes) {
		struct gp_buf text = GP_BUF_INIT(100'000);
		size_t len;
		const struct gp_outcome *outcomes = gp_smtp_client_outcomes(r->client, &len);
		assert_int_equal(len, r->envelope.rcpts_len);
		for (size_t i = 0; i < len; i++) {
			gp_buf_put_str(&text, i > 0 ? "\n" : "");
			put_outcome(&text, &outcomes[i]);
		}
		expect_text(r, &text, r->d->outcomes);
	}
	if (r->d->failure) {
		struct gp_buf text = GP_BUF_INIT(100'000);
		struct gp_outcome failure = gp_smtp_client_failure(r->client);
		put_outcome(&text, &failure);
		expect_text(r, &text, r->d->failure);
	}
}

static void
run_dialogue(const struct dialogue *d, bool octets)
{
	static const struct gp_envelope usual = {SENDER, RCPTS(one)};
	struct run r = {
		.d = d,
		.envelope = d->envelope.rcpts_len > 0 ? d->envelope : usual,
		.mail = d->mail,
		.input = GP_BUF_INIT(10'000),
		.said = GP_BUF_INIT(10'000),
		.octets = octets,
	};
	struct gp_smtp_client_setup setup = d->setup;
	setup.hostname = GP_SLICE("gate.example.org");
	setup.remote = GP_SLICE("mx.example.net [192.0.2.1]:25");
	r.mail.envelope = &r.envelope;
	r.client = gp_smtp_client_new(&setup, r.now_ms);
	assert_non_null(r.client);
	for (struct gp_slice script = gp_slice_str(d->script); script.len > 0;)
		do_line(&r, gp_slice_cut(&script, '\n'));
	pull(&r);
	assert_true(r.event == GP_CLIENT_WAIT || r.event == GP_CLIENT_CLOSE);
	if (r.said.len > 0)
		fail_msg("%s: said '%.*s'", d->name, GP_SLICE_FMT(gp_buf_slice(&r.said)));
	expect_results(&r);
	r.client = gp_smtp_client_free(r.client);
	gp_buf_free(&r.input);
	gp_buf_free(&r.said);
}

static void
test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++)
		run_dialogue(&dialogues[i], false);
}

static void
test_dialogues_by_octets(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		if (!dialogues[i].whole_only)
			run_dialogue(&dialogues[i], true);
	}
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
		cmocka_unit_test(test_dialogues_by_octets),
		cmocka_unit_test(test_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
