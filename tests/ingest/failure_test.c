/* SPDX-License-Identifier: Apache-2.0 */
/* Failure reports of every form, and what is told of each. */
#include "teller.h"

#include <errno.h>

#include "core/ingest/failure.h"

/* The mail that each comes in. */
#define MAIL                                      \
	"From: Reports <dmarc@reporter.test>\n"   \
	"Date: Mon, 30 Nov 2026 12:00:00 +0000\n" \
	"Message-ID: <1@reporter.test>\n"
#define DATE "1796040000"
#define PART(t) "\n--r\nContent-Type: " t "\n\n"
#define REPORT MAIL "Content-Type: multipart/report; boundary=r\n"
#define FEEDBACK REPORT PART("message/feedback-report")

#define HEAD(domain, at)                                                                  \
	"head 3 by 'reporter.test' <dmarc@reporter.test> id '1@reporter.test' of " domain \
	" at " at "-" at "\n"
#define NO_TIME "flaw 0: it does not say when the message came\n"
#define ARRIVED "1796036400"

static const struct {
	const char *what, *mail, *told;
} cases[] = {
	{"all that the RFCs have",
	 FEEDBACK "Feedback-Type: auth-failure\n"
		  "User-Agent: Test/1.0\n"
		  "Version: 1\n"
		  "Original-Mail-From: <a@our.test>\n"
		  "Original-Rcpt-To: <b@their.test>\n"
		  "Arrival-Date: Mon, 30 Nov 2026 11:00:00 +0000\n"
		  "Reporting-MTA: dns; MX.Their.test\n"
		  "Source-IP: 192.0.2.1\n"
		  "Reported-Domain: Our.test\n"
		  "Incidents: 7\n"
		  "Authentication-Results: mx.their.test; dmarc=fail\n"
		  "  header.from=our.test\n"
		  "Auth-Failure: DMARC\n"
		  "Delivery-Result: reject\n"
		  "DKIM-Domain: our.test\n"
		  "DKIM-Selector: s1\n"
		  "SPF-DNS: txt : our.test : \"v=spf1 -all\"\n"
		  "\n" PART("message/rfc822") "From: \"A\" <a@our.test>\n"
					      "Subject: =?utf-8?Q?H=C3=A9?=\n"
					      "Received: from x\n\tby y\n"
					      "Message-ID: <2@our.test>\n\nbody\n--r--\n",
	 "head 3 by 'mx.their.test' <dmarc@reporter.test> id '1@reporter.test' of our.test "
	 "at " ARRIVED "-" ARRIVED "\n"
	 "failure dmarc from ::ffff:192.0.2.1 of our.test at " ARRIVED
	 ", 7: delivery='reject' header_from='a@our.test' from='a@our.test' to='b@their.test'"
	 " subject='H\xC3\xA9' id='2@our.test'"
	 " results='mx.their.test; dmarc=fail  header.from=our.test' dkim='our.test'"
	 " selector='s1' spf='v=spf1 -all'"
	 " header='From: \"A\" <a@our.test>\nSubject: =?utf-8?Q?H=C3=A9?=\nReceived: from x\n by "
	 "y\n"
	 "Message-ID: <2@our.test>\n'\n"},
	{"the least", FEEDBACK "Feedback-Type: abuse\nReported-Domain: our.test\n",
	 "flaw 0: it does not say where the message came from\n" NO_TIME HEAD(
		 "our.test", DATE) "failure abuse from :: of our.test at " DATE ", 1:\n"},
	{"no Feedback-Type, several addresses and domains",
	 FEEDBACK
	 "Source-IP: mail.x.test (2001:db8::1)\nReported-Domain: our.test, other.test\n"
	 "Reported-Domain: third.test\nOriginal-Mail-From:\nOriginal-Mail-From: a@x.test\n",
	 "flaw 0: it does not say what failed\n" NO_TIME HEAD(
		 "our.test", DATE) "failure  from 2001:db8::1 of our.test at " DATE
				   ", 1: from='a@x.test'\n"},
	{"a host in parentheses behind the address",
	 FEEDBACK
	 "Auth-Failure: dmarc\nSource-IP: 192.0.2.1 (ip-198-51-100-1.x.test)\n"
	 "Received-Date: Mon, 30 Nov 2026 11:00:00 -0000 (UTC)\nReported-Domain: our.test.\n",
	 HEAD("our.test", ARRIVED) "failure dmarc from ::ffff:192.0.2.1 of our.test at " ARRIVED
				   ", 1:\n"},
	{"a literal",
	 FEEDBACK "Auth-Failure: spf\nSource-IP: [IPv6:2001:db8::2]\n"
		  "Arrival-Date: yesterday\nReported-Domain: our.test\nIncidents: 0\n",
	 "flaw 0: how many incidents it tells of cannot be read\n"
	 "flaw 0: when the message came cannot be read\n" HEAD(
		 "our.test", DATE) "failure spf from 2001:db8::2 of our.test at " DATE ", 1:\n"},
	{"an address that is none",
	 FEEDBACK "Auth-Failure: dkim\nSource-IP: 192.0.2.1.x.test\nReported-Domain: our.test\n"
		  "Incidents: many\n",
	 "flaw 0: its source address cannot be read\n"
	 "flaw 0: how many incidents it tells of cannot be read\n" NO_TIME HEAD(
		 "our.test", DATE) "failure dkim from :: of our.test at " DATE ", 1:\n"},
	{"line ends spelt out",
	 FEEDBACK
	 "Auth-Failure: dmarc\\r\\nSource-IP: 192.0.2.1\\r\\nReported-Domain: our.test\\r\\n\n",
	 NO_TIME HEAD("our.test", DATE) "failure dmarc from ::ffff:192.0.2.1 of our.test at " DATE
					", 1:\n"},
	{"base64 that does not say so",
	 FEEDBACK "QXV0aC1GYWlsdXJlOiBkbWFyYwpTb3VyY2UtSVA6IDE5Mi4wLjIuMQpSZXBv\n"
		  "cnRlZC1Eb21haW46IG91ci50ZXN0Cg==\n",
	 NO_TIME HEAD("our.test", DATE) "failure dmarc from ::ffff:192.0.2.1 of our.test at " DATE
					", 1:\n"},
	{"the domain from the results",
	 FEEDBACK
	 "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\n"
	 "Authentication-Results: dmarc=fail (p=none; dis=none) header.from=our.test; spf=fail\n",
	 NO_TIME "flaw 0: it does not name its domain, which is taken from the message\n" HEAD(
		 "our.test",
		 DATE) "failure dmarc from ::ffff:192.0.2.1 of our.test at " DATE
		       ", 1: header_from='our.test'"
		       " results='dmarc=fail (p=none; dis=none) header.from=our.test; spf=fail'\n"},
	{"the domain from the message",
	 FEEDBACK "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\n" PART(
		 "text/rfc822-headers") "From: a@our.test\n",
	 NO_TIME "flaw 0: it does not name its domain, which is taken from the message\n" HEAD(
		 "our.test", DATE) "failure dmarc from ::ffff:192.0.2.1 of our.test at " DATE
				   ", 1: header_from='a@our.test' header='From: a@our.test\n'\n"},
	{"no domain at all", FEEDBACK "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\n",
	 NO_TIME "lost 0: it names no domain\n"},
	{"nothing that is known", FEEDBACK "hello\n",
	 "flaw 0: it does not say what failed\nflaw 0: it does not say where the message came "
	 "from\n" NO_TIME "lost 0: it names no domain\n"},
	{"the text beside it knows more, as Netease's and LinkedIn's",
	 REPORT PART("text/plain") "This is a spf/dkim authentication-failure report for an email "
				   "message\n"
				   "received from IP 192.0.2.1 on Mon, 30 Nov 2026 11:00:00 "
				   "+0000.\n" PART(
					   "message/feedback-report") "Feedback-Type: "
								      "auth-failure\nReported-"
								      "Domain: our.test\n",
	 HEAD("our.test",
	      ARRIVED) "failure auth-failure from ::ffff:192.0.2.1 of our.test at " ARRIVED
		       ", 1:\n"},
	{"what the report says counts more than its text",
	 REPORT PART("text/plain") "an email message received from IP 192.0.2.9 on Mon, 30 Nov "
				   "2026\n" PART(
					   "message/feedback-report") "Auth-Failure: "
								      "dmarc\nSource-IP: "
								      "192.0.2.1\n"
								      "Reported-Domain: our.test\n",
	 "flaw 0: when the message came cannot be read\n" HEAD(
		 "our.test", DATE) "failure dmarc from ::ffff:192.0.2.1 of our.test at " DATE
				   ", 1:\n"},
	{"text alone, as Exim, cPanel and SpamExperts write it",
	 MAIL "\nA message claiming to be from you has failed the published DMARC\n"
	      "policy for your domain.\n\n"
	      "  Sender Domain: our.test\n"
	      "  Sender IP Address: 192.0.2.1\n"
	      "  Received Date: Mon, 30 Nov 2026 11:00:00 +0000\n"
	      "  SPF Alignment: no\n"
	      "  DKIM Alignment: no\n"
	      "  DMARC Results: None, Accept\n"
	      "\n"
	      "------ This is a copy of the headers that were received before the error\n"
	      "       was detected.\n"
	      "\n"
	      "From: <a@our.test>\nSubject: hello\n\n",
	 HEAD("our.test", ARRIVED) "failure dmarc from ::ffff:192.0.2.1 of our.test at " ARRIVED
				   ", 1: header_from='a@our.test' subject='hello'"
				   " results='None, Accept'"
				   " header='From: <a@our.test>\nSubject: hello\n'\n"},
	{"a report's fields in a text",
	 MAIL "\nFeedback-Type: auth-failure\nSource-IP: 192.0.2.1\nReported-Domain: our.test\n",
	 NO_TIME HEAD("our.test",
		      DATE) "failure auth-failure from ::ffff:192.0.2.1 of our.test at " DATE
			    ", 1:\n"},
	{"controls and marks of direction",
	 FEEDBACK "Auth-Failure: dm\x1B[1marc\nSource-IP: 192.0.2.1\nReported-Domain: our.test\n"
		  "Original-Mail-From: a\xE2\x80\xAE@our.test\nDelivery-Result: \xFF\n" PART(
			  "message/rfc822") "Subject: =?utf-8?Q?a=1B=0Ab?=\nX: \x07\n",
	 NO_TIME HEAD("our.test",
		      DATE) "failure dm?[1marc from ::ffff:192.0.2.1 of our.test at " DATE
			    ", 1: delivery='?' from='a?@our.test' subject='a? b'"
			    " header='Subject: =?utf-8?Q?a=1B=0Ab?=\nX: ?\n'\n"},
	{"a domain that is none",
	 FEEDBACK "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\n"
		  "Reported-Domain: <script> our.test\n",
	 NO_TIME HEAD("script", DATE) "failure dmarc from ::ffff:192.0.2.1 of script at " DATE
				      ", 1:\n"},
};

