/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/tlspolicy/judge.h"

enum { ARENA_MAX = 1 << 16 };

#define FREE 0x01 /* nothing binds */
#define TLS 0x02  /* `encrypt` */
#define PROOF 0x04
#define REQUIRE 0x08

/* Sessions, by what they have. */
static const struct gp_tlspolicy_session sessions[] = {
	{GP_TLSPOLICY_UNUSED},
	{GP_TLSPOLICY_NOT_OFFERED},
	{GP_TLSPOLICY_REFUSED, .reason = {"454 later", 9}},
	{GP_TLSPOLICY_HANDSHAKE_FAILED, .reason = {"no shared cipher", 16}},
	{GP_TLSPOLICY_UP},
	{GP_TLSPOLICY_UP, GP_PROOF_GOOD, GP_PROOF_NOT_TRUSTED, GP_PROOF_NO_MATCH, true},
	{GP_TLSPOLICY_UP, GP_PROOF_NO_MATCH, GP_PROOF_GOOD, GP_PROOF_NO_MATCH, true},
	{GP_TLSPOLICY_UP, GP_PROOF_NO_MATCH, GP_PROOF_NOT_TRUSTED, GP_PROOF_GOOD, true},
	{GP_TLSPOLICY_UP, GP_PROOF_HOST_MISMATCH, GP_PROOF_HOST_MISMATCH, GP_PROOF_GOOD, true},
	{GP_TLSPOLICY_UP, GP_PROOF_EXPIRED, GP_PROOF_EXPIRED, GP_PROOF_GOOD, true},
	{GP_TLSPOLICY_UP,
	 GP_PROOF_BROKEN,
	 GP_PROOF_BROKEN,
	 GP_PROOF_GOOD,
	 true,
	 {"bad signature", 13}},
	{GP_TLSPOLICY_UP, GP_PROOF_GOOD, GP_PROOF_GOOD, GP_PROOF_GOOD, false},
};
enum {
	UNUSED,
	NOT_OFFERED,
	REFUSED,
	FAILED,
	UNCHECKED,
	DANE_OK,
	PKIX_OK,
	PIN_OK,
	WRONG_NAME,
	EXPIRED,
	BROKEN,
	ALL_OK,
};

