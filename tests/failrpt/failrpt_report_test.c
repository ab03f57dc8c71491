/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/failrpt/redact.h"
#include "core/failrpt/report.h"

static const struct gp_slice key = {"0123456789abcdef", 16};

static struct gp_failrpt_incident
sample(void)
{
	return (struct gp_failrpt_incident){
		.cause = GP_FAILRPT_DMARC,
		.delivery = GP_FAILRPT_REJECTED,
		.arrival_s = 1800000000,
		.policy_domain = GP_SLICE("example.com"),
		.header_from = GP_SLICE("sub.example.com"),
		.source = GP_SLICE("192.0.2.1"),
		.sender = GP_SLICE("me@bounce.example.com"),
		.dkim = GP_DKIM_FAIL,
		.dkim_domain = GP_SLICE("example.com"),
		.dkim_selector = GP_SLICE("s1"),
		.dkim_identity = GP_SLICE("@example.com"),
		.spf = GP_SPF_FAIL,
		.spf_domain = GP_SLICE("bounce.example.com"),
		.spf_record = GP_SLICE("v=spf1 \"\\\xff -all"),
	};
}

static void
all_fields(void **state)
{
	static const char want[] = "Feedback-Type: auth-failure\r\n"
				   "User-Agent: Gatepost\r\n"
				   "Version: 1\r\n"
				   "Auth-Failure: dmarc\r\n"
				   "Authentication-Results: mx.here.test;\r\n"
				   "\tdmarc=fail header.from=sub.example.com;\r\n"
				   "\tspf=fail smtp.mailfrom=bounce.example.com;\r\n"
				   "\tdkim=fail header.d=example.com header.s=s1\r\n"
				   "Identity-Alignment: dkim, spf\r\n"
				   "Delivery-Result: reject\r\n"
				   "Reported-Domain: sub.example.com\r\n"
				   "Original-Mail-From: <me@bounce.example.com>\r\n"
				   "Arrival-Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
				   "Source-IP: 192.0.2.1\r\n"
				   "DKIM-Domain: example.com\r\n"
				   "DKIM-Selector: s1\r\n"
				   "DKIM-Identity: @example.com\r\n"
				   "SPF-DNS: txt : bounce.example.com :\r\n"
				   " \"v=spf1 \\\"\\\\? -all\"\r\n";
	struct gp_failrpt_incident i = sample();
	struct gp_buf b = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	(void)state;
	gp_failrpt_write_feedback(&i, GP_SLICE(""), GP_SLICE("mx.here.test"), &b);
	assert_false(b.failed);
	assert_slice(gp_buf_slice(&b), want);
	gp_buf_free(&b);
}

/* The value of a field; "": it is not there. */
static struct gp_slice
value(struct gp_slice text, const char *name)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\r');
		text = gp_slice_drop(text, 1);
		if (gp_slice_starts(line, gp_slice_str(name)))
			return gp_slice_drop(line, strlen(name) + 2);
	}
	return GP_SLICE("");
}

static void
local_parts_are_hidden(void **state)
{
	struct gp_failrpt_incident i = sample();
	struct gp_buf b = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX), want = GP_BUF_INIT(100);
	(void)state;
	i.dkim_identity = GP_SLICE("me@example.com");
	gp_failrpt_write_feedback(&i, key, GP_SLICE("mx.here.test"), &b);
	gp_redact_address(&want, key, GP_SLICE("me@example.com"));
	assert_true(gp_slice_eq(value(gp_buf_slice(&b), "DKIM-Identity"), gp_buf_slice(&want)));
	gp_buf_clear(&want);
	gp_buf_put_char(&want, '<');
	gp_redact_address(&want, key, GP_SLICE("me@bounce.example.com"));
	gp_buf_put_char(&want, '>');
	assert_true(
		gp_slice_eq(value(gp_buf_slice(&b), "Original-Mail-From"), gp_buf_slice(&want)));
	gp_buf_free(&b);
	gp_buf_free(&want);
}

/* RFC 9991: what failed to be aligned, by name. */
static void
alignment_names_what_failed(void **state)
{
	static const char *const want[] = {"dkim, spf", "spf", "dkim", "none"};
	(void)state;
	for (unsigned at = 0; at < 4; at++) {
		struct gp_failrpt_incident i = sample();
		struct gp_buf b = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
		i.dkim_aligned = at & 1;
		i.spf_aligned = at & 2;
		gp_failrpt_write_feedback(&i, key, GP_SLICE("mx"), &b);
		assert_slice(value(gp_buf_slice(&b), "Identity-Alignment"), want[at]);
		assert_int_equal(value(gp_buf_slice(&b), "SPF-DNS").len > 0, !i.spf_aligned);
		gp_buf_free(&b);
	}
}

static void
what_is_not_known_is_left_out(void **state)
{
	struct gp_failrpt_incident i = sample();
	struct gp_buf b = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	(void)state;
	i.cause = GP_FAILRPT_BODY_HASH;
	i.delivery = GP_FAILRPT_SPAM;
	i.passed = true;
	i.dkim = 0;
	i.spf_record = GP_SLICE("");
	i.source = GP_SLICE("");
	gp_failrpt_write_feedback(&i, key, GP_SLICE("mx"), &b);
	struct gp_slice text = gp_buf_slice(&b);
	assert_slice(value(text, "Auth-Failure"), "bodyhash");
	assert_slice(value(text, "Delivery-Result"), "spam");
	static const char *const absent[] = {"Source-IP", "DKIM-Domain", "DKIM-Selector",
					     "DKIM-Identity", "SPF-DNS"};
	for (size_t k = 0; k < GP_ARRAY_LEN(absent); k++)
		assert_slice(value(text, absent[k]), "");
	gp_buf_free(&b);
}

