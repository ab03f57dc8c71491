/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <string.h>

enum { ARENA_MAX = 1 << 22, ROUNDS_MAX = 3 };

static const struct gp_slice pins[] = {{"aa:bb", 5}};

#define DANE_WORLD "{" MX "," HOST("mx.test") "," TLSA("mx.test", EE) "}"
#define BARE_WORLD "{" MX_UNPROVEN "," HOST_UNPROVEN("mx.test") "}"
#define SIGNED_WORLD "{" MX "," HOST("mx.test") "}"
#define UNUSABLE_WORLD "{" MX "," HOST("mx.test") "," TLSA("mx.test", PKIX) "}"
#define TROUBLE_WORLD "{" MX "," HOST("mx.test") "," SERVFAIL("mx.test") "}"

/*
 * want, for each target: the level, "!" when its proof binds, "+" when only TLS does, "rt" when
 * REQUIRETLS is to be said; or "skip" and the codes; names; and the policies reported, each with
 * what fails of it already.
 */
static const struct {
	const char *what, *dns;
	const char *sts;     /* "MODE PATTERN", or NULL */
	uint8_t sts_failure; /* enum gp_mtasts_failure */
	uint8_t want_tls, message;
	const char *want;
} cases[] = {
	{"nothing known", BARE_WORLD, NULL, 0, 0, 0, "opportunistic | no-policy-found d.test"},
	{"DNSSEC, and no TLSA", SIGNED_WORLD, NULL, 0, 0, 0,
	 "opportunistic | no-policy-found d.test"},

	{"DANE", DANE_WORLD, NULL, 0, 0, 0, "dane! mx.test,d.test | tlsa mx.test"},
	{"DANE with MX records nobody vouches for (RFC 7672 section 2.2.1)",
	 "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}", NULL, 0, 0, 0,
	 "dane! mx.test | tlsa mx.test"},
	{"TLSA of a host nobody vouches for",
	 "{" MX "," HOST_UNPROVEN("mx.test") "," TLSA("mx.test", EE) "}", NULL, 0, 0, 0,
	 "opportunistic | no-policy-found d.test"},
	{"TLSA unusable", UNUSABLE_WORLD, NULL, 0, 0, 0,
	 "encrypt+ | tlsa mx.test=tlsa-invalid(no-usable-record)"},
	{"TLSA trouble defers", TROUBLE_WORLD, NULL, 0, 0, 0,
	 "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid"},
	{"and only this host",
	 "{" TWO_MX "," HOST("mx.test") "," HOST("b.test") "," SERVFAIL("mx.test") "}", NULL, 0, 0,
	 0, "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid; opportunistic | no-policy-found d.test"},
	{"each host for itself, in the MX records' order",
	 "{" TWO_MX "," HOST("mx.test") "," HOST("b.test") "," TLSA("b.test", EE) "}", NULL, 0, 0,
	 0, "opportunistic | no-policy-found d.test; dane! b.test,d.test | tlsa b.test"},

	{"STS enforce", BARE_WORLD, "enforce mx.test", 0, 0, 0, "sts! mx.test | sts d.test"},
	{"STS enforce by wildcard", BARE_WORLD, "enforce *.test", 0, 0, 0,
	 "sts! mx.test | sts d.test"},
	{"STS enforce does not name the host", BARE_WORLD, "enforce *.mx.test", 0, 0, 0,
	 "skip 451 4.7.5 | sts d.test=validation-failure(mx-not-in-policy)"},
	{"only that host", "{" TWO_MX "," HOST_UNPROVEN("mx.test") "," HOST_UNPROVEN("b.test") "}",
	 "enforce b.test", 0, 0, 0,
	 "skip 451 4.7.5 | sts d.test=validation-failure(mx-not-in-policy); sts! b.test | sts "
	 "d.test"},
	{"STS testing", BARE_WORLD, "testing mx.test", 0, 0, 0, "sts mx.test | sts d.test"},
	{"STS testing does not name the host", BARE_WORLD, "testing x.test", 0, 0, 0,
	 "sts mx.test | sts d.test=validation-failure(mx-not-in-policy)"},
	{"STS none", BARE_WORLD, "none x.test", 0, 0, 0, "opportunistic | no-policy-found d.test"},
	{"STS not to be fetched", BARE_WORLD, NULL, GP_MTASTS_FETCH_ERROR, 0, 0,
	 "opportunistic | sts d.test=sts-policy-fetch-error"},
	{"STS malformed", BARE_WORLD, NULL, GP_MTASTS_POLICY_INVALID, 0, 0,
	 "opportunistic | sts d.test=sts-policy-invalid"},
	{"STS from a server that is not proven", BARE_WORLD, NULL, GP_MTASTS_WEBPKI_INVALID, 0, 0,
	 "opportunistic | sts d.test=sts-webpki-invalid"},
	{"STS kept, the new one not to be fetched", BARE_WORLD, "enforce mx.test",
	 GP_MTASTS_FETCH_ERROR, 0, 0, "sts! mx.test | sts d.test"},

	{"DANE before STS", DANE_WORLD, "enforce mx.test", 0, 0, 0,
	 "dane! mx.test,d.test | tlsa mx.test, sts d.test"},
	{"DANE, though STS does not name the host", DANE_WORLD, "enforce x.test", 0, 0, 0,
	 "dane! mx.test,d.test | tlsa mx.test, sts "
	 "d.test=validation-failure(mx-not-in-policy)"},
	{"DANE of a host that forged MX records may have named",
	 "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}", "enforce x.test", 0, 0, 0,
	 "skip 451 4.7.5 | tlsa mx.test, sts d.test=validation-failure(mx-not-in-policy)"},
	{"DANE of a host that the policy names",
	 "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}", "enforce mx.test", 0, 0,
	 0, "dane! mx.test | tlsa mx.test, sts d.test"},
	{"TLSA trouble, though STS would do", TROUBLE_WORLD, "enforce mx.test", 0, 0, 0,
	 "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid"},
	{"TLSA unusable: STS proves", UNUSABLE_WORLD, "enforce mx.test", 0, 0, 0,
	 "sts! mx.test | tlsa mx.test=tlsa-invalid(no-usable-record), sts d.test"},
	{"TLSA unusable: never without TLS, though STS only tests", UNUSABLE_WORLD,
	 "testing mx.test", 0, 0, 0,
	 "sts+ mx.test | tlsa mx.test=tlsa-invalid(no-usable-record), sts d.test"},

	{"no TLS wished", BARE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_NONE, 0,
	 "none | no-policy-found d.test"},
	{"no TLS wished: DANE is stricter", DANE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_NONE, 0,
	 "dane! mx.test,d.test | tlsa mx.test"},
	{"no TLS wished: unusable TLSA are stricter", UNUSABLE_WORLD, NULL, 0,
	 GP_TLSPOLICY_WANT_NONE, 0, "encrypt+ | tlsa mx.test=tlsa-invalid(no-usable-record)"},
	{"no TLS wished: STS is stricter", BARE_WORLD, "enforce mx.test", 0, GP_TLSPOLICY_WANT_NONE,
	 0, "sts! mx.test | sts d.test"},
	{"encrypt", BARE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_ENCRYPT, 0,
	 "encrypt+ | no-policy-found d.test"},
	{"encrypt, and DANE", DANE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_ENCRYPT, 0,
	 "dane! mx.test,d.test | tlsa mx.test"},
	{"encrypt, and STS testing", BARE_WORLD, "testing mx.test", 0, GP_TLSPOLICY_WANT_ENCRYPT, 0,
	 "sts+ mx.test | sts d.test"},
	{"verify", BARE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_VERIFY, 0,
	 "verify! mx.test | no-policy-found d.test"},
	{"verify, and STS testing", BARE_WORLD, "testing mx.test", 0, GP_TLSPOLICY_WANT_VERIFY, 0,
	 "verify! mx.test | sts d.test"},
	{"verify, and DANE", DANE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_VERIFY, 0,
	 "dane! mx.test,d.test | tlsa mx.test"},
	{"verify, and STS names another host", BARE_WORLD, "enforce x.test", 0,
	 GP_TLSPOLICY_WANT_VERIFY, 0,
	 "skip 451 4.7.5 | sts d.test=validation-failure(mx-not-in-policy)"},
	{"dane-only", DANE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_DANE_ONLY, 0,
	 "dane! mx.test,d.test | tlsa mx.test"},
	{"dane-only without", SIGNED_WORLD, NULL, 0, GP_TLSPOLICY_WANT_DANE_ONLY, 0,
	 "skip 451 4.7.5 | tlsa mx.test=dane-required"},
	{"dane-only and STS", BARE_WORLD, "enforce mx.test", 0, GP_TLSPOLICY_WANT_DANE_ONLY, 0,
	 "skip 451 4.7.5 | sts d.test, tlsa mx.test=dane-required"},
	{"dane-only, unusable", UNUSABLE_WORLD, "enforce mx.test", 0, GP_TLSPOLICY_WANT_DANE_ONLY,
	 0,
	 "skip 451 4.7.5 | tlsa mx.test=tlsa-invalid(no-usable-record), sts d.test, tlsa "
	 "mx.test=dane-required"},
	{"dane-only wants a secure MX",
	 "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}", NULL, 0,
	 GP_TLSPOLICY_WANT_DANE_ONLY, 0, "skip 451 4.7.5 | tlsa mx.test"},
	{"fingerprints: nothing else is asked", TROUBLE_WORLD, "enforce x.test", 0,
	 GP_TLSPOLICY_WANT_FINGERPRINT, 0, "fingerprint! | no-policy-found d.test"},

	{"TLS-Required: No, and DANE", DANE_WORLD, NULL, 0, 0, GP_TLSPOLICY_OPTIONAL,
	 "dane mx.test,d.test | tlsa mx.test"},
	{"TLS-Required: No, TLSA trouble", TROUBLE_WORLD, NULL, 0, 0, GP_TLSPOLICY_OPTIONAL,
	 "opportunistic | tlsa mx.test=dnssec-invalid"},
	{"TLS-Required: No, TLSA unusable", UNUSABLE_WORLD, NULL, 0, 0, GP_TLSPOLICY_OPTIONAL,
	 "opportunistic | tlsa mx.test=tlsa-invalid(no-usable-record)"},
	{"TLS-Required: No, STS enforce", BARE_WORLD, "enforce mx.test", 0, 0,
	 GP_TLSPOLICY_OPTIONAL, "sts mx.test | sts d.test"},
	{"TLS-Required: No, STS names another host", BARE_WORLD, "enforce x.test", 0, 0,
	 GP_TLSPOLICY_OPTIONAL, "sts mx.test | sts d.test=validation-failure(mx-not-in-policy)"},
	{"TLS-Required: No does not loosen what is configured", DANE_WORLD, NULL, 0,
	 GP_TLSPOLICY_WANT_VERIFY, GP_TLSPOLICY_OPTIONAL, "dane! mx.test,d.test | tlsa mx.test"},
	{"nor dane-only", TROUBLE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_DANE_ONLY,
	 GP_TLSPOLICY_OPTIONAL, "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid"},
	{"nor encrypt", BARE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_ENCRYPT, GP_TLSPOLICY_OPTIONAL,
	 "encrypt+ | no-policy-found d.test"},

	{"REQUIRETLS, secure MX", SIGNED_WORLD, NULL, 0, 0, GP_TLSPOLICY_REQUIRETLS,
	 "verify! rt mx.test | no-policy-found d.test"},
	{"REQUIRETLS, MX records nobody vouches for", BARE_WORLD, NULL, 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "skip 550 5.7.10 | no-policy-found d.test"},
	{"REQUIRETLS, STS vouches for the host", BARE_WORLD, "enforce mx.test", 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "sts! rt mx.test | sts d.test"},
	{"REQUIRETLS, STS testing vouches for nothing", BARE_WORLD, "testing mx.test", 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "skip 550 5.7.10 | sts d.test"},
	{"REQUIRETLS, STS testing proves nothing", SIGNED_WORLD, "testing mx.test", 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "verify! rt mx.test | sts d.test"},
	{"REQUIRETLS and DANE", DANE_WORLD, NULL, 0, 0, GP_TLSPOLICY_REQUIRETLS,
	 "dane! rt mx.test,d.test | tlsa mx.test"},
	{"REQUIRETLS, DANE behind MX records nobody vouches for",
	 "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}", NULL, 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "skip 550 5.7.10 | tlsa mx.test"},
	{"but STS for them", "{" MX_UNPROVEN "," HOST("mx.test") "," TLSA("mx.test", EE) "}",
	 "enforce mx.test", 0, 0, GP_TLSPOLICY_REQUIRETLS,
	 "dane! rt mx.test | tlsa mx.test, sts d.test"},
	{"REQUIRETLS, TLSA unusable", UNUSABLE_WORLD, NULL, 0, 0, GP_TLSPOLICY_REQUIRETLS,
	 "verify! rt mx.test | tlsa mx.test=tlsa-invalid(no-usable-record)"},
	{"REQUIRETLS, TLSA trouble passes by", TROUBLE_WORLD, NULL, 0, 0, GP_TLSPOLICY_REQUIRETLS,
	 "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid"},
	{"REQUIRETLS beats TLS-Required: No", DANE_WORLD, NULL, 0, 0,
	 GP_TLSPOLICY_REQUIRETLS | GP_TLSPOLICY_OPTIONAL, "dane! rt mx.test,d.test | tlsa mx.test"},
	{"so TLSA trouble still holds it up", TROUBLE_WORLD, NULL, 0, 0,
	 GP_TLSPOLICY_REQUIRETLS | GP_TLSPOLICY_OPTIONAL,
	 "skip 451 4.4.3 | tlsa mx.test=dnssec-invalid"},
	{"REQUIRETLS and no MX records", "{" HOST_UNPROVEN("d.test") "}", NULL, 0, 0,
	 GP_TLSPOLICY_REQUIRETLS, "verify! rt d.test | no-policy-found d.test"},
	{"REQUIRETLS, fingerprint", BARE_WORLD, NULL, 0, GP_TLSPOLICY_WANT_FINGERPRINT,
	 GP_TLSPOLICY_REQUIRETLS, "fingerprint! rt | no-policy-found d.test"},
	{"REQUIRETLS where no TLS is wished", SIGNED_WORLD, NULL, 0, GP_TLSPOLICY_WANT_NONE,
	 GP_TLSPOLICY_REQUIRETLS, "verify! rt mx.test | no-policy-found d.test"},
};

