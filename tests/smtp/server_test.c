/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues with the server's session. In a script:
 *
 *   C: line      the client sends the line with CRLF; \r \n \0 \xHH \\ stand for octets
 *   C! octets    the same without CRLF
 *   S: line      the server says
 *   E: event     the driver is told (talk.h)
 *   T: ms        so much time passes
 *   X: eof | shutdown
 *
 * Each dialogue runs as it stands, then octet by octet, and in pieces of 2, 3, 7 and 64; then all
 * that the client says is sent at once, where the order of the server's lines must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "smtp/talk.h"

#include "base/scan.h"

struct dialogue {
	const char *name;
	const char *script;
	void (*tune)(struct gp_limits *limits);
	uint64_t greet_wait_ms;
};

#define GREETING "S: 220 mx.example.org ESMTP\n"
#define EHLO                                                             \
	"C: EHLO client.example\n"                                       \
	"S: 250-mx.example.org\nS: 250-PIPELINING\nS: 250-SIZE 2000\n"   \
	"S: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-ENHANCEDSTATUSCODES\n" \
	"S: 250 DSN\n"
#define HELLO GREETING EHLO
#define MAIL "C: MAIL FROM:<a@b.example>\nE: mail <a@b.example>\nS: 250 2.1.0 Ok\n"
#define RCPT "C: RCPT TO:<c@d.example>\nE: rcpt <c@d.example>\nS: 250 2.1.0 Ok\n"
#define DATA                                             \
	"C: DATA\nE: data <a@b.example> <c@d.example>\n" \
	"S: 354 End data with <CR><LF>.<CR><LF>\n"
#define ABORT "E: abort <a@b.example> <c@d.example>\n"
#define QUIT "C: QUIT\nS: 221 2.0.0 Bye\nE: close\n"

static void
two_errors(struct gp_limits *l)
{
	l->errors = 2;
}

static void
two_useless(struct gp_limits *l)
{
	l->useless_commands = 2;
}

static void
one_message(struct gp_limits *l)
{
	l->messages = 1;
}

static void
two_recipients(struct gp_limits *l)
{
	l->recipients = 2;
	l->errors = 1;
}

static void
small_message(struct gp_limits *l)
{
	l->message_size = 2000;
	l->header_size = 20;
}

static void
tiny_message(struct gp_limits *l)
{
	l->message_size = 10;
}

static void
two_fields(struct gp_limits *l)
{
	l->header_fields = 2;
}

static void
short_lines(struct gp_limits *l)
{
	l->command_length = 30;
}