/* Whatever stands in texts, each line is a field of ours or goes on with one. */
static void
no_text_becomes_a_field(void **state)
{
	static const char evil[] = "a\r\nEvil: x\r\n\r\n--=_u1\r\n\"\\\x80\u00fc<@>";
	struct gp_slice text = gp_slice_str(evil);
	struct gp_failrpt_incident i = sample();
	struct gp_buf b = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	(void)state;
	i.header_from = i.source = i.sender = i.dkim_domain = i.dkim_selector = text;
	i.dkim_identity = i.spf_domain = i.spf_record = text;
	for (int redacted = 0; redacted < 2; redacted++) {
		gp_buf_clear(&b);
		gp_failrpt_write_feedback(&i, redacted ? key : GP_SLICE(""), GP_SLICE("mx"), &b);
		struct gp_slice rest = gp_buf_slice(&b);
		size_t lines = 0;
		for (; rest.len > 0; lines++) {
			struct gp_slice line = gp_slice_cut(&rest, '\n');
			assert_true(line.len > 1 && line.ptr[line.len - 1] == '\r');
			assert_int_equal(gp_slice_find(line, '\r'), line.len - 1);
			assert_true(line.ptr[0] == '\t' || line.ptr[0] == ' ' ||
				    (line.ptr[0] >= 'A' && line.ptr[0] <= 'V'));
			assert_false(gp_slice_starts(line, GP_SLICE("Evil")));
			assert_false(gp_slice_has_8bit(line));
		}
		assert_true(lines >= 16);
	}
	gp_buf_free(&b);
}

static void
the_mail(void **state)
{
	static const char want[] =
		"From: dmarc@here.test\r\n"
		"To: owner@example.com\r\n"
		"Date: Fri, 15 Jan 2027 08:01:00 +0000\r\n"
		"Message-ID: <u1@here.test>\r\n"
		"Subject: DMARC failure report for example.com\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=feedback-report;\r\n"
		" boundary=\"=_u1\"\r\n"
		"\r\n"
		"--=_u1\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"This is a DMARC failure report (RFC 9991) about a message\r\n"
		"to which the record applies of\r\n"
		"    example.com\r\n"
		"and which came at 2027-01-15T08:00:00Z. It is sent by\r\n"
		"    here.test\r\n"
		"\r\n"
		"--=_u1\r\n"
		"Content-Type: message/feedback-report\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"A: b\r\n"
		"Incidents: 1\r\n"
		"\r\n"
		"--=_u1\r\n"
		"Content-Type: text/rfc822-headers\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"From: x\r\n"
		"\r\n"
		"--=_u1--\r\n";
	const struct gp_report report = {.contact = GP_SLICE("dmarc@here.test"),
					 .unique = GP_SLICE("u1"),
					 .submitter = GP_SLICE("here.test"),
					 .domain = GP_SLICE("example.com"),
					 .start_s = 1800000000};
	struct gp_failrpt_mail mail = {.report = &report,
				       .to = GP_SLICE("owner@example.com"),
				       .texts = {.feedback = GP_SLICE("A: b\r\n"),
						 .header = GP_SLICE("From: x\r\n"),
						 .incidents = 1},
				       .now_s = 1800000060};
	struct gp_buf b = GP_BUF_INIT(4096), small = GP_BUF_INIT(sizeof(want) - 2);
	(void)state;
	assert_true(gp_failrpt_write_mail(&mail, &b));
	assert_slice(gp_buf_slice(&b), want);
	assert_false(gp_failrpt_write_mail(&mail, &small));
	gp_buf_clear(&b);
	mail.texts.redacted = true;
	assert_true(gp_failrpt_write_mail(&mail, &b));
	assert_true(b.len > sizeof(want));
	gp_buf_free(&b);
	gp_buf_free(&small);
}

static void
one_mail_of_many_messages(void **state)
{
	static const char text[] = "first of 4294967295 messages in a short time that came from\r\n"
				   "the same address and failed alike.\r\n";
	const struct gp_report report = {.contact = GP_SLICE("dmarc@here.test"),
					 .unique = GP_SLICE("u1"),
					 .submitter = GP_SLICE("here.test"),
					 .domain = GP_SLICE("example.com")};
	const struct gp_failrpt_mail mail = {.report = &report,
					     .to = GP_SLICE("owner@example.com"),
					     .texts = {.feedback = GP_SLICE("A: b\r\n"),
						       .header = GP_SLICE("From: x\r\n"),
						       .incidents = UINT32_MAX}};
	struct gp_buf b = GP_BUF_INIT(4096);
	(void)state;
	assert_true(gp_failrpt_write_mail(&mail, &b));
	assert_non_null(memmem(gp_buf_slice(&b).ptr, b.len, text, strlen(text)));
	assert_slice(value(gp_buf_slice(&b), "Incidents"), "4294967295");
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields),
		cmocka_unit_test(local_parts_are_hidden),
		cmocka_unit_test(alignment_names_what_failed),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(no_text_becomes_a_field),
		cmocka_unit_test(the_mail),
		cmocka_unit_test(one_mail_of_many_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