static void
show_reports(const struct gp_tlspolicy_verdict *v, struct gp_buf *out)
{
	for (size_t i = 0; i < v->reports_len; i++) {
		const struct gp_tlspolicy_report *r = &v->reports[i];
		gp_buf_printf(out, "%s %s %.*s", i > 0 ? "," : " |",
			      gp_tlsrpt_policy_name(r->policy), GP_SLICE_FMT(r->domain));
		if (r->failure != 0)
			gp_buf_printf(out, "=%s", gp_tlsrpt_result_name(r->failure));
		if (r->reason)
			gp_buf_printf(out, "(%s)", r->reason);
	}
}

static void
show_verdict(const struct gp_tlspolicy_verdict *v, struct gp_buf *out)
{
	if (v->skip) {
		gp_buf_printf(out, "skip %d %d.%d.%d", v->reply.code, v->reply.enhanced_class,
			      v->reply.enhanced_subject, v->reply.enhanced_detail);
		return show_reports(v, out);
	}
	gp_buf_printf(out, "%s%s%s", gp_tlspolicy_level_name(v->level),
		      v->binding   ? "!"
		      : v->encrypt ? "+"
				   : "",
		      v->requiretls ? " rt" : "");
	for (size_t i = 0; i < v->names_len; i++)
		gp_buf_printf(out, "%s%.*s", i > 0 ? "," : " ", GP_SLICE_FMT(v->names[i]));
	show_reports(v, out);
}