/* want: the decision, with NEXT the reply; then what is counted for TLSA, STS and no policy. */
static const struct {
	uint8_t level, binds, session;
	const char *want;
} cases[] = {
	{GP_TLSPOLICY_NONE, FREE, UNUSED, "deliver | uncounted uncounted uncounted"},

	{GP_TLSPOLICY_OPPORTUNISTIC, FREE, NOT_OFFERED,
	 "clear mx.test does not offer TLS | starttls-not-supported starttls-not-supported "
	 "starttls-not-supported"},
	{GP_TLSPOLICY_OPPORTUNISTIC, FREE, REFUSED,
	 "clear mx.test refused to begin TLS: 454 later | validation-failure(454 later) "
	 "validation-failure(454 later) "
	 "validation-failure(454 later)"},
	{GP_TLSPOLICY_OPPORTUNISTIC, FREE, FAILED,
	 "clear mx.test failed in the TLS handshake: no shared cipher | validation-failure(no "
	 "shared cipher) validation-failure(no shared cipher) "
	 "validation-failure(no shared cipher)"},
	{GP_TLSPOLICY_OPPORTUNISTIC, FREE, UNCHECKED, "deliver | uncounted uncounted success"},
	{GP_TLSPOLICY_OPPORTUNISTIC, FREE, PKIX_OK, "deliver | tlsa-invalid success success"},

	{GP_TLSPOLICY_ENCRYPT, TLS, NOT_OFFERED,
	 "next 451 4.7.10 mx.test does not offer TLS | starttls-not-supported "
	 "starttls-not-supported starttls-not-supported"},
	{GP_TLSPOLICY_ENCRYPT, TLS, REFUSED,
	 "next 451 4.7.5 mx.test refused to begin TLS: 454 later | validation-failure(454 later) "
	 "validation-failure(454 later) validation-failure(454 later)"},
	{GP_TLSPOLICY_ENCRYPT, TLS, UNCHECKED, "deliver | uncounted uncounted success"},

	{GP_TLSPOLICY_DANE, PROOF, NOT_OFFERED,
	 "next 451 4.7.10 mx.test does not offer TLS | starttls-not-supported "
	 "starttls-not-supported starttls-not-supported"},
	{GP_TLSPOLICY_DANE, PROOF, FAILED,
	 "next 451 4.7.5 mx.test failed in the TLS handshake: no shared cipher | "
	 "validation-failure(no shared cipher) validation-failure(no shared cipher) "
	 "validation-failure(no shared cipher)"},
	{GP_TLSPOLICY_DANE, PROOF, UNCHECKED,
	 "next 451 4.7.5 mx.test has a certificate that was not checked | uncounted uncounted "
	 "success"},
	{GP_TLSPOLICY_DANE, PROOF, DANE_OK, "deliver | success certificate-not-trusted success"},
	{GP_TLSPOLICY_DANE, PROOF, PKIX_OK,
	 "next 451 4.7.5 mx.test has another certificate than was announced | tlsa-invalid "
	 "success success"},
	{GP_TLSPOLICY_DANE, PROOF, WRONG_NAME,
	 "next 451 4.7.5 mx.test has a certificate for another name | certificate-host-mismatch "
	 "certificate-host-mismatch success"},
	{GP_TLSPOLICY_DANE, FREE, PKIX_OK, "deliver | tlsa-invalid success success"},
	{GP_TLSPOLICY_DANE, FREE, NOT_OFFERED,
	 "clear mx.test does not offer TLS | starttls-not-supported starttls-not-supported "
	 "starttls-not-supported"},

	{GP_TLSPOLICY_STS, PROOF, PKIX_OK, "deliver | tlsa-invalid success success"},
	{GP_TLSPOLICY_STS, PROOF, DANE_OK,
	 "next 451 4.7.5 mx.test has a certificate of no authority that we know | success "
	 "certificate-not-trusted success"},
	{GP_TLSPOLICY_STS, PROOF, EXPIRED,
	 "next 451 4.7.5 mx.test has a certificate that has expired, or is not valid yet | "
	 "certificate-expired certificate-expired success"},
	{GP_TLSPOLICY_STS, PROOF, BROKEN,
	 "next 451 4.7.5 mx.test has a certificate that could not be verified: bad signature | "
	 "validation-failure(bad signature) validation-failure(bad signature) success"},
	{GP_TLSPOLICY_STS, FREE, EXPIRED,
	 "deliver | certificate-expired certificate-expired success"},
	{GP_TLSPOLICY_STS, FREE, FAILED,
	 "clear mx.test failed in the TLS handshake: no shared cipher | validation-failure(no "
	 "shared cipher) validation-failure(no shared cipher) "
	 "validation-failure(no shared cipher)"},
	{GP_TLSPOLICY_STS, TLS, EXPIRED,
	 "deliver | certificate-expired certificate-expired success"},
	{GP_TLSPOLICY_VERIFY, PROOF, WRONG_NAME,
	 "next 451 4.7.5 mx.test has a certificate for another name | certificate-host-mismatch "
	 "certificate-host-mismatch success"},
	{GP_TLSPOLICY_VERIFY, PROOF, ALL_OK, "deliver | success success success"},

	{GP_TLSPOLICY_FINGERPRINT, PROOF, PIN_OK,
	 "deliver | tlsa-invalid certificate-not-trusted success"},
	{GP_TLSPOLICY_FINGERPRINT, PROOF, PKIX_OK,
	 "next 451 4.7.5 mx.test has another certificate than was announced | tlsa-invalid "
	 "success success"},

	{GP_TLSPOLICY_VERIFY, REQUIRE, NOT_OFFERED,
	 "next 550 5.7.10 mx.test does not offer TLS | starttls-not-supported "
	 "starttls-not-supported starttls-not-supported"},
	{GP_TLSPOLICY_VERIFY, REQUIRE, REFUSED,
	 "next 451 4.7.5 mx.test refused to begin TLS: 454 later | validation-failure(454 later) "
	 "validation-failure(454 later) validation-failure(454 later)"},
	{GP_TLSPOLICY_VERIFY, REQUIRE, EXPIRED,
	 "next 550 5.7.10 mx.test has a certificate that has expired, or is not valid yet | "
	 "certificate-expired certificate-expired success"},
	{GP_TLSPOLICY_VERIFY, REQUIRE, ALL_OK,
	 "next 550 5.7.30 mx.test does not support REQUIRETLS, which the message was sent with | "
	 "success success success"},
	{GP_TLSPOLICY_DANE, REQUIRE, DANE_OK, "deliver | success certificate-not-trusted success"},
};

static struct gp_tlspolicy_verdict
make_verdict(uint8_t level, uint8_t binds)
{
	struct gp_tlspolicy_verdict v = {
		.host = GP_SLICE("mx.test"), .level = level, .reports_len = 3};
	v.encrypt = binds != FREE;
	v.binding = (binds & (PROOF | REQUIRE)) != 0;
	v.requiretls = binds == REQUIRE;
	for (uint8_t i = 0; i < 3; i++)
		v.reports[i].policy = GP_TLSRPT_TLSA + i;
	return v;
}

