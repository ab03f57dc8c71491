/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation that needs nobody's consent, with servers of all manners. */
#include "dialogue.h"

#include <stdio.h>
#include <string.h>

static void
all_said(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_OK);
	assert_int_equal(r->connections, 1);
	assert_slice(r->replies[GP_PROBE_GREETING].text, "220 mx.example.net ESMTP");
	assert_slice(r->replies[GP_PROBE_EHLO].text, "250-mx\n250 STARTTLS");
	assert_slice(r->replies[GP_PROBE_EHLO_TLS].text, "250-mx\n250 AUTH PLAIN");
	assert_true(r->replies[GP_PROBE_EHLO_TLS].tls && !r->replies[GP_PROBE_EHLO].tls);
	assert_true(r->replies[GP_PROBE_HELP].tls);
	assert_int_equal(r->replies[GP_PROBE_UNKNOWN].code, 500);
	assert_slice(r->replies[GP_PROBE_QUIT].text, "221 bye");
	assert_string_equal(r->replies[GP_PROBE_VRFY].none, "nobody has consented to it");
	assert_slice(r->tls.version, "TLSv1.3");
	assert_int_equal(r->unasked, 0);
}

/* The second connection changes nothing of what the first one showed. */
static void
all_said_twice(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_int_equal(r->connections, 2);
	assert_slice(r->tls.version, "TLSv1.3");
	assert_slice(r->replies[GP_PROBE_GREETING].text, "220 mx.example.net ESMTP");
}

static void
teased(const struct gp_probe_record *r)
{
	const struct gp_probe_reply *g = &r->replies[GP_PROBE_GREETING];
	assert_int_equal(g->first_ms, 100);
	assert_int_equal(g->line_ms, 100);
	assert_int_equal(g->last_ms, 6100);
	assert_slice(g->text, "220-wait\n220 mx");
	assert_int_equal(g->lines, 2);
}

static void
handshake_failed(const struct gp_probe_record *r)
{
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_BROKEN);
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_int_equal(r->connections, 2);
	assert_slice(r->tls.error, "no shared cipher");
	assert_string_equal(r->replies[GP_PROBE_EHLO_TLS].none, "the handshake failed");
	assert_int_equal(r->replies[GP_PROBE_HELP].code, 214);
}

static void
absent(const struct gp_probe_record *r)
{
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_ABSENT);
	assert_string_equal(r->replies[GP_PROBE_STARTTLS].none, "not offered");
	assert_string_equal(r->replies[GP_PROBE_EHLO_TLS].none, "no TLS");
}

static void
refused(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_REFUSED);
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_NOT_MEASURED);
	assert_slice(r->replies[GP_PROBE_GREETING].text, "554 go away");
	assert_string_equal(r->replies[GP_PROBE_HELP].none, "the greeting refuses us");
}

static void
hung_up(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_421);
	assert_int_equal(r->replies[GP_PROBE_UNKNOWN].code, 421);
	assert_string_equal(r->replies[GP_PROBE_MALFORMED].none, "421");
}

static void
closed(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_CLOSED);
	assert_int_equal(r->replies[GP_PROBE_HELP].code, 0);
	assert_slice(r->replies[GP_PROBE_HELP].text, "214-half");
	assert_string_equal(r->replies[GP_PROBE_HELP].none, "the server closed the connection");
}

static void
no_smtp(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_NOT_SMTP);
	assert_slice(r->replies[GP_PROBE_GREETING].text, "SSH-2.0-OpenSSH_9.2p1");
	assert_string_equal(r->replies[GP_PROBE_GREETING].none, "a line without a reply code");
}

static void
timed_out(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_TIME);
}

static void
unreachable(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_NO_CONNECTION);
	assert_string_equal(r->replies[GP_PROBE_GREETING].none, "no connection");
}

static void
answered_nothing(const struct gp_probe_record *r)
{
	assert_int_equal(r->unasked, 1);
	assert_slice(r->unasked_text, "250 injected");
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_slice(r->replies[GP_PROBE_EHLO].text, "250 mx");
}

