/* SPDX-License-Identifier: Apache-2.0 */
/* From a verification to the verdict: whom SPF is about, what counts, what others claim. */
#include "../unit.h"

#include <string.h>

#include "core/headers/headers.h"

enum { ARENA_MAX = 8 << 20, NOW_S = 1795315607 };

static const struct gp_slice our_hosts[] = {GP_SLICE("mx.our.test")};

#define AT "; Sun, 22 Nov 2026 02:46:40 +0000\r\n"
#define BY " by mx.our.test with ESMTPS id aa" AT
#define STRANGER "Received: from a.far.test (b.far.test [198.51.100.7])" BY
#define FAR "From: Al <al@far.test>\r\n"
#define PATH "Return-Path: <al@far.test>\r\n"

static void
read_message(const char *text, struct gp_arena *arena, struct gp_headers *ret)
{
	struct gp_headers_query query = {.trust = {.hosts = our_hosts, .hosts_len = 1},
					 .now_s = NOW_S};
	struct gp_slice message = gp_arena_printf(arena, "%s\r\nbody", text);
	assert_int_equal(gp_headers_read(message, &query, arena, ret), 0);
}

static void
assert_text(struct gp_slice s, const char *want)
{
	if (!gp_slice_eq(s, gp_slice_str(want)))
		fail_msg("%.*s, not %s", GP_SLICE_FMT(s), want);
}

/* --- whom SPF is about --- */

static void
the_client_of_the_boundary(void **state)
{
	static const struct {
		const char *message;
		const char *why; /* a part of it; NULL: SPF can be asked */
		const char *sender, *helo;
		uint8_t address[4];
	} cases[] = {
		{PATH STRANGER FAR, NULL, "al@far.test", "a.far.test", {198, 51, 100, 7}},
		{"Return-Path: <>\r\n" STRANGER FAR, NULL, "", "a.far.test", {198, 51, 100, 7}},
		/* What a trusted host wrote, before what anybody may have written. */
		{"Received: from a.far.test ([198.51.100.7]) (envelope-from <x@list.test>)" BY PATH
			 FAR,
		 NULL,
		 "x@list.test",
		 "a.far.test",
		 {198, 51, 100, 7}},
		/* The boundary, and not the newest or the oldest hop. */
		{"Received: from mx.our.test (mx.our.test [127.0.0.1])" BY PATH
		 "Received: from h.test (h.test [192.0.2.9])" BY
		 "Received: from z (z [203.0.113.1]) by h.test" AT FAR,
		 NULL,
		 "al@far.test",
		 "h.test",
		 {192, 0, 2, 9}},
		{STRANGER FAR, "envelope's sender", "", "", {}},
		{PATH FAR, "no trusted hop", "", "", {}},
		{PATH "Received: from a.far.test ([198.51.100.7]) by mx.far.test id a" AT FAR,
		 "no trusted hop",
		 "",
		 "",
		 {}},
		{PATH "Received: from pc ([198.51.100.7]) by mx.our.test with ESMTPSA id a" AT FAR,
		 "logged in",
		 "",
		 "",
		 {}},
		{PATH "Received: by mx.our.test (Postfix, from userid 0) id a" AT FAR,
		 "no address",
		 "",
		 "",
		 {}},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers h;
		struct gp_verify_query q = {};
		read_message(cases[i].message, &arena, &h);
		const char *why = gp_headers_client(&h, &q);
		if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
			fail_msg("%s: %s", cases[i].message, why ? why : "no reason");
		assert_int_equal(q.address_len, why ? 0 : 4);
		assert_memory_equal(q.address, cases[i].address, 4);
		if (!why) {
			assert_text(q.sender, cases[i].sender);
			assert_text(q.helo, cases[i].helo);
		}
		gp_arena_free(&arena);
	}
}

/* --- what counts --- */

/* Facts of one SPF result, up to two signatures, DMARC and ARC. */
struct facts {
	uint8_t spf, dkim[2], dmarc, arc;
	const char *spf_domain, *dkim_domain[2]; /* NULL: far.test */
	bool record, partial, trouble;
	const char *trick;
};

