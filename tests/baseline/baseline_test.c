/* SPDX-License-Identifier: Apache-2.0 */
#include "core/baseline/baseline.h"

#include <errno.h>

#include "../posture/hosts.h"
#include "../posture/plants.h"
#include "../unit.h"
#include "base/buf.h"

#define HEAD "baseline b Ours\n"
#define RULE HEAD "rule r Text\n"

enum { ARENA = 64 * 1024 * 1024 };

static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};

/* --- reading --- */

static void
a_file_is_read(void **state)
{
	static const char text[] = "# ours\r\n"
				   "\n"
				   "baseline our-own.1  What we  ask\r\n"
				   "document The handbook,\n"
				   "   page 3\n"
				   "rule spf SPF is there\n"
				   "section 1\n"
				   "for sending parked\n"
				   "need spf.valid = yes\n"
				   "\tor\n"
				   "rule all Everything else\n"
				   "  \n"
				   " that there is\n"
				   "manual people know";
	struct gp_arena arena = GP_ARENA_INIT(ARENA);
	struct gp_baseline b;
	struct gp_baseline_error e;
	(void)state;
	/* "or" goes on with the line before it, and belongs to a value that is one word. */
	assert_int_equal(gp_baseline_read(gp_slice_str(text), &arena, &b, &e), 1);
	assert_int_equal(e.line, 9);
	char copy[sizeof(text)];
	memcpy(copy, text, sizeof(text));
	char * or = strstr(copy, "\tor");
	assert_non_null(or);
	memset(or, ' ', 3);
	assert_int_equal(gp_baseline_read(gp_slice_str(copy), &arena, &b, &e), 0);
	assert_slice(b.name, "our-own.1");
	assert_slice(b.title, "What we  ask");
	assert_slice(b.document, "The handbook, page 3");
	assert_int_equal(b.len, 2);
	assert_slice(b.rules[0].id, "spf");
	assert_slice(b.rules[0].section, "1");
	assert_int_equal(b.rules[0].classes, 1U << GP_POSTURE_SENDING | 1U << GP_POSTURE_PARKED);
	assert_int_equal(b.rules[0].terms_len, 1);
	assert_slice(b.rules[1].text, "Everything else that there is");
	assert_int_equal(b.rules[1].section.len, 0);
	gp_arena_free(&arena);
}

