/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever arrives: which reports are told of, and why those are not that are not. */
#include "pack.h"

#include <errno.h>

#include "core/ingest/intake.h"
#include "teller.h"

enum { ARENA_MAX = 16 << 20 };

#define S GP_SLICE
#define XML                                                                                        \
	"<?xml version=\"1.0\"?><feedback><report_metadata><org_name>Them</org_name>"              \
	"<email>a@them.test</email><report_id>1</report_id><date_range>"                           \
	"<begin>1796000000</begin><end>1796086399</end></date_range></report_metadata>"            \
	"<policy_published><domain>our.test</domain><p>none</p></policy_published>"                \
	"<record><row><source_ip>192.0.2.1</source_ip><count>2</count><policy_evaluated>"          \
	"<disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>" \
	"<identifiers><header_from>our.test</header_from></identifiers>"                           \
	"<auth_results><spf><domain>our.test</domain><result>fail</result></spf>"                  \
	"</auth_results></record></feedback>"
#define AGGREGATE \
	"head 1 by 'Them' <a@them.test> id '1' of our.test at 1796000000-1796086399\nrow 1\n"
#define JSON                                                                                \
	"{\"organization-name\":\"Them\",\"date-range\":{\"start-datetime\":"               \
	"\"2026-11-30T00:00:00Z\",\"end-datetime\":\"2026-11-30T23:59:59Z\"},"              \
	"\"contact-info\":\"a@them.test\",\"report-id\":\"1\",\"policies\":[{\"policy\":"   \
	"{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"our.test\"},\"summary\":" \
	"{\"total-successful-session-count\":3,\"total-failure-session-count\":0}}]}"
#define TLS                                                                            \
	"head 2 by 'Them' <a@them.test> id '1' of our.test at 1795996800-1796083199\n" \
	"policy our.test\n"

static struct gp_slice
told_of(struct gp_slice octets, struct teller *t, struct gp_intake_result *ret, int want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_ingest_listener listener = teller_listener(t);
	struct gp_intake intake = teller_intake(&listener);
	assert_int_equal(gp_intake_read(&intake, octets, &arena, ret), want);
	gp_aggregate_free(intake.aggregate);
	gp_arena_free(&arena);
	return gp_buf_slice(&t->out);
}

static void
expect(const char *what, struct gp_slice octets, const char *told, const char *why)
{
	struct teller t = {};
	struct gp_intake_result result;
	struct gp_slice got = told_of(octets, &t, &result, 0);
	if (!gp_slice_eq(got, gp_slice_str(told)))
		fail_msg("%s:\n%.*s", what, GP_SLICE_FMT(got));
	if (!result.why != !why || (why && strcmp(why, result.why) != 0))
		fail_msg("%s: %s", what, result.why ? result.why : "no reason");
	gp_buf_free(&t.out);
}