/* Through the mail, as it comes. Returns what the reader did. */
static int
read_mail(struct gp_slice octets, struct gp_ingest_listener *listener, size_t room)
{
	struct gp_arena arena = GP_ARENA_INIT(room);
	struct gp_ingest_mail mail;
	int r = gp_ingest_mail_read(octets, &arena, &mail);
	if (r == 0) {
		assert_int_equal(mail.len, 1);
		r = gp_ingest_failure_read(&mail.candidates[0], mail.header, listener, &arena);
	}
	gp_arena_free(&arena);
	return r;
}

static void
failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct teller t = {};
		struct gp_ingest_listener listener = teller_listener(&t);
		assert_int_equal(read_mail(gp_slice_str(cases[i].mail), &listener, 1 << 20), 0);
		if (!gp_slice_eq(gp_buf_slice(&t.out), gp_slice_str(cases[i].told)))
			fail_msg("%s:\n%.*s", cases[i].what, GP_SLICE_FMT(gp_buf_slice(&t.out)));
		gp_buf_free(&t.out);
	}
}

static const struct {
	const char *text;
	bool tells;
} texts[] = {
	{"", false},
	{"unused\n", false},
	{"Source-IP: 192.0.2.1\n", false},
	{"Sender Domain: our.test\n", false},
	{"Source-IP: 192.0.2.1\nReported-Domain: our.test\n", true},
	{"  sender ip address: 192.0.2.1\r\n\tSender_Domain: our.test\r\n", true},
	{"---\nSource-IP: 192.0.2.1\nReported-Domain: our.test\n", false},
	{"Sender Domain: our.test\nan email message received from IP address 192.0.2.1 on Monday",
	 true},
};