/* What holds of every verdict. */
static void
check_verdict(const struct gp_tlspolicy_verdict *v)
{
	assert_true(!v->binding || v->encrypt);
	assert_true(!v->requiretls || v->binding || v->skip);
	assert_true(v->trail_len > 0 && v->reports_len > 0);
	assert_true((v->records_len > 0) == (v->level == GP_TLSPOLICY_DANE));
	assert_true((v->fingerprints_len > 0) == (v->level == GP_TLSPOLICY_FINGERPRINT));
	for (size_t i = 0; i < v->trail_len; i++)
		assert_true(v->trail[i].len > 0);
}

static struct gp_tlspolicy_query
make_query(size_t i, const struct gp_mx_result *mx, struct gp_arena *arena)
{
	return (struct gp_tlspolicy_query){
		.domain = GP_SLICE("d.test"),
		.way = &mx->way,
		.targets = mx->targets,
		.targets_len = mx->targets_len,
		.sts = {cases[i].sts ? make_sts(cases[i].sts, arena) : NULL, cases[i].sts_failure},
		.want = cases[i].want_tls,
		.message = cases[i].message,
		.fingerprints = pins,
		.fingerprints_len = cases[i].want_tls == GP_TLSPOLICY_WANT_FINGERPRINT ? 1 : 0,
	};
}