static const struct {
	const char *what;
	struct gp_slice octets;
	const char *told, *why;
} files[] = {
	{"nothing", S(""), "", "it is empty"},
	{"blanks", S("\r\n\r\n"), "", "it is empty"},
	{"a text", S("unused"), "", "it is neither a mail nor a report"},
	{"a page", S("<html></html>"), "", "it is neither a mail nor a report"},
	{"XML", S(XML), "[\n" AGGREGATE "]\n", NULL},
	{"XML behind blanks", S("\r\n" XML), "[\n" AGGREGATE "]\n", NULL},
	{"JSON", S(JSON), "[\n" TLS "]\n", NULL},
	{"a file of Outlook's", S("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
	 "[\nlost 0: it is within a file of Outlook's own form, which is not read: have it "
	 "forwarded as it came\n]\n",
	 NULL},
	{"a mail that is no report", S("Subject: hello\n\nThere you are.\n"), "",
	 "there is no report in this mail"},
	{"a mail", S("Subject: x\n\n" XML), "[\n" AGGREGATE "]\n", NULL},
	{"a subject that names its domain",
	 S("Subject: Report Domain: OUR.test\n Submitter: them.test\n\n" XML),
	 "[\n" AGGREGATE "]\n", NULL},
	{"a subject that names another",
	 S("Subject: Report domain: their.test Submitter: them.test\n\n" XML),
	 "[\nhead 1 by 'Them' <a@them.test> id '1' of our.test at 1796000000-1796086399\n"
	 "flaw 0: its mail says that it is about another domain\nrow 1\n]\n",
	 NULL},
	{"a field that names another",
	 S("TLS-Report-Domain: their.test\nSubject: Report Domain: our.test\n\n" JSON),
	 "[\nhead 2 by 'Them' <a@them.test> id '1' of our.test at 1795996800-1796083199\n"
	 "flaw 0: its mail says that it is about another domain\npolicy our.test\n]\n",
	 NULL},
	{"a field that names none", S("TLS-Report-Domain: <script>\n\n" JSON), "[\n" TLS "]\n",
	 NULL},
	{"two reports in one mail",
	 S("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" XML "\n--b\n\n" JSON
	   "\n--b\n\nunused\n--b--\n"),
	 "[\n" AGGREGATE "]\n[\n" TLS "]\n", NULL},
	{"a failure",
	 S("Date: Mon, 30 Nov 2026 12:00:00 +0000\nContent-Type: message/feedback-report\n\n"
	   "Auth-Failure: dmarc\nSource-IP: 192.0.2.1\nReported-Domain: our.test\n"
	   "Arrival-Date: Mon, 30 Nov 2026 11:00:00 +0000\n"),
	 "[\nhead 3 by '' <> id '' of our.test at 1796036400-1796036400\n"
	 "failure dmarc from ::ffff:192.0.2.1 of our.test at 1796036400, 1:\n]\n",
	 NULL},
	{"a failure in a text",
	 S("Subject: x\n\nSender Domain: our.test\nSender IP: 192.0.2.1\n"
	   "Received Date: Mon, 30 Nov 2026 11:00:00 +0000\nAuth-Failure: dmarc\n"),
	 "[\nhead 3 by '' <> id '' of our.test at 1796036400-1796036400\n"
	 "failure dmarc from ::ffff:192.0.2.1 of our.test at 1796036400, 1:\n]\n",
	 NULL},
};

static void
whatever_arrives(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(files); i++)
		expect(files[i].what, files[i].octets, files[i].told, files[i].why);
}

static const struct {
	const char *what;
	struct gp_slice text, behind;
	const char *told;
	size_t cut;
} gzips[] = {
	{"XML", S(XML), S(""), "[\n" AGGREGATE "]\n", 0},
	{"JSON that is called XML", S(JSON), S(""), "[\n" TLS "]\n", 0},
	{"Mimecast's line end", S(XML), S("\r\n"), "[\n" AGGREGATE "]\n", 0},
	{"junk behind it", S(XML), S("junk"),
	 "[\n" AGGREGATE "flaw 0: octets stand behind its end\n]\n", 0},
	{"nothing in it", S(""), S(""), "[\nlost 0: it is empty\n]\n", 0},
	{"no report in it", S("hello"), S(""), "[\nlost 0: it is no report\n]\n", 0},
	{"a mail in it", S("Subject: x\n\n" XML), S(""), "[\nlost 0: it is no report\n]\n", 0},
	{"cut off", S(XML), S(""), "[\nlost 0: it is cut off\n]\n", 4},
};

static void
whatever_is_packed(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(gzips); i++) {
		struct gp_buf gz = GP_BUF_INIT(GP_PACK_MAX);
		pack_deflate(&gz, gzips[i].text, GP_PACK_GZIP);
		gp_buf_put(&gz, gzips[i].behind);
		gp_buf_truncate(&gz, gz.len - gzips[i].cut);
		expect(gzips[i].what, gp_buf_slice(&gz), gzips[i].told, NULL);
		gp_buf_free(&gz);
	}
}

static void
zip_files_with_a_note(void **state)
{
	(void)state;
	struct gp_buf zip = GP_BUF_INIT(GP_PACK_MAX);
	const struct pack_file two[] = {{"README", S("hello")}, {"r.xml", S(XML)}};
	pack_zip(&zip, two, 2);
	expect("a note", gp_buf_slice(&zip),
	       "[\n" AGGREGATE "flaw 0: there are files in it besides the report\n]\n", NULL);
	gp_buf_free(&zip);
}