static struct gp_slice
domain(const char *name)
{
	return gp_slice_str(name ? name : "far.test");
}

static struct gp_verify_facts
make_facts(const struct facts *f, struct gp_arena *arena)
{
	struct gp_spf_result *spf = gp_arena_new(arena, struct gp_spf_result);
	struct gp_dmarc_result *dmarc = gp_arena_new(arena, struct gp_dmarc_result);
	struct gp_arc_verdict *arc = gp_arena_new(arena, struct gp_arc_verdict);
	struct gp_dkim_verdict *dkim = gp_arena_array(arena, 2, sizeof(*dkim));
	static const struct gp_dmarc_record record;
	struct gp_verify_facts facts = {.dkim = dkim, .from_trick = f->trick};
	*spf = (struct gp_spf_result){
		.verdict = f->spf, .domain = domain(f->spf_domain), .reason = GP_SLICE("so it is")};
	for (size_t i = 0; i < 2 && f->dkim[i] != 0; i++) {
		struct gp_dkim_signature *s = gp_arena_new(arena, struct gp_dkim_signature);
		s->domain = domain(f->dkim_domain[i]);
		dkim[i] = (struct gp_dkim_verdict){
			.result = f->dkim[i], .signature = s, .partial = f->partial};
		facts.dkim_len++;
	}
	*dmarc = (struct gp_dmarc_result){.verdict = f->dmarc,
					  .from_domain = domain(NULL),
					  .reason = GP_SLICE("nothing is aligned"),
					  .record = f->record ? &record : NULL};
	dmarc->dkim_aligned = f->dmarc == GP_DMARC_PASS;
	arc->result = f->arc ? f->arc : GP_ARC_NONE;
	arc->trouble = f->trouble;
	facts.mail_from = spf;
	facts.author.domain = domain(NULL);
	facts.dmarc = dmarc;
	facts.arc = arc;
	return facts;
}

