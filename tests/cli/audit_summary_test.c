/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <jansson.h>

#include "cli/audit/summary.h"

static const uint64_t seed[2] = {1, 2};
static const struct gp_finding_kind missing = {"dmarc.missing", GP_SEVERITY_CRITICAL,
					       "no DMARC record", "why"},
				    single = {"mx.single", GP_SEVERITY_LOW, "a single host", "why"};

static struct {
	struct audit_summary summary;
	struct gp_arena arena;
	struct gp_buf out;
} t;

static int
setup(void **state)
{
	(void)state;
	t.arena = GP_ARENA_INIT(64 << 20);
	t.out = GP_BUF_INIT(1 << 20);
	audit_summary_init(&t.summary, seed);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	audit_summary_free(&t.summary);
	gp_buf_free(&t.out);
	gp_arena_free(&t.arena);
	return 0;
}

/* faults: as many of each kind. */
static void
add(const char *domain, const char *mx, const char *spf, unsigned missing_len, unsigned single_len)
{
	const struct gp_dns_record record = {.name = gp_slice_str(mx)};
	struct gp_posture_result r = {
		.facts = {.domain = gp_slice_str(domain),
			  .class = GP_POSTURE_SENDING,
			  .mx = {.known = *mx != 0, .records = &record, .len = 1}},
		.findings = gp_findings(&t.arena),
	};
	for (unsigned i = 0; i < missing_len; i++)
		gp_finding_add(&r.findings, &missing, "evidence");
	for (unsigned i = 0; i < single_len; i++)
		gp_finding_add(&r.findings, &single, "evidence");
	const struct gp_finding passed = {.kind = &missing, .state = GP_FINDING_PASS};
	gp_finding_put(&r.findings, &passed);
	assert_int_equal(audit_summary_add(&t.summary, &r, gp_slice_str(spf)), 0);
}

static void
add_some(void)
{
	add("a.test", "mx.a.test", "v=spf1 -all", 0, 0);
	add("b.test", "aspmx.l.google.com", "v=spf1 include:_spf.google.com -all", 1, 3);
	for (unsigned i = 0; i < 6; i++)
		add("c.test", "mx.hoster.test", "v=spf1 include:sendgrid.net -all", 0, 1);
}

static void
test_text(void **state)
{
	(void)state;
	add_some();
	audit_summary_sort(&t.summary);
	audit_summary_text(&t.summary, &t.out);
	assert_slice(gp_buf_slice(&t.out),
		     "summary of 8 domains: 1 critical, 6 low, 1 without a fault\n"
		     "  1 domain: dmarc.missing (critical): no DMARC record\n"
		     "      b.test\n"
		     "  7 domains: mx.single (low): a single host\n"
		     "      b.test, c.test, c.test, c.test, c.test and 2 more\n"
		     "  mail to hoster.test: 6 domains: 6 low\n"
		     "  mail to Google Workspace: 1 domain: 1 critical\n"
		     "  mail to its own hosts: 1 domain: 1 without a fault\n"
		     "  mail from SendGrid: 6 domains: 6 low\n"
		     "  mail from Google Workspace: 1 domain: 1 critical\n");
}

static void
test_nothing_seen_is_not_well(void **state)
{
	struct gp_posture_result r = {.facts = {.domain = GP_SLICE("silent.test")},
				      .findings = gp_findings(&t.arena)};
	(void)state;
	assert_int_equal(r.facts.class, GP_POSTURE_UNKNOWN);
	assert_int_equal(audit_summary_add(&t.summary, &r, GP_SLICE("")), 0);
	audit_summary_text(&t.summary, &t.out);
	assert_slice(gp_buf_slice(&t.out), "summary of 1 domain: of 1 the DNS said nothing\n");
	gp_buf_clear(&t.out);
	add("a.test", "mx.a.test", "", 0, 0);
	audit_summary_text(&t.summary, &t.out);
	assert_true(gp_slice_starts(
		gp_buf_slice(&t.out),
		GP_SLICE("summary of 2 domains: 1 without a fault; of 1 the DNS said nothing\n")));
}

static void
test_html_is_escaped(void **state)
{
	(void)state;
	add("x.test", "mx.<b>.test", "", 1, 0);
	audit_summary_sort(&t.summary);
	audit_summary_html(&t.summary, &t.out);
	gp_buf_put_char(&t.out, 0);
	assert_null(strstr(gp_buf_slice(&t.out).ptr, "<b>.test"));
	assert_non_null(
		strstr(gp_buf_slice(&t.out).ptr, "mail to <b>&#60;b&#62;.test</b>: 1 domain"));
}

static void
test_json(void **state)
{
	(void)state;
	const char *id;
	json_int_t domains, own;
	add_some();
	audit_summary_sort(&t.summary);
	assert_int_equal(audit_summary_json(&t.summary, &t.out), 0);
	json_t *o = json_loadb(gp_buf_slice(&t.out).ptr, t.out.len, 0, NULL);
	assert_int_equal(json_unpack(o, "{s:{s:I, s:[{s:s}]}}", "summary", "domains", &domains,
				     "faults", "id", &id),
			 0);
	assert_int_equal(domains, 8);
	assert_string_equal(id, "dmarc.missing");
	assert_int_equal(json_unpack(o, "{s:{s:{s:I}}}", "summary", "worst", "none", &own), 0);
	assert_int_equal(own, 1);
	json_decref(o);
}

/* Strangers choose the names of their hosts: the table has an end, and says what it left out. */
static void
test_no_more_providers_than_there_is_room_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AUDIT_PROVIDERS_MAX + 10; i++) {
		char mx[64];
		snprintf(mx, sizeof(mx), "mx.h%u.test", i);
		add("a.test", mx, "", 0, 0);
	}
	assert_int_equal(t.summary.providers_len, AUDIT_PROVIDERS_MAX);
	assert_int_equal(t.summary.providers_more, 10);
	assert_int_equal(t.summary.domains, AUDIT_PROVIDERS_MAX + 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_seen_is_not_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_html_is_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_more_providers_than_there_is_room_for,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