static void
route(const struct gp_answers *world, struct gp_arena *arena, struct gp_mx_result *ret)
{
	struct gp_mx_query q = {.domain = GP_SLICE("d.test")};
	assert_int_equal(gp_mx_eval(&q, world, arena, ret), GP_MX_DONE);
}

/* Plays the driver: an open set that grows by what is asked. */
static int
drive(const struct gp_tlspolicy_query *q, const struct gp_answers *world, struct gp_arena *arena,
      struct gp_tlspolicy_result *ret)
{
	struct gp_answers *set = gp_answers_new(arena, 64, test_seed);
	int rc = GP_TLSPOLICY_NEED;
	for (size_t round = 0; rc == GP_TLSPOLICY_NEED; round++) {
		assert_true(round < ROUNDS_MAX);
		rc = gp_tlspolicy_eval(q, set, arena, ret);
		assert_true((rc == GP_TLSPOLICY_NEED) == (ret->need_len > 0));
		for (size_t i = 0; i < ret->need_len; i++) {
			struct gp_dns_answer a;
			assert_false(
				gp_answers_find(set, ret->need[i].name, ret->need[i].type, &a));
			assert_true(
				gp_answers_find(world, ret->need[i].name, ret->need[i].type, &a));
			assert_int_equal(gp_answers_add(set, &a), 0);
		}
	}
	gp_answers_free(set);
	return rc;
}