static const struct dialogue dialogues[] = {
	{"a message", HELLO MAIL RCPT DATA
	 "C: Subject: x\nC: \nC: text\nC: .\n"
	 "E: end \"Subject: x\\r\\n\\r\\ntext\\r\\n\"\nS: 250 2.0.0 Queued\n" QUIT},
	{"HELO will do; enhanced codes nonetheless",
	 GREETING "C: HELO client.example\nS: 250 mx.example.org\n" MAIL RCPT DATA
		  "C: .\nE: end \"\"\nS: 250 2.0.0 Queued\n" QUIT},
	{"verbs in either case, spaces behind them",
	 GREETING "C: hElO client.example  \nS: 250 mx.example.org\n"
		  "C: mail from:<a@b.example> \nE: mail <a@b.example>\nS: 250 2.1.0 Ok\n"
		  "C: Rcpt To: <c@d.example>\nE: rcpt <c@d.example>\nS: 250 2.1.0 Ok\n"
		  "C: rset \nS: 250 2.0.0 Ok\nE: abort <a@b.example> <c@d.example>\n"
		  "C: quit \nS: 221 2.0.0 Bye\nE: close\n"},
	{"dots", HELLO MAIL RCPT DATA
	 "C: ..\nC: ...a\nC: .b\nC: c.\nC: .\n"
	 "E: end \".\\r\\n..a\\r\\nb\\r\\nc.\\r\\n\"\nS: 250 2.0.0 Queued\n" QUIT},
	{"two messages; state does not go from one to the other",
	 HELLO MAIL RCPT DATA "C: one\nC: .\nE: end \"one\\r\\n\"\nS: 250 2.0.0 Queued\n"
			      "C: DATA\nS: 503 5.5.1 Need MAIL first\n"
			      "C: RCPT TO:<x@y>\nS: 503 5.5.1 Need MAIL first\n"
			      "C: MAIL FROM:<>\nE: mail <>\nS: 250 2.1.0 Ok\n"
			      "C: DATA\nS: 554 5.5.1 No valid recipients\n"
			      "C: RCPT TO:<x@y>\nE: rcpt <x@y>\nS: 250 2.1.0 Ok\n"
			      "C: DATA\nE: data <> <x@y>\n"
			      "S: 354 End data with <CR><LF>.<CR><LF>\n"
			      "C: two\nC: .\nE: end \"two\\r\\n\"\nS: 250 2.0.0 Queued\n" QUIT},
	{"what is wrong with the order",
	 GREETING "C: MAIL FROM:<a@b>\nS: 503 5.5.1 Send HELO or EHLO first\n"
		  "C: RCPT TO:<a@b>\nS: 503 5.5.1 Need MAIL first\n"
		  "C: DATA\nS: 503 5.5.1 Need MAIL first\n" EHLO MAIL
		  "C: MAIL FROM:<a@b>\nS: 503 5.5.1 Nested MAIL command\n"
		  "C: DATA\nS: 554 5.5.1 No valid recipients\n"
		  "C: QUIT\nS: 221 2.0.0 Bye\nE: abort <a@b.example>\nE: close\n"},
	{"small commands",
	 GREETING "C: NOOP\nS: 250 2.0.0 Ok\nC: NOOP what ever\nS: 250 2.0.0 Ok\n"
		  "C: VRFY postmaster\nS: 252 2.5.0 Send the mail, and we will see\n"
		  "C: VRFY\nS: 501 5.5.4 Syntax error in arguments\n"
		  "C: EXPN list\nS: 502 5.5.1 Command not implemented\n"
		  "C: HELP\n"
		  "S: 214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT\n"
		  "C: RSET\nS: 250 2.0.0 Ok\n"
		  "C: RSET now\nS: 501 5.5.4 Syntax error in arguments\n"
		  "C: DATA 5\nS: 501 5.5.4 Syntax error in arguments\n"
		  "C: QUIT now\nS: 501 5.5.4 Syntax error in arguments\n"
		  "C: STARTTLS\nS: 500 5.5.1 Command unknown\n"
		  "C: BDAT 5 LAST\nS: 500 5.5.1 Command unknown\n"
		  "C: AUTH PLAIN\nS: 500 5.5.1 Command unknown\n"
		  "C: \nS: 500 5.5.1 Command unknown\n"
		  "C:  NOOP\nS: 500 5.5.1 Command unknown\n" QUIT},
	{"names in HELO", GREETING "C: EHLO\nS: 501 Syntax: EHLO hostname\n"
				   "C: HELO\nS: 501 Syntax: HELO hostname\n"
				   "C: EHLO two words\nS: 501 Syntax: EHLO hostname\n"
				   "C: EHLO -x\nS: 501 Syntax: EHLO hostname\n"
				   "C: EHLO a\\x01b\nS: 501 Syntax: EHLO hostname\n"
				   "C: EHLO \\xC3\\xA9.example\nS: 501 Syntax: EHLO hostname\n"
				   "C: EHLO [1\nS: 501 Syntax: EHLO hostname\n"
				   "C: MAIL FROM:<a@b>\nS: 503 5.5.1 Send HELO or EHLO first\n"
				   "C: HELO [192.0.2.1]\nS: 250 mx.example.org\n"
				   "C: HELO [IPv6:2001:db8::1]\nS: 250 mx.example.org\n"
				   "C: HELO my_pc\nS: 250 mx.example.org\n"
				   "C: HELO host.example.\nS: 250 mx.example.org\n" QUIT},
	{"EHLO and RSET drop a transaction", HELLO MAIL RCPT
	 "C: RSET\nS: 250 2.0.0 Ok\n" ABORT MAIL RCPT EHLO ABORT
	 "C: DATA\nS: 503 5.5.1 Need MAIL first\n" MAIL
	 "C: HELO again.example\nS: 250 mx.example.org\nE: abort <a@b.example>\n" QUIT},
	{"a bad EHLO leaves the transaction alone (RFC 5321 section 4.1.1.1)",
	 HELLO MAIL RCPT "C: EHLO ?\nS: 501 Syntax: EHLO hostname\n" DATA
			 "C: .\nE: end \"\"\nS: 250 2.0.0 Queued\n" QUIT},
	{"the driver refuses",
	 HELLO "C: MAIL FROM:<banned@x>\nE: mail <banned@x>\nS: 550 5.7.1 Not you\n"
	       "C: RCPT TO:<c@d>\nS: 503 5.5.1 Need MAIL first\n"
	       "C: MAIL FROM:<busy@x>\nE: mail <busy@x>\nS: 451 4.3.0 Try later\n" MAIL
	       "C: RCPT TO:<unknown@x>\nE: rcpt <unknown@x>\nS: 550 5.1.1 No such user\n"
	       "C: RCPT TO:<later@x>\nE: rcpt <later@x>\nS: 451 4.2.0 Mailbox is busy\n"
	       "C: DATA\nS: 554 5.5.1 No valid recipients\n" RCPT
	       "C: RCPT TO:<unknown@x>\nE: rcpt <unknown@x>\nS: 550 5.1.1 No such user\n" DATA
	       "C: refuse me\nC: .\nE: end \"refuse me\\r\\n\"\nS: 554 5.7.1 No\n"
	       "C: DATA\nS: 503 5.5.1 Need MAIL first\n" QUIT},
	{"the driver refuses DATA; the transaction stays",
	 HELLO "C: MAIL FROM:<nodata@x>\nE: mail <nodata@x>\nS: 250 2.1.0 Ok\n" RCPT
	       "C: DATA\nE: data <nodata@x> <c@d.example>\nS: 451 4.3.0 Not now\n"
	       "C: RSET\nS: 250 2.0.0 Ok\nE: abort <nodata@x> <c@d.example>\n" QUIT},
	{"the driver says 421",
	 HELLO MAIL "C: RCPT TO:<goaway@x>\nE: rcpt <goaway@x>\nS: 421 4.3.2 Going down\n"
		    "E: abort <a@b.example>\nE: close\n"},
	{"the driver says 421 to MAIL: no transaction, no abort",
	 HELLO "C: MAIL FROM:<goaway@x>\nE: mail <goaway@x>\nS: 421 4.3.2 Going down\nE: close\n"},
	{"paths that are none",
	 HELLO "C: MAIL\nS: 501 5.5.4 Syntax error in arguments\n"
	       "C: MAIL TO:<a@b>\nS: 501 5.5.4 Syntax error in arguments\n"
	       "C: MAIL FROM <a@b>\nS: 501 5.5.4 Syntax error in arguments\n"
	       "C: MAIL FROM:a@b\nS: 501 5.1.7 path without its opening bracket\n"
	       "C: MAIL FROM:<a@b\nS: 501 5.1.7 path without its closing bracket\n"
	       "C: MAIL FROM:<a>\nS: 501 5.1.7 address without a domain\n"
	       "C: MAIL FROM:<postmaster>\nS: 501 5.1.7 address without a domain\n"
	       "C: MAIL FROM:<a@b>SIZE=1\nS: 501 5.5.4 No space behind the address\n" MAIL
	       "C: RCPT TO:<>\nS: 501 5.1.3 Recipient is empty\n"
	       "C: RCPT TO:<a>\nS: 501 5.1.3 address without a domain\n"
	       "C: RCPT TO:<PostMaster>\nE: rcpt <postmaster>\nS: 250 2.1.0 Ok\n"
	       "C: RCPT TO:<@x,@y:Jo@Z.Example>\nE: rcpt <Jo@z.example>\nS: 250 2.1.0 Ok\n"
	       "C: QUIT\nS: 221 2.0.0 Bye\n"
	       "E: abort <a@b.example> <postmaster> <Jo@z.example>\nE: close\n"},
	{"SMTPUTF8",
	 HELLO "C: MAIL FROM:<j\\xC3\\xB8@x>\nS: 550 5.6.7 Address needs SMTPUTF8\n" MAIL
	       "C: RCPT TO:<j\\xC3\\xB8@x>\nS: 553 5.6.7 Address needs SMTPUTF8\n"
	       "C: RSET\nS: 250 2.0.0 Ok\nE: abort <a@b.example>\n"
	       "C: MAIL FROM:<j\\xC3\\xB8@x> SMTPUTF8\nE: mail <j\\xC3\\xB8@x>\nS: 250 2.1.0 Ok\n"
	       "C: RCPT TO:<j\\xC3\\xB8@x>\nE: rcpt <j\\xC3\\xB8@x>\nS: 250 2.1.0 Ok\n"
	       "C: RCPT TO:<j\\xC3@x>\nS: 501 5.1.3 invalid UTF-8\n"
	       "C: RCPT TO:<j\\xED\\xA0\\x80@x>\nS: 501 5.1.3 invalid UTF-8\n"
	       "X: eof\nE: abort <j\\xC3\\xB8@x> <j\\xC3\\xB8@x>\nE: close\n"},
	{"parameters are for those who said EHLO",
	 GREETING "C: HELO x\nS: 250 mx.example.org\n"
		  "C: MAIL FROM:<a@b> SIZE=1\nS: 555 5.5.4 Parameters need EHLO\n" QUIT},
	{"SIZE over the limit is refused at MAIL",
	 HELLO "C: MAIL FROM:<a@b> SIZE=2001\nS: 552 5.3.4 Message is too big\n"
	       "C: MAIL FROM:<a@b> SIZE=99999999999999999999\nS: 552 5.3.4 Message is too big\n"
	       "C: MAIL FROM:<a@b.example> SIZE=2000\nE: mail <a@b.example>\nS: 250 2.1.0 Ok\n"
	       "C: QUIT\nS: 221 2.0.0 Bye\nE: abort <a@b.example>\nE: close\n"},
	{"a body over the limit is refused at its end, and the session goes on",
	 GREETING "C: HELO x\nS: 250 mx.example.org\n" MAIL RCPT DATA
		  "C: 0123456789\nC: MAIL FROM:<x@y>\nC: .\nS: 552 5.3.4 Message is too big\n" ABORT
		  "C: DATA\nS: 503 5.5.1 Need MAIL first\n" QUIT,
	 tiny_message},
	{"a body just within the limit; stuffed dots do not count",
	 GREETING
	 "C: HELO x\nS: 250 mx.example.org\n" MAIL RCPT DATA
	 "C: ..234567\nC: .\nE: end \".234567\\r\\n\"\nS: 250 2.0.0 Queued\n" MAIL RCPT DATA
	 "C: ..2345678\nC: .\nE: end \".2345678\\r\\n\"\nS: 250 2.0.0 Queued\n" MAIL RCPT DATA
	 "C: ..23456789\nC: .\nS: 552 5.3.4 Message is too big\n" ABORT QUIT,
	 tiny_message},
	{"a header over the limit",
	 HELLO MAIL RCPT DATA
	 "C: Subject: 0123456789\nC: \nC: .\n"
	 "S: 552 5.3.4 Header is too big\n" ABORT MAIL RCPT DATA
	 "C: A: 456789\nC: B: 4567\nC: \nC: long enough a body\nC: .\n"
	 "E: end \"A: 456789\\r\\nB: 4567\\r\\n\\r\\nlong enough a body\\r\\n\"\n"
	 "S: 250 2.0.0 Queued\n" QUIT,
	 small_message},
	{"too many fields",
	 HELLO MAIL RCPT DATA "C: A: 1\nC: B: 2\nC:  folded\nC: \nC: C: 3\nC: .\n"
			      "E: end \"A: 1\\r\\nB: 2\\r\\n folded\\r\\n\\r\\nC: 3\\r\\n\"\n"
			      "S: 250 2.0.0 Queued\n" MAIL RCPT DATA
			      "C: A: 1\nC: B: 2\nC: C: 3\nC: .\n"
			      "S: 552 5.3.4 Header is too big\n" ABORT QUIT,
	 two_fields},
	{"a loop", HELLO MAIL RCPT DATA
	 "C: Received: 1\nC: RECEIVED : 2\nC: X: y\nC: received: 3\nC: \nC: Received: no\nC: .\n"
	 "E: end \"Received: 1\\r\\nRECEIVED : 2\\r\\nX: y\\r\\nreceived: 3\\r\\n\\r\\nReceived: no"
	 "\\r\\n\"\nS: 250 2.0.0 Queued\n" MAIL RCPT DATA
	 "C: Received: 1\nC: Received: 2\nC: Received: 3\nC: Received: 4\nC: \nC: .\n"
	 "S: 554 5.4.6 Too many hops\n" ABORT QUIT},
	{"too many recipients; many again are no errors",
	 HELLO MAIL RCPT RCPT "C: RCPT TO:<x@y>\nS: 452 4.5.3 Too many recipients\n"
			      "C: RCPT TO:<x@y>\nS: 452 4.5.3 Too many recipients\n"
			      "C: RCPT TO:<x@y>\nS: 452 4.5.3 Too many recipients\n"
			      "S: 421 4.7.0 Too many errors\n"
			      "E: abort <a@b.example> <c@d.example> <c@d.example>\nE: close\n",
	 two_recipients},
	{"too many messages",
	 HELLO MAIL RCPT DATA "C: .\nE: end \"\"\nS: 250 2.0.0 Queued\n"
			      "C: MAIL FROM:<a@b>\nS: 421 4.7.0 Too many messages\nE: close\n",
	 one_message},
	{"too many errors",
	 HELLO MAIL "C: what\nS: 500 5.5.1 Command unknown\n"
		    "C: what\nS: 500 5.5.1 Command unknown\nS: 421 4.7.0 Too many errors\n"
		    "E: abort <a@b.example>\nE: close\n",
	 two_errors},
	{"too many commands without mail",
	 HELLO "C: NOOP\nS: 250 2.0.0 Ok\n" EHLO
	       "C: RSET\nS: 421 4.7.0 Too many commands without mail\nE: close\n",
	 two_useless},
	{"a message pays for two more",
	 HELLO "C: NOOP\nS: 250 2.0.0 Ok\nC: NOOP\nS: 250 2.0.0 Ok\n" MAIL RCPT DATA
	       "C: .\nE: end \"\"\nS: 250 2.0.0 Queued\nC: NOOP\nS: 250 2.0.0 Ok\n"
	       "C: NOOP\nS: 250 2.0.0 Ok\n"
	       "C: NOOP\nS: 421 4.7.0 Too many commands without mail\nE: close\n",
	 two_useless},
	{"lines over the limit",
	 GREETING "C: NOOP 6789012345678901234567890\nS: 500 5.5.2 Line is too long\n"
		  "C: NOOP 678901234567890123456789\nS: 500 5.5.2 Line is too long\n"
		  "C: NOOP 67890123456789012345678\nS: 250 2.0.0 Ok\n"
		  "C! 0123456789012345678901234567890123456789012345678901234567890123456789\n"
		  "C! 01234567890123456789012345678901234567890123456789\n"
		  "S: 500 5.5.2 Line is much too long\nE: close\n",
	 short_lines},
	{"a line of four times the limit, CRLF included, is read to its end",
	 GREETING "C! 0123456789012345678901234567890123456789012345678901234567890123456789\n"
		  "C: 012345678901234567890123456789012345678901234567\n"
		  "S: 500 5.5.2 Line is too long\nC: QUIT\nS: 221 2.0.0 Bye\nE: close\n",
	 short_lines},
	{"bare CR in a command",
	 HELLO "C: NOOP \\rQUIT\nS: 500 5.5.2 Bare CR, bare LF or NUL\nE: close\n"},
	{"CR CR LF", HELLO "C: NOOP\\r\nS: 500 5.5.2 Bare CR, bare LF or NUL\nE: close\n"},
	{"bare LF in a command",
	 HELLO MAIL "C! NOOP\\n\nS: 500 5.5.2 Bare CR, bare LF or NUL\nE: abort <a@b.example>\n"
		    "E: close\n"},
	{"NUL in a command", HELLO "C: NOOP \\0\nS: 500 5.5.2 Bare CR, bare LF or NUL\nE: close\n"},
	{"a browser",
	 GREETING "C: POST / HTTP/1.1\nS: 500 5.5.1 This is no web server\nE: close\n"},
	{"bare LF in a body; what follows is not read", HELLO MAIL RCPT DATA
	 "C: one\\ntwo\nC: .\n"
	 "S: 554 5.6.0 Bare CR, bare LF or NUL in the message\n" ABORT "C: MAIL FROM:<x@y>\n"
	 "S: 421 4.7.0 Closing after a message with bad line ends\nE: close\n"},
	{"the client goes away while it speaks",
	 HELLO MAIL RCPT "C! RCPT TO:<x@\nX: eof\n" ABORT "E: close\n"},
	{"the client goes away in a body",
	 HELLO MAIL RCPT DATA "C: half a mess\nX: eof\n" ABORT "E: close\n"},
	{"shutdown",
	 HELLO MAIL RCPT "X: shutdown\nS: 421 4.3.2 Shutting down\n" ABORT "E: close\n"},
	{"shutdown in a body", HELLO MAIL RCPT DATA
	 "C: half a mess\nX: shutdown\nS: 421 4.3.2 Shutting down\n" ABORT "E: close\n"},
	{"shutdown before the greeting", "X: shutdown\nS: 421 4.3.2 Shutting down\nE: close\n",
	 NULL, 6000},
	{"too slow with a command",
	 HELLO "C! NOOP\nT: 299999\nC! \\r\nT: 1\nS: 421 4.4.2 Too slow\nE: close\n"},
	{"each command has its own time",
	 HELLO "T: 299999\nC: NOOP\nS: 250 2.0.0 Ok\nT: 299999\nC: NOOP\nS: 250 2.0.0 Ok\n"
	       "T: 300000\nS: 421 4.4.2 Too slow\nE: close\n"},
	{"a silent body", HELLO MAIL RCPT DATA
	 "T: 59999\nC: x\nT: 1\nT: 5\nT: 1\nS: 421 4.4.2 Too slow\n" ABORT "E: close\n"},
	{"greeted late", "T: 5999\nT: 1\n" GREETING QUIT, NULL, 6000},
	{"talk before the greeting",
	 "T: 5999\nC: EHLO x\nS: 554 You talk before you are greeted\nE: close\n", NULL, 6000},
};