static const struct {
	const char *text;
	size_t line;
	const char *why;
} mistakes[] = {
	{"", 0, "there is no rule"},
	{"# nothing\n", 0, "there is no rule"},
	{HEAD, 0, "there is no rule"},
	{"rule r Text\n", 1, "a file begins with its baseline"},
	{"baseline\n", 1, "no name of letters, digits, \"-\" and \".\": \"\""},
	{"baseline a/b Text\n", 1, "no name of letters, digits, \"-\" and \".\": \"a/b\""},
	{"baseline a2345678901234567890123456789012345678901 Text\n", 1, "no name of letters"},
	{"baseline b\n", 1, "a text must follow the name: \"b\""},
	{HEAD "\n\n" HEAD, 4, "a file has one baseline"},
	{HEAD "document\n", 2, "say where the baseline is written"},
	{HEAD "need spf.valid = yes\n", 2, "no rule has begun: \"need\""},
	{HEAD "rule\n", 2, "no name of letters, digits, \"-\" and \".\": \"\""},
	{HEAD "rule r\n", 2, "a text must follow the name: \"r\""},
	{RULE, 2, "before this line, rule \"r\" lacks a line"},
	{RULE "rule s Text\n", 3, "before this line, rule \"r\" lacks a line"},
	{RULE "where mx.hosts >= 1\n", 3, "before this line, rule \"r\" lacks a line"},
	{RULE "manual x\nor\n", 4, "before this line, rule \"r\" lacks a line"},
	{RULE "manual x\nor\nor\nmanual x\n", 5, "\"or\" stands alone, between lines of a rule"},
	{RULE "or\nmanual x\n", 3, "\"or\" stands alone, between lines of a rule"},
	{RULE "manual x\nor y\nmanual x\n", 4, "\"or\" stands alone, between lines of a rule"},
	{RULE "manual x\nrule r Text\n", 4, "there is such a rule already: \"r\""},
	{RULE "manual x\nwhere mx.hosts >= 1\n", 4, "\"where\" stands before what is asked"},
	{RULE "manual x\nor\nwhere mx.hosts >= 1\n", 5, "\"where\" stands before what is asked"},
	{RULE "section\n", 3, "name the section"},
	{RULE "for\n", 3, "say for which classes"},
	{RULE "for sending absent\n", 3, "none of sending, receiving and parked: \"absent\""},
	{RULE "needs spf.valid = yes\n", 3, "no line begins with this word: \"needs\""},
	{RULE "need\n", 3, "no fact has this name: \"\""},
	{RULE "need spf.vali = yes\n", 3, "no fact has this name: \"spf.vali\""},
	{RULE "need spf.valid\n", 3, "such a fact is not compared so: \"\""},
	{RULE "need spf.valid >= yes\n", 3, "such a fact is not compared so: \">=\""},
	{RULE "need spf.valid has yes\n", 3, "such a fact is not compared so: \"has\""},
	{RULE "need dmarc.rua = a@b.test\n", 3, "such a fact is not compared so: \"=\""},
	{RULE "need spf.valid = true\n", 3, "neither yes nor no: \"true\""},
	{RULE "need spf.valid = yes no\n", 3, "nothing stands behind the value: \"no\""},
	{RULE "need spf.lookups <= ten\n", 3, "no number: \"ten\""},
	{RULE "need spf.lookups <= 4294967296\n", 3, "no number: \"4294967296\""},
	{RULE "need dmarc.p >= strict\n", 3, "none of none, quarantine and reject: \"strict\""},
	{RULE "need dmarc.rua has nobody\n", 3, "no mail address: \"nobody\""},
	{RULE "without\n", 3, "say which findings there must not be"},
	{RULE "without >= high\n", 3, "no finding's id: \">=\""},
	{RULE "without *\n", 3, "no finding's id: \"*\""},
	{RULE "without s*.x\n", 3, "no finding's id: \"s*.x\""},
	{RULE "without spf\n", 3, "no finding's id: \"spf\""},
	{RULE "without spf.* >=\n", 3, "none of info, low, medium, high and critical: \"\""},
	{RULE "without spf.* >= bad\n", 3, "none of info, low, medium, high and critical: \"bad\""},
	{RULE "manual a\033[2J\n", 3, "a file of rules has no control characters"},
	{RULE "manual a\n \177\n", 3, "a file of rules has no control characters"},
	{RULE "manual\n", 3, "say why nobody but people can tell"},
};

static void
mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(mistakes); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA);
		struct gp_baseline b;
		struct gp_baseline_error e = {};
		int rc = gp_baseline_read(gp_slice_str(mistakes[i].text), &arena, &b, &e);
		if (rc != 1)
			fail_msg("%s: %d", mistakes[i].text, rc);
		if (e.line != mistakes[i].line ||
		    !gp_slice_starts(e.why, gp_slice_str(mistakes[i].why)))
			fail_msg("%s: %zu: %.*s", mistakes[i].text, e.line, GP_SLICE_FMT(e.why));
		gp_arena_free(&arena);
	}
}

static void
a_nul_ends_no_text(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA);
	struct gp_baseline b;
	struct gp_baseline_error e = {};
	(void)state;
	assert_int_equal(gp_baseline_read(GP_SLICE(RULE "manual \0x"), &arena, &b, &e), 1);
	assert_int_equal(e.line, 3);
	gp_arena_free(&arena);
}

/* A head, and what follows as often as it is said, with its number where a # stands. */
static int
read_many(struct gp_arena *arena, const char *head, const char *line, size_t times, size_t *ret)
{
	struct gp_baseline b;
	struct gp_baseline_error e = {};
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	gp_buf_put_str(&text, head);
	for (size_t i = 0; i < times; i++) {
		for (const char *p = line; *p; p++)
			*p == '#' ? gp_buf_printf(&text, "%zu", i) : gp_buf_put_char(&text, *p);
	}
	int rc = gp_baseline_read(gp_buf_slice(&text), arena, &b, &e);
	*ret = e.line;
	gp_buf_free(&text);
	return rc;
}

