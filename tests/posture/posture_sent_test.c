/* SPDX-License-Identifier: Apache-2.0 */
/* Findings that need what others reported, and what they add to those that do not. */
#include "published.h"

#define DAY_S 86400ULL
#define NOW_S (20'000 * DAY_S) /* 2024-10-04 */
#define AGO(days) (NOW_S - (days)*DAY_S)
#define RUA "rua=mailto:r@d.test"
#define P(policy, rest) "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=" policy "; " rest "']}}"
#define OWN                 \
	{                   \
		20, 0, 0, 1 \
	} /* of mx1.d.test */
#define OTHER               \
	{                   \
		20, 9, 9, 9 \
	}
#define SOURCE(octets, ...) .source = {octets, 4, __VA_ARGS__}
#define LOOKED(age, with, all, good) \
	.since_s = AGO(age), .days = with, .messages = all, .aligned = good
#define LONG LOOKED(90, 30, 100, 100)
#define SIGNED(selector) .passed = {"d.test", selector, true, 100, 100}
#define PASSED(...) .passed = {__VA_ARGS__}

/* What is reported, with one source and one who passed, or none. */
struct told {
	uint64_t since_s, messages, aligned, none_since_s;
	unsigned days;
	struct gp_posture_source source;
	struct {
		const char *domain, *selector;
		bool dkim;
		uint64_t messages, aligned;
	} passed;
};