static void
lost_step(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_GARBAGE);
}

static void
clear_text(const struct gp_probe_record *r)
{
	assert_true(r->clear_behind_220);
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_OK);
}

static void
implicit(const struct gp_probe_record *r)
{
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_NOT_MEASURED);
	assert_string_equal(r->replies[GP_PROBE_EHLO].none, "the port begins with TLS");
	assert_int_equal(r->replies[GP_PROBE_EHLO_TLS].code, 250);
	assert_true(r->replies[GP_PROBE_GREETING].tls);
}

static void
resumed(const struct gp_probe_record *r)
{
	all_said_twice(r);
	assert_int_equal(r->resumption, GP_PROBE_RESUMPTION_YES);
	assert_null(r->resume_why);
}

static void
not_resumed(const struct gp_probe_record *r)
{
	all_said_twice(r);
	assert_int_equal(r->resumption, GP_PROBE_RESUMPTION_NO);
}

static void
nobody_knows(const struct gp_probe_record *r)
{
	all_said_twice(r);
	assert_int_equal(r->resumption, GP_PROBE_RESUMPTION_NOT_MEASURED);
	assert_string_equal(r->resume_why, "STARTTLS was refused the second time");
}

static void
nothing_to_resume(const struct gp_probe_record *r)
{
	assert_int_equal(r->connections, 1);
	assert_string_equal(r->resume_why, "no TLS");
}

static void
by_helo(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_int_equal(r->replies[GP_PROBE_EHLO].code, 502);
	assert_int_equal(r->replies[GP_PROBE_HELO].code, 250);
}

static void
brief(const struct gp_probe_record *r)
{
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_int_equal(r->starttls, GP_PROBE_STARTTLS_OK);
	assert_string_equal(r->replies[GP_PROBE_HELP].none, "no more was wanted");
}

#define WITH_TLS                                                                     \
	OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO \
		"\n< 250-mx\n< 250 AUTH PLAIN\n" ASKS
#define NO_HELO_ASKS \
	"> HELP\n< 214 help\n> XGATEPOST\n< 500 what\n> EHLO\n< 501 who\n> QUIT\n< 221 bye\n"

