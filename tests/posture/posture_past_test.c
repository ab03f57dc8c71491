/* SPDX-License-Identifier: Apache-2.0 */
/* Findings that need what earlier looks saw, and the days in what is proposed. */
#include "published.h"

#define DAY_S 86400ULL
#define NOW_S (20'000 * DAY_S) /* 2024-10-04 */
#define RUA "rua=mailto:r@d.test"
#define P(policy, rest) "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=" policy "; " rest "']}}"
#define FINGERPRINT "b1bb86da799c5e83f5958de5cfd57050"
#define POLICY "a84d4e9ce2e661a8a8aec9477ea243c1"
#define OTHER "00000000000000000000000000000000"

static const struct {
	const char *what; /* for the document; NULL: it has other rows of the kind */
	const char *world;
	const char *past; /* NAME=VALUE<BEFORE@DAYS-AGO, with blanks between */
	const char *id;   /* what is found; NULL: nothing */
	uint8_t severity;
	const char *evidence; /* how it begins */
	const char *step;     /* lines of the fix; NULL: not looked at */
} cases[] = {
	/* p=none: of unknown age */
	{"nobody looked before", P("none", RUA), "", "dmarc.p.none", GP_SEVERITY_HIGH,
	 "_dmarc.d.test TXT",
	 "\nfrom 2024-10-04, if p=none has had its 30 days: v=DMARC1; p=quarantine; " RUA
	 "\nnot before 2024-11-03: v=DMARC1; p=reject; " RUA},
	{"it was there at the first look, 20 days ago", P("none", RUA),
	 "dmarc=present<@20 dmarc.p=none<@20", "dmarc.p.none", GP_SEVERITY_HIGH,
	 "p=none since 2024-09-14 or longer: ",
	 "\nnot before 2024-10-14: v=DMARC1; p=quarantine; " RUA},
	/* seen to begin: now, some days ago, long ago */
	{"there was no record until now", P("none", RUA), "dmarc=none<@20", "dmarc.p.none",
	 GP_SEVERITY_MEDIUM, "_dmarc.d.test TXT",
	 "\nnot before 2024-11-03: v=DMARC1; p=quarantine; " RUA},
	{"it began 20 days ago", P("none", RUA), "dmarc=present<none@20 dmarc.p=none<@20",
	 "dmarc.p.none", GP_SEVERITY_MEDIUM,
	 "p=none since 2024-09-14: ", "\nnot before 2024-11-13: v=DMARC1; p=reject; " RUA},
	{NULL, P("none", RUA), "dmarc=present<none@90 dmarc.p=none<@90", "dmarc.p.none",
	 GP_SEVERITY_MEDIUM,
	 "p=none since 2024-07-06: ", "\nfrom 2024-10-04: v=DMARC1; p=quarantine; " RUA},
	{"it began 91 days ago", P("none", RUA), "dmarc=present<none@91 dmarc.p=none<@91",
	 "dmarc.p.none", GP_SEVERITY_HIGH,
	 "p=none since 2024-07-05: ", "\nfrom 2024-10-04: v=DMARC1; p=quarantine; " RUA},
	/* seen to begin, but not as what it is now */
	{NULL, P("none", RUA), "dmarc=present<none@91 dmarc.p=none<@20", "dmarc.p.none",
	 GP_SEVERITY_HIGH, "p=none since 2024-09-14 or longer: ", NULL},
	/* a step back, now and some days ago */
	{"it was stricter until now", P("none", RUA),
	 "dmarc=present<none@91 dmarc.p=quarantine<none@91", "dmarc.p.none", GP_SEVERITY_HIGH,
	 "_dmarc.d.test TXT", NULL},
	{"it was stricter until 20 days ago", P("none", RUA),
	 "dmarc=present<none@20 dmarc.p=none<reject@20", "dmarc.p.none", GP_SEVERITY_HIGH,
	 "p=none since 2024-09-14: ", NULL},
	/* nobody reads the reports */
	{"it began 20 days ago, and nobody gets reports", P("none", "fo=1"),
	 "dmarc=present<none@20 dmarc.p=none<@20", "dmarc.p.none", GP_SEVERITY_HIGH,
	 "p=none since 2024-09-14: ", NULL},
	{NULL, P("none", "rua=mailto:r@no.d.test"), "dmarc=present<none@20 dmarc.p=none<@20",
	 "dmarc.p.none", GP_SEVERITY_HIGH, "p=none since 2024-09-14: ", NULL},
	/* the next steps */
	{"it began 10 days ago", P("quarantine", RUA), "dmarc.p=quarantine<none@10",
	 "dmarc.p.quarantine", GP_SEVERITY_LOW, "_dmarc.d.test TXT",
	 "\nnot before 2024-10-24: v=DMARC1; p=reject; " RUA},
	{"nobody looked before", "{'_dmarc.d.test':null}", "", "dmarc.missing",
	 GP_SEVERITY_CRITICAL, "_dmarc.d.test",
	 "\nfrom 2024-10-04: v=DMARC1; p=none; rua=mailto:dmarc-reports@d.test"
	 "\nnot before 2024-11-03: v=DMARC1; p=quarantine; rua=mailto:dmarc-reports@d.test"
	 "\nnot before 2024-12-03: v=DMARC1; p=reject; rua=mailto:dmarc-reports@d.test"},
	/* a look of tomorrow, by a clock that was wrong */
	{NULL, P("none", RUA), "dmarc=present<none@-1 dmarc.p=none<@-1", "dmarc.p.none",
	 GP_SEVERITY_MEDIUM, "p=none since 2024-10-05: ", NULL},

	/* keys */
	{"the key is the same for 366 days", "{}", "dkim.key.s1=" FINGERPRINT "<@366", "dkim.old",
	 GP_SEVERITY_LOW, "s1: the same since 2023-10-04", NULL},
	{NULL, "{}", "dkim.key.s1=" FINGERPRINT "<@365", NULL, 0, NULL, NULL},
	{NULL, "{}", "dkim.key.s1=" OTHER "<@366", NULL, 0, NULL, NULL},
	{NULL, "{}", "dkim.key.s2=" FINGERPRINT "<@366", NULL, 0, NULL, NULL},

	/* MTA-STS: the id, and the policy as it is served */
	{"the policy is another than 9 days ago, the id is not", "{}",
	 "sts.id=1<@9 sts.policy=" OTHER "<@9", "sts.id.stale", GP_SEVERITY_MEDIUM,
	 "_mta-sts.d.test TXT", NULL},
	{"the policy changed 5 days ago, the id did not", "{}",
	 "sts.id=1<@9 sts.policy=" POLICY "<" OTHER "@5", "sts.id.stale", GP_SEVERITY_MEDIUM,
	 "_mta-sts.d.test TXT", NULL},
	{NULL, "{}", "sts.id=1<0@9 sts.policy=" POLICY "<" OTHER "@9", NULL, 0, NULL, NULL},
	{NULL, "{}", "sts.id=1<0@5 sts.policy=" POLICY "<" OTHER "@9", NULL, 0, NULL, NULL},
	{NULL, "{}", "sts.id=1<@9 sts.policy=" POLICY "<@9", NULL, 0, NULL, NULL},
	{NULL, "{}", "sts.id=0<@9 sts.policy=" OTHER "<@9", NULL, 0, NULL, NULL},
};

