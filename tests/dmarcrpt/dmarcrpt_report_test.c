/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/dmarcrpt/report.h"
#include "core/spf/spf.h"

static const struct gp_dmarcrpt_signature signatures[] = {
	{{"example.com", 11}, {"abc123", 6}, GP_DKIM_PASS},
	{{"list.example", 12}, {"x", 1}, GP_DKIM_PERMERROR},
};
static const struct gp_dmarcrpt_row rows[] = {
	{.source = {"192.0.2.123", 11},
	 .disposition = GP_DMARCRPT_PASS,
	 .dkim_aligned = true,
	 .header_from = {"example.com", 11},
	 .envelope_from = {"bounce.example.com", 18},
	 .spf_domain = {"bounce.example.com", 18},
	 .spf = GP_SPF_SOFTFAIL,
	 .signatures = signatures,
	 .signatures_len = 2,
	 .messages = 123},
	{.source = {"2001:db8::1", 11},
	 .disposition = GP_DMARCRPT_NONE,
	 .override = GP_DMARCRPT_OTHER,
	 .header_from = {"sub.example.com", 15},
	 .messages = 1},
	{.source = {"192.0.2.7", 9},
	 .disposition = GP_DMARCRPT_NONE,
	 .override = GP_DMARCRPT_ARC,
	 .header_from = {"example.com", 11},
	 .messages = 2},
};
static const struct gp_dmarcrpt_report report = {
	.head =
		{
			.organization = {"Reporter & <Sons>", 17},
			.contact = {"dmarc@reporter.example", 22},
			.unique = {"3v98abbp", 8},
			.submitter = {"reporter.example", 16},
			.domain = {"example.com", 11},
			.start_s = 302832000,
			.end_s = 302918399,
		},
	.policy =
		{
			.domain = {"example.com", 11},
			.p = GP_DMARC_P_QUARANTINE,
			.sp = GP_DMARC_P_NONE,
			.np = GP_DMARC_P_REJECT,
			.aspf_strict = true,
			.testing = true,
			.fo = GP_DMARC_FO_ANY | GP_DMARC_FO_SPF,
			.flaw = {"rua=x]]>", 8},
		},
	.rows = rows,
	.rows_len = GP_ARRAY_LEN(rows),
	.left_out = 7,
};

static void
as_xml(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_dmarcrpt_write_xml(&report, &b));
	assert_slice(
		gp_buf_slice(&b),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
		"<version>1.0</version>\n"
		"<report_metadata>\n"
		"<org_name>Reporter &amp; &lt;Sons&gt;</org_name>\n"
		"<email>dmarc@reporter.example</email>\n"
		"<report_id>3v98abbp</report_id>\n"
		"<date_range>\n<begin>302832000</begin>\n<end>302918399</end>\n</date_range>\n"
		"<error>passed over in the record: rua=x]]&gt;; "
		"7 messages are not told of: there were too many kinds</error>\n"
		"<generator>Gatepost</generator>\n"
		"</report_metadata>\n"
		"<policy_published>\n"
		"<domain>example.com</domain>\n<p>quarantine</p>\n<sp>none</sp>\n<np>reject</np>\n"
		"<adkim>r</adkim>\n<aspf>s</aspf>\n<discovery_method>treewalk</discovery_method>\n"
		"<fo>1:s</fo>\n<testing>y</testing>\n"
		"</policy_published>\n"
		"<record>\n<row>\n<source_ip>192.0.2.123</source_ip>\n<count>123</count>\n"
		"<policy_evaluated>\n<disposition>pass</disposition>\n<dkim>pass</dkim>\n"
		"<spf>fail</spf>\n</policy_evaluated>\n</row>\n"
		"<identifiers>\n<header_from>example.com</header_from>\n"
		"<envelope_from>bounce.example.com</envelope_from>\n</identifiers>\n"
		"<auth_results>\n"
		"<dkim>\n<domain>example.com</domain>\n<selector>abc123</selector>\n"
		"<result>pass</result>\n</dkim>\n"
		"<dkim>\n<domain>list.example</domain>\n<selector>x</selector>\n"
		"<result>permerror</result>\n</dkim>\n"
		"<spf>\n<domain>bounce.example.com</domain>\n<scope>mfrom</scope>\n"
		"<result>softfail</result>\n</spf>\n"
		"</auth_results>\n</record>\n"
		"<record>\n<row>\n<source_ip>2001:db8::1</source_ip>\n<count>1</count>\n"
		"<policy_evaluated>\n<disposition>none</disposition>\n<dkim>fail</dkim>\n"
		"<spf>fail</spf>\n<reason>\n<type>other</type>\n"
		"<comment>the DNS did not answer</comment>\n</reason>\n"
		"</policy_evaluated>\n</row>\n"
		"<identifiers>\n<header_from>sub.example.com</header_from>\n"
		"<envelope_from></envelope_from>\n</identifiers>\n"
		"<auth_results>\n</auth_results>\n</record>\n"
		"<record>\n<row>\n<source_ip>192.0.2.7</source_ip>\n<count>2</count>\n"
		"<policy_evaluated>\n<disposition>none</disposition>\n<dkim>fail</dkim>\n"
		"<spf>fail</spf>\n<reason>\n<type>local_policy</type>\n"
		"<comment>arc=pass</comment>\n</reason>\n"
		"</policy_evaluated>\n</row>\n"
		"<identifiers>\n<header_from>example.com</header_from>\n"
		"<envelope_from></envelope_from>\n</identifiers>\n"
		"<auth_results>\n</auth_results>\n</record>\n"
		"</feedback>\n");
	gp_buf_free(&b);
}