static void
texts_that_tell(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++) {
		struct gp_arena arena = GP_ARENA_INIT(65536);
		if (gp_ingest_failure_tells(gp_slice_str(texts[i].text), &arena) != texts[i].tells)
			fail_msg("'%s'", texts[i].text);
		gp_arena_free(&arena);
	}
}

static void
a_long_header_is_cut_at_a_line(void **state)
{
	(void)state;
	struct teller t = {};
	struct gp_ingest_listener listener = teller_listener(&t);
	struct gp_buf mail = GP_BUF_INIT(1 << 20);
	gp_buf_put_str(&mail, FEEDBACK "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\n"
				       "Reported-Domain: our.test\n" PART("message/rfc822"));
	for (size_t i = 0; i < GP_INGEST_HEADER_MAX / 60; i++)
		gp_buf_put_str(
			&mail,
			"X: sixty-three octets, with the end of the line: abcdefghijklmno\n");
	assert_int_equal(read_mail(gp_buf_slice(&mail), &listener, 8 << 20), 0);
	struct gp_slice told = gp_buf_slice(&t.out);
	assert_true(gp_slice_ends_nocase(told, GP_SLICE("lmno\n'\n")));
	assert_in_range(told.len, GP_INGEST_HEADER_MAX, GP_INGEST_HEADER_MAX + 300);
	gp_buf_free(&mail);
	gp_buf_free(&t.out);
}

static void
the_listener_ends_it(void **state)
{
	(void)state;
	struct teller t = {.stop = 7};
	struct gp_ingest_listener listener = teller_listener(&t);
	assert_int_equal(read_mail(gp_slice_str(cases[1].mail), &listener, 1 << 20), 7);
	gp_buf_free(&t.out);
}

static void
memory_runs_out(void **state)
{
	(void)state;
	size_t room = 0;
	for (int r = -ENOMEM; r != 0; room += 256) {
		struct teller t = {};
		struct gp_ingest_listener listener = teller_listener(&t);
		r = read_mail(gp_slice_str(cases[0].mail), &listener, room);
		assert_true(r == -ENOMEM || r == 0);
		struct gp_slice told = gp_slice_str(r == 0 ? cases[0].told : "");
		assert_true(gp_slice_eq(gp_buf_slice(&t.out), told));
		gp_buf_free(&t.out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures),
		cmocka_unit_test(texts_that_tell),
		cmocka_unit_test(a_long_header_is_cut_at_a_line),
		cmocka_unit_test(the_listener_ends_it),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