static void
files_have_limits(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA);
	size_t line;
	static const char rule[] = "rule r# Text\nmanual x\n";
	(void)state;
	assert_int_equal(read_many(&arena, HEAD, rule, GP_BASELINE_RULES_MAX, &line), 0);
	assert_int_equal(read_many(&arena, HEAD, rule, GP_BASELINE_RULES_MAX + 1, &line), 1);
	assert_int_equal(line, 2 + 2 * GP_BASELINE_RULES_MAX);
	assert_int_equal(read_many(&arena, RULE, "manual #\n", GP_BASELINE_TERMS_MAX, &line), 0);
	assert_int_equal(read_many(&arena, RULE, "manual #\n", GP_BASELINE_TERMS_MAX + 1, &line),
			 1);
	assert_int_equal(line, 3 + GP_BASELINE_TERMS_MAX);
	assert_int_equal(read_many(&arena, RULE "manual x", "\n y#", 20'000, &line), 1);
	assert_int_equal(line, 3);
	gp_arena_free(&arena);
}

static void
without_memory(void **state)
{
	struct gp_baseline b;
	struct gp_baseline_error e;
	(void)state;
	for (size_t max = 0; max < 1024; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		int rc = gp_baseline_read(GP_SLICE(RULE "manual x\n y\n"), &arena, &b, &e);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
	}
}

/* --- judging --- */

enum { PASS = GP_BASELINE_PASS, FAIL = GP_BASELINE_FAIL, NOT = GP_BASELINE_NOT_APPLICABLE };
enum { UNKNOWN = GP_BASELINE_NOT_MEASURED };
enum { GUESSED = 2 }; /* selectors; beside PARKED of the plants */
#define SILENT "{'_dmarc.d.test':'SERVFAIL'}"
#define GONE "{'_dmarc.d.test':null}"
#define MONITORED "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=none; rua=mailto:R@d.test']}}"

static const struct {
	const char *rule; /* lines */
	unsigned flags;
	const char *world;
	uint8_t outcome;
	const char *evidence;
	const char *finding; /* the first that decides, or NULL */
} cases[] = {
	/* facts */
	{"need spf.valid = yes", 0, "{}", PASS, "spf.valid is yes", NULL},
	{"need spf.valid = no", 0, "{}", FAIL, "spf.valid is yes", NULL},
	{"need spf.present = yes", 0, "{}", PASS, "spf.present is yes", NULL},
	{"need spf.nobody = yes", PARKED, "{}", PASS, "spf.nobody is yes", NULL},
	{"need spf.closed = yes", 0, "{}", PASS, "spf.closed is yes", NULL},
	{"need spf.closed = yes", 0, SPF("v=spf1 mx ~all"), FAIL, "spf.closed is no", NULL},
	{"need spf.closed = yes", 0, SPF("v=spf1 mx"), FAIL, "spf.closed is no", NULL},
	{"need spf.closed = yes", 0, SPF("v=spf1 mx -all x"), FAIL, "spf.closed is no", NULL},
	{"need spf.closed = yes", 0,
	 "{'d.test':{'TXT':['v=spf1 redirect=a.test']},'a.test':{'TXT':['v=spf1 -all']}}", PASS,
	 "spf.closed is yes", NULL},
	{"need spf.closed = yes", 0,
	 "{'d.test':{'TXT':['v=spf1 redirect=a.test']},'a.test':'SERVFAIL'}", UNKNOWN,
	 "spf.closed: the DNS did not say", NULL},
	{"need spf.lookups <= 1", 0, "{}", PASS, "spf.lookups is 1", NULL},
	{"need spf.lookups <= 0", 0, "{}", FAIL, "spf.lookups is 1", NULL},
	{"need mx.hosts = 3", 0, "{}", PASS, "mx.hosts is 3", NULL},
	{"need mx.hosts >= 4", 0, "{}", FAIL, "mx.hosts is 3", NULL},
	{"need mx.null = yes", PARKED, "{}", PASS, "mx.null is yes", NULL},
	{"need dmarc.present = yes", 0, GONE, FAIL, "dmarc.present is no", NULL},
	{"need dmarc.p >= quarantine", 0, "{}", PASS, "dmarc.p is reject", NULL},
	{"need dmarc.p >= quarantine", 0, MONITORED, FAIL, "dmarc.p is none", NULL},
	{"need dmarc.p >= none", 0, MONITORED, PASS, "dmarc.p is none", NULL},
	{"need dmarc.p >= none", 0, GONE, FAIL, "dmarc.p is absent", NULL},
	{"need dmarc.p <= none", 0, SILENT, UNKNOWN, "dmarc.p: the DNS did not say", NULL},
	{"need dmarc.sp = reject", 0, "{}", PASS, "dmarc.sp is reject", NULL},
	{"need dmarc.testing = no", 0, "{}", PASS, "dmarc.testing is no", NULL},
	{"need dmarc.rua has r@D.test", 0, MONITORED, PASS, "dmarc.rua has r@D.test", NULL},
	{"need dmarc.rua has x@d.test", 0, MONITORED, FAIL, "dmarc.rua lacks x@d.test", NULL},
	{"need dmarc.rua has x@d.test", 0, GONE, FAIL, "dmarc.rua lacks x@d.test", NULL},
	{"need dmarc.rua has x@d.test", 0, SILENT, UNKNOWN, "dmarc.rua: the DNS did not say", NULL},
	{"need dkim.wildcard-revoked = yes", PARKED, "{}", PASS, "dkim.wildcard-revoked is yes",
	 NULL},
	{"need dkim.wildcard-revoked = yes", PARKED, "{'*._domainkey.d.test':null}", FAIL,
	 "dkim.wildcard-revoked is no", NULL},
	{"need dkim.wildcard-revoked = yes", PARKED, "{'*._domainkey.d.test':'SERVFAIL'}", UNKNOWN,
	 "dkim.wildcard-revoked: the DNS did not say", NULL},
	{"need dkim.keys >= 1", 0, "{}", PASS, "dkim.keys is 1", NULL},
	{"need dkim.keys >= 1", GUESSED, "{}", PASS, "dkim.keys is 1", NULL},
	{"need dkim.keys >= 1", 0, "{'s1._domainkey.d.test':null}", FAIL, "dkim.keys is 0", NULL},
	{"need dkim.keys >= 1", GUESSED, "{'s1._domainkey.d.test':null}", UNKNOWN,
	 "dkim.keys: no key was found, and not all selectors are known", NULL},
	{"need dkim.keys >= 1", 0, "{'s1._domainkey.d.test':'SERVFAIL'}", UNKNOWN,
	 "dkim.keys: no key was found, and not all selectors are known", NULL},
	/* findings */
	{"without spf.missing", 0, "{}", PASS, "spf.missing: not found", NULL},
	{"without dmarc.missing", 0, GONE, FAIL, "dmarc.missing: ", "dmarc.missing"},
	{"without dmarc.*", 0, GONE, FAIL, "dmarc.missing: ", "dmarc.missing"},
	{"without dmarc.pct dmarc.missing", 0, GONE, FAIL, "dmarc.missing: ", "dmarc.missing"},
	{"without dmarc.*", 0, "{}", PASS, "dmarc.*: not found", NULL},
	{"without dmarc.missing >= critical", 0, GONE, FAIL, "dmarc.missing: ", "dmarc.missing"},
	{"without dmarc.p.none >= critical", 0, MONITORED, PASS, "dmarc.p.none: not found", NULL},
	{"without dmarc.missing", 0, SILENT, UNKNOWN, "dmarc.missing: _dmarc.d.test: SERVFAIL",
	 "dmarc.missing"},
	{"without dmarc.pct", 0, SILENT, UNKNOWN, "dmarc.pct: the DNS did not say", NULL},
	{"without dane.mismatch", 0, "{}", UNKNOWN, "dane.mismatch: the hosts were not looked at",
	 "dane.mismatch"},
	{"without tls.absent", 0, "{}", UNKNOWN, "tls.absent: not looked for", NULL},
	{"without tls.none", 0, "{}", UNKNOWN, "tls.none: the hosts were not looked at", NULL},
	{"without mx.*", 0, "{}", UNKNOWN, "mx.*: the hosts were not looked at", NULL},
	{"without tls.none dmarc.missing", 0, GONE, FAIL, "dmarc.missing: ", "dmarc.missing"},
	/* several lines, and alternatives */
	{"need spf.valid = yes\nneed dmarc.p = reject", 0, "{}", PASS,
	 "spf.valid is yes; dmarc.p is reject", NULL},
	{"need spf.valid = yes\nneed dmarc.p = none", 0, "{}", FAIL, "dmarc.p is reject", NULL},
	{"manual ask\nneed dmarc.p = none", 0, "{}", FAIL, "dmarc.p is reject", NULL},
	{"manual ask\nneed dmarc.p = reject", 0, "{}", UNKNOWN, "ask", NULL},
	{"need dmarc.p = none\nor\nneed dmarc.sp = reject", 0, "{}", PASS, "dmarc.sp is reject",
	 NULL},
	{"need spf.valid = yes\nneed dmarc.p = none\nor\nneed dmarc.sp = reject", 0, "{}", PASS,
	 "dmarc.sp is reject", NULL},
	{"need dmarc.p = none\nor\nneed dmarc.sp = none", 0, "{}", FAIL,
	 "dmarc.p is reject; dmarc.sp is reject", NULL},
	{"need dmarc.p = none\nor\nmanual ask", 0, "{}", UNKNOWN, "ask", NULL},
	{"manual ask\nor\nneed dmarc.p = none", 0, "{}", UNKNOWN, "ask", NULL},
	{"manual ask\nor\nneed dmarc.p = reject", 0, "{}", PASS, "dmarc.p is reject", NULL},
	{"need dmarc.p = reject\nor\nneed dmarc.p = none", 0, "{}", PASS, "dmarc.p is reject",
	 NULL},
	/* for whom it is */
	{"for parked\nneed dmarc.p = none", 0, "{}", NOT, "the domain is sending", NULL},
	{"for sending\nneed dmarc.p = none", PARKED, "{}", NOT, "the domain is parked", NULL},
	{"for receiving sending\nneed dmarc.p = none", 0, "{}", FAIL, "dmarc.p is reject", NULL},
	{"where mx.hosts >= 1\nneed dmarc.p = none", PARKED, "{}", NOT, "mx.hosts is 0", NULL},
	{"where mx.hosts >= 1\nneed dmarc.p = reject", 0, "{}", PASS, "dmarc.p is reject", NULL},
	{"where dmarc.p = none\nmanual ask", 0, SILENT, UNKNOWN, "dmarc.p: the DNS did not say",
	 NULL},
	{"need dmarc.p = none", 0, "{'d.test':null}", NOT, "the domain is absent", NULL},
	{"need dmarc.p = none", 0, "{'d.test':'SERVFAIL'}", UNKNOWN,
	 "the DNS did not say what domain it is", NULL},
};

/* In a world; until the end of the test. */
struct judged {
	struct gp_arena arena;
	struct gp_answers *world;
	struct gp_posture_query query;
	struct gp_posture_result posture;
};

static void
look(struct judged *j, unsigned flags, const char *world)
{
	json_t *json = make_world(flags & PARKED, world);
	*j = (struct judged){.arena = GP_ARENA_INIT(ARENA),
			     .query = {.domain = GP_SLICE("d.test"),
				       .selectors = selectors,
				       .selectors_len = GP_ARRAY_LEN(selectors),
				       .selectors_known = (flags & GUESSED) == 0,
				       .validated = true}};
	j->world = read_world(json, &j->arena);
	json_decref(json);
	assert_int_equal(gp_posture_eval(&j->query, j->world, &j->arena, &j->posture),
			 GP_POSTURE_DONE);
}

static void
look_away(struct judged *j)
{
	gp_answers_free(j->world);
	gp_arena_free(&j->arena);
}

static const struct gp_baseline_result *
judge(struct judged *j, struct gp_slice text, struct gp_baseline *ret)
{
	struct gp_baseline_error e = {};
	if (gp_baseline_read(text, &j->arena, ret, &e) != 0)
		fail_msg("%.*s: %zu: %.*s", GP_SLICE_FMT(text), e.line, GP_SLICE_FMT(e.why));
	const struct gp_baseline_result *all =
		gp_baseline_judge(ret, &j->query, &j->posture, &j->arena);
	assert_non_null(all);
	return all;
}

static void
rules_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct judged j;
		struct gp_baseline b;
		look(&j, cases[i].flags, cases[i].world);
		const struct gp_baseline_result *r =
			judge(&j, gp_arena_printf(&j.arena, RULE "%s\n", cases[i].rule), &b);
		if (r->outcome != cases[i].outcome ||
		    !gp_slice_starts(r->evidence, gp_slice_str(cases[i].evidence)))
			fail_msg("%s in %s: %s: %.*s", cases[i].rule, cases[i].world,
				 gp_baseline_outcome_name(r->outcome), GP_SLICE_FMT(r->evidence));
		const char *id = r->findings_len > 0 ? r->findings[0]->kind->id : "";
		assert_string_equal(id, cases[i].finding ? cases[i].finding : "");
		look_away(&j);
	}
}