static void
check_case(size_t i)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf shown = GP_BUF_INIT(1 << 16);
	struct gp_answers *world = load_world(cases[i].dns, &arena);
	struct gp_mx_result mx;
	struct gp_tlspolicy_result r;
	route(world, &arena, &mx);
	struct gp_tlspolicy_query q = make_query(i, &mx, &arena);
	int rc = drive(&q, world, &arena, &r);
	bool any = false;
	for (size_t t = 0; t < r.verdicts_len; t++) {
		gp_buf_put_str(&shown, t > 0 ? "; " : "");
		check_verdict(&r.verdicts[t]);
		show_verdict(&r.verdicts[t], &shown);
		any |= !r.verdicts[t].skip;
	}
	if (!gp_slice_eq(gp_buf_slice(&shown), gp_slice_str(cases[i].want)))
		fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(gp_buf_slice(&shown)));
	assert_int_equal(rc, any ? GP_TLSPOLICY_DONE : GP_TLSPOLICY_FAILED);
	assert_int_equal(r.reply.code != 0, r.verdicts[0].skip);
	gp_buf_free(&shown);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check_case(i);
}

/* Evaluates one world; everything stays in the arena, which the caller frees. */
static void
eval(const char *dns, const char *sts, uint8_t message, struct gp_arena *arena,
     struct gp_tlspolicy_result *ret)
{
	struct gp_answers *world = load_world(dns, arena);
	struct gp_mx_result mx;
	route(world, arena, &mx);
	struct gp_tlspolicy_query q = {.domain = GP_SLICE("d.test"),
				       .way = &mx.way,
				       .targets = mx.targets,
				       .targets_len = mx.targets_len,
				       .sts = {sts ? make_sts(sts, arena) : NULL, 0},
				       .message = message};
	assert_in_range(gp_tlspolicy_eval(&q, world, arena, ret), GP_TLSPOLICY_DONE,
			GP_TLSPOLICY_FAILED);
	gp_answers_free(world);
}

static void
a_reply_that_passes_by_is_given_first(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_result r;
	/* mx.test: 550, as nothing proves it; b.test: 451, as its TLSA records are not known. */
	eval("{\"d.test\": {\"MX\": [[10, \"mx.test\"], [20, \"b.test\"]]}," HOST(
		     "mx.test") "," HOST("b.test") "," SERVFAIL("b.test") "}",
	     NULL, GP_TLSPOLICY_REQUIRETLS, &arena, &r);
	assert_int_equal(r.verdicts[0].reply.code, 550);
	assert_int_equal(r.verdicts[1].reply.code, 451);
	assert_int_equal(r.reply.code, 451);
	assert_slice(r.reply.text, "b.test has TLSA records that could not be looked up");
	gp_arena_free(&arena);
}