static struct gp_slice
show(const struct gp_tlspolicy_judgement *j, size_t reports, struct gp_arena *arena)
{
	static const char *const decisions[] = {[GP_TLSPOLICY_DELIVER] = "deliver",
						[GP_TLSPOLICY_CLEAR] = "clear",
						[GP_TLSPOLICY_NEXT] = "next"};
	struct gp_slice out = gp_slice_str(decisions[j->decision]);
	if (j->decision == GP_TLSPOLICY_NEXT)
		out = gp_arena_printf(arena, "next %d %d.%d.%d %.*s", j->reply.code,
				      j->reply.enhanced_class, j->reply.enhanced_subject,
				      j->reply.enhanced_detail, GP_SLICE_FMT(j->reply.text));
	if (j->decision == GP_TLSPOLICY_CLEAR)
		out = gp_arena_printf(arena, "clear %.*s", GP_SLICE_FMT(j->reply.text));
	for (size_t i = 0; i < reports; i++) {
		struct gp_slice why = j->counts[i].reason;
		out = gp_arena_printf(
			arena, "%.*s%s%s%s%.*s%s", GP_SLICE_FMT(out), i > 0 ? " " : " | ",
			gp_tlsrpt_result_name(j->counts[i].result), why.len > 0 ? "(" : "",
			GP_SLICE_FMT(why), why.len > 0 ? ")" : "");
	}
	return out;
}

static void
each_session(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_tlspolicy_verdict v = make_verdict(cases[i].level, cases[i].binds);
		struct gp_tlspolicy_judgement j;
		assert_int_equal(gp_tlspolicy_judge(&v, &sessions[cases[i].session], &arena, &j),
				 0);
		struct gp_slice shown = show(&j, 3, &arena);
		if (!gp_slice_eq(shown, gp_slice_str(cases[i].want)))
			fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(shown));
		gp_arena_free(&arena);
	}
}

/* Whatever the session: what binds is never let through without, and nothing else is held up. */
static void
every_level_with_every_session(void **state)
{
	(void)state;
	static const uint8_t binds[] = {FREE, TLS, PROOF, REQUIRE};
	for (size_t n = 0; n < GP_ARRAY_LEN(sessions) * 4 * 7; n++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		const struct gp_tlspolicy_session *s = &sessions[n / 28];
		struct gp_tlspolicy_verdict v = make_verdict((uint8_t)(n % 7), binds[n / 7 % 4]);
		struct gp_tlspolicy_judgement j;
		assert_int_equal(gp_tlspolicy_judge(&v, s, &arena, &j), 0);
		if (v.encrypt && s->stage != GP_TLSPOLICY_UP)
			assert_int_equal(j.decision, GP_TLSPOLICY_NEXT);
		if (!v.encrypt)
			assert_int_not_equal(j.decision, GP_TLSPOLICY_NEXT);
		if (v.requiretls && !s->requiretls_offered)
			assert_int_equal(j.decision, GP_TLSPOLICY_NEXT);
		if (s->stage == GP_TLSPOLICY_UP)
			assert_int_not_equal(j.decision, GP_TLSPOLICY_CLEAR);
		assert_int_equal(j.decision == GP_TLSPOLICY_NEXT, j.reply.code != 0);
		gp_arena_free(&arena);
	}
}

static void
what_fails_before_any_session(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_judgement j;
	struct gp_tlspolicy_verdict v = {
		.host = GP_SLICE("mx.test"),
		.skip = true,
		.reply = GP_REPLY(451, 4, 7, 5, "why"),
		.reports = {{GP_TLSRPT_STS, GP_TLSRPT_VALIDATION_FAILURE, "mx-not-in-policy"},
			    {GP_TLSRPT_NO_POLICY}},
		.reports_len = 2};
	assert_int_equal(gp_tlspolicy_judge(&v, NULL, &arena, &j), 0);
	assert_slice(show(&j, 2, &arena),
		     "next 451 4.7.5 why | validation-failure(mx-not-in-policy) uncounted");
	gp_arena_free(&arena);
}

static void
what_failed_before_stays_failed(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlspolicy_judgement j;
	struct gp_tlspolicy_verdict v = make_verdict(GP_TLSPOLICY_OPPORTUNISTIC, FREE);
	v.reports[1].failure = GP_TLSRPT_STS_POLICY_FETCH_ERROR;
	assert_int_equal(gp_tlspolicy_judge(&v, &sessions[ALL_OK], &arena, &j), 0);
	assert_slice(show(&j, 3, &arena), "deliver | success sts-policy-fetch-error success");
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena none = GP_ARENA_INIT(0);
	struct gp_tlspolicy_verdict v = make_verdict(GP_TLSPOLICY_DANE, PROOF);
	struct gp_tlspolicy_judgement j;
	assert_int_equal(gp_tlspolicy_judge(&v, &sessions[NOT_OFFERED], &none, &j), -ENOMEM);
	assert_int_equal(gp_tlspolicy_judge(&v, &sessions[PKIX_OK], &none, &j), -ENOMEM);
	assert_int_equal(gp_tlspolicy_judge(&v, &sessions[ALL_OK], &none, &j), 0);
	gp_arena_free(&none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_session),
		cmocka_unit_test(every_level_with_every_session),
		cmocka_unit_test(what_fails_before_any_session),
		cmocka_unit_test(what_failed_before_stays_failed),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
