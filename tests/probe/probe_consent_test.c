/* SPDX-License-Identifier: Apache-2.0 */
/* What is said with consent, but for the relay matrix: VRFY and EXPN, NTLM, injection, smuggling.
   */
#include "dialogue.h"

#include <string.h>

#include "core/probe/relay.h"
#include "core/probe/smuggle.h"

#define AUTH_NTLM "> AUTH NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==\n"
#define HEAD "> HELP\n< 214 help\n> XGATEPOST\n< 500 what\n> EHLO\n< 501 who\n"
#define TAIL "> HELO " HELO "\n< 250 mx\n> QUIT\n< 221 bye\n"
#define WITH_TLS                                                                                \
	OPENING "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO "\n< 250 " \
		"mx\n"
#define INJECTED                                                                        \
	WITH_TLS ASKS ".connect\n< 220 mx\n> EHLO " HELO "\n< 250-mx\n< 250 STARTTLS\n" \
		      "> STARTTLS\n> NOOP\n"

static void
verified(const struct gp_probe_record *r)
{
	assert_int_equal(r->replies[GP_PROBE_VRFY].code, 250);
	assert_int_equal(r->replies[GP_PROBE_VRFY_NOBODY].code, 550);
	assert_int_equal(r->replies[GP_PROBE_EXPN].code, 502);
}

static void
challenged(const struct gp_probe_record *r)
{
	assert_slice(r->replies[GP_PROBE_NTLM].text, "334 TlRMTVNTUAACAAAA");
	assert_int_equal(r->replies[GP_PROBE_NTLM_CANCEL].code, 501);
}

static void
no_ntlm(const struct gp_probe_record *r)
{
	assert_string_equal(r->replies[GP_PROBE_NTLM].none, "NTLM is not offered");
}

static void
ntlm_refused(const struct gp_probe_record *r)
{
	assert_int_equal(r->replies[GP_PROBE_NTLM].code, 504);
	assert_string_equal(r->replies[GP_PROBE_NTLM_CANCEL].none, "nothing to be cancelled");
}

static void
safe(const struct gp_probe_record *r)
{
	assert_false(r->injected);
	assert_null(r->inject_why);
}

static void
unsafe(const struct gp_probe_record *r)
{
	assert_true(r->injected);
	assert_null(r->inject_why);
}

static void
unknown(const struct gp_probe_record *r)
{
	assert_false(r->injected);
	assert_string_equal(r->inject_why, "421");
}

static void
put_off(const struct gp_probe_record *r)
{
	assert_false(r->injected);
	assert_string_equal(r->inject_why, "STARTTLS is put off");
}

static void
untried(const struct gp_probe_record *r)
{
	assert_string_equal(r->inject_why, "not tried");
}

static void
taken(const struct gp_probe_record *r)
{
	assert_int_equal(r->replies[GP_PROBE_RCPT].code, 250);
	assert_int_equal(r->connections, 1);
	assert_string_equal(r->replies[GP_PROBE_HELP].none, "no more was wanted");
}

static void
unasked(const struct gp_probe_record *r)
{
	assert_string_equal(r->replies[GP_PROBE_RCPT].none, "MAIL was not accepted");
}

