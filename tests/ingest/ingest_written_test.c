/* SPDX-License-Identifier: Apache-2.0 */
/* What our own writers write reads back as what it was written of. */
#include "told.h"

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/dmarcrpt/report.h"
#include "core/ingest/aggregate.h"
#include "core/ingest/tls.h"
#include "core/spf/spf.h"
#include "core/tlsrpt/report.h"

static const struct gp_report head = {
	.organization = {"Reporter & <Sons>", 17},
	.contact = {"dmarc@reporter.example", 22},
	.unique = {"3v98abbp", 8},
	.submitter = {"reporter.example", 16},
	.domain = {"example.com", 11},
	.start_s = 302832000,
	.end_s = 302918399,
};

static void
check(const struct told *t, const char *lines, const char *flaws)
{
	assert_slice(gp_buf_slice(&t->lines), lines);
	assert_slice(gp_buf_slice(&t->flaws), flaws);
}

static void
aggregate(void **state)
{
	(void)state;
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
		 .disposition = GP_DMARCRPT_REJECT,
		 .override = GP_DMARCRPT_ARC,
		 .header_from = {"sub.example.com", 15},
		 .messages = 1},
	};
	const struct gp_dmarcrpt_report report = {
		.head = head,
		.policy = {.domain = {"example.com", 11},
			   .p = GP_DMARC_P_QUARANTINE,
			   .sp = GP_DMARC_P_NONE,
			   .np = GP_DMARC_P_REJECT,
			   .aspf_strict = true,
			   .testing = true,
			   .fo = GP_DMARC_FO_ANY | GP_DMARC_FO_SPF},
		.rows = rows,
		.rows_len = GP_ARRAY_LEN(rows),
		.left_out = 7,
	};
	struct gp_buf xml = GP_BUF_INIT(1 << 16);
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	assert_true(gp_dmarcrpt_write_xml(&report, &xml));
	struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
	assert_int_equal(gp_aggregate_feed(a, gp_buf_slice(&xml)), 0);
	assert_int_equal(gp_aggregate_end(a), 0);
	check(&t,
	      "head 1 org=Reporter & <Sons> email=dmarc@reporter.example id=3v98abbp "
	      "domain=example.com 302832000-302918399 version=1.0 generator=Gatepost "
	      "p=q sp=n np=r adkim=r aspf=s t=y pct=-1 fo=1:s discovery=treewalk\n"
	      "row 1 ::ffff:192.0.2.123 123 pass dkim=pass spf=fail from=example.com "
	      "envelope_from=bounce.example.com (dkim pass d=example.com s=abc123) "
	      "(dkim permerror d=list.example s=x) "
	      "(spf softfail d=bounce.example.com scope=mfrom)\n"
	      "row 2 2001:db8::1 1 reject dkim=fail spf=fail from=sub.example.com "
	      "[local_policy comment=arc=pass]\n",
	      "0: its writer tells of an error: 7 messages are not told of: there were too many "
	      "kinds\n");
	gp_aggregate_free(a);
	gp_buf_free(&xml);
	told_free(&t);
}

static void
tls(void **state)
{
	(void)state;
	static const struct gp_slice strings[] = {{"version: STSv1", 14}, {"mode: enforce", 13}};
	static const struct gp_slice mx[] = {{"*.example.com", 13}};
	static const struct gp_tlsrpt_failure details[] = {
		{GP_TLSRPT_VALIDATION_FAILURE,
		 {"192.0.2.9", 9},
		 {"mx.example.com", 14},
		 {"2001:db8::25", 12},
		 {"it \"said\" \\ no", 14},
		 2},
		{.result = GP_TLSRPT_STS_POLICY_FETCH_ERROR, .sessions = 1},
	};
	static const struct gp_tlsrpt_counts counts[] = {
		{GP_TLSRPT_STS, {"example.com", 11}, strings, 2, mx, 1, 10, 3, details, 2},
		{.policy = GP_TLSRPT_NO_POLICY, .domain = {"example.com", 11}, .successes = 5},
	};
	const struct gp_tlsrpt_report report = {head, counts, GP_ARRAY_LEN(counts)};
	struct gp_buf json = GP_BUF_INIT(1 << 16);
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	assert_true(gp_tlsrpt_write_json(&report, &json));
	assert_int_equal(gp_ingest_tls_read(gp_buf_slice(&json), 1, &listener), 0);
	check(&t,
	      "head 2 org=Reporter & <Sons> email=dmarc@reporter.example "
	      "id=3v98abbp@reporter.example domain=example.com 302832000-302918399\n"
	      "policy 1 type=sts domain=example.com line=version: STSv1 line=mode: enforce "
	      "mx=*.example.com 10+3\n"
	      "failure 2 result=validation-failure from=192.0.2.9 mx=mx.example.com "
	      "ip=2001:db8::25 code=it \"said\" \\ no\n"
	      "failure 1 result=sts-policy-fetch-error\n"
	      "policy 2 type=no-policy-found domain=example.com 5+0\n",
	      "");
	gp_buf_free(&json);
	told_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aggregate),
		cmocka_unit_test(tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
