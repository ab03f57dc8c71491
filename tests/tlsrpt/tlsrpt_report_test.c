/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "core/tlsrpt/report.h"

static const struct gp_slice policy[] = {
	{"version: STSv1", 14},
	{"mode: testing", 13},
	{"mx: *.mail.company-y.example", 28},
	{"max_age: 86400", 14},
};
static const struct gp_slice patterns[] = {{"*.mail.company-y.example", 24}};
static const struct gp_tlsrpt_failure details[] = {
	{GP_TLSRPT_CERTIFICATE_EXPIRED,
	 {"2001:db8:abcd:12::1", 19},
	 {"mx1.mail.company-y.example", 26},
	 {"203.0.113.58", 12},
	 {NULL, 0},
	 100},
	{GP_TLSRPT_VALIDATION_FAILURE, .reason = {"X509_V_ERR", 10}, .sessions = 3},
};
static const struct gp_tlsrpt_counts counts[] = {
	{GP_TLSRPT_STS, {"company-y.example", 17}, policy, 4, patterns, 1, 5326, 103, details, 2},
	{.policy = GP_TLSRPT_NO_POLICY, .domain = {"company-y.example", 17}, .successes = 7},
};
static const struct gp_tlsrpt_report report = {
	.head =
		{
			.organization = {"Company-X", 9},
			.contact = {"sts-reporting@company-x.example", 31},
			.unique = {"5065427c23d3", 12},
			.submitter = {"company-x.example", 17},
			.domain = {"company-y.example", 17},
			.start_s = 1459468800,
			.end_s = 1459555199,
		},
	.counts = counts,
	.counts_len = 2,
};

static void
as_json(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_tlsrpt_write_json(&report, &b));
	assert_slice(
		gp_buf_slice(&b),
		"{\"organization-name\":\"Company-X\",\"date-range\":{\"start-datetime\":"
		"\"2016-04-01T00:00:00Z\",\"end-datetime\":\"2016-04-01T23:59:59Z\"},"
		"\"contact-info\":\"sts-reporting@company-x.example\",\"report-id\":"
		"\"5065427c23d3@company-x.example\",\"policies\":[{\"policy\":{\"policy-type\":"
		"\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: testing\",\"mx: "
		"*.mail.company-y.example\",\"max_age: 86400\"],\"policy-domain\":"
		"\"company-y.example\",\"mx-host\":[\"*.mail.company-y.example\"]},\"summary\":{"
		"\"total-successful-session-count\":5326,\"total-failure-session-count\":103},"
		"\"failure-details\":[{\"result-type\":\"certificate-expired\","
		"\"sending-mta-ip\":\"2001:db8:abcd:12::1\",\"receiving-mx-hostname\":"
		"\"mx1.mail.company-y.example\",\"receiving-ip\":\"203.0.113.58\","
		"\"failed-session-count\":100},{\"result-type\":\"validation-failure\","
		"\"failed-session-count\":3,\"failure-reason-code\":\"X509_V_ERR\"}]},{\"policy\":"
		"{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"company-y.example\"},"
		"\"summary\":{\"total-successful-session-count\":7,"
		"\"total-failure-session-count\":0}}]}");
	gp_buf_free(&b);
}

static void
its_file_name(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(1024);
	gp_report_write_filename(&report.head, &gp_tlsrpt_form, &b);
	assert_slice(gp_buf_slice(&b), "company-x.example!company-y.example!1459468800!1459555199!"
				       "5065427c23d3.json.gz");
	gp_buf_free(&b);
}

/* What a hostile server may have said, and what comes out of it. */
static const struct {
	struct gp_slice text;
	const char *want;
} hostile[] = {
	{{"plain", 5}, "plain"},
	{{"a\"b\\c/", 6}, "a\"b\\c/"},
	{{"a\r\nb\tc\0d\x1b\x7f", 10}, "a??b?c?d??"},
	{{"\xc3\xa4", 2}, "\xc3\xa4"},
	{{"\xff\xc3x\xed\xa0\x80", 6}, "??x???"},
	{{"\xc2\x85", 2}, "?"},
	{{"\"}],\"x\":[{\"", 11}, "\"}],\"x\":[{\""},
};

static void
texts_of_strangers_stay_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(hostile); i++) {
		struct gp_tlsrpt_failure f = {.result = GP_TLSRPT_VALIDATION_FAILURE,
					      .reason = hostile[i].text};
		struct gp_tlsrpt_counts c = {.policy = GP_TLSRPT_NO_POLICY,
					     .domain = GP_SLICE("a.test"),
					     .details = &f,
					     .details_len = 1};
		struct gp_tlsrpt_report r = report;
		struct gp_buf b = GP_BUF_INIT(1 << 16);
		r.counts = &c;
		r.counts_len = 1;
		assert_true(gp_tlsrpt_write_json(&r, &b));
		json_t *root = json_loadb(b.ptr + b.head, b.len, JSON_REJECT_DUPLICATES, NULL);
		const char *reason = NULL;
		assert_non_null(root);
		assert_int_equal(json_unpack(root, "{s:[{s:[{s:s}]}]}", "policies",
					     "failure-details", "failure-reason-code", &reason),
				 0);
		assert_string_equal(reason, hostile[i].want);
		json_decref(root);
		gp_buf_free(&b);
	}
}