/* Hosts that were met decide; what they did not show does not. */
static void
hosts_decide(void **state)
{
	static const struct {
		const char *rule;
		change *change;
		uint8_t outcome;
	} rows[] = {
		{"without tls.none tls.old dane.mismatch sts.policy.fetch", as_they_are, PASS},
		{"without mx.*", as_they_are, PASS},
		{"without tls.none", no_tls, FAIL},
		{"without tls.old", tls1, FAIL},
		{"without tls.old >= high", tls1, PASS},
		{"without tls.old >= high", ssl3, FAIL},
		{"without tls.old", not_surveyed, UNKNOWN},
		{"without tls.none", not_surveyed, PASS},
		{"without dane.mismatch", other_key, FAIL},
		{"without sts.policy.fetch", redirected, FAIL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct judged j;
		struct gp_baseline b;
		struct seen seen;
		make_seen(&seen);
		rows[i].change(&seen);
		const struct gp_posture_hosts hosts = {seen.hosts, HOSTS};
		look(&j, 0, "{}");
		j.query.now_s = NOW_S;
		j.query.hosts = &hosts;
		j.query.policy = &seen.policy;
		assert_int_equal(gp_posture_eval(&j.query, j.world, &j.arena, &j.posture),
				 GP_POSTURE_DONE);
		const struct gp_baseline_result *r =
			judge(&j, gp_arena_printf(&j.arena, RULE "%s\n", rows[i].rule), &b);
		if (r->outcome != rows[i].outcome)
			fail_msg("row %zu: %s: %.*s", i, gp_baseline_outcome_name(r->outcome),
				 GP_SLICE_FMT(r->evidence));
		look_away(&j);
	}
}

/* Findings that there was no room for might be those that are asked for. */
static void
what_was_dropped_is_not_taken_for_absent(void **state)
{
	struct judged j;
	struct gp_baseline b;
	(void)state;
	look(&j, 0, "{}");
	j.posture.findings.dropped = 1;
	const struct gp_baseline_result *r = judge(&j, GP_SLICE(RULE "without spf.missing"), &b);
	assert_int_equal(r->outcome, UNKNOWN);
	look_away(&j);
}

/* More findings than are told of one rule, with more evidence. */
static void
evidence_has_an_end(void **state)
{
	static const struct gp_finding_kind kind = {"spf.syntax", GP_SEVERITY_HIGH, "", ""};
	struct judged j;
	struct gp_baseline b;
	(void)state;
	look(&j, 0, "{}");
	for (int i = 0; i < 2 * GP_BASELINE_FINDINGS_MAX; i++)
		gp_finding_add(&j.posture.findings, &kind, "%0500d", i);
	const struct gp_baseline_result *r = judge(&j, GP_SLICE(RULE "without spf.syntax"), &b);
	assert_int_equal(r->outcome, FAIL);
	assert_int_equal(r->findings_len, GP_BASELINE_FINDINGS_MAX);
	assert_true(r->evidence.len > 500 && r->evidence.len <= GP_BASELINE_EVIDENCE_MAX);
	look_away(&j);
}

static void
no_memory_to_judge(void **state)
{
	struct judged j;
	struct gp_baseline b;
	(void)state;
	look(&j, 0, "{}");
	(void)judge(&j, GP_SLICE(RULE "without spf.missing dane.mismatch"), &b);
	size_t max = 0;
	for (bool good = false; !good; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		good = gp_baseline_judge(&b, &j.query, &j.posture, &arena) != NULL;
		gp_arena_free(&arena);
	}
	assert_true(max > 100);
	look_away(&j);
}

/* --- what is shipped --- */

/* Of a domain that is well: what its records alone cannot show is not measured. */
static void
judge_shipped(unsigned flags, const char *world, const char *fails)
{
	struct judged j;
	struct gp_baseline b;
	struct gp_slice seen = GP_SLICE("");
	look(&j, flags, world);
	for (size_t i = 0; i < gp_baseline_files_len; i++) {
		const struct gp_baseline_result *r = judge(&j, gp_baseline_files[i].text, &b);
		for (size_t k = 0; k < b.len; k++) {
			assert_true(r[k].evidence.len > 0);
			if (r[k].outcome == FAIL)
				seen = gp_arena_printf(&j.arena, "%.*s %.*s/%.*s",
						       GP_SLICE_FMT(seen), GP_SLICE_FMT(b.name),
						       GP_SLICE_FMT(r[k].rule->id));
		}
	}
	assert_slice(seen, fails);
	look_away(&j);
}

static void
shipped_ones_are_whole(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA);
	(void)state;
	assert_int_equal(gp_baseline_files_len, 10);
	for (size_t i = 0; i < gp_baseline_files_len; i++) {
		struct gp_baseline b;
		struct gp_baseline_error e = {};
		if (gp_baseline_read(gp_baseline_files[i].text, &arena, &b, &e) != 0)
			fail_msg("%s:%zu: %.*s", gp_baseline_files[i].name, e.line,
				 GP_SLICE_FMT(e.why));
		assert_slice(b.name, gp_baseline_files[i].name);
		assert_true(b.document.len > 0);
		for (size_t k = 0; k < b.len; k++) {
			if (b.rules[k].section.len == 0)
				fail_msg("%.*s/%.*s", GP_SLICE_FMT(b.name),
					 GP_SLICE_FMT(b.rules[k].id));
		}
	}
	gp_arena_free(&arena);
}