/* Turns \r \n \0 \xHH \\ into octets. */
static void
unescape(struct gp_buf *to, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c != '\\') {
			gp_buf_put_char(to, c);
			continue;
		}
		c = s.ptr[++i];
		if (c == 'x') {
			gp_buf_put_char(to, (char)(gp_ascii_hex(s.ptr[i + 1]) * 16 +
						   gp_ascii_hex(s.ptr[i + 2])));
			i += 2;
		} else {
			gp_buf_put_char(to, c == 'r'   ? '\r'
					    : c == 'n' ? '\n'
					    : c == '0' ? '\0'
						       : c);
		}
	}
}

struct run {
	const struct dialogue *dialogue;
	struct talk talk;
	size_t piece; /* 0: all that the client says at once */
	struct gp_buf expect, all;
};

static void
compare(const struct run *r, const char *where)
{
	struct gp_slice got = gp_buf_slice(&r->talk.log), want = gp_buf_slice(&r->expect);
	if (gp_slice_eq(got, want))
		return;
	print_error("%s, in pieces of %zu, %s\n--- wanted\n%.*s--- got\n%.*s", r->dialogue->name,
		    r->piece, where, GP_SLICE_FMT(want), GP_SLICE_FMT(got));
	fail();
}

static void
say(struct run *r, struct gp_slice line, bool crlf)
{
	struct gp_buf octets = GP_BUF_INIT(65536);
	unescape(&octets, line);
	if (crlf)
		gp_buf_put_str(&octets, "\r\n");
	if (r->piece == 0)
		gp_buf_put(&r->all, gp_buf_slice(&octets));
	else
		talk_feed_pieces(&r->talk, gp_buf_slice(&octets), r->piece);
	gp_buf_free(&octets);
}