/* As it is served now. */
static const struct gp_posture_file policy = {
	.outcome = GP_POSTURE_FETCHED,
	.text = GP_SLICE("version: STSv1\nmode: enforce\nmx: *.d.test\nmax_age: 1209600\n")};

/* Cuts the text; returns how many. */
static size_t
read_past(char *text, struct gp_posture_past ret[4])
{
	size_t len = 0;
	for (char *word; (word = strsep(&text, " "));) {
		char *name = strsep(&word, "="), *value = strsep(&word, "<");
		char *before = strsep(&word, "@");
		if (!word)
			continue;
		ret[len++] = (struct gp_posture_past){
			gp_slice_str(name), gp_slice_str(value), gp_slice_str(before),
			NOW_S - (uint64_t)strtoll(word, NULL, 10) * DAY_S};
	}
	return len;
}

static void
check(size_t i, const struct gp_findings *list)
{
	const struct gp_finding *found = NULL;
	for (size_t k = 0; k < list->len; k++) {
		const struct gp_finding *f = &list->items[k];
		if (f->state != GP_FINDING_FAIL)
			continue;
		if (cases[i].id && strcmp(f->kind->id, cases[i].id) == 0)
			found = f;
		else if (!cases[i].id)
			fail_msg("case %zu: %s", i, f->kind->id);
	}
	if (!cases[i].id)
		return;
	if (!found)
		fail_msg("case %zu: no %s", i, cases[i].id);
	if (found->severity != cases[i].severity)
		fail_msg("case %zu: %s", i, gp_severity_name(found->severity));
	if (!gp_slice_starts(found->evidence, gp_slice_str(cases[i].evidence)))
		fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(found->evidence));
	char *fix = strndup(found->fix.ptr, found->fix.len);
	assert_non_null(fix);
	if (cases[i].step && !strstr(fix, cases[i].step))
		fail_msg("case %zu: %s", i, fix);
	free(fix);
}