/* What a stranger's record or mail may say, and what comes out of it. */
static const struct {
	struct gp_slice text;
	const char *want;
} hostile[] = {
	{{"plain", 5}, "<domain>plain</domain>"},
	{{"</domain><p>", 12}, "<domain>&lt;/domain&gt;&lt;p&gt;</domain>"},
	{{"&lt;]]>", 7}, "<domain>&amp;lt;]]&gt;</domain>"},
	{{"a\r\nb\tc\0d\x1b\x7f", 10},
	 "<domain>a?"
	 "?b?c?d?"
	 "?</domain>"},
	{{"\xc3\xa4", 2}, "<domain>\xc3\xa4</domain>"},
	{{"\xff\xc3x\xed\xa0\x80", 6},
	 "<domain>?"
	 "?x??"
	 "?</domain>"},
	{{"\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", 9},
	 "<domain>?"
	 "?\xef\xbf\xbd</domain>"},
};

static void
texts_of_strangers_stay_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(hostile); i++) {
		struct gp_dmarcrpt_report r = report;
		struct gp_buf b = GP_BUF_INIT(1 << 16);
		r.policy.domain = hostile[i].text;
		assert_true(gp_dmarcrpt_write_xml(&r, &b));
		gp_buf_put_char(&b, '\0');
		if (!strstr(b.ptr + b.head, hostile[i].want))
			fail_msg("no %s in %s", hostile[i].want, b.ptr + b.head);
		gp_buf_free(&b);
	}
}

static void
the_cap_holds(void **state)
{
	(void)state;
	struct gp_buf whole = GP_BUF_INIT(1 << 16);
	assert_true(gp_dmarcrpt_write_xml(&report, &whole));
	for (size_t max = 0; max <= whole.len; max += 7) {
		struct gp_buf b = GP_BUF_INIT(max);
		assert_int_equal(gp_dmarcrpt_write_xml(&report, &b), max >= whole.len);
		assert_true(b.len <= max);
		gp_buf_free(&b);
	}
	gp_buf_free(&whole);
}

static void
as_mail(void **state)
{
	(void)state;
	struct gp_report_mail m = {.form = &gp_dmarcrpt_form,
				   .report = &report.head,
				   .from = GP_SLICE("dmarc@reporter.example"),
				   .to = GP_SLICE("reports@example.com"),
				   .gzip = GP_SLICE("gzip"),
				   .now_s = 302920000};
	struct gp_buf b = GP_BUF_INIT(1 << 16);
	assert_true(gp_report_write_mail(&m, &b));
	assert_slice(gp_buf_slice(&b),
		     "From: dmarc@reporter.example\r\n"
		     "To: reports@example.com\r\n"
		     "Date: Wed, 8 Aug 1979 00:26:40 +0000\r\n"
		     "Message-ID: <3v98abbp@reporter.example>\r\n"
		     "Subject: Report Domain: example.com\r\n"
		     " Submitter: reporter.example\r\n"
		     " Report-ID: <3v98abbp>\r\n"
		     "Auto-Submitted: auto-generated\r\n"
		     "MIME-Version: 1.0\r\n"
		     "Content-Type: multipart/mixed;\r\n"
		     " boundary=\"=_3v98abbp\"\r\n"
		     "\r\n"
		     "--=_3v98abbp\r\n"
		     "Content-Type: text/plain; charset=us-ascii\r\n"
		     "Content-Transfer-Encoding: 7bit\r\n"
		     "\r\n"
		     "This is a DMARC aggregate report (RFC 9990) about mail from\r\n"
		     "    example.com\r\n"
		     "from 1979-08-07T00:00:00Z until 1979-08-07T23:59:59Z, sent by\r\n"
		     "    reporter.example\r\n"
		     "\r\n"
		     "--=_3v98abbp\r\n"
		     "Content-Type: application/gzip\r\n"
		     "Content-Transfer-Encoding: base64\r\n"
		     "Content-Disposition: attachment;\r\n"
		     " filename=\"reporter.example!example.com!302832000!302918399!"
		     "3v98abbp.xml.gz\"\r\n"
		     "\r\n"
		     "Z3ppcA==\r\n"
		     "\r\n"
		     "--=_3v98abbp--\r\n");
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_xml),
		cmocka_unit_test(texts_of_strangers_stay_texts),
		cmocka_unit_test(the_cap_holds),
		cmocka_unit_test(as_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