static void
what_reports_quote(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_result r;
	eval("{" MX "," HOST("mx.test") "," TLSA("mx.test", EE "," PKIX) "}", "testing *.test", 0,
	     &arena, &r);
	const struct gp_tlspolicy_verdict *v = &r.verdicts[0];
	assert_int_equal(v->reports_len, 2);
	assert_int_equal(v->reports[0].strings_len, 2);
	assert_slice(v->reports[0].strings[0], "3 1 1 " D32);
	assert_slice(v->reports[0].strings[1], "1 1 1 " D32);
	assert_int_equal(v->reports[1].strings_len, 4);
	assert_slice(v->reports[1].strings[0], "version: STSv1");
	assert_slice(v->reports[1].strings[1], "mode: testing");
	assert_slice(v->reports[1].strings[2], "mx: *.test");
	assert_slice(v->reports[1].strings[3], "max_age: 86400");
	assert_slice(v->reports[1].mx[0], "*.test");
	gp_arena_free(&arena);
}

static void
what_the_trail_says(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_result r;
	eval(DANE_WORLD, "enforce x.test", 0, &arena, &r);
	static const char *const lines[] = {
		"TLS if it is offered (RFC 7435 section 3)",
		"1 of 1 TLSA records of mx.test are usable: DANE (RFC 7672 section 2.2)",
		("the MTA-STS policy of d.test, mode enforce, does not name mx.test (RFC 8461 "
		 "section 4.1)"),
		"DANE decides, MTA-STS is reported (RFC 8461 section 2)",
		"verdict: dane, without proof not delivered, without TLS not delivered",
	};
	assert_int_equal(r.verdicts[0].trail_len, GP_ARRAY_LEN(lines));
	for (size_t i = 0; i < GP_ARRAY_LEN(lines); i++)
		assert_slice(r.verdicts[0].trail[i], lines[i]);
	gp_arena_free(&arena);
}

#define SNI_ALIAS "\"mx.test\": {\"CNAME\": \"h.test\", \"secure\": true}"