static void
act(struct run *r, struct gp_slice action)
{
	static const struct gp_reply farewell = {
		421, 4, 3, 2, {"Shutting down", sizeof("Shutting down") - 1}};
	if (gp_slice_eq(action, GP_SLICE("eof")))
		gp_smtp_server_eof(r->talk.session);
	else
		gp_smtp_server_shutdown(r->talk.session, &farewell);
	talk_feed(&r->talk, gp_slice("", 0));
}

static void
pass_time(struct run *r, struct gp_slice ms)
{
	uint64_t n;
	assert_true(gp_slice_u64(ms, UINT64_MAX, &n));
	r->talk.now_ms += n;
	/* The driver is called back at the deadline, and at no other time. */
	if (r->talk.now_ms >= gp_smtp_server_deadline(r->talk.session))
		talk_feed(&r->talk, gp_slice("", 0));
}

static void
run_line(struct run *r, struct gp_slice line)
{
	struct gp_slice rest = gp_slice_drop(line, 3);
	if (line.ptr[0] == 'S' || line.ptr[0] == 'E') {
		gp_buf_put(&r->expect, line);
		gp_buf_put_char(&r->expect, '\n');
		return;
	}
	if (r->piece > 0)
		compare(r, "before the client's next line");
	if (line.ptr[0] == 'C')
		say(r, rest, line.ptr[1] == ':');
	else if (line.ptr[0] == 'T')
		pass_time(r, rest);
	else if (line.ptr[0] == 'X')
		act(r, rest);
	else
		fail_msg("bad script line in %s", r->dialogue->name);
}

