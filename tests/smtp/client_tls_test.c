/* SPDX-License-Identifier: Apache-2.0 */
/* STARTTLS seen from the client (RFC 3207), and the attacker who sits before the handshake. */
#include "client_dialogue.h"

#define OFFER HELLO "< 250-PIPELINING\n< 250 STARTTLS\n> STARTTLS\n"
#define INSIDE "!tls\n> EHLO gate.example.org\n"
#define IF_OFFERED .setup = {.tls = GP_CLIENT_TLS_IF_OFFERED}
#define REQUIRETLS .flags = GP_ENVELOPE_REQUIRETLS
#define REQUIRED .setup = {.tls = GP_CLIENT_TLS_REQUIRED}

static const struct dialogue dialogues[] = {
	{"EHLO is said again, and only what is offered inside counts",
	 OFFER "< 220 2.0.0 go\n.starttls\n" INSIDE
	       "< 250-mx\n< 250 SIZE 1000\n.ready\n" ONE_STEPS BODY_SENT
	       "< 250 queued\n.done\n.ready\n",
	 "relayed *250 2.0.0 queued", IF_OFFERED},
	{"PIPELINING inside",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 250-mx\n< 250 PIPELINING\n.ready\n" ONE_GROUP
	       "< 250 ok\n< 250 ok\n< 354 go on\n" BODY_SENT "< 250 queued\n.done\n.ready\n",
	 "relayed *250 2.0.0 queued", REQUIRED},
	{"offered again inside, and not taken up",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 250-mx\n< 250 STARTTLS\n.ready\n", NULL, REQUIRED},
	{"HELO inside, where EHLO is forgotten",
	 OFFER "< 220 go\n.starttls\n" INSIDE
	       "< 502 what?\n> HELO gate.example.org\n< 250 mx\n.ready\n" ONE_STEPS BODY_SENT
	       "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", REQUIRED},
	{"EHLO refused inside",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 454 4.7.0 no\n> QUIT\n.close\n", NULL,
	 "deferred *454 4.7.0 no", REQUIRED},
	{"LMTP",
	 LHLO "< 250 STARTTLS\n> STARTTLS\n< 220 go\n.starttls\n!tls\n"
	      "> LHLO gate.example.org\n< 250 mx\n.ready\n",
	 NULL, .setup = {.lmtp = true, .tls = GP_CLIENT_TLS_REQUIRED}},
	{"implicit TLS: nothing to start", HELLO "< 250 STARTTLS\n.ready\n", NULL,
	 .setup = {.tls_implicit = true, .tls = GP_CLIENT_TLS_REQUIRED}},
	{"not wished", HELLO "< 250 STARTTLS\n.ready\n", NULL},

	/* the offer is not there */
	{"stripped from EHLO, wished: in clear",
	 PLAIN ONE_STEPS BODY_SENT "< 250 ok\n.done\n.ready\n", "relayed *250 2.0.0 ok",
	 .tls_fault = GP_CLIENT_TLS_NOT_OFFERED, IF_OFFERED},
	{"stripped from EHLO, required", HELLO "< 250-XXXXXXXA\n< 250 HELP\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.10 TLS is required, and not offered, at EHLO", GP_CLIENT_TLS_NOT_OFFERED,
	 REQUIRED},
	{"only HELO is known, required",
	 "< 220 mx\n> EHLO gate.example.org\n< 500 what?\n> HELO gate.example.org\n"
	 "< 250 STARTTLS\n> QUIT\n.close\n",
	 NULL, "deferred 451 4.7.10 TLS is required, and not offered, at HELO",
	 GP_CLIENT_TLS_NOT_OFFERED, REQUIRED},
	{"HELO by choice, required",
	 "< 220 mx\n> HELO gate.example.org\n< 250 mx\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.10 TLS is required, and not offered, at HELO", GP_CLIENT_TLS_NOT_OFFERED,
	 .setup = {.helo_only = true, .tls = GP_CLIENT_TLS_REQUIRED}},

	/* it is refused */
	{"454, wished: in clear",
	 OFFER "< 454 4.7.0 no entropy\n.ready\n" ONE_GROUP
	       "< 250 ok\n< 250 ok\n< 354 go\n" BODY_SENT "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", .tls_fault = GP_CLIENT_TLS_REFUSED, IF_OFFERED},
	{"502, wished: in clear", OFFER "< 502 what?\n.ready\n", NULL,
	 .tls_fault = GP_CLIENT_TLS_REFUSED, IF_OFFERED},
	{"454, required", OFFER "< 454 4.7.0 no entropy\n> QUIT\n.close\n", NULL,
	 "deferred *454 4.7.0 no entropy", GP_CLIENT_TLS_REFUSED, REQUIRED},
	{"a refusal for ever is one of today", OFFER "< 554 5.7.1 never\n> QUIT\n.close\n", NULL,
	 "deferred *554 5.7.1 never", GP_CLIENT_TLS_REFUSED, REQUIRED},
	{"421", OFFER "< 421 4.3.2 bye\n.close\n", NULL, "deferred *421 4.3.2 bye",
	 GP_CLIENT_TLS_REFUSED, IF_OFFERED},
	{"250 is not 220", OFFER "< 250 fine\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply that makes no sense, at STARTTLS", GP_CLIENT_TLS_REFUSED,
	 IF_OFFERED},
	{"354 is not 220", OFFER "< 354 go on\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply that makes no sense, at STARTTLS", GP_CLIENT_TLS_REFUSED,
	 REQUIRED},
	{"closed", OFFER "!eof\n.close\n", NULL, "deferred 451 4.4.2 connection lost, at STARTTLS",
	 GP_CLIENT_TLS_REFUSED, REQUIRED},
	{"no answer in a minute", OFFER "!+59\n!+1\n.close\n", NULL,
	 "deferred 451 4.4.2 timed out, at STARTTLS", GP_CLIENT_TLS_REFUSED, REQUIRED},

	/* bytes that were put in */
	{"a reply behind the 220", OFFER "< 220 go\n< 250 injected\n.close\n", NULL,
	 "deferred 451 4.7.0 clear text behind the answer to STARTTLS, at the TLS handshake",
	 GP_CLIENT_TLS_INJECTED, REQUIRED, .whole_only = true},
	{"the same, wished: no way on in clear", OFFER "< 220 go\n< 250 injected\n.close\n", NULL,
	 "deferred 451 4.7.0 clear text behind the answer to STARTTLS, at the TLS handshake",
	 GP_CLIENT_TLS_INJECTED, IF_OFFERED, .whole_only = true},
	{"what the driver finds in its socket's buffer",
	 OFFER "< 220 go\n.starttls\n< 250-mx\n.close\n", NULL,
	 "deferred 451 4.7.0 clear text behind the answer to STARTTLS, at the TLS handshake",
	 GP_CLIENT_TLS_INJECTED, REQUIRED},
	{"the 220 was there before STARTTLS", HELLO "< 250 STARTTLS\n< 220 go\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply before its command, at STARTTLS", GP_CLIENT_TLS_INJECTED,
	 IF_OFFERED, .whole_only = true},
	{"so was a refusal, to have it go on in clear", HELLO "< 250 STARTTLS\n< 454 no\n.close\n",
	 NULL, "deferred *454 4.0.0 no", GP_CLIENT_TLS_INJECTED, IF_OFFERED, .whole_only = true},
	{"one answer more than there were commands inside",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 250 mx\n< 250 STARTTLS\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply before its command, at rest", REQUIRED},

	/* REQUIRETLS (RFC 8689) */
	{"REQUIRETLS where it is offered",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 250-mx\n< 250 REQUIRETLS\n.ready\n"
	       "!send\n> MAIL FROM:<alice@example.org> REQUIRETLS\n< 250 ok\n"
	       "> RCPT TO:<bob@example.net>\n< 550 who?\n.done\n> RSET\n< 250 ok\n.ready\n",
	 "failed *550 5.0.0 who?", REQUIRED, .envelope = {REQUIRETLS, SENDER, RCPTS(one)}},
	{"offered, and not asked for",
	 OFFER "< 220 go\n.starttls\n" INSIDE
	       "< 250-mx\n< 250 REQUIRETLS\n.ready\n" ONE_STEPS BODY_SENT
	       "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", REQUIRED},
	{"asked for, and not offered",
	 OFFER "< 220 go\n.starttls\n" INSIDE "< 250 mx\n.ready\n!send\n.done\n.ready\n!quit\n"
	       "> QUIT\n",
	 "failed 550 5.7.30 the sender requires TLS, and the server does not offer REQUIRETLS\n"
	 "failed 550 5.7.30 the sender requires TLS, and the server does not offer REQUIRETLS\n"
	 "failed 550 5.7.30 the sender requires TLS, and the server does not offer REQUIRETLS",
	 REQUIRED, .envelope = {REQUIRETLS, SENDER, RCPTS(three)}},
	{"an offer in clear is none", HELLO "< 250 REQUIRETLS\n.ready\n!send\n.done\n.ready\n",
	 "failed 550 5.7.10 the sender requires TLS, which this session does not have",
	 .envelope = {REQUIRETLS, SENDER, RCPTS(one)}},
	{"STARTTLS refused, REQUIRETLS asked for: not in clear",
	 OFFER "< 454 no\n.ready\n!send\n.done\n.ready\n",
	 "failed 550 5.7.10 the sender requires TLS, which this session does not have",
	 .tls_fault = GP_CLIENT_TLS_REFUSED, IF_OFFERED,
	 .envelope = {REQUIRETLS, SENDER, RCPTS(one)}},
	{"a bounce goes without", PLAIN "!send\n> MAIL FROM:<>\n< 450 later\n.done\n.ready\n",
	 "deferred *450 4.0.0 later", .envelope = {REQUIRETLS, RCPTS(one)}},
	{"and keeps silent in clear, whatever is offered",
	 HELLO "< 250 REQUIRETLS\n.ready\n!send\n> MAIL FROM:<>\n< 450 later\n.done\n.ready\n",
	 "deferred *450 4.0.0 later", .envelope = {REQUIRETLS, RCPTS(one)}},
	{"so does what goes over LMTP",
	 LHLO "< 250 mx\n.ready\n!send\n> MAIL FROM:<alice@example.org>\n< 450 later\n.done\n"
	      ".ready\n",
	 "deferred *450 4.0.0 later", .setup = {.lmtp = true},
	 .envelope = {REQUIRETLS, SENDER, RCPTS(one)}},

	/* the handshake */
	{"it fails", OFFER "< 220 go\n.starttls\n!notls\n.close\n", NULL,
	 "deferred 451 4.7.5 certificate expired, at the TLS handshake", GP_CLIENT_TLS_HANDSHAKE,
	 IF_OFFERED},
	{"it takes longer than a minute", OFFER "< 220 go\n.starttls\n!+59\n!+1\n.close\n", NULL,
	 "deferred 451 4.4.2 timed out, at the TLS handshake", GP_CLIENT_TLS_HANDSHAKE, REQUIRED},
	{"it is cut off", OFFER "< 220 go\n.starttls\n!eof\n.close\n", NULL,
	 "deferred 451 4.4.2 connection lost, at the TLS handshake", GP_CLIENT_TLS_HANDSHAKE,
	 REQUIRED},
};

static void
test_dialogues(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* The offer is to be seen at the event, and gone afterwards; a partial reply survives nothing. */
static void
test_offer_is_seen(void **state)
{
	(void)state;
	struct gp_smtp_client_setup setup = {
		.hostname = GP_SLICE("a.example"),
		.tls = GP_CLIENT_TLS_IF_OFFERED,
	};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	static const char *const says[] = {"220 mx\r\n", "250-mx\r\n250-DSN\r\n250 STARTTLS\r\n",
					   "220-go\r\n220 on\r\n"};
	enum gp_client_event event = GP_CLIENT_WAIT;
	for (size_t i = 0; i < GP_ARRAY_LEN(says); i++) {
		struct gp_slice input = gp_slice_str(says[i]);
		assert_int_equal(event, GP_CLIENT_WAIT);
		event = gp_smtp_client_next(c, &input, 0);
		assert_int_equal(input.len, 0);
		gp_smtp_client_output_sent(c, gp_smtp_client_output(c).len, 0);
	}
	struct gp_slice none = {};
	assert_int_equal(event, GP_CLIENT_STARTTLS);
	assert_int_equal(gp_smtp_client_next(c, &none, 0), GP_CLIENT_WAIT);
	assert_false(gp_smtp_client_in_tls(c));
	assert_int_equal(gp_smtp_client_ehlo(c)->flags,
			 GP_EHLO_ESMTP | GP_EHLO_DSN | GP_EHLO_STARTTLS);
	assert_int_equal(gp_smtp_client_deadline(c), 60'000);
	gp_smtp_client_tls_started(c, 1000);
	assert_true(gp_smtp_client_in_tls(c));
	assert_int_equal(gp_smtp_client_ehlo(c)->flags, 0);
	assert_int_equal(gp_smtp_client_deadline(c), 301'000);
	assert_slice(gp_smtp_client_output(c), "EHLO a.example\r\n");
	gp_smtp_client_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_offer_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