static const struct {
	const char *what; /* for the document; NULL: it has other rows of the kind */
	const char *world;
	bool parked;
	struct told told;
	const char *id;             /* that is looked for */
	int severity;               /* or one of these */
	const char *evidence, *fix; /* that is in it; NULL: not looked at */
} cases[] = {
#define NOT_THERE (-1)
#define NOT_MEASURED (-2)
	/* keys; that of the clean world is at s1 */
	{"reports of 90 days tell of other keys alone",
	 "{}",
	 false,
	 {LONG, SIGNED("s9")},
	 "dkim.unused",
	 GP_SEVERITY_LOW,
	 "s1",
	 "revoke it"},
	{NULL, "{}", false, {LONG, SIGNED("S1")}, "dkim.unused", NOT_THERE, NULL, NULL},
	{NULL,
	 "{}",
	 false,
	 {LOOKED(89, 30, 100, 100), SIGNED("s9")},
	 "dkim.unused",
	 NOT_MEASURED,
	 "no reports of 90 days",
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LOOKED(90, 29, 100, 100), SIGNED("s9")},
	 "dkim.unused",
	 NOT_MEASURED,
	 "fewer than 30",
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LONG},
	 "dkim.unused",
	 NOT_MEASURED,
	 "no report tells a selector",
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LONG, PASSED("other.test", "s1", true, 9, 0)},
	 "dkim.unused",
	 NOT_MEASURED,
	 "no report tells a selector",
	 NULL},

	/* selectors that only reports know */
	{"a report tells of a selector whose key is short",
	 "{'q7._domainkey.d.test':{'TXT':['v=DKIM1; k=rsa; p=" KEY1024 "']}}",
	 false,
	 {LONG, SIGNED("q7")},
	 "dkim.key.short",
	 GP_SEVERITY_HIGH,
	 "q7",
	 NULL},
	{NULL,
	 "{'q7._domainkey.d.test':{'TXT':['v=DKIM1; k=rsa; p=" KEY1024 "']}}",
	 false,
	 {LONG, PASSED("x.d.test", "q7", true, 9, 0)},
	 "dkim.key.short",
	 NOT_THERE,
	 NULL,
	 NULL},
	/* what is no name is not asked for, and harms nothing */
	{NULL, "{}", false, {LONG, SIGNED("a b..c")}, "dkim.syntax", NOT_THERE, NULL, NULL},

	/* sources */
	{"p=reject, and mail from an MX host for which nothing aligns",
	 "{}",
	 false,
	 {LONG, SOURCE(OWN, 10, 0, 0, 0)},
	 "dmarc.no.pass.path",
	 GP_SEVERITY_HIGH,
	 "20.0.0.1 (10)",
	 "20.0.0.1 is the domain's own"},
	{"the same, at p=none",
	 P("none", RUA),
	 false,
	 {LONG, SOURCE(OWN, 10, 0, 0, 0)},
	 "dmarc.no.pass.path",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 NULL},
	{NULL,
	 P("reject", "t=y; " RUA),
	 false,
	 {LONG, SOURCE(OWN, 10, 0, 0, 0)},
	 "dmarc.no.pass.path",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 NULL},
	{"p=reject, and mail that passes as somebody else",
	 "{}",
	 false,
	 {LONG, SOURCE(OTHER, 10, 0, 5, 0)},
	 "dmarc.no.pass.path",
	 GP_SEVERITY_MEDIUM,
	 "20.9.9.9 (10)",
	 "20.9.9.9 passes as somebody else"},
	{"the same, at p=none",
	 P("none", RUA),
	 false,
	 {LONG, SOURCE(OTHER, 10, 0, 5, 0)},
	 "dmarc.no.pass.path",
	 GP_SEVERITY_LOW,
	 NULL,
	 NULL},
	/* a forger; a forwarder; some of it passes; few messages */
	{NULL,
	 "{}",
	 false,
	 {LONG, SOURCE(OTHER, 10, 0, 4, 0)},
	 "dmarc.no.pass.path",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LONG, SOURCE(OTHER, 10, 0, 10, 5)},
	 "dmarc.no.pass.path",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LONG, SOURCE(OWN, 10, 1, 9, 0)},
	 "dmarc.no.pass.path",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 "{}",
	 false,
	 {LONG, SOURCE(OWN, 9, 0, 9, 0)},
	 "dmarc.no.pass.path",
	 NOT_THERE,
	 NULL,
	 NULL},

	/* alignment */
	{"adkim=s, and signatures of a name below",
	 P("reject", "adkim=s; " RUA),
	 false,
	 {LONG, PASSED("m.d.test", "s1", true, 9, 2)},
	 "dmarc.align.strict",
	 GP_SEVERITY_INFO,
	 "DKIM m.d.test (7)",
	 NULL},
	{"aspf=s, and envelopes of a name below",
	 P("reject", "aspf=s; " RUA),
	 false,
	 {LONG, PASSED("m.d.test", "", false, 9, 2)},
	 "dmarc.align.strict",
	 GP_SEVERITY_INFO,
	 "SPF m.d.test (7)",
	 NULL},
	/* relaxed; the other mechanism; all of it aligns; the domain itself; another's */
	{NULL,
	 "{}",
	 false,
	 {LONG, PASSED("m.d.test", "s1", true, 9, 2)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 P("reject", "aspf=s; " RUA),
	 false,
	 {LONG, PASSED("m.d.test", "s1", true, 9, 2)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 P("reject", "adkim=s; " RUA),
	 false,
	 {LONG, PASSED("m.d.test", "s1", true, 9, 9)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 P("reject", "adkim=s; " RUA),
	 false,
	 {LONG, PASSED("d.test", "s1", true, 9, 2)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 P("reject", "adkim=s; " RUA),
	 false,
	 {LONG, PASSED("xd.test", "s1", true, 9, 2)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},

	/* it sends nothing: those are others */
	{NULL,
	 "{}",
	 true,
	 {LOOKED(90, 30, 100, 0), SOURCE(OTHER, 10, 0, 9, 0)},
	 "dmarc.no.pass.path",
	 NOT_THERE,
	 NULL,
	 NULL},
	{NULL,
	 "{}",
	 true,
	 {LOOKED(90, 30, 100, 0), PASSED("m.d.test", "", false, 9, 2)},
	 "dmarc.align.strict",
	 NOT_THERE,
	 NULL,
	 NULL},

	/* what a stricter policy would have hit, and since when there is none */
	{"p=none, and reports tell what fails",
	 P("none", RUA),
	 false,
	 {LOOKED(90, 30, 400, 388), SOURCE(OTHER, 14, 2, 0, 0)},
	 "dmarc.p.none",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 "p=quarantine or p=reject would have hit 12 of 400 messages (3.0 %), most of them from "
	 "20.9.9.9 (12)\nnot before"},
	{NULL,
	 P("none", RUA),
	 false,
	 {LONG},
	 "dmarc.p.none",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 "would have hit 0 of 100 messages (0.0 %)\nnot before"},
	{NULL,
	 P("none", RUA),
	 false,
	 {},
	 "dmarc.p.none",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 "(no report tells of mail of the last 30 days)\nnot before"},
	{"p=none for 91 days, by the reports",
	 P("none", RUA),
	 false,
	 {LONG, .none_since_s = AGO(91)},
	 "dmarc.p.none",
	 GP_SEVERITY_HIGH,
	 "p=none in reports since 2024-07-05: ",
	 NULL},
	{NULL,
	 P("none", RUA),
	 false,
	 {LONG, .none_since_s = AGO(90)},
	 "dmarc.p.none",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 NULL},

	/* it publishes that it sends nothing */
	{"it publishes no sender, and its mail passes",
	 "{}",
	 true,
	 {LOOKED(90, 30, 100, 10)},
	 "dkim.none.found",
	 GP_SEVERITY_MEDIUM,
	 NULL,
	 NULL},
	{NULL, "{}", true, {LOOKED(90, 30, 100, 9)}, "dkim.none.found", NOT_THERE, NULL, NULL},
};

/* What a case has told, whose list of who passed is in *passed. */
static struct gp_posture_sent
sent_of(const struct told *told, struct gp_posture_passed *passed)
{
	*passed = (struct gp_posture_passed){.dkim = told->passed.dkim,
					     .messages = told->passed.messages,
					     .aligned = told->passed.aligned};
	if (told->passed.domain)
		passed->domain = gp_slice_str(told->passed.domain);
	if (told->passed.selector)
		passed->selector = gp_slice_str(told->passed.selector);
	return (struct gp_posture_sent){.messages = told->messages,
					.aligned = told->aligned,
					.since_s = told->since_s,
					.days = told->days,
					.none_since_s = told->none_since_s,
					.sources = &told->source,
					.sources_len = told->source.messages > 0,
					.passed = passed,
					.passed_len = told->passed.messages > 0};
}

static struct gp_posture_query
query_of(const struct gp_posture_sent *sent)
{
	static const struct gp_slice selectors[] = {GP_SLICE("s1")};
	/* p=none began 20 days ago, as far as earlier looks saw. */
	static const struct gp_posture_past past[] = {
		{GP_SLICE("dmarc"), GP_SLICE("present"), GP_SLICE("none"), AGO(20)},
		{GP_SLICE("dmarc.p"), GP_SLICE("none"), GP_SLICE(""), AGO(20)},
	};
	return (struct gp_posture_query){
		.domain = GP_SLICE("d.test"),
		.now_s = NOW_S,
		.selectors = selectors,
		.selectors_len = GP_ARRAY_LEN(selectors),
		.validated = true,
		.past = past,
		.past_len = GP_ARRAY_LEN(past),
		.sent = sent,
	};
}

static bool
has_text(struct gp_slice in, const char *text)
{
	char *copy = strndup(in.ptr, in.len);
	assert_non_null(copy);
	bool there = !text || strstr(copy, text);
	free(copy);
	return there;
}

static void
check(size_t i, const struct gp_findings *list)
{
	const struct gp_finding *found = NULL;
	for (size_t k = 0; k < list->len && !found; k++) {
		if (strcmp(list->items[k].kind->id, cases[i].id) == 0)
			found = &list->items[k];
	}
	if (!found && cases[i].severity != NOT_THERE)
		fail_msg("case %zu: no %s", i, cases[i].id);
	if (!found)
		return;
	int severity =
		found->state == GP_FINDING_NOT_MEASURED ? NOT_MEASURED : (int)found->severity;
	if (severity != cases[i].severity)
		fail_msg("case %zu: %d, %.*s", i, severity, GP_SLICE_FMT(found->evidence));
	if (!has_text(found->evidence, cases[i].evidence))
		fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(found->evidence));
	if (!has_text(found->fix, cases[i].fix))
		fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(found->fix));
}

static void
reports_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_passed passed;
		const struct gp_posture_sent sent = sent_of(&cases[i].told, &passed);
		const struct gp_posture_query q = query_of(&sent);
		json_t *json = make_world(cases[i].parked, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		check(i, &r.findings);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* However many a report makes up: so many are asked about, each once, and those of the query. */
static void
selectors_are_bounded(void **state)
{
	enum { MANY = 500 };
	static char names[MANY][16];
	static struct gp_posture_passed passed[MANY];
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_sent sent = {.passed = passed, .passed_len = MANY};
	struct gp_posture_query q = query_of(&sent);
	struct gp_posture_result r;
	size_t asked = 0, own = 0;
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		/* Each twice, and one that is no name before them. */
		snprintf(names[i], sizeof(names[i]), i == 0 ? "a b" : "made-up%zu", i / 2);
		passed[i] = (struct gp_posture_passed){GP_SLICE("d.test"), gp_slice_str(names[i]),
						       true, 1, 1};
	}
	static const uint64_t seed[2] = {};
	struct gp_answers *none = gp_answers_new(&arena, 1, seed);
	assert_int_equal(gp_posture_eval(&q, none, &arena, &r), GP_POSTURE_NEED);
	for (size_t i = 0; i < r.need_len; i++) {
		asked += gp_slice_starts(r.need[i].name, GP_SLICE("made-up"));
		own += gp_slice_eq(r.need[i].name, GP_SLICE("s1._domainkey.d.test"));
		assert_false(gp_slice_starts(r.need[i].name, GP_SLICE("a b")));
	}
	assert_int_equal(asked, GP_POSTURE_LEARNT_MAX);
	assert_int_equal(own, 1);
	gp_answers_free(none);
	gp_arena_free(&arena);
}

/* --- the table of docs/audit.md --- */

static void
put_table(struct gp_buf *out)
{
	gp_buf_put_str(out, "| id | severity here | when |\n|---|---|---|\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (cases[i].what)
			gp_buf_printf(out, "| `%s` | %s | %s |\n", cases[i].id,
				      gp_severity_name((uint8_t)cases[i].severity), cases[i].what);
	}
}

static void
table_is_that_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	(void)state;
	put_table(&table);
	assert_in_document(&table, "posture_sent_test");
	gp_buf_free(&table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_count),
		cmocka_unit_test(selectors_are_bounded),
		cmocka_unit_test(table_is_that_of_the_document),
	};
	if (printed_table(argc, argv, put_table))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
