/* SPDX-License-Identifier: Apache-2.0 */
/* The relay matrix: what is said, what is made of the answers, and what is left alone. */
#include "dialogue.h"

#include <string.h>

#include "core/probe/relay.h"

#define RECIPIENT .recipient = {"me@own.example", 14}
#define SERVER .server = {"mx.example.net", 14}
#define HOSTED .hosted = {"example.net", 11}
#define ADDRESS .address = {"192.0.2.1", 9}
#define CANARY                                                                  \
	.consents = GP_PROBE_RELAY | GP_PROBE_CANARY, .token = {"abcd1234", 8}, \
	.date = {"Mon, 30 Nov 2026 00:00:00 +0000", 31}

/* Form 2 is the first that can be said without knowing anything of the server, but for bounces. */
#define BOUNCE(reply) \
	"> MAIL FROM:<>\n< 250 ok\n> RCPT TO:<me@own.example>\n< " reply "\n> RSET\n< 250 ok\n"
#define TEST(from, to, reply) \
	"> MAIL FROM:" from "\n< 250 ok\n> RCPT TO:" to "\n< " reply "\n> RSET\n< 250 ok\n"
#define ME "<me@own.example>"
#define NO "550 5.7.1 relaying denied"
#define BYE "> QUIT\n< 221 bye\n"

static const struct gp_probe_relay_test *
form(const struct gp_probe_record *r, unsigned number, char letter)
{
	for (size_t i = 0; i < r->relay_len; i++) {
		if (r->relay[i].number == number && r->relay[i].letter == letter)
			return &r->relay[i];
	}
	fail_msg("no form %u%c", number, letter);
	return NULL;
}

static void
all_refused(const struct gp_probe_record *r)
{
	const struct gp_probe_relay_test *t = form(r, 2, 0);
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_REFUSED);
	assert_int_equal(t->state, GP_PROBE_RELAY_REFUSED);
	assert_string_equal(t->at, "RCPT");
	assert_int_equal(t->code, 550);
	assert_slice(t->reply, NO);
	assert_slice(t->to, "me@own.example");
	t = form(r, 3, 0);
	assert_int_equal(t->state, GP_PROBE_RELAY_NOT_TESTED);
	assert_string_equal(t->why, "the server's address has no name that could be used");
	assert_string_equal(form(r, 19, 0)->why,
			    "no domain is known that the server takes mail for");
	assert_string_equal(form(r, 28, 0)->why, "the server does not offer what it takes");
	assert_string_equal(form(r, 31, 'a')->why, "there is no TLS");
	assert_string_equal(form(r, 33, 'a')->why,
			    "it sends a message, which nobody has consented to");
	assert_int_equal(r->connections, 3);
}

/* The forms that need to know nothing: 1, 2, 17, 18, 20, 22, 24, 26, then a new connection. */
#define UNKNOWING                                                                                  \
	TALK ".connect\n< 220 mx\n> EHLO " HELO "\n< 250 mx\n" TEST("<>", ME, NO) TEST(ME, ME, NO) \
		TEST("<me@localhost>", ME, NO) TEST("<me>", ME, NO) TEST("<me@" HELO ">", ME, NO)  \
			TEST(ME, "<me%own.example>", NO)                                           \
				TEST(ME, "<me@own.example@localhost>", NO)                         \
					TEST(ME, "<me@own.example.>", NO) BYE

static void
put_off(const struct gp_probe_record *r)
{
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_NOT_MEASURED);
	assert_int_equal(form(r, 1, 0)->state, GP_PROBE_RELAY_NOT_TESTED);
	assert_string_equal(form(r, 1, 0)->why, "put off");
	assert_string_equal(form(r, 2, 0)->why, "the server wants TLS or a login first");
	assert_string_equal(form(r, 17, 0)->why,
			    "the command was not understood, or is out of place");
	assert_int_equal(form(r, 18, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_string_equal(form(r, 18, 0)->at, "MAIL");
}

static void
accepted(const struct gp_probe_record *r)
{
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_ACCEPTED);
	assert_int_equal(form(r, 1, 0)->state, GP_PROBE_RELAY_ACCEPTED);
	assert_false(form(r, 1, 0)->sent);
}