static const struct dialogue dialogues[] = {
	{"all of it",
	 OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO
		 "\n< 250-mx\n< 250 AUTH PLAIN\n" ASKS ".done\n",
	 .check = all_said},
	{"without TLS", TALK ".done\n", .check = absent},
	{"STARTTLS where it is not wanted",
	 OPENING "< 250-mx\n< 250 STARTTLS\n" ASKS ".done\n",
	 {.mode = GP_PROBE_MODE_CLEAR}},
	{"TLS from the first octet on",
	 ".connect\n.tls\n!quiet\n< 220 mx\n> EHLO " HELO "\n< 250 mx\n" ASKS ".done\n",
	 {.mode = GP_PROBE_MODE_TLS},
	 implicit},
	{"the handshake fails: the rest in clear",
	 OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.notls\n" OPENING
		 "< 250-mx\n< 250 STARTTLS\n" ASKS ".done\n",
	 .check = handshake_failed},
	{"STARTTLS is refused: on in clear",
	 OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 454 not now\n" ASKS ".done\n"},
	{"a server that knows HELO only",
	 OPENING "< 502 what\n> HELO " HELO "\n< 250 mx\n" NO_HELO_ASKS ".done\n",
	 .check = by_helo},
	{"one that knows neither",
	 OPENING "< 502 what\n> HELO " HELO "\n< 502 what\n> QUIT\n!+3000\n.done\n"},

	/* brief */
	{"TLS alone",
	 OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO
		 "\n< 250-mx\n< 250 AUTH PLAIN\n> QUIT\n< 221 bye\n.done\n",
	 {.brief = true},
	 brief},
	{"which is not offered", OPENING "< 250 mx\n> QUIT\n< 221 bye\n.done\n", {.brief = true}},
	{"or fails: nothing in clear",
	 OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.notls\n.done\n",
	 {.brief = true}},

	/* resumption */
	{"the session is taken up",
	 WITH_TLS OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.resumed\n> EHLO " HELO
			  "\n< 250 mx\n> QUIT\n< 221 bye\n.done\n",
	 {.resume = true},
	 resumed},
	{"it is not",
	 WITH_TLS OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO
			  "\n< 250 mx\n> QUIT\n< 221 bye\n.done\n",
	 {.resume = true},
	 not_resumed},
	{"STARTTLS is refused the second time",
	 WITH_TLS OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 454 no\n> QUIT\n< 221 bye\n"
			  ".done\n",
	 {.resume = true},
	 nobody_knows},
	{"there is no TLS", TALK ".done\n", {.resume = true}, nothing_to_resume},

	/* waiting */
	{"a teaser, and a pause behind it (postscreen)",
	 ".connect\n!+100\n< 220-wait\n!+6000\n!quiet\n< 220 mx\n> EHLO " HELO "\n< 250 mx\n" ASKS
	 ".done\n",
	 .check = teased},
	{"a greeting that takes its time",
	 ".connect\n!+29999\n!quiet\n< 220 mx\n> EHLO " HELO "\n"},
	{"no greeting", ".connect\n!+30000\n.done\n", .check = timed_out},
	{"no answer to HELP", OPENING "< 250 mx\n> HELP\n!+14999\n!quiet\n!+1\n.done\n",
	 .check = timed_out},
	{"an answer that drips", OPENING "< 250 mx\n> HELP\n<= 2\n!+8000\n<= 1\n!+7000\n.done\n",
	 .check = timed_out},
	{"all of it takes too long",
	 ".connect\n!+29000\n< 220 mx\n> EHLO " HELO "\n!+14000\n< 250 mx\n> HELP\n!+14000\n"
	 "< 214 x\n> XGATEPOST\n!+3000\n.done\n",
	 .check = timed_out},
	{"no connection", ".refused\n.done\n", .check = unreachable},
	{"nor any word of it", ".connect\n!eof\n.done\n"},

	/* refusals */
	{"the greeting says no", ".connect\n< 554 go away\n> QUIT\n< 221 bye\n.done\n",
	 .check = refused},
	{"and closes", ".connect\n< 554 go away\n> QUIT\n!eof\n.done\n", .check = refused},
	{"EHLO is put off", OPENING "< 450 later\n> QUIT\n< 221 bye\n.done\n"},
	{"hangs up on the unknown",
	 OPENING "< 250 mx\n> HELP\n< 214 x\n> XGATEPOST\n< 421 no\n.done\n", .check = hung_up},
	{"closes in the midst of a reply", OPENING "< 250 mx\n> HELP\n< 214-half\n!eof\n.done\n",
	 .check = closed},

	/* nonsense */
	{"not SMTP", ".connect\n< SSH-2.0-OpenSSH_9.2p1\n.done\n", .check = no_smtp},
	{"two codes", OPENING "< 250-mx\n< 251 mx\n.done\n", .check = lost_step},
	{"a reply to nothing",
	 ".connect\n< 220 mx\n< 250 injected\n> EHLO " HELO "\n< 250 mx\n" ASKS ".done\n",
	 .check = answered_nothing, .whole_only = true},
	{"many of them",
	 ".connect\n< 220 mx\n< 250 1\n< 250 2\n< 250 3\n< 250 4\n< 250 5\n< 250 6\n.done\n",
	 .check = lost_step, .whole_only = true},
	{"clear text behind the 220 of STARTTLS",
	 OPENING
	 "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n< 250 injected\n.tls\n> EHLO " HELO
	 "\n< 250 mx\n" ASKS ".done\n",
	 .check = clear_text, .whole_only = true},
};

static void
conversations(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* --- what scripts cannot write --- */

static struct gp_probe *
connected(const struct gp_probe_options *options)
{
	struct gp_slice none = {};
	struct gp_probe *p = gp_probe_new(options, 0);
	assert_non_null(p);
	assert_int_equal(gp_probe_next(p, &none, 0), GP_PROBE_WANT_CONNECT);
	gp_probe_connecting(p, 0);
	gp_probe_connected(p, 0);
	return p;
}

static const struct gp_probe_options usual = {.helo = {HELO, sizeof(HELO) - 1}};

/* Feeds the text again and again, until it is over. Returns how many octets it took. */
static size_t
flood(struct gp_probe *p, const char *text, size_t len)
{
	size_t fed = 0;
	for (;;) {
		struct gp_slice in = gp_slice(text, len);
		fed += len;
		if (gp_probe_next(p, &in, 1) == GP_PROBE_WANT_DONE)
			return fed;
		assert_int_equal(in.len, 0);
		assert_true(fed < 10'000'000);
	}
}

static void
floods_are_cut(void **state)
{
	static const struct {
		const char *text;
		uint8_t end;
		size_t most;
	} floods[] = {
		{"x", GP_PROBE_END_ENDLESS, GP_PROBE_REPLY_MAX + 2},
		{"220-x\r\n", GP_PROBE_END_ENDLESS, 7 * GP_PROBE_LINES_MAX},
		{"\r\n", GP_PROBE_END_NOT_SMTP, 2},
		{"220 x\x1b[2J\r\n", GP_PROBE_END_GARBAGE, 12 * 8},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(floods); i++) {
		struct gp_probe *p = connected(&usual);
		size_t fed = flood(p, floods[i].text, strlen(floods[i].text));
		assert_int_equal(gp_probe_record(p)->end, floods[i].end);
		assert_in_range(fed, 1, floods[i].most);
		p = gp_probe_free(p);
	}
}

static char long_line[100'000];

/* Feeds a reply in one line of that length, and takes what is said upon it. */
static enum gp_probe_want
feed_long_reply(struct gp_probe *p, const char *code)
{
	struct gp_slice in = gp_slice(long_line, sizeof(long_line));
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, code, 4);
	memcpy(long_line + sizeof(long_line) - 2, "\r\n", 2);
	enum gp_probe_want want = gp_probe_next(p, &in, 1);
	gp_probe_output_sent(p, gp_probe_output(p).len, 1);
	return want;
}

static void
long_lines_are_cut(void **state)
{
	(void)state;
	struct gp_probe *p = connected(&usual);
	assert_int_equal(feed_long_reply(p, "220 "), GP_PROBE_WANT_READ);
	for (int i = 0; i < 6; i++)
		(void)feed_long_reply(p, "250 ");
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(r->end, GP_PROBE_END_QUIT);
	assert_true(r->replies[GP_PROBE_EHLO].cut);
	assert_false(r->replies[GP_PROBE_EHLO].bare_lf);
	assert_int_equal(r->replies[GP_PROBE_EHLO].text.len, GP_PROBE_LINE_MAX);
	assert_int_equal(r->octets, 7 * sizeof(long_line));
	assert_true(r->log_dropped >= r->octets - GP_PROBE_LOG_MAX);
	p = gp_probe_free(p);
}

static void
octets_are_counted(void **state)
{
	struct gp_probe_options small = usual;
	(void)state;
	small.octets_max = 2 * sizeof(long_line);
	struct gp_probe *p = connected(&small);
	assert_int_equal(feed_long_reply(p, "220 "), GP_PROBE_WANT_READ);
	assert_int_equal(feed_long_reply(p, "250 "), GP_PROBE_WANT_READ);
	assert_int_equal(feed_long_reply(p, "250 "), GP_PROBE_WANT_DONE);
	assert_int_equal(gp_probe_record(p)->end, GP_PROBE_END_ENDLESS);
	p = gp_probe_free(p);
}

static void
texts_are_as_they_came(void **state)
{
	static const char greeting[] = "220-a\0b\x1b[1m\n220 \xff\tmx\r\n";
	struct gp_slice in = gp_slice(greeting, sizeof(greeting) - 1);
	(void)state;
	struct gp_probe *p = connected(&usual);
	assert_int_equal(gp_probe_next(p, &in, 5), GP_PROBE_WANT_READ);
	const struct gp_probe_reply *r = &gp_probe_record(p)->replies[GP_PROBE_GREETING];
	assert_int_equal(r->text.len, sizeof(greeting) - 3);
	assert_memory_equal(r->text.ptr, "220-a\0b\x1b[1m\n220 \xff\tmx", r->text.len);
	assert_true(r->bare_lf);
	p = gp_probe_free(p);
}

/* What is not asked without consent is in nothing that is said, whatever a server offers. */
static void
nothing_is_said_without_consent(void **state)
{
	static const char *const never[] = {"MAIL", "RCPT", "DATA",    "VRFY", "EXPN",
					    "AUTH", "BDAT", "XCLIENT", "RSET", "NOOP"};
	static const uint8_t modes[] = {GP_PROBE_MODE_STARTTLS, GP_PROBE_MODE_TLS,
					GP_PROBE_MODE_CLEAR};
	(void)state;
	for (size_t m = 0; m < GP_ARRAY_LEN(modes); m++) {
		struct gp_buf out = GP_BUF_INIT(1 << 16);
		struct gp_probe_options options = usual;
		options.mode = modes[m];
		gp_probe_rehearse(&options, &out);
		gp_buf_put_char(&out, '\0');
		assert_false(out.failed);
		assert_non_null(strstr(out.ptr, "C: QUIT\n"));
		for (size_t i = 0; i < GP_ARRAY_LEN(never); i++) {
			char line[32];
			(void)snprintf(line, sizeof(line), "C: %s", never[i]);
			assert_null(strstr(out.ptr, line));
		}
		gp_buf_free(&out);
	}
}

static void
a_rehearsal(void **state)
{
	static const char expected[] =
		"-- a connection\nS: 220 server\nC: EHLO " HELO "\nS: 250-server\nS: 250-8BITMIME\n"
		"S: 250-SIZE 52428800\nS: 250-PIPELINING\nS: 250-DSN\nS: 250-CHUNKING\n"
		"S: 250-SMTPUTF8\nS: 250-XCLIENT ADDR\nS: 250-AUTH PLAIN NTLM\nS: 250-STARTTLS\nS: "
		"250 HELP\n"
		"C: HELP\nS: 214 help\nC: XGATEPOST\nS: 500 unknown\nC: EHLO\n"
		"S: 501 a name is missing\nC: HELO " HELO "\nS: 250 yes\nC: QUIT\nS: 221 bye\n";
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	struct gp_probe_options options = usual;
	(void)state;
	options.mode = GP_PROBE_MODE_CLEAR;
	gp_probe_rehearse(&options, &out);
	assert_slice(gp_buf_slice(&out), expected);
	gp_buf_free(&out);
}

static void
a_handshake_without_end(void **state)
{
	struct gp_slice none = {};
	struct gp_probe_options options = usual;
	(void)state;
	options.mode = GP_PROBE_MODE_TLS;
	struct gp_probe *p = connected(&options);
	assert_int_equal(gp_probe_next(p, &none, 0), GP_PROBE_WANT_TLS);
	assert_int_equal(gp_probe_deadline(p), GP_PROBE_REPLY_MS);
	assert_int_equal(gp_probe_next(p, &none, GP_PROBE_REPLY_MS), GP_PROBE_WANT_DONE);
	assert_int_equal(gp_probe_record(p)->end, GP_PROBE_END_TLS);
	assert_slice(gp_probe_record(p)->tls.error, "no handshake in time");
	p = gp_probe_free(p);
}

/* What a driver waits for the sake of others is not the server's time. */
static void
waiting_to_connect_costs_no_time(void **state)
{
	struct gp_slice none = {};
	(void)state;
	struct gp_probe *p = gp_probe_new(&usual, 1000);
	assert_int_equal(gp_probe_next(p, &none, 1000), GP_PROBE_WANT_CONNECT);
	assert_int_equal(gp_probe_deadline(p), UINT64_MAX);
	assert_int_equal(gp_probe_next(p, &none, 500'000), GP_PROBE_WANT_READ);
	gp_probe_connecting(p, 500'000);
	assert_int_equal(gp_probe_deadline(p), 500'000 + GP_PROBE_REPLY_MS);
	gp_probe_connected(p, 510'000);
	assert_int_equal(gp_probe_deadline(p), 510'000 + GP_PROBE_GREETING_MS);
	struct gp_slice in = GP_SLICE("220 mx\r\n");
	assert_int_equal(gp_probe_next(p, &in, 539'000), GP_PROBE_WANT_READ);
	gp_probe_output_sent(p, gp_probe_output(p).len, 539'000);
	in = GP_SLICE("250 mx\r\n");
	assert_int_equal(gp_probe_next(p, &in, 553'000), GP_PROBE_WANT_READ);
	assert_int_equal(gp_probe_deadline(p), 500'000 + GP_PROBE_TOTAL_MS);
	p = gp_probe_free(p);

	p = gp_probe_new(&usual, 0);
	assert_int_equal(gp_probe_next(p, &none, 0), GP_PROBE_WANT_CONNECT);
	gp_probe_connecting(p, 0);
	assert_int_equal(gp_probe_next(p, &none, GP_PROBE_REPLY_MS), GP_PROBE_WANT_DONE);
	assert_int_equal(gp_probe_record(p)->end, GP_PROBE_END_NO_CONNECTION);
	p = gp_probe_free(p);
}

static void
the_log_has_it_all(void **state)
{
	static const char *const kinds[] = {"connect", "in", "out", "tls", "end"};
	struct gp_slice in = GP_SLICE("554 no\r\n"), none = {};
	struct gp_buf text = GP_BUF_INIT(10'000);
	(void)state;
	struct gp_probe *p = connected(&usual);
	(void)gp_probe_next(p, &in, 7);
	gp_probe_output_sent(p, gp_probe_output(p).len, 8);
	gp_probe_eof(p, 9);
	assert_int_equal(gp_probe_next(p, &none, 9), GP_PROBE_WANT_DONE);
	for (const struct gp_probe_turn *t = gp_probe_record(p)->turns; t; t = t->next)
		gp_buf_printf(&text, "%u %u %s %.*s|", t->at_ms, t->connection, kinds[t->kind],
			      GP_SLICE_FMT(t->octets));
	assert_slice(gp_buf_slice(&text), "0 1 connect |7 1 in 554 no\r\n|8 1 out QUIT\r\n|"
					  "9 1 end the greeting refuses us|");
	gp_buf_free(&text);
	p = gp_probe_free(p);
}

static void
keywords(void **state)
{
	const struct gp_probe_reply r = {
		.code = 250,
		.text = GP_SLICE("250-SIZE of me\n250-size 100\n250-AUTH=LOGIN\n250-X\n250 HELP"),
	};
	struct gp_slice params;
	(void)state;
	assert_true(gp_probe_offers(&r, GP_SLICE("SIZE"), &params));
	assert_slice(params, "100");
	assert_true(gp_probe_offers(&r, GP_SLICE("AUTH"), &params));
	assert_slice(params, "LOGIN");
	assert_true(gp_probe_offers(&r, GP_SLICE("HELP"), NULL));
	assert_false(gp_probe_offers(&r, GP_SLICE("STARTTLS"), NULL));
	const struct gp_probe_reply refused_one = {.code = 500, .text = r.text};
	assert_false(gp_probe_offers(&refused_one, GP_SLICE("HELP"), NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(floods_are_cut),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(octets_are_counted),
		cmocka_unit_test(texts_are_as_they_came),
		cmocka_unit_test(nothing_is_said_without_consent),
		cmocka_unit_test(a_rehearsal),
		cmocka_unit_test(a_handshake_without_end),
		cmocka_unit_test(waiting_to_connect_costs_no_time),
		cmocka_unit_test(the_log_has_it_all),
		cmocka_unit_test(keywords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