static void
which_name_the_handshake_asks_for(void **state)
{
	(void)state;
	static const struct {
		const char *dns, *sts, *want;
	} snis[] = {
		{"{" MX "," SNI_ALIAS "," HOST("h.test") "," TLSA("h.test", EE) "}", NULL,
		 "h.test"},
		{"{" MX "," SNI_ALIAS "," HOST("h.test") "," TLSA("mx.test", EE) "}", NULL,
		 "mx.test"},
		{"{" MX "," SNI_ALIAS "," HOST("h.test") "}", "enforce mx.test", "mx.test"},
		{BARE_WORLD, NULL, "mx.test"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(snis); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_tlspolicy_result r;
		eval(snis[i].dns, snis[i].sts, 0, &arena, &r);
		assert_slice(r.verdicts[0].sni, snis[i].want);
		gp_arena_free(&arena);
	}
}

static void
an_address_is_no_name(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world("{}", &arena);
	struct gp_mx_query mq = {.domain = GP_SLICE("[192.0.2.1]")};
	struct gp_mx_result mx;
	struct gp_tlspolicy_result r;
	assert_int_equal(gp_mx_eval(&mq, world, &arena, &mx), GP_MX_DONE);
	struct gp_tlspolicy_query q = {
		.domain = mq.domain, .way = &mx.way, .targets = mx.targets, .targets_len = 1};
	assert_int_equal(gp_tlspolicy_eval(&q, world, &arena, &r), GP_TLSPOLICY_DONE);
	assert_int_equal(r.verdicts[0].level, GP_TLSPOLICY_OPPORTUNISTIC);
	assert_slice(r.verdicts[0].sni, "");
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
addresses_of_one_host_ask_once(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, 8, test_seed);
	struct gp_mx_way way = {GP_SLICE("d.test"), GP_SLICE("d.test"), true, true};
	struct gp_mx_target t = {.host = GP_SLICE("mx.test"),
				 .canonical = GP_SLICE("h.test"),
				 .secure = true,
				 .port = 25};
	struct gp_mx_target targets[] = {t, t, t};
	struct gp_tlspolicy_query q = {
		.domain = way.domain, .way = &way, .targets = targets, .targets_len = 3};
	struct gp_tlspolicy_result r;
	assert_int_equal(gp_tlspolicy_eval(&q, set, &arena, &r), GP_TLSPOLICY_NEED);
	assert_int_equal(r.need_len, 2);
	assert_slice(r.need[0].name, "_25._tcp.h.test");
	assert_slice(r.need[1].name, "_25._tcp.mx.test");
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static bool
same_proof(const struct gp_tlspolicy_verdict *a, const struct gp_tlspolicy_verdict *b)
{
	struct gp_buf x = GP_BUF_INIT(4096), y = GP_BUF_INIT(4096);
	gp_tlspolicy_put_proof(&x, a);
	gp_tlspolicy_put_proof(&y, b);
	assert_false(x.failed || y.failed);
	bool same = gp_slice_eq(gp_buf_slice(&x), gp_buf_slice(&y));
	gp_buf_free(&x);
	gp_buf_free(&y);
	return same;
}

static void
which_proofs_are_the_same(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_result dane, again, other, none, requiretls;
	eval(DANE_WORLD, NULL, 0, &arena, &dane);
	eval(DANE_WORLD, "testing mx.test", 0, &arena, &again);
	eval("{" MX "," HOST("mx.test") "," TLSA("mx.test", "[3, 0, 1, \"" D32 "\"]") "}", NULL, 0,
	     &arena, &other);
	eval(SIGNED_WORLD, NULL, 0, &arena, &none);
	eval(SIGNED_WORLD, NULL, GP_TLSPOLICY_REQUIRETLS, &arena, &requiretls);
	assert_true(same_proof(dane.verdicts, again.verdicts));
	assert_false(same_proof(dane.verdicts, other.verdicts));
	assert_false(same_proof(dane.verdicts, none.verdicts));
	assert_false(same_proof(none.verdicts, requiretls.verdicts));
	gp_arena_free(&arena);
}

static void
each_part_of_a_proof_counts(void **state)
{
	(void)state;
	static const struct gp_slice a[] = {{"a", 1}, {"b", 1}}, b[] = {{"a", 1}, {"c", 1}},
				     joined[] = {{"b", 1}, {"a", 1}, {"b", 1}};
	static const struct gp_dns_record one = {.usage = 3, .data = {"x", 1}},
					  other = {.usage = 3, .data = {"y", 1}};
	struct gp_tlspolicy_verdict v = {.host = a[0],
					 .sni = a[0],
					 .level = GP_TLSPOLICY_DANE,
					 .names = a,
					 .names_len = 2,
					 .records = &one,
					 .records_len = 1,
					 .fingerprints = a,
					 .fingerprints_len = 2};
	struct gp_tlspolicy_verdict parts[9];
	assert_true(same_proof(&v, &v));
	for (size_t i = 0; i < GP_ARRAY_LEN(parts); i++)
		parts[i] = v;
	parts[0].host = a[1];
	parts[1].sni = a[1];
	parts[2].level = GP_TLSPOLICY_STS;
	parts[3].names = b;
	parts[4].names_len = 1;
	parts[5].records = &other;
	parts[6].records_len = 0;
	parts[7].fingerprints = b;
	/* the same texts, cut elsewhere */
	parts[8].names_len = 1;
	parts[8].fingerprints = joined;
	parts[8].fingerprints_len = 3;
	for (size_t i = 0; i < GP_ARRAY_LEN(parts); i++) {
		if (same_proof(&v, &parts[i]))
			fail_msg("part %zu", i);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(DANE_WORLD, &arena);
	struct gp_mx_result mx;
	route(world, &arena, &mx);
	struct gp_tlspolicy_query q = make_query(0, &mx, &arena);
	q.sts.policy = make_sts("enforce mx.test", &arena);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_TLSPOLICY_DONE; max += 64) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_tlspolicy_result r;
		rc = gp_tlspolicy_eval(&q, world, &small, &r);
		assert_true(rc == GP_TLSPOLICY_DONE || rc == -ENOMEM);
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
		cmocka_unit_test(a_reply_that_passes_by_is_given_first),
		cmocka_unit_test(what_reports_quote),
		cmocka_unit_test(what_the_trail_says),
		cmocka_unit_test(which_name_the_handshake_asks_for),
		cmocka_unit_test(an_address_is_no_name),
		cmocka_unit_test(addresses_of_one_host_ask_once),
		cmocka_unit_test(which_proofs_are_the_same),
		cmocka_unit_test(each_part_of_a_proof_counts),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