/* XML that unpacks to more than strangers may send. */
static void
a_bomb_is_lost(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(GP_PACK_MAX), gz = GP_BUF_INIT(GP_PACK_MAX);
	gp_buf_put(&text, gp_slice_take(S(XML), strlen(XML) - strlen("</feedback>")));
	for (size_t i = 0; i < 1 << 20; i++)
		gp_buf_put_str(&text, "<!-- 0123456789 -->");
	pack_deflate(&gz, gp_buf_slice(&text), GP_PACK_GZIP);
	expect("a bomb", gp_buf_slice(&gz),
	       "[\n" AGGREGATE "lost 0: so much comes out of so little that it is no report\n]\n",
	       NULL);
	gp_buf_free(&text);
	gp_buf_free(&gz);
}

static void
json_without_end(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(GP_PACK_MAX);
	struct teller t = {};
	struct gp_intake_result result;
	gp_buf_put_str(&text, "{\"a\":\"");
	for (size_t i = 0; i < 11 << 20; i++)
		gp_buf_put_char(&text, 'a');
	gp_buf_put_str(&text, "\"}");
	struct gp_slice told = told_of(gp_buf_slice(&text), &t, &result, 0);
	assert_true(gp_slice_starts(told, S("[\nlost 0: ")));
	assert_int_equal(result.reports, 1);
	gp_buf_free(&t.out);
	gp_buf_free(&text);
}

static void
a_mail_with_too_many_parts(void **state)
{
	(void)state;
	struct gp_buf m = GP_BUF_INIT(GP_PACK_MAX);
	gp_buf_put_str(&m, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" XML "\n");
	for (size_t i = 0; i < 10000; i++)
		gp_buf_put_str(&m, "--b\n\n");
	expect("many parts", gp_buf_slice(&m), "[\n" AGGREGATE "]\n",
	       "the mail has more parts than are looked at");
	gp_buf_free(&m);
}

/* What reads XML is kept: what it read last shows in nothing. */
static void
one_after_the_other(void **state)
{
	static const char record[] =
		"<record><row><source_ip>192.0.2.7</source_ip><policy_evaluated>"
		"<reason><type>odd</type><comment>old";
	const struct gp_slice others[] = {
		S(XML),
		gp_slice(XML, 40),              /* within a tag */
		gp_slice(XML, sizeof(XML) - 9), /* within the last */
		S("<feedback><report_metadata><org_name>Others"),
		S("<feedback><!-- without end"),
		S("<feedback><![CDATA[ without end"),
		S("<feedback>\xE2\x82"),
		S("\xFF\xFE<\0f\0"),
		S("<a><b><c></a>"),
		S("<feedback>\1</feedback>"),
		S("<feedback>&#"),
		gp_slice(record, sizeof(record) - 1),
	};
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct teller t = {};
	struct gp_ingest_listener listener = teller_listener(&t);
	struct gp_intake intake = teller_intake(&listener);
	struct gp_intake_result result;
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		assert_int_equal(gp_intake_read(&intake, others[i], &arena, &result), 0);
		gp_buf_clear(&t.out);
		assert_int_equal(gp_intake_read(&intake, S(XML), &arena, &result), 0);
		assert_slice(gp_buf_slice(&t.out), "[\n" AGGREGATE "]\n");
	}
	gp_aggregate_free(intake.aggregate);
	gp_buf_free(&t.out);
	gp_arena_free(&arena);
}

static void
the_listener_ends_it(void **state)
{
	(void)state;
	struct gp_buf gz = GP_BUF_INIT(GP_PACK_MAX);
	struct gp_slice all[] = {S(XML), S(""), S("Subject: x\n\n" XML)};
	pack_deflate(&gz, S(XML), GP_PACK_GZIP);
	all[1] = gp_buf_slice(&gz);
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++) {
		struct teller t = {.stop = 7};
		struct gp_intake_result result;
		struct gp_slice told = told_of(all[i], &t, &result, 7);
		assert_slice(told, "[\n" AGGREGATE); /* and no end of it */
		gp_buf_free(&t.out);
	}
	gp_buf_free(&gz);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_arrives),
		cmocka_unit_test(whatever_is_packed),
		cmocka_unit_test(zip_files_with_a_note),
		cmocka_unit_test(a_bomb_is_lost),
		cmocka_unit_test(json_without_end),
		cmocka_unit_test(a_mail_with_too_many_parts),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(the_listener_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