static const struct dialogue dialogues[] = {
	{"VRFY and EXPN",
	 OPENING "< 250 mx\n" HEAD "> VRFY postmaster\n< 250 <postmaster@mx>\n"
		 "> VRFY gatepost-no-such-user\n< 550 no\n> EXPN postmaster\n< 502 no\n" TAIL
		 ".done\n",
	 {.consents = GP_PROBE_VRFYING},
	 verified},
	{"VRFY and EXPN at a domain that it takes mail for",
	 OPENING "< 250 mx\n" HEAD "> VRFY postmaster@example.net\n< 250 <postmaster@mx>\n"
		 "> VRFY gatepost-no-such-user@example.net\n< 550 no\n> EXPN "
		 "postmaster@example.net\n< 502 no\n" TAIL ".done\n",
	 {.consents = GP_PROBE_VRFYING, .hosted = {"example.net", 11}},
	 verified},
	{"a mailbox that is there",
	 OPENING "< 250 mx\n> MAIL FROM:<>\n< 250 ok\n> RCPT TO:<r@example.net>\n< 250 ok\n"
		 "> QUIT\n< 221 bye\n.done\n",
	 {.brief = true, .consents = GP_PROBE_ASK_MAILBOX, .recipient = {"r@example.net", 13}},
	 taken},
	{"one that nobody may send to from nowhere",
	 OPENING "< 250 mx\n> MAIL FROM:<>\n< 550 no bounces\n> QUIT\n< 221 bye\n.done\n",
	 {.brief = true, .consents = GP_PROBE_ASK_MAILBOX, .recipient = {"r@example.net", 13}},
	 unasked},
	{"NTLM, cancelled at the challenge",
	 OPENING "< 250-mx\n< 250 AUTH LOGIN NTLM\n" HEAD AUTH_NTLM
		 "< 334 TlRMTVNTUAACAAAA\n> *\n< 501 cancelled\n" TAIL ".done\n",
	 {.consents = GP_PROBE_NTLMING},
	 challenged},
	{"NTLM is not offered",
	 OPENING "< 250-mx\n< 250 AUTH LOGIN\n" HEAD TAIL ".done\n",
	 {.consents = GP_PROBE_NTLMING},
	 no_ntlm},
	{"NTLM is refused",
	 OPENING "< 250-mx\n< 250 AUTH NTLM\n" HEAD AUTH_NTLM "< 504 no\n" TAIL ".done\n",
	 {.consents = GP_PROBE_NTLMING},
	 ntlm_refused},

	{"the NOOP is forgotten with all that was in clear",
	 INJECTED "< 220 go\n.tls\n> EHLO " HELO "\n< 250 mx\n> QUIT\n< 221 bye\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 safe},
	{"the NOOP is obeyed inside TLS",
	 INJECTED "< 220 go\n.tls\n> EHLO " HELO "\n< 250 noop\n> QUIT\n< 250 mx\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 unsafe},
	{"its answer comes before anything was said",
	 INJECTED "< 220 go\n.tls\n< 250 noop\n> EHLO " HELO
		  "\n< 250 mx\n> QUIT\n< 221 bye\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 unsafe,
	 .whole_only = true},
	{"STARTTLS with something behind it is refused",
	 INJECTED "< 554 improper pipelining\n> QUIT\n< 221 bye\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 safe},
	{"it is put off, which says nothing",
	 INJECTED "< 454 not now\n> QUIT\n< 221 bye\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 put_off},
	{"or the handshake",
	 INJECTED "< 220 go\n.notls\n.done\n",
	 {.consents = GP_PROBE_INJECT},
	 safe},
	{"421", INJECTED "< 421 busy\n.done\n", {.consents = GP_PROBE_INJECT}, unknown},
	{"without TLS there is nothing to be tried",
	 TALK ".done\n",
	 {.consents = GP_PROBE_INJECT},
	 untried},
};

static void
consented(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* --- smuggling --- */

/* A server that takes one thing more than CRLF.CRLF for an end of data. */
struct server {
	struct gp_slice end;    /* empty: nothing more */
	const char *end_reply;  /* NULL: 250 */
	const char *rcpt_reply; /* NULL: 250 */
	const char *quit_reply; /* NULL: 221 */
	struct gp_buf heard;
	bool body;
	unsigned messages;
	uint32_t pauses_ms; /* that the probe wanted to make */
};

static size_t
find(struct gp_slice in, struct gp_slice what)
{
	for (size_t i = 0; what.len > 0 && i + what.len <= in.len; i++) {
		if (memcmp(in.ptr + i, what.ptr, what.len) == 0)
			return i + what.len;
	}
	return SIZE_MAX;
}

/* One step of what it has heard; false: not enough of it. */
static bool
step(struct server *s, struct gp_buf *replies)
{
	struct gp_slice heard = gp_buf_slice(&s->heard), n;
	uint64_t len = 0;
	if (s->body) {
		size_t at = GP_MIN(find(heard, GP_SLICE("\r\n.\r\n")), find(heard, s->end));
		if (at == SIZE_MAX)
			return false;
		gp_buf_consume(&s->heard, at);
		s->body = false;
		s->messages++;
		gp_buf_put_str(replies, s->end_reply ? s->end_reply : "250 ok\r\n");
		return true;
	}
	ptrdiff_t lf = gp_slice_find(heard, '\n');
	if (lf < 0)
		return false;
	if (gp_slice_starts(heard, GP_SLICE("BDAT "))) {
		n = gp_slice_drop(heard, 5);
		assert_true(gp_slice_u64(gp_slice_cut(&n, ' '), 10'000, &len));
		gp_buf_put_str(replies, "250 chunk\r\n");
	} else if (gp_slice_starts(heard, GP_SLICE("DATA\r\n"))) {
		s->body = true;
		gp_buf_put_str(replies, "354 go\r\n");
	} else if (gp_slice_starts(heard, GP_SLICE("EHLO s"))) {
		gp_buf_put_str(replies, "250-mx\r\n250 CHUNKING\r\n");
	} else if (gp_slice_starts(heard, GP_SLICE("RCPT")) && s->rcpt_reply) {
		gp_buf_put_str(replies, s->rcpt_reply);
	} else {
		bool quit = gp_slice_starts(heard, GP_SLICE("QUIT\r\n"));
		const char *bye = s->quit_reply ? s->quit_reply : "221 bye\r\n";
		gp_buf_put_str(replies, quit ? bye : "250 ok\r\n");
	}
	gp_buf_consume(&s->heard, (size_t)lf + 1 + len);
	return true;
}

static struct gp_probe *
smuggle(struct server *s)
{
	static const struct gp_probe_options options = {
		.helo = {HELO, sizeof(HELO) - 1},
		.consents = GP_PROBE_SMUGGLE,
		.recipient = {"me@own.example", 14},
		.token = {"abcd1234", 8},
		.date = {"Mon, 30 Nov 2026 00:00:00 +0000", 31},
	};
	struct gp_probe *p = gp_probe_new(&options, 0);
	struct gp_buf replies = GP_BUF_INIT(1 << 16);
	enum gp_probe_want want;
	s->heard = GP_BUF_INIT(1 << 16);
	do {
		struct gp_slice in = gp_buf_slice(&replies), said;
		want = gp_probe_next(p, &in, 0);
		gp_buf_clear(&replies);
		if (want == GP_PROBE_WANT_CONNECT) {
			s->pauses_ms += gp_probe_pause_ms(p);
			gp_probe_connecting(p, 0);
			gp_probe_connected(p, 0);
			gp_buf_clear(&s->heard);
			s->body = false;
			gp_buf_put_str(&replies, "220 mx\r\n");
		}
		said = gp_probe_output(p);
		gp_buf_put(&s->heard, said);
		gp_probe_output_sent(p, said.len, 0);
		while (step(s, &replies))
			;
	} while (want != GP_PROBE_WANT_DONE);
	gp_buf_free(&replies);
	gp_buf_free(&s->heard);
	return p;
}

static void
each_false_end_is_seen(void **state)
{
	size_t len;
	const struct gp_probe_variant *v = gp_probe_variants(&len);
	(void)state;
	for (size_t i = 0; i < len; i++) {
		if (v[i].before.len == 0 || v[i].bdat || v[i].control)
			continue;
		struct server s = {.end = v[i].before};
		struct gp_probe *p = smuggle(&s);
		const struct gp_probe_record *r = gp_probe_record(p);
		assert_int_equal(r->smuggle_len, len);
		assert_string_equal(r->smuggle[i].name, v[i].name);
		if (r->smuggle[i].state != GP_PROBE_SMUGGLE_SPLIT || r->smuggle[i].replies < 5)
			fail_msg("%s: state %d, %d replies", v[i].name, r->smuggle[i].state,
				 r->smuggle[i].replies);
		assert_int_equal(gp_probe_smuggle_verdict(r), GP_PROBE_SMUGGLE_SPLIT);
		p = gp_probe_free(p);
	}
}

static void
a_strict_server_sees_one_message(void **state)
{
	size_t len;
	const struct gp_probe_variant *v = gp_probe_variants(&len);
	struct server s = {};
	(void)state;
	struct gp_probe *p = smuggle(&s);
	const struct gp_probe_record *r = gp_probe_record(p);
	for (size_t i = 0; i < len; i++) {
		uint8_t wanted = v[i].control ? GP_PROBE_SMUGGLE_SPLIT : GP_PROBE_SMUGGLE_ONE;
		if (r->smuggle[i].state != wanted)
			fail_msg("%s: %d", v[i].name, r->smuggle[i].state);
	}
	assert_int_equal(r->connections, 1 + len);
	assert_int_equal(gp_probe_smuggle_verdict(r), GP_PROBE_SMUGGLE_ONE);
	p = gp_probe_free(p);
}

/* "421 closing" behind a refusal is not a server that has no time for us. */
static void
who_hangs_up_after_a_false_end_is_not_waited_for(void **state)
{
	struct server s = {.end_reply = "554 5.6.0 bare LF\r\n", .quit_reply = "421 bye\r\n"};
	(void)state;
	struct gp_probe *p = smuggle(&s);
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(r->smuggle[0].state, GP_PROBE_SMUGGLE_REFUSED);
	assert_int_equal(r->connections, 1 + r->smuggle_len);
	assert_int_equal(s.pauses_ms, 0);
	p = gp_probe_free(p);
}

#define TEN                                                  \
	"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n" \
	"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"

static void
replies_without_end_are_not_waited_for(void **state)
{
	struct server s = {.quit_reply = TEN TEN "221 bye\r\n"};
	(void)state;
	struct gp_probe *p = smuggle(&s);
	const struct gp_probe_record *r = gp_probe_record(p);
	assert_int_equal(r->smuggle[0].replies, 1 + 10);
	p = gp_probe_free(p);
}

/* What is split behind this server only shows where it arrives. */
static void
arrivals_tell_of_splits_elsewhere(void **state)
{
	static const struct gp_probe_arrival arrivals[] = {
		{GP_SLICE("abcd1234-s1"), 1},  {GP_SLICE("abcd1234-s1x"), 1},
		{GP_SLICE("abcd1234-s2"), 2},  {GP_SLICE("abcd1234-s2x"), 3},
		{GP_SLICE("abcd1234-s11"), 4}, {GP_SLICE("abcd1234-s12x"), 5},
	};
	struct server s = {};
	(void)state;
	struct gp_probe *p = smuggle(&s);
	const struct gp_probe_smuggle_test *t = gp_probe_record(p)->smuggle;
	gp_probe_arrived(p, arrivals, GP_ARRAY_LEN(arrivals));
	assert_int_equal(t[0].state, GP_PROBE_SMUGGLE_ONE);
	assert_int_equal(t[1].state, GP_PROBE_SMUGGLE_SPLIT);
	assert_int_equal(t[10].state, GP_PROBE_SMUGGLE_ONE);
	assert_int_equal(t[11].state, GP_PROBE_SMUGGLE_SPLIT);
	p = gp_probe_free(p);
}

static void
refusals_are_told_apart(void **state)
{
	static const struct {
		const char *end, *rcpt;
		uint8_t state;
		const char *why;
		unsigned connections;
	} cases[] = {
		{"550 5.6.11 bare LF\r\n", NULL, GP_PROBE_SMUGGLE_REFUSED, NULL, 17},
		{"451 later\r\n", NULL, GP_PROBE_SMUGGLE_NOT_TESTED, "put off", 17},
		{NULL, "550 who\r\n", GP_PROBE_SMUGGLE_NOT_TESTED,
		 "the server does not take mail for the recipient", 3},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct server s = {.end_reply = cases[i].end, .rcpt_reply = cases[i].rcpt};
		struct gp_probe *p = smuggle(&s);
		const struct gp_probe_record *r = gp_probe_record(p);
		assert_int_equal(r->smuggle[0].state, cases[i].state);
		if (cases[i].why) {
			assert_string_equal(r->smuggle[0].why, cases[i].why);
			assert_string_equal(r->smuggle[5].why, cases[i].why);
		}
		assert_int_equal(r->connections, cases[i].connections);
		p = gp_probe_free(p);
	}
}

/* With all consents: each kind of command is said, and the rehearsal comes to its end. */
static void
everything_is_rehearsed(void **state)
{
	static const char *const said[] = {
		"C: VRFY postmaster@example.net\n",
		"C: EXPN postmaster@example.net\n",
		"C: AUTH NTLM TlRM",
		"C: *\n",
		"C: STARTTLS\nC: NOOP\n",
		"C: XCLIENT ADDR=127.0.0.1\n",
		"C: BDAT ",
		"C: RCPT TO:<me%own.example@example.net>\n",
		"C: HELO mx.example.net\n",
		"make it.<LF>.<LF>MAIL FROM:<me@own.example>\n",
		"make it.<CR>.<CR>MAIL FROM",
		"C: <NUL>.\n",
		"C: X-Gatepost-Canary: abcd1234-r2\n",
		"C: X-Gatepost-Canary: abcd1234-s1x\n",
		"C: MAIL FROM:<>\n",
	};
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	struct gp_probe_options options = {
		.helo = GP_SLICE(HELO),
		.consents = GP_PROBE_RELAY | GP_PROBE_CANARY | GP_PROBE_VRFYING | GP_PROBE_INJECT |
			    GP_PROBE_NTLMING | GP_PROBE_SMUGGLE,
		.recipient = GP_SLICE("me@own.example"),
		.token = GP_SLICE("abcd1234"),
		.date = GP_SLICE("Mon, 30 Nov 2026 00:00:00 +0000"),
		.server = GP_SLICE("mx.example.net"),
		.hosted = GP_SLICE("example.net"),
		.address = GP_SLICE("192.0.2.1"),
	};
	(void)state;
	gp_probe_rehearse(&options, &out);
	gp_buf_put_char(&out, '\0');
	assert_false(out.failed);
	for (size_t i = 0; i < GP_ARRAY_LEN(said); i++) {
		if (!strstr(out.ptr, said[i]))
			fail_msg("not rehearsed: %s", said[i]);
	}
	for (size_t i = 0; i + 1 < out.len; i++)
		assert_true(out.ptr[i] == '\n' || (unsigned char)out.ptr[i] >= ' ');
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consented),
		cmocka_unit_test(everything_is_rehearsed),
		cmocka_unit_test(each_false_end_is_seen),
		cmocka_unit_test(a_strict_server_sees_one_message),
		cmocka_unit_test(who_hangs_up_after_a_false_end_is_not_waited_for),
		cmocka_unit_test(replies_without_end_are_not_waited_for),
		cmocka_unit_test(arrivals_tell_of_splits_elsewhere),
		cmocka_unit_test(refusals_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
