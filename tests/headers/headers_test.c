/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts: each rule, the rule before it, and what takes precedence. */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "core/headers/headers.h"

enum { ARENA_MAX = 8 << 20, NOW_S = 1795315607 };

static const struct gp_slice our_hosts[] = {GP_SLICE("mx.our.test")};
static const struct gp_slice our_domains[] = {GP_SLICE("gatepost.test")};

#define AT "; Sun, 22 Nov 2026 02:46:40 +0000\r\n"
#define STRANGER                                                                     \
	"Received: from a.far.test (a.far.test [198.51.100.7]) by mx.our.test with " \
	"ESMTPS id aa" AT
#define LOGIN "Received: from pc ([198.51.100.9]) by mx.our.test with ESMTPSA id 0Jx6Yk3ZqAb" AT
#define OURS "From: Al <al@gatepost.test>\r\n"
#define FAR "From: Al <al@far.test>\r\n"
#define RESULT(text) "Authentication-Results: mx.our.test; " text "\r\n"
#define SIGNED "DKIM-Signature: d=far.test; s=x\r\n"

struct want {
	const char *message;
	uint8_t verdict;
	const char *first; /* how the first reason begins */
};

static void
check(const struct want *want, const struct gp_verified *verified, bool trust)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_headers h;
	struct gp_headers_query query = {.own = our_domains, .own_len = 1, .now_s = NOW_S};
	if (trust)
		query.trust = (struct gp_trust){.hosts = our_hosts, .hosts_len = 1};
	struct gp_slice message = gp_arena_printf(&arena, "%s\r\nbody", want->message);
	assert_int_equal(gp_headers_read(message, &query, &arena, &h), 0);
	assert_int_equal(gp_headers_judge(&h, verified, &arena), 0);
	if (h.verdict != want->verdict)
		fail_msg("%s: %s", want->message, gp_verdict_name(h.verdict));
	assert_true(h.reasons_len > 0);
	if (!gp_slice_starts(h.reasons[0], gp_slice_str(want->first)))
		fail_msg("%s: %.*s", want->message, GP_SLICE_FMT(h.reasons[0]));
	gp_arena_free(&arena);
}