static void
facts_become_results(void **state)
{
	static const struct {
		struct facts facts;
		struct gp_verified want;
		uint8_t verdict;
	} cases[] = {
		{{.spf = GP_SPF_FAIL, .dmarc = GP_DMARC_FAIL, .record = true},
		 {GP_VERIFIED_FAIL, GP_VERIFIED_NONE, GP_VERIFIED_FAIL, GP_VERIFIED_NONE},
		 GP_VERDICT_SPOOFED},
		{{.spf = GP_SPF_SOFTFAIL,
		  .dkim = {GP_DKIM_PASS},
		  .dmarc = GP_DMARC_PASS,
		  .record = true},
		 {GP_VERIFIED_FAIL, GP_VERIFIED_PASS, GP_VERIFIED_PASS, GP_VERIFIED_NONE,
		  .dkim_aligned = true},
		 GP_VERDICT_AUTHENTIC},
		/* The best signature counts, wherever it stands. */
		{{.dkim = {GP_DKIM_FAIL, GP_DKIM_PASS}, .dkim_domain = {NULL, "list.test"}},
		 {GP_VERIFIED_NONE, GP_VERIFIED_PASS, GP_VERIFIED_NONE, GP_VERIFIED_NONE},
		 GP_VERDICT_UNAUTHENTICATED},
		{{.dkim = {GP_DKIM_PASS, GP_DKIM_FAIL}},
		 {GP_VERIFIED_NONE, GP_VERIFIED_PASS, GP_VERIFIED_NONE, GP_VERIFIED_NONE,
		  .dkim_aligned = true},
		 GP_VERDICT_AUTHENTIC},
		{{.dkim = {GP_DKIM_TEMPERROR, GP_DKIM_FAIL}},
		 {GP_VERIFIED_NONE, GP_VERIFIED_UNKNOWN, GP_VERIFIED_NONE, GP_VERIFIED_NONE},
		 GP_VERDICT_UNKNOWN},
		/* A part of the body may be anybody's. */
		{{.dkim = {GP_DKIM_PASS}, .partial = true},
		 {GP_VERIFIED_NONE, GP_VERIFIED_FAIL, GP_VERIFIED_NONE, GP_VERIFIED_NONE},
		 GP_VERDICT_UNAUTHENTICATED},
		/* Without a record the names have to do. */
		{{.spf = GP_SPF_PASS, .spf_domain = "bounce.far.test"},
		 {GP_VERIFIED_PASS, GP_VERIFIED_NONE, GP_VERIFIED_NONE, GP_VERIFIED_NONE,
		  .spf_aligned = true},
		 GP_VERDICT_AUTHENTIC},
		{{.spf = GP_SPF_PASS, .spf_domain = "else.test"},
		 {GP_VERIFIED_PASS, GP_VERIFIED_NONE, GP_VERIFIED_NONE, GP_VERIFIED_NONE},
		 GP_VERDICT_UNAUTHENTICATED},
		{{.spf = GP_SPF_TEMPERROR, .dmarc = GP_DMARC_TEMPERROR},
		 {GP_VERIFIED_UNKNOWN, GP_VERIFIED_NONE, GP_VERIFIED_UNKNOWN, GP_VERIFIED_NONE},
		 GP_VERDICT_UNKNOWN},
		{{.dmarc = GP_DMARC_FAIL, .arc = GP_ARC_PASS},
		 {GP_VERIFIED_NONE, GP_VERIFIED_NONE, GP_VERIFIED_FAIL, GP_VERIFIED_PASS},
		 GP_VERDICT_SPOOFED},
		/* From is read in two ways: whatever passed, it passed for one of them. */
		{{.dkim = {GP_DKIM_PASS},
		  .dmarc = GP_DMARC_PASS,
		  .record = true,
		  .trick = "it names a group"},
		 {GP_VERIFIED_NONE, GP_VERIFIED_PASS, GP_VERIFIED_PASS, GP_VERIFIED_NONE,
		  .dkim_aligned = true},
		 GP_VERDICT_UNAUTHENTICATED},
		/* And a trick makes nothing milder of what fails. */
		{{.dmarc = GP_DMARC_FAIL, .record = true, .trick = "it names a group"},
		 {GP_VERIFIED_NONE, GP_VERIFIED_NONE, GP_VERIFIED_FAIL, GP_VERIFIED_NONE},
		 GP_VERDICT_SPOOFED},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers h;
		struct gp_verified v;
		const struct gp_verified *want = &cases[i].want;
		struct gp_verify_facts facts = make_facts(&cases[i].facts, &arena);
		read_message(PATH STRANGER FAR, &arena, &h);
		assert_int_equal(gp_headers_verified(&facts, &arena, &v), 0);
		if (v.spf != want->spf || v.dkim != want->dkim || v.dmarc != want->dmarc ||
		    v.arc != want->arc || v.spf_aligned != want->spf_aligned ||
		    v.dkim_aligned != want->dkim_aligned)
			fail_msg("case %zu: %d %d %d %d, %d %d", i, v.spf, v.dkim, v.dmarc, v.arc,
				 v.spf_aligned, v.dkim_aligned);
		assert_int_equal(gp_headers_judge(&h, &v, &arena), 0);
		if (h.verdict != cases[i].verdict)
			fail_msg("case %zu: %s", i, gp_verdict_name(h.verdict));
		gp_arena_free(&arena);
	}
}

/* --- claims --- */