static void
sent(const struct gp_probe_record *r)
{
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_ACCEPTED);
	assert_true(form(r, 1, 0)->sent);
	assert_int_equal(form(r, 2, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_string_equal(form(r, 2, 0)->at, "DATA");
	assert_int_equal(form(r, 17, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_string_equal(form(r, 17, 0)->at, "the message");
}

static void
hung_up(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 1, 0)->why, "the server hangs up on it");
	assert_int_equal(form(r, 2, 0)->state, GP_PROBE_RELAY_REFUSED);
}

static void
given_up(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 1, 0)->why, "the greeting refuses us");
	assert_string_equal(form(r, 2, 0)->why, "the greeting refuses us");
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_NOT_MEASURED);
}

static void
on_loopback(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 27, 0)->why, "our own address is the server's, too");
}

static void
at_home(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 2, 0)->why,
			    "the recipient's domain is one that the server takes mail for");
	assert_int_equal(r->connections, 1);
}

static void
no_names(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 3, 0)->why,
			    "the server's address has no name that could be used");
	assert_string_equal(form(r, 19, 0)->why,
			    "no domain is known that the server takes mail for");
}

static void
inside_tls(const struct gp_probe_record *r)
{
	assert_int_equal(form(r, 1, 0)->state, GP_PROBE_RELAY_REFUSED);
}

static void
plain_sender(const struct gp_probe_record *r)
{
	assert_string_equal(form(r, 4, 0)->at, "MAIL");
	assert_string_equal(form(r, 5, 0)->at, "RCPT");
	assert_slice(form(r, 5, 0)->from, "me@own.example");
}

#define AGAIN ".connect\n< 220 mx\n> EHLO " HELO "\n< 250 mx\n"
#define CANARY_TEXT(token)                                                                     \
	"> Date: Mon, 30 Nov 2026 00:00:00 +0000\n> From: <me@own.example>\n> To: "            \
	"<me@own.example>\n> Subject: Gatepost test " token "\n> Message-ID: <" token "@" HELO \
	">\n> Auto-Submitted: auto-generated\n> X-Gatepost-Canary: " token                     \
	"\n> \n> A test of a mail server, by somebody who was authorised to make it.\n"
#define WITH_TLS                                                                                \
	OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO "\n< 250 " \
		"mx\n"