static void
time_counts(void **state)
{
	static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_past past[4];
		char text[256];
		snprintf(text, sizeof(text), "%s", cases[i].past);
		const struct gp_posture_query q = {
			.domain = GP_SLICE("d.test"),
			.now_s = NOW_S,
			.selectors = selectors,
			.selectors_len = GP_ARRAY_LEN(selectors),
			.validated = true,
			.policy = &policy,
			.past = past,
			.past_len = read_past(text, past),
		};
		json_t *json = make_world(false, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		check(i, &r.findings);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* What looks keep, so that the next ones can know it. */
static void
facts_are_told(void **state)
{
	static const struct gp_slice selectors[] = {GP_SLICE("s2"), GP_SLICE("s1")};
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	const struct gp_posture_query q = {.domain = GP_SLICE("d.test"),
					   .selectors = selectors,
					   .selectors_len = GP_ARRAY_LEN(selectors),
					   .policy = &policy};
	(void)state;
	json_t *json = make_world(false, "{'s2._domainkey.d.test':{'TXT':['v=DKIM1; p=']}}");
	struct gp_answers *world = read_world(json, &arena);
	assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
	assert_slice(r.facts.spf.record, "v=spf1 mx -all");
	assert_slice(r.facts.dmarc.record, "v=DMARC1; p=reject; " RUA);
	assert_slice(r.facts.sts.id, "1");
	assert_int_equal(r.facts.dkim.list_len, 1);
	assert_slice(r.facts.dkim.list[0].selector, "s1");
	assert_slice(r.facts.dkim.list[0].fingerprint, FINGERPRINT);
	assert_slice(r.facts.sts.policy, POLICY);
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* --- the table of docs/audit.md --- */

static void
put_table(struct gp_buf *out)
{
	gp_buf_put_str(out, "| id | severity here | when |\n|---|---|---|\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (cases[i].what)
			gp_buf_printf(out, "| `%s` | %s | %s |\n", cases[i].id,
				      gp_severity_name(cases[i].severity), cases[i].what);
	}
}

static void
table_is_that_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	(void)state;
	put_table(&table);
	assert_in_document(&table, "posture_past_test");
	gp_buf_free(&table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_counts),
		cmocka_unit_test(facts_are_told),
		cmocka_unit_test(table_is_that_of_the_document),
	};
	if (printed_table(argc, argv, put_table))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