static void
claims_are_held_against_it(void **state)
{
	static const struct {
		const char *claim; /* by another host */
		struct facts facts;
		const char *finding; /* NULL: none */
	} cases[] = {
		{"dkim=pass header.d=far.test", {.dkim = {GP_DKIM_FAIL}}, "auth.claim_differs"},
		{"dkim=pass header.i=@mail.far.test",
		 {.dkim = {GP_DKIM_FAIL}},
		 "auth.claim_differs"},
		{"dkim=pass header.d=far.test", {.dkim = {GP_DKIM_PASS}}, NULL},
		{"dkim=pass header.d=far.test", {.dkim = {GP_DKIM_FAIL, GP_DKIM_PASS}}, NULL},
		{"dkim=pass header.d=far.test", {.dkim = {GP_DKIM_TEMPERROR}}, NULL},
		{"dkim=fail header.d=far.test", {.dkim = {GP_DKIM_FAIL}}, NULL},
		/* A signature that is gone, or never was. */
		{"dkim=pass header.d=far.test", {}, "auth.claim_differs"},
		{"dkim=pass header.d=far.test",
		 {.dkim = {GP_DKIM_PASS}, .dkim_domain = {"list.test"}},
		 "auth.claim_differs"},
		{"dmarc=pass header.from=far.test", {.dmarc = GP_DMARC_FAIL}, "auth.claim_differs"},
		{"dmarc=pass", {.dmarc = GP_DMARC_FAIL}, "auth.claim_differs"},
		{"dmarc=pass header.from=else.test", {.dmarc = GP_DMARC_FAIL}, NULL},
		{"dmarc=pass header.from=far.test", {.dmarc = GP_DMARC_TEMPERROR}, NULL},
		{"spf=pass smtp.mailfrom=al@far.test",
		 {.spf = GP_SPF_FAIL},
		 "auth.spf_claim_differs"},
		{"spf=pass smtp.mailfrom=al@else.test", {.spf = GP_SPF_FAIL}, NULL},
		{"arc=pass", {.arc = GP_ARC_FAIL}, "auth.claim_differs"},
		{"arc=pass", {.arc = GP_ARC_PASS}, NULL},
		{"arc=pass", {.arc = GP_ARC_FAIL, .trouble = true}, NULL},
		{"iprev=pass", {}, NULL},
	};
	static const char *const ids[] = {"auth.claim_differs", "auth.spf_claim_differs"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers h;
		struct gp_verified v;
		struct gp_verify_facts facts = make_facts(&cases[i].facts, &arena);
		struct gp_slice text = gp_arena_printf(
			&arena, PATH STRANGER "Authentication-Results: mx.else.test; %s\r\n" FAR,
			cases[i].claim);
		read_message(gp_arena_str(&arena, text), &arena, &h);
		assert_int_equal(gp_headers_verified(&facts, &arena, &v), 0);
		assert_int_equal(gp_headers_judge(&h, &v, &arena), 0);
		for (size_t k = 0; k < GP_ARRAY_LEN(ids); k++) {
			bool want = cases[i].finding && strcmp(cases[i].finding, ids[k]) == 0;
			if (want != (gp_finding_of(&h.findings, ids[k]) != NULL))
				fail_msg("%zu, %s: %s", i, cases[i].claim, ids[k]);
		}
		gp_arena_free(&arena);
	}
}

/* One in our name that a stranger wrote is a forgery already; one of ours is held against it. */
static void
claims_in_our_name(void **state)
{
	static const struct {
		const char *message;
		bool differs;
	} cases[] = {
		{PATH STRANGER "Authentication-Results: mx.our.test; dmarc=pass\r\n" FAR, false},
		{"Authentication-Results: mx.our.test; dmarc=pass\r\n" PATH STRANGER FAR, true},
	};
	static const struct facts fails = {.dmarc = GP_DMARC_FAIL};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers h;
		struct gp_verified v;
		struct gp_verify_facts facts = make_facts(&fails, &arena);
		read_message(cases[i].message, &arena, &h);
		assert_int_equal(gp_headers_verified(&facts, &arena, &v), 0);
		assert_int_equal(gp_headers_judge(&h, &v, &arena), 0);
		assert_int_equal(h.verdict, GP_VERDICT_SPOOFED);
		assert_false(h.verified_before);
		assert_int_equal(gp_finding_of(&h.findings, "auth.claim_differs") != NULL,
				 cases[i].differs);
		assert_int_equal(gp_finding_of(&h.findings, "auth.forged_results") != NULL,
				 !cases[i].differs);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_of_the_boundary),
		cmocka_unit_test(facts_become_results),
		cmocka_unit_test(claims_are_held_against_it),
		cmocka_unit_test(claims_in_our_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