static void
run(const struct dialogue *dialogue, size_t piece)
{
	struct run r = {.dialogue = dialogue,
			.piece = piece,
			.expect = GP_BUF_INIT(65536),
			.all = GP_BUF_INIT(65536)};
	struct gp_slice script = gp_slice_str(dialogue->script);
	struct gp_limits limits = talk_limits();
	if (dialogue->tune)
		dialogue->tune(&limits);
	talk_begin_setup(&r.talk, limits, dialogue->greet_wait_ms);
	if (strncmp(dialogue->script, "X: shutdown", 11) != 0)
		talk_feed(&r.talk, gp_slice("", 0));
	while (script.len > 0)
		run_line(&r, gp_slice_cut(&script, '\n'));
	talk_feed(&r.talk, gp_buf_slice(&r.all));
	compare(&r, "at the end");
	assert_true(r.talk.closed);
	talk_end(&r.talk);
	gp_buf_free(&r.expect);
	gp_buf_free(&r.all);
}

static bool
is_timeless(const struct dialogue *d)
{
	return !strstr(d->script, "T: ") && !strstr(d->script, "X: ");
}

static void
dialogues_go_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++)
		run(&dialogues[i], SIZE_MAX);
}

static void
dialogues_do_not_depend_on_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		for (size_t j = 0; j < GP_ARRAY_LEN(pieces); j++)
			run(&dialogues[i], pieces[j]);
	}
}

static void
dialogues_may_be_sent_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		if (is_timeless(&dialogues[i]))
			run(&dialogues[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_written),
		cmocka_unit_test(dialogues_do_not_depend_on_pieces),
		cmocka_unit_test(dialogues_may_be_sent_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