static void
long_texts_are_cut(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	char *text = gp_arena_alloc(&arena, 4001);
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	struct gp_tlsrpt_report r = report;
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	r.head.organization = gp_slice(text, 4000);
	assert_true(gp_tlsrpt_write_json(&r, &b));
	json_t *root = json_loadb(b.ptr + b.head, b.len, 0, NULL);
	assert_int_equal(json_string_length(json_object_get(root, "organization-name")),
			 GP_REPORT_TEXT_MAX);
	json_decref(root);
	gp_buf_free(&b);
	gp_arena_free(&arena);
}

static void
the_cap_holds(void **state)
{
	(void)state;
	struct gp_buf whole = GP_BUF_INIT(1 << 16);
	assert_true(gp_tlsrpt_write_json(&report, &whole));
	for (size_t max = 0; max <= whole.len; max += 7) {
		struct gp_buf b = GP_BUF_INIT(max);
		assert_int_equal(gp_tlsrpt_write_json(&report, &b), max >= whole.len);
		assert_true(b.len <= max);
		gp_buf_free(&b);
	}
	gp_buf_free(&whole);
}

static void
as_mail(void **state)
{
	(void)state;
	char gzip[60];
	for (size_t i = 0; i < sizeof(gzip); i++)
		gzip[i] = (char)i;
	struct gp_report_mail m = {.form = &gp_tlsrpt_form,
				   .report = &report.head,
				   .from = GP_SLICE("tlsrpt@company-x.example"),
				   .to = GP_SLICE("reports@company-y.example"),
				   .gzip = gp_slice(gzip, sizeof(gzip)),
				   .now_s = 1459560000};
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_report_write_mail(&m, &b));
	assert_slice(
		gp_buf_slice(&b),
		"From: tlsrpt@company-x.example\r\n"
		"To: reports@company-y.example\r\n"
		"Date: Sat, 2 Apr 2016 01:20:00 +0000\r\n"
		"Message-ID: <5065427c23d3@company-x.example>\r\n"
		"Subject: Report Domain: company-y.example\r\n"
		" Submitter: company-x.example\r\n"
		" Report-ID: <5065427c23d3@company-x.example>\r\n"
		"TLS-Report-Domain: company-y.example\r\n"
		"TLS-Report-Submitter: company-x.example\r\n"
		"TLS-Required: No\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
		" boundary=\"=_5065427c23d3\"\r\n"
		"\r\n"
		"--=_5065427c23d3\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"This is an aggregate report on TLS (RFC 8460) about mail to\r\n"
		"    company-y.example\r\n"
		"from 2016-04-01T00:00:00Z until 2016-04-01T23:59:59Z, sent by\r\n"
		"    company-x.example\r\n"
		"\r\n"
		"--=_5065427c23d3\r\n"
		"Content-Type: application/tlsrpt+gzip\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment;\r\n"
		" filename=\"company-x.example!company-y.example!1459468800!1459555199!"
		"5065427c23d3.json.gz\"\r\n"
		"\r\n"
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4\r\n"
		"OTo7\r\n"
		"\r\n"
		"--=_5065427c23d3--\r\n");
	gp_buf_free(&b);
}

static void
no_field_is_added_to_the_mail(void **state)
{
	(void)state;
	struct gp_tlsrpt_report r = report;
	r.head.domain = GP_SLICE("a.test\r\nBcc: x@b.test\r\n\"");
	struct gp_report_mail m = {.form = &gp_tlsrpt_form,
				   .report = &r.head,
				   .from = GP_SLICE("a@b.test\nX: y"),
				   .to = GP_SLICE("r@a.test\r\n\r\n\xff")};
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_report_write_mail(&m, &b));
	assert_false(gp_slice_has_8bit(gp_buf_slice(&b)));
	gp_buf_put_char(&b, '\0');
	assert_null(strstr(b.ptr + b.head, "\nBcc"));
	assert_null(strstr(b.ptr + b.head, "\nX:"));
	assert_non_null(strstr(b.ptr + b.head, "To: r@a.test?????\r\nDate:"));
	assert_non_null(strstr(b.ptr + b.head, "!a.test__Bcc__x_b.test___!"));
	gp_buf_free(&b);
}

/* RFC 5322 section 2.1.1: a line has no more than 998 characters. */
static void
long_names_make_no_long_lines(void **state)
{
	(void)state;
	char name[4000];
	memset(name, 'n', sizeof(name));
	struct gp_tlsrpt_report r = report;
	r.head.domain = r.head.submitter = gp_slice(name, sizeof(name));
	struct gp_report_mail m = {.form = &gp_tlsrpt_form,
				   .report = &r.head,
				   .from = r.head.domain,
				   .to = r.head.domain};
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_report_write_mail(&m, &b));
	for (struct gp_slice rest = gp_buf_slice(&b); rest.len > 0;)
		assert_true(gp_slice_cut(&rest, '\n').len <= 998 + 1);
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_json),
		cmocka_unit_test(its_file_name),
		cmocka_unit_test(texts_of_strangers_stay_texts),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(the_cap_holds),
		cmocka_unit_test(as_mail),
		cmocka_unit_test(no_field_is_added_to_the_mail),
		cmocka_unit_test(long_names_make_no_long_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
