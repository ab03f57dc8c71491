/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/dmarcrpt/message.h"

enum { NONE = GP_DMARC_P_NONE, JUNK = GP_DMARC_P_QUARANTINE, REJ = GP_DMARC_P_REJECT };
enum { TAKE = GP_AUTHPOLICY_ACCEPT, MARK = GP_AUTHPOLICY_QUARANTINE, NO = GP_AUTHPOLICY_REFUSE };

/* The record's p, whether with t=y; the verdict; what was done: what is told. */
static const struct {
	uint8_t p;
	bool testing;
	uint8_t verdict, action; /* gp_dmarc_verdict, gp_authpolicy_action */
	const char *disposition, *override;
} cases[] = {
	{NONE, false, GP_DMARC_PASS, TAKE, "none", ""},
	{REJ, false, GP_DMARC_PASS, TAKE, "pass", ""},
	{NONE, false, GP_DMARC_FAIL, TAKE, "none", ""},
	{JUNK, false, GP_DMARC_FAIL, MARK, "quarantine", ""},
	{REJ, false, GP_DMARC_FAIL, NO, "reject", ""},
	/* as we are configured, or as something else decided */
	{REJ, false, GP_DMARC_FAIL, TAKE, "none", "local_policy"},
	{REJ, false, GP_DMARC_FAIL, MARK, "quarantine", "local_policy"},
	{NONE, false, GP_DMARC_FAIL, NO, "reject", "local_policy"},
	{REJ, false, GP_DMARC_PASS, NO, "reject", "local_policy"},
	/* one step milder */
	{REJ, true, GP_DMARC_FAIL, MARK, "quarantine", "policy_test_mode"},
	{JUNK, true, GP_DMARC_FAIL, TAKE, "none", "policy_test_mode"},
	{NONE, true, GP_DMARC_FAIL, TAKE, "none", ""},
	{REJ, true, GP_DMARC_FAIL, TAKE, "none", "local_policy"},
	{REJ, false, GP_DMARC_TEMPERROR, TAKE, "none", "other"},
	{NONE, false, GP_DMARC_TEMPERROR, TAKE, "none", ""},
};

/* A message of which something is told, to be changed. */
struct sample {
	struct gp_arena arena;
	struct gp_dmarc_record record;
	struct gp_dmarc_result dmarc;
	struct gp_spf_result spf;
	struct gp_verify_query query;
	struct gp_verify_facts facts;
	struct gp_authpolicy_decision decision;
	struct gp_dmarcrpt_policy policy;
	struct gp_dmarcrpt_row row;
};

static void
sample_open(struct sample *s, uint8_t p, bool testing, uint8_t verdict)
{
	uint8_t counts = testing && p > NONE ? (uint8_t)(p - 1) : p;
	*s = (struct sample){
		.arena = GP_ARENA_INIT(1 << 16),
		.record = {.applies = true, .p = p, .testing = testing, .rua.len = 1},
		.spf = {.verdict = GP_SPF_SOFTFAIL, .domain = GP_SLICE("bounce.example.com")},
		.query = {.address = {192, 0, 2, 1},
			  .address_len = 4,
			  .sender = GP_SLICE("me@BOUNCE.example.com")},
	};
	s->dmarc = (struct gp_dmarc_result){
		.verdict = verdict,
		.from_domain = GP_SLICE("example.com"),
		.org_domain = GP_SLICE("example.com"),
		.policy_domain = GP_SLICE("example.com"),
		.record = &s->record,
		.policy = counts,
		.disposition = verdict == GP_DMARC_FAIL ? counts : (uint8_t)NONE,
		.spf_aligned = verdict == GP_DMARC_PASS,
	};
	s->facts = (struct gp_verify_facts){.mail_from = &s->spf, .dmarc = &s->dmarc};
}

static int
tell(struct sample *s)
{
	return gp_dmarcrpt_of_message(&s->query, &s->facts, &s->decision, &s->arena, &s->policy,
				      &s->row);
}

static void
what_was_done_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct sample s;
		sample_open(&s, cases[i].p, cases[i].testing, cases[i].verdict);
		s.decision.action = cases[i].action;
		assert_int_equal(tell(&s), 0);
		assert_string_equal(gp_dmarcrpt_disposition_name(s.row.disposition),
				    cases[i].disposition);
		assert_string_equal(gp_dmarcrpt_override_name(s.row.override), cases[i].override);
		gp_arena_free(&s.arena);
	}
}

/* A trusted sealer is our policy, and of its own kind in our records. */
static void
who_vouches_is_told(void **state)
{
	struct sample s;
	(void)state;
	sample_open(&s, REJ, false, GP_DMARC_FAIL);
	s.decision = (struct gp_authpolicy_decision){.by = "arc", .sealer = GP_SLICE("list.test")};
	assert_int_equal(tell(&s), 0);
	assert_int_equal(s.row.override, GP_DMARCRPT_ARC);
	assert_int_equal(s.row.disposition, GP_DMARCRPT_NONE);
	assert_string_equal(gp_dmarcrpt_override_name(s.row.override), "arc");
	assert_string_equal(gp_dmarcrpt_override_type(s.row.override), "local_policy");
	assert_string_equal(gp_dmarcrpt_override_type(GP_DMARCRPT_OTHER), "other");
	gp_arena_free(&s.arena);
}