static void
shipped_ones_are_judged(void **state)
{
	(void)state;
	judge_shipped(0, "{}", " bod-18-01/central-reports");
	judge_shipped(PARKED, "{}", " bod-18-01/central-reports");
	judge_shipped(0, "{'d.test':null}", "");
	judge_shipped(0, "{'d.test':'SERVFAIL'}", "");
	judge_shipped(0, "{'d.test':{'TXT':['v=spf1 mx ~all']}}",
		      " bod-18-01/spf-closed bod-18-01/central-reports nist-800-177r1/spf-closed "
		      "nz/spf");
	judge_shipped(0, MONITORED,
		      " bod-18-01/central-reports bod-18-01/reject bsi/dmarc ncsc/dmarc "
		      "nist-800-177r1/dmarc nl/dmarc nz/dmarc pci-dss-5.4.1/dmarc");
	judge_shipped(PARKED, "{'d.test':{'MX':null},'*._domainkey.d.test':null}",
		      " bod-18-01/central-reports m3aawg-parked/dkim m3aawg-parked/mx "
		      "ncsc/parked-dkim ncsc/parked-mx");
}

/* A finding that is not in the list makes rules not measured for ever; one that nothing finds lets
   them pass. */
static void
what_is_looked_for_is_what_is_planted(void **state)
{
	static const char elsewhere[] =
		"spf.temperror dmarc.sp.on.sub dmarc.treewalk.over dkim.old";
	/* That they are not there takes more than the DNS. */
	static const char in_part[] = "sts.policy.fetch bimi.logo bimi.certificate";
	(void)state;
	for (size_t i = 0; i < gp_posture_ids_len; i++) {
		size_t found = 0;
		for (size_t k = 0; k < GP_ARRAY_LEN(plants); k++)
			found += strcmp(plants[k].id, gp_posture_ids[i]) == 0;
		if (found == 0 && !strstr(elsewhere, gp_posture_ids[i]))
			fail_msg("%s is not planted", gp_posture_ids[i]);
	}
	for (size_t k = 0; k < GP_ARRAY_LEN(plants); k++) {
		size_t found = 0;
		for (size_t i = 0; i < gp_posture_ids_len; i++)
			found += strcmp(plants[k].id, gp_posture_ids[i]) == 0;
		if (found == 0 && !strstr(in_part, plants[k].id))
			fail_msg("%s is in no list", plants[k].id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(a_nul_ends_no_text),
		cmocka_unit_test(files_have_limits),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(rules_are_judged),
		cmocka_unit_test(hosts_decide),
		cmocka_unit_test(what_was_dropped_is_not_taken_for_absent),
		cmocka_unit_test(evidence_has_an_end),
		cmocka_unit_test(no_memory_to_judge),
		cmocka_unit_test(shipped_ones_are_whole),
		cmocka_unit_test(shipped_ones_are_judged),
		cmocka_unit_test(what_is_looked_for_is_what_is_planted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
