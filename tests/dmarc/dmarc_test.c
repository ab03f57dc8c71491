/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>

#include "base/buf.h"
#include "core/dmarc/dmarc.h"

enum { ARENA_MAX = 1 << 22, ROUNDS_MAX = 3, PROOFS_MAX = 16 };

#define SPF "pass "
#define TEMP "temp "
#define DEEP "a.b.c.d.e.f.g.h.i.j.k.d.test"

/*
 * spf, dkim: "pass NAME", "temp NAME", "fail NAME"; several with commas. want: the verdict, the
 * organisational domain, the record's domain and policy, "!" and the disposition where it is not
 * none, "spf", "dkim" where they are aligned.
 */
static const struct {
	const char *what, *dns, *from, *spf, *dkim, *want;
} cases[] = {
	{"nothing is published", "{}", "d.test", SPF "d.test", NULL, "none d.test"},
	{"SPF", "{" REC("d.test", "p=reject") "}", "d.test", SPF "d.test", NULL,
	 "pass d.test d.test=reject spf"},
	{"DKIM", "{" REC("d.test", "p=reject") "}", "d.test", NULL, "pass d.test",
	 "pass d.test d.test=reject dkim"},
	{"both, in either case", "{" REC("d.test", "p=reject") "}", "d.test", SPF "D.TEST.",
	 "pass D.test", "pass d.test d.test=reject spf dkim"},
	{"one of several signatures", "{" REC("d.test", "p=reject") "}", "d.test", NULL,
	 "pass x.test,fail d.test,pass s.d.test", "pass d.test d.test=reject dkim"},
	{"nobody speaks for it", "{" REC("d.test", "p=reject") "}", "d.test", NULL, NULL,
	 "fail d.test d.test=reject !reject"},
	{"others speak", "{" REC("d.test", "p=quarantine") "}", "d.test", SPF "x.test",
	 "pass notd.test,pass test,pass d.test.x.test",
	 "fail d.test d.test=quarantine !quarantine"},
	{"what failed is no pass", "{" REC("d.test", "p=reject") "}", "d.test", "fail d.test",
	 "fail d.test", "fail d.test d.test=reject !reject"},
	{"p=none wishes nothing", "{" REC("d.test", "p=none") "}", "d.test", NULL, NULL,
	 "fail d.test d.test=none"},
	{"no domain names: they prove nothing", "{" REC("d.test", "p=reject") "}", "d.test", SPF "",
	 "pass d'x.d.test,pass .d.test,pass d..test", "fail d.test d.test=reject !reject"},
	{"U-labels and A-labels", "{" REC("xn--bcher-kva.test", "p=reject") "}",
	 "B\xc3\x9c"
	 "CHER.test",
	 SPF "xn--bcher-kva.TEST",
	 "pass b\xc3\xbc"
	 "cher.test",
	 "pass xn--bcher-kva.test xn--bcher-kva.test=reject spf dkim"},

	/* section 4.4: alignment */
	{"relaxed, below", "{" REC("d.test", "p=reject") "}", "d.test", SPF "a.b.d.test",
	 "pass s.d.test", "pass d.test d.test=reject spf dkim"},
	{"relaxed, above", "{" REC("d.test", "p=reject") "}", "a.d.test", SPF "d.test",
	 "pass b.d.test", "pass d.test d.test=reject spf dkim"},
	{"strict", "{" REC("d.test", "p=reject; aspf=s; adkim=s") "}", "d.test", SPF "a.d.test",
	 "pass a.d.test", "fail d.test d.test=reject !reject"},
	{"strict, the same", "{" REC("d.test", "p=reject; aspf=s; adkim=s") "}", "d.test",
	 SPF "d.test", "pass d.test", "pass d.test d.test=reject spf dkim"},
	{"strict for one alone", "{" REC("d.test", "p=reject; aspf=s") "}", "d.test",
	 SPF "a.d.test", "pass a.d.test", "pass d.test d.test=reject dkim"},
	{"the public suffix is nobody's", "{" REC("test", "p=reject; psd=y") "}", "d.test",
	 SPF "test", "pass e.test", "fail d.test test=reject !reject"},

	/* section 4.10: the walk */
	{"the first record does not end it",
	 "{" REC("a.d.test", "p=none") "," REC("d.test", "p=reject") "}", "a.d.test",
	 SPF "b.d.test", NULL, "pass d.test a.d.test=none spf"},
	{"psd=n does", "{" REC("a.d.test", "p=none; psd=n") "," REC("d.test", "p=reject") "}",
	 "a.d.test", SPF "b.d.test", "pass d.test", "fail a.d.test a.d.test=none"},
	{"psd=n in between", "{" REC("b.d.test", "p=reject; psd=n") "," REC("d.test", "p=none") "}",
	 "a.b.d.test", NULL, NULL, "fail b.d.test b.d.test=reject !reject"},
	{"an identifier below another psd=n is another's",
	 "{" REC("d.test", "p=reject") "," REC("b.d.test", "psd=n") "}", "d.test", SPF "a.b.d.test",
	 NULL, "fail d.test d.test=reject !reject"},
	{"psd=y: one label more",
	 "{" REC("test", "p=none; psd=y") "," REC("d.test", "p=reject") "}", "a.d.test",
	 SPF "d.test", "pass e.test", "pass d.test d.test=reject spf"},
	{"psd=y right above", "{" REC("test", "p=none; sp=quarantine; psd=y") "}", "d.test", NULL,
	 NULL, "fail d.test test=quarantine !quarantine"},
	{"psd=y at the author's domain itself", "{" REC("test", "p=reject; sp=none; psd=y") "}",
	 "test", NULL, NULL, "fail test test=reject !reject"},
	{"psd=y is not asked where the organisation has a record",
	 "{" REC("test", "p=reject; psd=y") "," REC("d.test", "p=none") "}", "d.test", NULL, NULL,
	 "fail d.test d.test=none"},
	{"a record in between, neither here nor there",
	 "{" REC("mail.d.test", "p=none") "," REC("test", "p=reject; psd=y") "}", "x.mail.d.test",
	 NULL, NULL, "fail d.test test=reject !reject"},
	{"two records are none, and the walk goes on",
	 "{\"_dmarc.a.d.test\": {\"TXT\": [\"v=DMARC1; p=none\", \"v=DMARC1; "
	 "p=none\"]}," REC("d.test", "p=reject") "}",
	 "a.d.test", NULL, NULL, "fail d.test d.test=reject !reject"},
	{"other strings do not count",
	 "{\"_dmarc.d.test\": {\"TXT\": [\"v=spf1 -all\", \"v=DMARC1; p=reject\", \"v=dmarc1; "
	 "p=none\"]}}",
	 "d.test", NULL, NULL, "fail d.test d.test=reject !reject"},
	{"more labels than are asked", "{" REC("d.test", "p=reject") "}", DEEP, SPF DEEP, NULL,
	 "pass d.test d.test=reject spf"},
	{"a record between the eighth label and the name is never seen",
	 "{" REC("b.c.d.e.f.g.h.i.j.k.d.test", "p=none; psd=n") "," REC("d.test", "p=reject") "}",
	 DEEP, NULL, NULL, "fail d.test d.test=reject !reject"},
	{"psd=y at the seventh label", "{" REC("g.h.i.j.k.d.test", "p=none; psd=y") "}", DEEP,
	 SPF "f.g.h.i.j.k.d.test", "pass x.g.h.i.j.k.d.test",
	 "pass f.g.h.i.j.k.d.test g.h.i.j.k.d.test=none spf"},
	{"an alias is followed",
	 "{\"_dmarc.d.test\": {\"CNAME\": \"_dmarc.e.test\"}," REC("e.test", "p=reject") "}",
	 "d.test", NULL, NULL, "fail d.test d.test=reject !reject"},

	/* sections 4.7 and 3.2.13: sp, np, t */
	{"sp below", "{" REC("d.test", "p=reject; sp=none") "}", "a.d.test", NULL, NULL,
	 "fail d.test d.test=none"},
	{"sp does not count at the domain itself", "{" REC("d.test", "p=reject; sp=none") "}",
	 "d.test", NULL, NULL, "fail d.test d.test=reject !reject"},
	{"np: no such name", "{" REC("d.test", "p=none; sp=none; np=reject") "}", "a.d.test", NULL,
	 NULL, "fail d.test d.test=reject !reject"},
	{"np: a name with nothing",
	 "{" REC("d.test", "p=none; sp=none; np=reject") ", \"a.d.test\": {}}", "a.d.test", NULL,
	 NULL, "fail d.test d.test=none"},
	{"np: a name with a TXT record below it",
	 "{" REC("d.test", "p=none; np=reject") ", \"_dmarc.a.d.test\": {\"TXT\": [\"x\"]}}",
	 "a.d.test", NULL, NULL, "fail d.test d.test=none"},
	{"np from p when there is no sp",
	 "{" REC("d.test", "p=quarantine; np=reject") ", \"a.d.test\": {\"MX\": []}}", "a.d.test",
	 NULL, NULL, "fail d.test d.test=quarantine !quarantine"},
	{"np: the DNS does not say",
	 "{" REC("d.test", "p=none; np=reject") ", \"a.d.test\": \"SERVFAIL\"}", "a.d.test", NULL,
	 NULL, "temperror d.test d.test=none"},
	{"np: the DNS does not say, and it matters to nobody",
	 "{" REC("d.test", "p=none; np=reject") ", \"a.d.test\": \"TIMEOUT\"}", "a.d.test",
	 SPF "d.test", NULL, "pass d.test d.test=none spf"},
	{"np: what it would not change is not asked",
	 "{" REC("d.test", "p=reject; np=reject") ", \"a.d.test\": \"TIMEOUT\"}", "a.d.test", NULL,
	 NULL, "fail d.test d.test=reject !reject"},
	{"t=y: reject is quarantine", "{" REC("d.test", "p=reject; t=y") "}", "d.test", NULL, NULL,
	 "fail d.test d.test=quarantine !quarantine"},
	{"t=y: quarantine is none", "{" REC("d.test", "p=reject; sp=quarantine; t=y") "}",
	 "a.d.test", NULL, NULL, "fail d.test d.test=none"},
	{"t=y: none stays", "{" REC("d.test", "p=none; t=y") "}", "d.test", NULL, NULL,
	 "fail d.test d.test=none"},

	/* section 4.10.1: records without a policy */
	{"nothing is done by it", "{" REC("d.test", "adkim=s") "}", "d.test", SPF "d.test", NULL,
	 "none d.test"},
	{"nor by one above", "{" REC("a.d.test", "adkim=s") "," REC("d.test", "p=reject") "}",
	 "a.d.test", NULL, NULL, "none d.test"},
	{"with rua it is p=none", "{" REC("d.test", "rua=mailto:a@d.test; p=x") "}", "d.test",
	 SPF "d.test", NULL, "pass d.test d.test=none spf"},

	/* trouble */
	{"is there a record?", "{\"_dmarc.d.test\": \"SERVFAIL\"}", "d.test", SPF "d.test", NULL,
	 "temperror"},
	{"is there one above?", "{\"_dmarc.d.test\": \"TIMEOUT\"}", "a.d.test", SPF "a.d.test",
	 NULL, "temperror"},
	{"the record is here, and the same name",
	 "{" REC("d.test", "p=reject") ",\"_dmarc.test\": \"TIMEOUT\"}", "d.test", SPF "d.test",
	 "pass s.d.test", "pass  d.test=reject spf"},
	{"the record is here, and another name",
	 "{" REC("d.test", "p=reject") ",\"_dmarc.test\": \"TIMEOUT\"}", "d.test", SPF "a.d.test",
	 NULL, "temperror  d.test=reject"},
	{"a name that cannot be of the same organisation",
	 "{" REC("d.test", "p=reject") ",\"_dmarc.test\": \"TIMEOUT\"}", "d.test", SPF "d.example",
	 NULL, "fail  d.test=reject !reject"},
	{"with strict alignment nothing else is asked",
	 "{" REC("d.test", "p=reject; aspf=s") ",\"_dmarc.test\": \"TIMEOUT\"}", "d.test",
	 SPF "a.d.test", NULL, "fail  d.test=reject !reject"},
	{"the identifier's walk breaks off",
	 "{" REC("d.test", "p=reject") ",\"_dmarc.a.d.test\": \"TIMEOUT\"}", "d.test",
	 SPF "a.d.test", NULL, "temperror d.test d.test=reject"},
	{"and another passes", "{" REC("d.test", "p=reject") ",\"_dmarc.a.d.test\": \"TIMEOUT\"}",
	 "d.test", SPF "a.d.test", "pass b.d.test", "pass d.test d.test=reject dkim"},
	{"SPF had trouble, and would have spoken", "{" REC("d.test", "p=reject") "}", "d.test",
	 TEMP "d.test", "pass x.test", "temperror d.test d.test=reject"},
	{"DKIM had trouble, and would have spoken", "{" REC("d.test", "p=reject") "}", "d.test",
	 "fail d.test", "temp s.d.test", "temperror d.test d.test=reject"},
	{"others had trouble", "{" REC("d.test", "p=reject") "}", "d.test", TEMP "x.test",
	 "temp y.test", "fail d.test d.test=reject !reject"},
	{"one had trouble, one passed", "{" REC("d.test", "p=reject") "}", "d.test", TEMP "d.test",
	 "pass d.test", "pass d.test d.test=reject dkim"},
	{"trouble matters to no domain without a record", "{}", "d.test", TEMP "d.test", NULL,
	 "none d.test"},
};