static const struct dialogue dialogues[] = {
	{"nothing known of the server, and all is refused",
	 UNKNOWING AGAIN TEST(ME, "<@localhost:me@own.example>", NO)
		 TEST(ME, "me@own.example", "501 5.5.4 brackets")
			 TEST(ME, " <me@own.example>", "501 5.5.4 brackets") BYE ".done\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 all_refused},
	{"4yz, 530 and what was not understood are no tests",
	 TALK AGAIN TEST("<>", ME, "450 4.7.1 greylisted") TEST(ME, ME, "530 5.7.0 AUTH first")
		 TEST("<me@localhost>", ME,
		      "503 5.5.1 what") "> MAIL FROM:<me>\n< 550 no\n> RSET\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 put_off},
	{"250 at RCPT, and RSET, never DATA",
	 TALK AGAIN TEST("<>", ME, "250 ok") "> MAIL FROM:" ME "\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 accepted},
	{"with consent a canary flies",
	 TALK AGAIN
	 "> MAIL FROM:<>\n< 250 ok\n> RCPT TO:" ME "\n< 250 ok\n> DATA\n< 354 go\n" CANARY_TEXT(
		 "abcd1234-r1") "> .\n< 250 queued\n> RSET\n< 250 ok\n"
				"> MAIL FROM:" ME "\n< 250 ok\n> RCPT TO:" ME
				"\n< 250 ok\n> DATA\n< 554 no\n> RSET\n"
				"< 250 ok\n> MAIL FROM:<me@localhost>\n< 250 ok\n> RCPT TO:" ME
				"\n< 250 ok\n> DATA\n< 354 go\n" CANARY_TEXT(
					"abcd1234-r17") "> .\n< 554 no\n> RSET\n",
	 {CANARY, RECIPIENT},
	 sent},
	{"421 upon a form: once more on a new connection, then it is left",
	 TALK "!pause 0\n" AGAIN "> MAIL FROM:<>\n< 421 bye\n!pause 5000\n" AGAIN
	      "> MAIL FROM:<>\n< 421 bye\n!pause 10000\n!+20000\n" AGAIN TEST(
		      ME, ME, NO) "> MAIL FROM:<me@localhost>\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 hung_up},
	{"a server that lets nobody in again is left alone",
	 TALK ".connect\n< 554 enough\n" BYE ".connect\n< 554 enough\n" BYE
	      ".connect\n< 554 enough\n" BYE ".done\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 given_up},
	{"at home, taking mail proves nothing",
	 TALK ".done\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT, .hosted = {"OWN.example", 11}},
	 at_home},
	{"an address that every host has is the server's own",
	 TALK AGAIN "> MAIL FROM:<>\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT, .own_address = {"127.0.0.1", 9}},
	 on_loopback},
	{"names that a stranger chose do not get into commands",
	 TALK AGAIN "> MAIL FROM:<>\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT, .server = {"x>\r\nDATA", 8}, .hosted = {"a b", 3}},
	 no_names},
	{"a refused sender is not the end of a form about its recipient",
	 TALK AGAIN TEST("<>", ME, NO)
		 TEST(ME, ME,
		      NO) "> MAIL FROM:<me@[192.0.2.1]>\n< 501 no literals\n> RSET\n< 250 ok\n"
			  "> MAIL FROM:<me@[192.0.2.1]>\n< 501 no literals\n"
			  "> MAIL FROM:" ME "\n< 250 ok\n> RCPT TO:<me%own.example@[192.0.2.1]>\n"
			  "< 550 no\n> RSET\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT, ADDRESS},
	 plain_sender},
	{"TLS first: the matrix moves into it",
	 WITH_TLS ASKS
	 ".connect\n< 220 mx\n> EHLO " HELO "\n< 250-mx\n< 250 STARTTLS\n> MAIL FROM:<>\n"
	 "< 530 STARTTLS first\n" BYE WITH_TLS TEST("<>", ME, NO) "> MAIL FROM:" ME "\n",
	 {.consents = GP_PROBE_RELAY, RECIPIENT},
	 inside_tls,
	 .whole_only = true},
};

static void
matrices(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* --- the whole matrix, with servers of a line each --- */

enum { SAID_MAX = 128 * 1024 };

struct server {
	const char *(*answer)(struct server *, struct gp_slice line); /* NULL: 250 */
	bool body;
	bool trusts;
	bool tls; /* it offers STARTTLS */
	bool in_tls;
	uint64_t chunk;
	struct gp_buf said; /* all lines of the client */
	unsigned messages;
};

static const char *
answer_usual(struct server *s, struct gp_slice line)
{
	const char *own = s->answer ? s->answer(s, line) : NULL;
	if (own)
		return own;
	if (gp_slice_starts(line, GP_SLICE("EHLO")) && s->tls && !s->in_tls)
		return "250-mx\r\n250 STARTTLS\r\n";
	if (gp_slice_eq(line, GP_SLICE("STARTTLS")))
		return "220 go\r\n";
	if (gp_slice_starts(line, GP_SLICE("EHLO")))
		return "250-mx\r\n250-DSN\r\n250-SMTPUTF8\r\n250-XCLIENT ADDR\r\n250-PIPELINING\r\n"
		       "250 CHUNKING\r\n";
	if (gp_slice_eq(line, GP_SLICE("DATA")))
		return "354 go\r\n";
	return gp_slice_eq(line, GP_SLICE("QUIT")) ? "221 bye\r\n" : "250 ok\r\n";
}

/* Answers all that was said. */
static void
serve(struct server *s, struct gp_probe *p, struct gp_buf *replies)
{
	struct gp_slice said = gp_probe_output(p), all = said;
	gp_buf_put(&s->said, said);
	while (said.len > 0) {
		if (s->chunk > 0) {
			said = gp_slice_drop(said, s->chunk);
			s->chunk = 0;
			s->messages++;
			gp_buf_put_str(replies, "250 chunk\r\n");
			continue;
		}
		struct gp_slice line = gp_slice_cut(&said, '\n');
		assert_int_equal(line.ptr[line.len - 1], '\r');
		line.len--;
		bool dot = gp_slice_eq(line, GP_SLICE("."));
		if (s->body && !dot)
			continue;
		if (gp_slice_starts(line, GP_SLICE("BDAT "))) {
			struct gp_slice n = gp_slice_drop(line, 5);
			assert_true(gp_slice_u64(gp_slice_cut(&n, ' '), 10'000, &s->chunk));
			continue;
		}
		const char *reply = answer_usual(s, line);
		s->messages += dot;
		s->body = gp_slice_starts(gp_slice_str(reply), GP_SLICE("354"));
		gp_buf_put_str(replies, reply);
	}
	gp_probe_output_sent(p, all.len, 0);
}

/* To the end; the probe is the caller's to free. */
static struct gp_probe *
run_with(struct server *s, const struct gp_probe_options *options)
{
	static const struct gp_probe_tls tls = {.ok = true};
	struct gp_probe *p = gp_probe_new(options, 0);
	struct gp_buf replies = GP_BUF_INIT(1 << 16);
	s->said = GP_BUF_INIT(SAID_MAX);
	for (;;) {
		struct gp_slice in = gp_buf_slice(&replies);
		enum gp_probe_want want = gp_probe_next(p, &in, 0);
		gp_buf_clear(&replies);
		if (want == GP_PROBE_WANT_DONE)
			break;
		if (want == GP_PROBE_WANT_CONNECT) {
			gp_probe_connecting(p, 0);
			gp_probe_connected(p, 0);
			s->body = s->in_tls = false;
			gp_buf_put_str(&s->said, "(connection)\r\n");
			gp_buf_put_str(&replies, "220 mx\r\n");
		} else if (want == GP_PROBE_WANT_TLS) {
			gp_probe_tls_done(p, &tls, 0);
			s->in_tls = true;
		}
		serve(s, p, &replies);
	}
	gp_buf_free(&replies);
	gp_buf_put_char(&s->said, '\0');
	assert_false(s->said.failed);
	return p;
}

static const struct gp_probe_options everything = {
	.helo = {HELO, sizeof(HELO) - 1},
	RECIPIENT,
	SERVER,
	HOSTED,
	ADDRESS,
	CANARY,
	.own_address = {"2001:db8::7", 11},
};

static const char *
deny(struct server *s, struct gp_slice line)
{
	(void)s;
	return gp_slice_starts(line, GP_SLICE("RCPT")) ? "550 5.7.1 no relaying\r\n" : NULL;
}

/* Takes mail of whoever says HELO with its name, the percent hack, and all after XCLIENT. */
static const char *
trusting(struct server *s, struct gp_slice line)
{
	static const char own_helo[] = "HELO mx.example.net";
	if (gp_slice_starts(line, GP_SLICE("HELO ")))
		s->trusts = gp_slice_eq(line, gp_slice_str(own_helo));
	else if (gp_slice_starts(line, GP_SLICE("XCLIENT")))
		s->trusts = true;
	else if (gp_slice_eq(line, GP_SLICE("QUIT")))
		s->trusts = false;
	if (!gp_slice_starts(line, GP_SLICE("RCPT")) || s->trusts)
		return NULL;
	bool percent = gp_slice_eq(line, GP_SLICE("RCPT TO:<me%own.example@example.net>"));
	return percent ? NULL : "550 no\r\n";
}

static void
every_form_is_said(void **state)
{
	static const char *const lines[] = {
		"MAIL FROM:<>\r\nRCPT TO:<me@own.example>\r\nRSET",
		"MAIL FROM:<me@own.example>\r\nRCPT TO:<me@own.example>\r\nRSET",
		"MAIL FROM:<me@mx.example.net>\r\nRCPT TO:<me@own.example>\r\n",
		"MAIL FROM:<me@[192.0.2.1]>\r\nRCPT TO:<me@own.example>\r\n",
		"RCPT TO:<me%own.example@[192.0.2.1]>\r\n",
		"RCPT TO:<me%own.example@mx.example.net>\r\n",
		"RCPT TO:<\"me@own.example\">\r\n",
		"RCPT TO:<\"me%own.example\">\r\n",
		"RCPT TO:<me@own.example@[192.0.2.1]>\r\n",
		"RCPT TO:<\"me@own.example\"@[192.0.2.1]>\r\n",
		"RCPT TO:<me@own.example@mx.example.net>\r\n",
		"RCPT TO:<@[192.0.2.1]:me@own.example>\r\n",
		"RCPT TO:<@mx.example.net:me@own.example>\r\n",
		"RCPT TO:<own.example!me>\r\n",
		"RCPT TO:<own.example!me@[192.0.2.1]>\r\n",
		"RCPT TO:<own.example!me@mx.example.net>\r\n",
		"MAIL FROM:<postmaster@example.net>\r\nRCPT TO:<me@own.example>\r\n",
		"MAIL FROM:<nobody@example.net>\r\nRCPT TO:<\"me@own.example\">\r\n",
		"RCPT TO:<\"me@own.example\"@example.net>\r\n",
		"RCPT TO:<@example.net,@mx.example.net:me@own.example>\r\n",
		"RCPT TO:<me@[IPv6:2001:db8::7]>\r\n",
		"RCPT TO:<me@own.example> NOTIFY=NEVER ORCPT=rfc822;me@own.example\r\n",
		"MAIL FROM:<me@own.example> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@own.example>\r\n",
		"HELO mx.example.net\r\nMAIL FROM:<me@own.example>\r\n",
		"HELO example.net\r\nMAIL FROM:<me@own.example>\r\n",
		"XCLIENT ADDR=127.0.0.1\r\nEHLO " HELO "\r\nMAIL FROM:<me@own.example>\r\n",
		"MAIL FROM:<me@own.example>\r\nRCPT TO:<me@own.example>\r\nDATA\r\n.\r\nRSET\r\n",
	};
	struct server s = {.answer = deny};
	(void)state;
	struct gp_probe *p = run_with(&s, &everything);
	for (size_t i = 0; i < GP_ARRAY_LEN(lines); i++) {
		if (!strstr(s.said.ptr, lines[i]))
			fail_msg("not said: %s", lines[i]);
	}
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_REFUSED);
	for (size_t i = 0; i < r->relay_len; i++) {
		bool tls = r->relay[i].number == 31;
		assert_int_equal(r->relay[i].state,
				 tls ? GP_PROBE_RELAY_NOT_TESTED : GP_PROBE_RELAY_REFUSED);
	}
	assert_int_equal(s.messages, 1); /* the lone dot, which is none */
	assert_in_range(r->connections, 4, 10);
	p = gp_probe_free(p);
	gp_buf_free(&s.said);
}

static void
what_arrives_proves(void **state)
{
	static const struct gp_probe_arrival others[] = {{GP_SLICE("abcd9999-r2"), 1},
							 {GP_SLICE("abcd1234-r"), 2}},
					     ours[] = {{GP_SLICE("abcd1234-r30a"), 3},
						       {GP_SLICE("abcd1234-r23b"), 4}};
	struct server s = {.answer = trusting};
	(void)state;
	struct gp_probe *p = run_with(&s, &everything);
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_ACCEPTED);
	assert_int_equal(form(r, 2, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_true(form(r, 23, 'b')->sent && form(r, 30, 'a')->sent && form(r, 30, 'b')->sent);
	assert_false(form(r, 30, 'c')->sent);
	assert_true(form(r, 32, 0)->sent);
	assert_int_equal(form(r, 33, 'a')->state, GP_PROBE_RELAY_REFUSED);
	assert_int_equal(s.messages, 5); /* and a lone dot */
	gp_probe_arrived(p, others, GP_ARRAY_LEN(others));
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_ACCEPTED);
	gp_probe_arrived(p, ours, GP_ARRAY_LEN(ours));
	assert_int_equal(gp_probe_relay_verdict(r), GP_PROBE_VERDICT_PROVEN);
	assert_int_equal(form(r, 30, 'a')->state, GP_PROBE_RELAY_PROVEN);
	assert_int_equal(form(r, 30, 'b')->state, GP_PROBE_RELAY_ACCEPTED);
	p = gp_probe_free(p);
	gp_buf_free(&s.said);
}

static void
an_open_relay_takes_it_by_every_way(void **state)
{
	struct server s = {};
	(void)state;
	struct gp_probe *p = run_with(&s, &everything);
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_non_null(strstr(s.said.ptr, "\r\nBDAT "));
	assert_true(form(r, 33, 'a')->sent && form(r, 33, 'b')->sent);
	assert_int_equal(s.messages, r->relay_len - 2); /* those inside TLS */
	p = gp_probe_free(p);
	gp_buf_free(&s.said);

	/* without consent to canaries no octet of a message is sent */
	struct gp_probe_options options = everything;
	s = (struct server){};
	options.consents = GP_PROBE_RELAY;
	p = run_with(&s, &options);
	assert_int_equal(s.messages, 0);
	assert_null(strstr(s.said.ptr, "DATA"));
	assert_null(strstr(s.said.ptr, "BDAT"));
	assert_int_equal(gp_probe_relay_verdict(gp_probe_record(p)), GP_PROBE_VERDICT_ACCEPTED);
	p = gp_probe_free(p);
	gp_buf_free(&s.said);
}

/* Denies in clear, and takes all inside TLS. */
static const char *
trusting_tls(struct server *s, struct gp_slice line)
{
	return s->in_tls ? NULL : deny(s, line);
}

static void
some_rules_hold_in_clear_only(void **state)
{
	struct server s = {.answer = trusting_tls, .tls = true};
	(void)state;
	struct gp_probe *p = run_with(&s, &everything);
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(form(r, 2, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_int_equal(form(r, 19, 0)->state, GP_PROBE_RELAY_REFUSED);
	assert_true(form(r, 31, 'a')->sent && form(r, 31, 'b')->sent);
	assert_int_equal(s.messages, 3); /* and a lone dot */
	p = gp_probe_free(p);
	gp_buf_free(&s.said);
}

static void
options_are_checked(void **state)
{
	static const struct {
		struct gp_probe_options o;
		const char *why;
	} cases[] = {
		{{.consents = GP_PROBE_RELAY}, "the recipient is no plain address, USER@DOMAIN"},
		{{.consents = GP_PROBE_RELAY, .recipient = {"\"a b\"@own.example", 17}},
		 "the recipient is no plain address, USER@DOMAIN"},
		{{.consents = GP_PROBE_RELAY, .recipient = {"me@own.example>\r\nDATA", 21}},
		 "the recipient is no plain address, USER@DOMAIN"},
		{{.consents = GP_PROBE_CANARY, RECIPIENT}, "a canary needs the relay test"},
		{{.consents = GP_PROBE_SMUGGLE, RECIPIENT},
		 "the token is not 8 to 32 letters and digits"},
		{{.consents = GP_PROBE_SMUGGLE, RECIPIENT, .token = {"abcd-1234", 9}},
		 "the token is not 8 to 32 letters and digits"},
		{{.consents = GP_PROBE_SMUGGLE,
		  RECIPIENT,
		  .token = {"abcd1234", 8},
		  .date = {"x\r\ny", 4}},
		 "the date is none"},
		{{.helo = {"a b", 3}}, "the name for EHLO is no domain"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_probe_options o = cases[i].o;
		if (o.helo.len == 0)
			o.helo = GP_SLICE(HELO);
		assert_string_equal(gp_probe_options_wrong(&o), cases[i].why);
	}
}

/* Every form has a place of its own, so that results and tokens cannot be mistaken. */
static void
forms_are_told_apart(void **state)
{
	size_t len;
	const struct gp_probe_form *f = gp_probe_forms(&len);
	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(f[i].number == f[j].number && f[i].letter == f[j].letter);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrices),
		cmocka_unit_test(every_form_is_said),
		cmocka_unit_test(what_arrives_proves),
		cmocka_unit_test(an_open_relay_takes_it_by_every_way),
		cmocka_unit_test(some_rules_hold_in_clear_only),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(forms_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
