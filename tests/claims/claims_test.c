/* SPDX-License-Identifier: Apache-2.0 */
/* What other programs write, in words; and who can be believed. */
#include "../unit.h"

#include <stdio.h>

#include "core/claims/claims.h"

enum { ARENA_MAX = 4 << 20 };

static const struct gp_slice our_hosts[] = {GP_SLICE("mx.our.test")};
static const struct gp_trust ours = {.hosts = our_hosts, .hosts_len = 1};

struct rig {
	struct gp_arena arena;
	struct gp_header header;
	struct gp_findings findings;
	struct gp_claims claims;
};

static struct rig
read_claims(const char *message, size_t trusted_fields)
{
	struct gp_claims_query query = {trusted_fields, &ours};
	struct rig r = {.arena = GP_ARENA_INIT(ARENA_MAX)};
	r.findings = gp_findings(&r.arena);
	assert_int_equal(gp_header_split(gp_slice_str(message), &r.arena, &r.header), 0);
	assert_int_equal(gp_claims_read(&r.header, &query, &r.arena, &r.findings, &r.claims), 0);
	return r;
}

static void
products(void **state)
{
	static const struct {
		const char *field, *want;
		uint8_t leaning;
	} cases[] = {
		{"X-Forefront-Antispam-Report: CIP:192.0.2.1;CTRY:DE;LANG:en;SCL:5;SRV:;IPV:NLI;"
		 "SFV:SPM;H:a.test;PTR:b.test;CAT:PHSH;SFS:(1);DIR:INB;",
		 "Microsoft: SCL 5: spam; SFV SPM: spam; CAT PHSH: phishing; client 192.0.2.1; its "
		 "HELO a.test; its name b.test; country DE",
		 GP_CLAIM_SPAM},
		{"x-forefront-antispam-report: SFV:NSPM;SCL:1",
		 "Microsoft: SCL 1: not spam; SFV "
		 "NSPM: not spam",
		 GP_CLAIM_HAM},
		{"X-Microsoft-Antispam: BCL:8;ARA:1",
		 "Microsoft: BCL 8: a bulk sender with many "
		 "complaints",
		 GP_CLAIM_SPAM},
		{"X-MS-Exchange-Organization-SCL: 5", "Microsoft: SCL 5: spam", GP_CLAIM_SPAM},
		{"X-MS-Exchange-Organization-SCL: -1",
		 "Microsoft: SCL -1: from a safe sender or an exception, not filtered",
		 GP_CLAIM_NEUTRAL},
		{"X-MS-Exchange-CrossTenant-AuthAs: Internal",
		 "Microsoft: AuthAs Internal: came from within the organisation", GP_CLAIM_NEUTRAL},
		{"X-Spam-Status: No, score=-2.6 required=5.0 tests=BAYES_00,HTML_MESSAGE\r\n"
		 "\tautolearn=ham version=3.2.5",
		 "SpamAssassin: not spam; -2.6 of 5.0 points; by BAYES_00,HTML_MESSAGE",
		 GP_CLAIM_HAM},
		{"X-Spam-Status: Yes, hits=7.1 required=5.0",
		 "SpamAssassin: spam; 7.1 of 5.0 points", GP_CLAIM_SPAM},
		{"X-Spam-Flag: YES", "spam filter: YES", GP_CLAIM_SPAM},
		{"X-Spamd-Result: default: False [1.20 / 15.00];\r\n\tR_SPF_ALLOW(-0.20)[+mx];\r\n"
		 "\tBAYES_SPAM(1.40)[72%]",
		 "Rspamd: not spam; 1.20 of 15.00 points; R_SPF_ALLOW(-0.20) BAYES_SPAM(1.40)",
		 GP_CLAIM_HAM},
		{"X-Proofpoint-Spam-Details: rule=spam policy=default score=90 phishscore=3",
		 "Proofpoint: rule spam; 90 points; 3 for phishing", GP_CLAIM_SPAM},
		{"X-Barracuda-Spam-Status: Yes, SCORE=6.50 using global",
		 "Barracuda: spam; 6.50 of ? points", GP_CLAIM_SPAM},
		{"X-VR-SPAMSTATE: OK", "OVH: OK", GP_CLAIM_NEUTRAL},
		{"X-Mimecast-Spam-Score: 2", "Mimecast: 2", GP_CLAIM_NEUTRAL},
		{"X-Mailer: a\x1B[1m", "client: a<U+001B>[1m", GP_CLAIM_NEUTRAL},
		{"DKIM-Signature: v=1; a=rsa-sha256; d=a.test;\r\n s=k1; b=abc",
		 "DKIM: signed for a.test, selector k1", GP_CLAIM_NEUTRAL},
		{"ARC-Seal: i=2; cv=pass; d=lists.test; s=x; b=y",
		 "ARC: sealed by lists.test as instance 2, which found the chain pass",
		 GP_CLAIM_NEUTRAL},
		{"Authentication-Results: far.test 1; spf=pass smtp.mailfrom=x@a.test;\r\n "
		 "dkim=fail "
		 "(bad) reason=\"x; y\" header.d=b.test; dmarc=fail header.from=c.test",
		 "authentication: far.test says spf=pass for a.test, dkim=fail for b.test, "
		 "dmarc=fail "
		 "for c.test",
		 GP_CLAIM_SPAM},
		{"Authentication-Results: spf=none (sender IP is 192.0.2.1) smtp.mailfrom=a.test; "
		 "compauth=fail reason=001",
		 "authentication: nobody named says spf=none for a.test, compauth=fail (failed, "
		 "though "
		 "the domain publishes nothing strict)",
		 GP_CLAIM_SPAM},
		{"Authentication-Results: \"MX.our.test\" (c); none",
		 "authentication: MX.our.test "
		 "says nothing",
		 GP_CLAIM_NEUTRAL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char message[1024];
		snprintf(message, sizeof(message), "%s\r\n\r\n", cases[i].field);
		struct rig r = read_claims(message, 0);
		assert_int_equal(r.claims.len, 1);
		const struct gp_claim *c = &r.claims.items[0];
		assert_slice(
			gp_arena_printf(&r.arena, "%s: %.*s", c->product, GP_SLICE_FMT(c->text)),
			cases[i].want);
		assert_int_equal(c->leaning, cases[i].leaning);
		gp_arena_free(&r.arena);
	}
}

/* Above the boundary our gateway wrote; below it anybody did. */
static void
our_name_below_the_boundary(void **state)
{
	static const char above[] = "Authentication-Results: mx.our.test; dmarc=pass\r\n"
				    "X-Spam-Flag: YES\r\nReceived: x\r\n\r\n";
	static const char below[] = "Received: x\r\nX-Spam-Flag: YES\r\nAuthentication-Results : "
				    "(c) \"MX.our.TEST\" 1; dmarc=pass\r\n\r\n";
	struct rig r = read_claims(above, 2);
	(void)state;
	assert_true(r.claims.results[0].ours && r.claims.results[0].trusted);
	assert_null(gp_finding_of(&r.findings, "auth.forged_results"));
	assert_non_null(gp_finding_of(&r.findings, "filter.spam"));
	gp_arena_free(&r.arena);
	r = read_claims(below, 0);
	assert_true(r.claims.results[0].ours && !r.claims.results[0].trusted);
	assert_non_null(gp_finding_of(&r.findings, "auth.forged_results"));
	assert_null(gp_finding_of(&r.findings, "filter.spam"));
	gp_arena_free(&r.arena);
}

static void
one_click(void **state)
{
	static const struct {
		const char *message;
		bool works, told;
	} cases[] = {
		{"List-Unsubscribe: <mailto:x@y>, <https://a.test/u>\r\n"
		 "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
		 true, false},
		{"List-Unsubscribe: <mailto:x@y>\r\n"
		 "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
		 false, true},
		{"List-Unsubscribe: <https://a.test/u>\r\nList-Unsubscribe-Post: yes\r\n\r\n",
		 false, true},
		{"List-Unsubscribe: <https://a.test/u>\r\n\r\n", false, false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct rig r = read_claims(cases[i].message, 0);
		assert_int_equal(r.claims.one_click, cases[i].works);
		assert_int_equal(gp_finding_of(&r.findings, "list.one_click") != NULL,
				 cases[i].told);
		gp_arena_free(&r.arena);
	}
}

static void
they_have_a_limit(void **state)
{
	static const char field[] = "Authentication-Results: a; dkim=pass\r\n";
	enum { MANY = 500 };
	static char message[MANY * sizeof(field)];
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		snprintf(message + i * (sizeof(field) - 1), sizeof(field), "%s", field);
	struct rig r = read_claims(message, 0);
	assert_int_equal(r.claims.len, GP_CLAIMS_RESULTS_MAX);
	assert_int_equal(r.claims.results_len, GP_CLAIMS_RESULTS_MAX);
	gp_arena_free(&r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products),
		cmocka_unit_test(our_name_below_the_boundary),
		cmocka_unit_test(one_click),
		cmocka_unit_test(they_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