/* --- queries --- */

static struct gp_dmarc_proof
read_proof(struct gp_slice text)
{
	struct gp_slice word = gp_slice_cut(&text, ' ');
	struct gp_dmarc_proof proof = {.domain = text};
	if (gp_slice_eq(word, GP_SLICE("pass")))
		proof.state = GP_DMARC_PROVEN;
	else if (gp_slice_eq(word, GP_SLICE("temp")))
		proof.state = GP_DMARC_TROUBLE;
	else
		assert_slice(word, "fail");
	return proof;
}

static struct gp_dmarc_query
make_query(const char *from, const char *spf, const char *dkim, struct gp_arena *arena)
{
	struct gp_dmarc_query q = {.trail = true};
	struct gp_slice list = gp_slice_str(dkim);
	struct gp_dmarc_proof *proofs = gp_arena_array(arena, PROOFS_MAX, sizeof(*proofs));
	assert_int_equal(gp_dmarc_author_of_domain(gp_slice_str(from), arena, &q.author), 0);
	assert_int_equal(q.author.state, GP_DMARC_AUTHOR_OK);
	if (spf)
		q.spf = read_proof(gp_slice_str(spf));
	while (list.len > 0)
		proofs[q.dkim_len++] = read_proof(gp_slice_cut(&list, ','));
	q.dkim = proofs;
	return q;
}