static void
what_stands_beside_it(void **state)
{
	struct sample s;
	(void)state;
	sample_open(&s, REJ, false, GP_DMARC_PASS);
	s.record.flaws[0] = GP_SLICE("sp=maybe");
	s.record.flaws_len = 1;
	assert_int_equal(tell(&s), 0);
	assert_slice(s.row.source, "192.0.2.1");
	assert_slice(s.row.header_from, "example.com");
	assert_slice(s.row.envelope_from, "bounce.example.com");
	assert_slice(s.row.spf_domain, "bounce.example.com");
	assert_int_equal(s.row.spf, GP_SPF_SOFTFAIL);
	assert_true(s.row.spf_aligned && !s.row.dkim_aligned);
	assert_slice(s.policy.domain, "example.com");
	assert_slice(s.policy.flaw, "sp=maybe");
	/* sp stands for p where it is left out, np for sp */
	assert_true(s.policy.p == REJ && s.policy.sp == REJ && s.policy.np == REJ);
	s.record.sp = NONE;
	assert_int_equal(tell(&s), 0);
	assert_true(s.policy.p == REJ && s.policy.sp == NONE && s.policy.np == NONE);
	s.query.sender = GP_SLICE("");
	s.query.address_len = 16;
	assert_int_equal(tell(&s), 0);
	assert_slice(s.row.source, "c000:201::");
	assert_slice(s.row.envelope_from, "");
	s.query.sender = GP_SLICE("me@[192.0.2.1]");
	assert_int_equal(tell(&s), 0);
	assert_slice(s.row.envelope_from, "");
	gp_arena_free(&s.arena);
}

static void
nothing_is_told(void **state)
{
	struct sample s;
	(void)state;
	sample_open(&s, REJ, false, GP_DMARC_TEMPERROR);
	s.decision.action = GP_AUTHPOLICY_DEFER;
	assert_int_equal(tell(&s), 1);
	s.decision.action = GP_AUTHPOLICY_ACCEPT;
	assert_int_equal(tell(&s), 0);
	s.record.rua.len = 0;
	assert_int_equal(tell(&s), 1);
	s.dmarc.record = NULL;
	assert_int_equal(tell(&s), 1);
	s.facts.dmarc = NULL;
	assert_int_equal(tell(&s), 1);
	gp_arena_free(&s.arena);
}

/* d=, s= and the result of those that came; in which order they are told. */
static void
signatures_that_say_most_come_first(void **state)
{
	static const struct gp_dkim_signature came[] = {
		{.domain = {"other.example", 13}, .selector = {"fails", 5}},
		{.domain = {"other.example", 13}, .selector = {"passes", 6}},
		{.domain = {"mail.example.com", 16}, .selector = {"relaxed", 7}},
		{.domain = {"example.com", 11}, .selector = {"strict", 6}},
		{.domain = {"example.com", 11}},
		{.domain = {"two words", 9}, .selector = {"s", 1}},
		{.domain = {"example.com", 11}, .selector = {"two\nlines", 9}},
		{.domain = {"notexample.com", 14}, .selector = {"near", 4}},
		{.domain = {"example.com", 11}, .selector = {"broken", 6}},
	};
	static const uint8_t results[] = {
		GP_DKIM_FAIL, GP_DKIM_PASS, GP_DKIM_PASS, GP_DKIM_PASS,      GP_DKIM_PASS,
		GP_DKIM_PASS, GP_DKIM_PASS, GP_DKIM_PASS, GP_DKIM_TEMPERROR,
	};
	static_assert(GP_ARRAY_LEN(results) == GP_ARRAY_LEN(came));
	static const char *const want[] = {"strict", "relaxed", "passes", "near", "fails"};
	struct gp_dkim_verdict verdicts[GP_ARRAY_LEN(came)] = {};
	struct sample s;
	(void)state;
	sample_open(&s, NONE, false, GP_DMARC_PASS);
	for (size_t i = 0; i < GP_ARRAY_LEN(came); i++) {
		verdicts[i].signature = &came[i];
		verdicts[i].result = results[i];
	}
	s.facts.dkim = verdicts;
	s.facts.dkim_len = GP_ARRAY_LEN(came);
	assert_int_equal(tell(&s), 0);
	assert_int_equal(s.row.signatures_len, GP_ARRAY_LEN(want));
	for (size_t i = 0; i < GP_ARRAY_LEN(want); i++)
		assert_slice(s.row.signatures[i].selector, want[i]);
	gp_arena_free(&s.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_done_and_why),
		cmocka_unit_test(who_vouches_is_told),
		cmocka_unit_test(what_stands_beside_it),
		cmocka_unit_test(nothing_is_told),
		cmocka_unit_test(signatures_that_say_most_come_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