static void
without_verification(void **state)
{
	static const struct want cases[] = {
		{STRANGER FAR SIGNED, GP_VERDICT_UNKNOWN, "not verified: 1 DKIM"},
		{STRANGER FAR, GP_VERDICT_UNKNOWN, "not verified: 0 DKIM"},
		{STRANGER "Return-Path: <x@else.test>\r\n" FAR, GP_VERDICT_UNAUTHENTICATED,
		 "nothing in it could prove From"},
		{STRANGER OURS, GP_VERDICT_UNKNOWN, "not verified"},
		{"", GP_VERDICT_UNAUTHENTICATED, "no From"},
		{STRANGER FAR FAR, GP_VERDICT_UNAUTHENTICATED, "more than one From"},
		{STRANGER "From: a@b@c\r\n", GP_VERDICT_UNAUTHENTICATED, "From has no single"},
		/* A login of ours. */
		{LOGIN OURS, GP_VERDICT_AUTHENTIC,
		 "it was submitted with a login at mx.our.test, queue id 0Jx6Yk3ZqAb, from "
		 "[198.51.100.9]"},
		{LOGIN OURS "Reply-To: x@else.test\r\n", GP_VERDICT_COMPROMISED,
		 "it was submitted with a login"},
		{"X-Spam-Flag: YES\r\n" LOGIN OURS, GP_VERDICT_COMPROMISED,
		 "it was submitted with a login"},
		{LOGIN "From: \"PayPal\" <al@gatepost.test>\r\n", GP_VERDICT_COMPROMISED,
		 "it was submitted with a login"},
		{LOGIN "From: a@gatep0st.test\r\n", GP_VERDICT_COMPROMISED,
		 "it was submitted with a login"},
		/* The same field below the boundary is anybody's. */
		{STRANGER LOGIN OURS, GP_VERDICT_SPOOFED, "a trace field in our name"},
		{STRANGER LOGIN FAR, GP_VERDICT_UNKNOWN, "not verified"},
		{STRANGER RESULT("dmarc=pass") OURS, GP_VERDICT_SPOOFED, "authentication results"},
		{STRANGER RESULT("dmarc=pass") FAR, GP_VERDICT_UNKNOWN, "not verified"},
		/* Likeness needs no proof, and a proof does not help it. */
		{STRANGER "From: a@gatep0st.test\r\n", GP_VERDICT_LOOKALIKE, "a domain that looks"},
		{RESULT("dmarc=pass header.from=gatep0st.test") STRANGER "From: "
									 "a@gatep0st.test\r\n",
		 GP_VERDICT_LOOKALIKE, "a domain that looks"},
		/* What our gateway found. */
		{RESULT("dmarc=pass header.from=far.test; dkim=pass header.d=far.test")
			 STRANGER FAR,
		 GP_VERDICT_AUTHENTIC, "DMARC passes for far.test, as our gateway found"},
		{RESULT("dmarc=fail") STRANGER FAR, GP_VERDICT_SPOOFED, "DMARC fails for far.test"},
		{RESULT("dmarc=fail") RESULT("dmarc=pass") STRANGER FAR, GP_VERDICT_SPOOFED,
		 "DMARC fails for far.test"},
		{RESULT("dmarc=pass header.from=else.test") STRANGER FAR, GP_VERDICT_UNKNOWN,
		 "not verified"},
		{RESULT("dmarc=none; spf=pass smtp.mailfrom=a@far.test") STRANGER FAR,
		 GP_VERDICT_AUTHENTIC, "there is no policy"},
		{RESULT("dmarc=none; spf=pass smtp.mailfrom=a@else.test") STRANGER FAR,
		 GP_VERDICT_UNAUTHENTICATED, "nothing passes"},
		{RESULT("dmarc=temperror") STRANGER FAR, GP_VERDICT_UNKNOWN, "the DNS did not"},
		{RESULT("dmarc=pass; dkim=pass header.d=far.test") STRANGER
		 "Return-Path: <x@list.test>\r\n" FAR,
		 GP_VERDICT_AUTHENTIC_FORWARDED, "DMARC passes"},
		{RESULT("dmarc=pass") STRANGER FAR FAR, GP_VERDICT_UNAUTHENTICATED, "more than"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(&cases[i], NULL, true);
}

/* The caller's results count, and not what stands in the header. */
static void
with_verification(void **state)
{
	static const struct {
		struct gp_verified verified;
		struct want want;
	} cases[] = {
		{{.dmarc = GP_VERIFIED_FAIL},
		 {RESULT("dmarc=pass") STRANGER FAR, GP_VERDICT_SPOOFED,
		  "DMARC fails for far.test"}},
		{{.dmarc = GP_VERIFIED_PASS, .dkim = GP_VERIFIED_PASS, .dkim_aligned = true},
		 {RESULT("dmarc=fail") STRANGER FAR, GP_VERDICT_AUTHENTIC, "DMARC passes"}},
		{{.dmarc = GP_VERIFIED_FAIL, .arc = GP_VERIFIED_PASS},
		 {STRANGER FAR, GP_VERDICT_SPOOFED, "DMARC fails"}},
		{{.dmarc = GP_VERIFIED_PASS},
		 {STRANGER LOGIN OURS, GP_VERDICT_AUTHENTIC, "DMARC passes"}},
		{{.dmarc = GP_VERIFIED_NONE, .spf = GP_VERIFIED_PASS},
		 {STRANGER FAR, GP_VERDICT_UNAUTHENTICATED, "nothing passes"}},
		{{.dmarc = GP_VERIFIED_UNKNOWN},
		 {STRANGER FAR, GP_VERDICT_UNKNOWN, "the DNS did not answer"}},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(&cases[i].want, &cases[i].verified, true);
}

/* What a reason has said no later one says again. */
static void
nothing_is_told_twice(void **state)
{
	static const struct {
		const char *message, *word;
	} cases[] = {
		{LOGIN OURS, "198.51.100.9"},
		{LOGIN OURS "Reply-To: x@else.test\r\n", "198.51.100.9"},
		{STRANGER "Return-Path: <x@else.test>\r\n" FAR, "198.51.100.7"},
		{STRANGER LOGIN OURS, "hop 1, by mx.our.test"},
		{STRANGER "From: \"al@gatepost.test\" <a@gatep0st.test>\r\n", "al@gatepost.test,"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers h;
		struct gp_headers_query query = {.own = our_domains,
						 .own_len = 1,
						 .trust = {.hosts = our_hosts, .hosts_len = 1},
						 .now_s = NOW_S};
		struct gp_slice message = gp_arena_printf(&arena, "%s\r\nbody", cases[i].message);
		size_t times = 0;
		assert_int_equal(gp_headers_read(message, &query, &arena, &h), 0);
		assert_int_equal(gp_headers_judge(&h, NULL, &arena), 0);
		for (size_t k = 0; k < h.reasons_len; k++)
			times += strstr(gp_arena_str(&arena, h.reasons[k]), cases[i].word) != NULL;
		if (times != 1)
			fail_msg("%s: %zu times", cases[i].message, times);
		gp_arena_free(&arena);
	}
}

/* Nobody said which hosts are ours: then no login is an account of ours. */
static void
assumed_trust_is_no_account_of_ours(void **state)
{
	static const struct want cases[] = {
		{LOGIN OURS, GP_VERDICT_UNKNOWN, "not verified"},
		{LOGIN OURS "Reply-To: x@else.test\r\n", GP_VERDICT_UNKNOWN, "not verified"},
		{RESULT("dmarc=fail") STRANGER FAR, GP_VERDICT_SPOOFED, "DMARC fails"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(&cases[i], NULL, false);
}

/* A header over the limits is read as far as they go, and that is said. */
static void
a_header_without_end(void **state)
{
	enum { SIZE = 2 << 20 };
	static char message[SIZE];
	struct gp_arena arena = GP_ARENA_INIT(GP_HEADERS_ARENA_MAX);
	struct gp_headers h;
	struct gp_headers_query query = {.now_s = NOW_S};
	(void)state;
	memset(message, 'x', SIZE);
	for (size_t i = 10; i + 40 < SIZE; i += 1000)
		memcpy(message + i, "\r\nFrom: a@far.test\r\nX: ", 24);
	assert_int_equal(gp_headers_read(gp_slice(message, SIZE), &query, &arena, &h), 0);
	assert_true(h.cut);
	assert_non_null(gp_finding_of(&h.findings, "header.too_large"));
	assert_non_null(gp_finding_of(&h.findings, "from.several_fields"));
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_verification),
		cmocka_unit_test(with_verification),
		cmocka_unit_test(nothing_is_told_twice),
		cmocka_unit_test(assumed_trust_is_no_account_of_ours),
		cmocka_unit_test(a_header_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