/* Asks round by round, in an open set; the whole world at once must come to the same. */
static int
eval(const struct gp_dmarc_query *q, const struct gp_answers *world, struct gp_arena *arena,
     struct gp_dmarc_result *ret)
{
	struct gp_answers *set = gp_answers_new(arena, 1024, test_seed);
	int rc = GP_DMARC_NEED, rounds = 0;
	while ((rc = gp_dmarc_eval(q, set, arena, ret)) == GP_DMARC_NEED) {
		answer_needs(world, ret->need, ret->need_len, set);
		assert_true(++rounds <= ROUNDS_MAX);
	}
	struct gp_dmarc_result whole;
	assert_int_equal(gp_dmarc_eval(q, world, arena, &whole), rc);
	assert_int_equal(whole.verdict, ret->verdict);
	assert_int_equal(whole.policy, ret->policy);
	assert_int_equal(whole.spf_aligned, ret->spf_aligned);
	assert_int_equal(whole.dkim_aligned, ret->dkim_aligned);
	gp_answers_free(set);
	return rc;
}

static void
show(struct gp_buf *out, const struct gp_dmarc_result *r)
{
	gp_buf_printf(out, "%s %.*s", gp_dmarc_verdict_name(r->verdict),
		      GP_SLICE_FMT(r->org_domain));
	assert_int_equal(r->record != NULL, r->policy_domain.len > 0);
	if (r->record)
		gp_buf_printf(out, " %.*s=%s", GP_SLICE_FMT(r->policy_domain),
			      gp_dmarc_policy_name(r->policy));
	if (r->disposition != GP_DMARC_P_NONE)
		gp_buf_printf(out, " !%s", gp_dmarc_policy_name(r->disposition));
	gp_buf_put_str(out, r->spf_aligned ? " spf" : "");
	gp_buf_put_str(out, r->dkim_aligned ? " dkim" : "");
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf out = GP_BUF_INIT(4096);
		struct gp_answers *world = load_world(cases[i].dns, &arena);
		struct gp_dmarc_query q =
			make_query(cases[i].from, cases[i].spf, cases[i].dkim, &arena);
		struct gp_dmarc_result r;
		assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
		show(&out, &r);
		struct gp_slice got = gp_slice_trim(gp_buf_slice(&out));
		if (!gp_slice_eq(got, gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s, not %s", cases[i].what, GP_SLICE_FMT(got),
				 cases[i].want);
		assert_true(r.reason.len > 0 && r.trail_len > 0);
		gp_buf_free(&out);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

/* --- From --- */

static void
a_from_that_cannot_be_used(void **state)
{
	(void)state;
	for (uint8_t author = 1; author <= GP_DMARC_AUTHOR_NO_DOMAIN; author++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *set = gp_answers_new(&arena, 8, test_seed);
		struct gp_dmarc_query q = {.trail = true,
					   .author = {.state = author},
					   .spf = {GP_SLICE("d.test"), GP_DMARC_PROVEN}};
		struct gp_dmarc_result r;
		assert_int_equal(gp_dmarc_eval(&q, set, &arena, &r), GP_DMARC_DONE);
		assert_int_equal(r.verdict, author == GP_DMARC_AUTHOR_LITERAL ? GP_DMARC_NONE
									      : GP_DMARC_PERMERROR);
		assert_int_equal(r.policy, GP_DMARC_P_ABSENT);
		assert_true(gp_slice_starts(r.reason, gp_slice_str(gp_dmarc_author_text(author))));
		gp_answers_free(set);
		gp_arena_free(&arena);
	}
}

/* --- what is asked --- */

/* Each round's names, by the last label asked first. */
static void
check_questions(const char *dns, const struct gp_dmarc_query *q, const char *const *want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(dns, &arena);
	struct gp_answers *set = gp_answers_new(&arena, 1024, test_seed);
	struct gp_dmarc_result r;
	while (gp_dmarc_eval(q, set, &arena, &r) == GP_DMARC_NEED) {
		struct gp_buf out = GP_BUF_INIT(4096);
		for (size_t i = 0; i < r.need_len; i++)
			gp_buf_printf(&out, "%s%.*s", i > 0 ? " " : "",
				      GP_SLICE_FMT(r.need[i].name));
		assert_non_null(*want);
		assert_slice(gp_buf_slice(&out), *want++);
		answer_needs(world, r.need, r.need_len, set);
		gp_buf_free(&out);
	}
	assert_null(*want);
	gp_answers_free(set);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
what_is_asked(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dmarc_query q =
		make_query("a.b.c.d.e.f.g.h.i.j.mail.example.com", NULL, NULL, &arena);
	static const char *const deep[] = {
		"_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com _dmarc.g.h.i.j.mail.example.com "
		"_dmarc.h.i.j.mail.example.com _dmarc.i.j.mail.example.com "
		"_dmarc.j.mail.example.com _dmarc.mail.example.com _dmarc.example.com _dmarc.com",
		NULL};
	check_questions("{}", &q, deep);

	/* the walks of those that could be aligned, together with the question whether a.d.test is
	   there; names that are known, or of others, are not asked */
	q = make_query("a.d.test", SPF "s.d.test", "pass e.test,pass k.s.d.test,temp z.d.test",
		       &arena);
	static const char *const two[] = {
		"_dmarc.a.d.test _dmarc.d.test _dmarc.test",
		"a.d.test _dmarc.s.d.test _dmarc.k.s.d.test",
		NULL,
	};
	check_questions("{" REC("d.test", "p=none; np=reject") "}", &q, two);

	/* trouble matters when nothing passed */
	q = make_query("d.test", SPF "x.test", "temp z.d.test", &arena);
	static const char *const trouble[] = {"_dmarc.d.test _dmarc.test", "_dmarc.z.d.test", NULL};
	check_questions("{" REC("d.test", "p=none") "}", &q, trouble);

	/* once one signature is aligned, the others are not walked */
	q = make_query("d.test", NULL, "pass y.d.test,pass d.test,pass z.d.test", &arena);
	static const char *const same[] = {"_dmarc.d.test _dmarc.test", NULL};
	check_questions("{" REC("d.test", "p=none") "}", &q, same);
	gp_arena_free(&arena);
}

static void
more_signatures_than_count(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf dns = GP_BUF_INIT(1 << 16);
	struct gp_dmarc_proof proofs[100];
	struct gp_dmarc_query q = make_query("d.test", NULL, NULL, &arena);
	struct gp_dmarc_result r;
	gp_buf_put_str(&dns, "{" REC("d.test", "p=reject"));
	for (size_t i = 0; i < GP_ARRAY_LEN(proofs); i++) {
		gp_buf_printf(&dns, ", \"_dmarc.g%zu.d.test\": {\"TXT\": [\"v=DMARC1; psd=n\"]}",
			      i);
		proofs[i].domain = gp_arena_printf(&arena, "a.b.c.d.e.f.g%zu.d.test", i);
		proofs[i].state = i == 3 ? GP_DMARC_UNPROVEN : GP_DMARC_PROVEN;
	}
	gp_buf_put_str(&dns, "}");
	proofs[GP_DMARC_SIGNATURES_MAX + 1].domain = GP_SLICE("d.test");
	q.dkim = proofs;
	q.dkim_len = GP_ARRAY_LEN(proofs);
	struct gp_answers *world = load_world(gp_arena_str(&arena, gp_buf_slice(&dns)), &arena);
	assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
	assert_int_equal(r.verdict, GP_DMARC_FAIL);
	/* the one that was too late counts when one before it goes */
	proofs[0].state = GP_DMARC_TROUBLE;
	assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
	assert_int_equal(r.verdict, GP_DMARC_PASS);
	gp_buf_free(&dns);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* As many lines as there can be. */
static void
the_longest_trail(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(
		"{" REC("d.test", "rua=mailto:a@d.test; t=y; 1; 2; 3; 4; 5; 6") "}", &arena);
	struct gp_dmarc_proof proofs[2 * GP_DMARC_SIGNATURES_MAX];
	struct gp_dmarc_query q = make_query(DEEP, TEMP "x.test", NULL, &arena);
	struct gp_dmarc_result r;
	for (size_t i = 0; i < GP_ARRAY_LEN(proofs); i++)
		proofs[i] = (struct gp_dmarc_proof){GP_SLICE("x.test"),
						    i % 2 ? GP_DMARC_TROUBLE : GP_DMARC_PROVEN};
	q.dkim = proofs;
	q.dkim_len = GP_ARRAY_LEN(proofs);
	assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
	assert_int_equal(r.verdict, GP_DMARC_FAIL);
	assert_in_range(r.trail_len, GP_DMARC_TRAIL_MAX - 3, GP_DMARC_TRAIL_MAX);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* --- words --- */

static void
what_the_trail_says(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(
		"{" REC("d.test", "p=reject; np=none; sp=quarantine; t=y; fo=\\u001b") "}", &arena);
	struct gp_dmarc_query q = make_query("a.d.test", SPF "b.d.test", "pass e.test", &arena);
	struct gp_dmarc_result r;
	assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
	static const char *const lines[] = {
		"_dmarc.a.d.test: no record (RFC 9989 section 4.10)",
		"_dmarc.d.test: \"v=DMARC1; p=reject; np=none; sp=quarantine; t=y; fo=?\"",
		"_dmarc.test: no record (RFC 9989 section 4.10)",
		"the organisational domain is d.test (RFC 9989 section 4.10.2)",
		"the record of d.test applies to a.d.test (RFC 9989 section 4.10.1)",
		"passed over in it: \"fo=?\" (RFC 9989 section 4.8)",
		"a.d.test does not exist: np=none counts (RFC 9989 section 4.7)",
		"SPF pass of b.d.test is aligned, relaxed (RFC 9989 section 4.10.2)",
		"DKIM pass of e.test is not aligned, relaxed (RFC 9989 section 4.10.2)",
		"pass: aligned with a.d.test: SPF",
	};
	for (size_t i = 0; i < GP_MIN(r.trail_len, GP_ARRAY_LEN(lines)); i++)
		assert_slice(r.trail[i], lines[i]);
	assert_int_equal(r.trail_len, GP_ARRAY_LEN(lines));
	assert_slice(r.reason, "aligned with a.d.test: SPF");
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* A line that the trail must have. */
static const struct {
	const char *dns, *from, *spf, *line;
} lines_of_trails[] = {
	{"{" REC("d.test", "p=reject") "}", "a.d.test", NULL,
	 "a.d.test is below the record: p=reject counts (RFC 9989 section 4.7)"},
	{"{" REC("d.test", "p=reject; sp=none") "}", "a.d.test", NULL,
	 "a.d.test is below the record: sp=none counts (RFC 9989 section 4.7)"},
	{"{" REC("d.test", "p=none; np=reject") ", \"a.d.test\": \"TIMEOUT\"}", "a.d.test", NULL,
	 "a.d.test may exist or not, the DNS did not answer: p=none counts (RFC 9989 section 4.7)"},
	{"{" REC("d.test", "p=reject; t=y") "}", "d.test", NULL,
	 "t=y: one step milder, quarantine (RFC 9989 section 4.7)"},
	{"{" REC("d.test", "rua=mailto:a@d.test") "}", "d.test", NULL,
	 "its policy cannot be read: p=none, as rua is there (RFC 9989 section 4.10.1)"},
	{"{" REC("d.test", "p=none; aspf=s") "}", "d.test", SPF "a.d.test",
	 "SPF pass of a.d.test is not aligned, strict (RFC 9989 section 4.10.2)"},
	{"{" REC("d.test", "p=none") ", \"_dmarc.a.d.test\": \"TIMEOUT\"}", "d.test",
	 SPF "a.d.test",
	 "SPF pass of a.d.test may be aligned or not: the DNS did not answer, relaxed (RFC 9989 "
	 "section 4.10.2)"},
	{"{" REC("d.test", "p=none") "}", "d.test", TEMP "d.test",
	 "SPF temperror of d.test is aligned, relaxed (RFC 9989 section 4.10.2)"},
	{"{\"_dmarc.d.test\": \"SERVFAIL\"}", "d.test", NULL,
	 "_dmarc.d.test: the DNS did not answer (RFC 9989 section 4.10)"},
	{"{\"_dmarc.d.test\": {\"TXT\": [\"v=DMARC1\", \"v=DMARC1\"]}}", "d.test", NULL,
	 "_dmarc.d.test: several records, which count as none (RFC 9989 section 4.10)"},
};

static void
what_trails_must_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(lines_of_trails); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = load_world(lines_of_trails[i].dns, &arena);
		struct gp_dmarc_query q =
			make_query(lines_of_trails[i].from, lines_of_trails[i].spf, NULL, &arena);
		struct gp_dmarc_result r;
		size_t at = 0;
		assert_int_equal(eval(&q, world, &arena, &r), GP_DMARC_DONE);
		while (at < r.trail_len &&
		       !gp_slice_eq(r.trail[at], gp_slice_str(lines_of_trails[i].line)))
			at++;
		if (at == r.trail_len)
			fail_msg("%s", lines_of_trails[i].line);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world("{" REC("d.test", "p=reject; np=none") "}", &arena);
	struct gp_dmarc_query q =
		make_query("a.d.test", SPF "B\xc3\xbc.d.test", "temp c.d.test", &arena);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_DMARC_DONE; max += 64) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_dmarc_result r;
		rc = gp_dmarc_eval(&q, world, &small, &r);
		assert_true(rc == GP_DMARC_DONE || rc == -ENOMEM);
		assert_true(rc == -ENOMEM || r.trail[r.trail_len - 1].len > r.reason.len);
		gp_arena_free(&small);
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(a_from_that_cannot_be_used),
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(more_signatures_than_count),
		cmocka_unit_test(the_longest_trail),
		cmocka_unit_test(what_the_trail_says),
		cmocka_unit_test(what_trails_must_say),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
