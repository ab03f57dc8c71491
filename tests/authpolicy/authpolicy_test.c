/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/authpolicy/authpolicy.h"

static const uint64_t seed[2] = {1, 2};

enum { ENF = GP_DMARC_MODE_ENFORCE, QUA = GP_DMARC_MODE_QUARANTINE, TAG = GP_DMARC_MODE_TAG };
enum { OFF = GP_DMARC_MODE_OFF };
enum { NONE = GP_DMARC_P_NONE, JUNK = GP_DMARC_P_QUARANTINE, REJ = GP_DMARC_P_REJECT };

static const char BROKEN[] = "broken";

/* What is configured; what is known; what is done. policy: the record's, 0: none or not known. */
static const struct {
	uint8_t mode, spf_mode, from_mode;
	uint8_t dmarc, policy, spf; /* gp_dmarc_verdict, gp_dmarc_policy, gp_spf_verdict */
	const char *trick;          /* BROKEN: there is none, and From is malformed */
	const char *want;           /* the action, and the reply's codes */
} cases[] = {
	{ENF, 0, 0, GP_DMARC_PASS, REJ, GP_SPF_PASS, NULL, "accept"},
	{ENF, 0, 0, GP_DMARC_NONE, 0, GP_SPF_NONE, NULL, "accept"},
	{ENF, 0, 0, GP_DMARC_PERMERROR, 0, GP_SPF_NONE, NULL, "accept"},

	{ENF, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, NULL, "refuse dmarc 550 5.7.1"},
	{ENF, 0, 0, GP_DMARC_FAIL, JUNK, GP_SPF_NONE, NULL, "quarantine dmarc"},
	{ENF, 0, 0, GP_DMARC_FAIL, NONE, GP_SPF_NONE, NULL, "accept"},
	{QUA, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, NULL, "quarantine dmarc"},
	{QUA, 0, 0, GP_DMARC_FAIL, JUNK, GP_SPF_NONE, NULL, "quarantine dmarc"},
	{TAG, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, NULL, "accept"},
	{OFF, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, NULL, "accept"},

	/* only where it matters */
	{ENF, 0, 0, GP_DMARC_TEMPERROR, REJ, GP_SPF_NONE, NULL, "defer dmarc 451 4.4.3"},
	{ENF, 0, 0, GP_DMARC_TEMPERROR, JUNK, GP_SPF_NONE, NULL, "defer dmarc 451 4.4.3"},
	{ENF, 0, 0, GP_DMARC_TEMPERROR, 0, GP_SPF_NONE, NULL, "defer dmarc 451 4.4.3"},
	{QUA, 0, 0, GP_DMARC_TEMPERROR, 0, GP_SPF_NONE, NULL, "defer dmarc 451 4.4.3"},
	{ENF, 0, 0, GP_DMARC_TEMPERROR, NONE, GP_SPF_NONE, NULL, "accept"},
	{TAG, 0, 0, GP_DMARC_TEMPERROR, 0, GP_SPF_NONE, NULL, "accept"},

	{ENF, 0, 0, GP_DMARC_NONE, 0, GP_SPF_FAIL, NULL, "accept"},
	{ENF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_FAIL, NULL, "refuse spf 550 5.7.23"},
	{OFF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_FAIL, NULL, "refuse spf 550 5.7.23"},
	{ENF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_SOFTFAIL, NULL, "accept"},
	{ENF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_PERMERROR, NULL, "accept"},
	{ENF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_TEMPERROR, NULL, "defer spf 451 4.7.24"},
	{ENF, 0, 0, GP_DMARC_NONE, 0, GP_SPF_TEMPERROR, NULL, "accept"},
	/* a signature has proven it, or may yet */
	{ENF, 1, 0, GP_DMARC_PASS, REJ, GP_SPF_FAIL, NULL, "accept"},
	{ENF, 1, 0, GP_DMARC_PASS, REJ, GP_SPF_TEMPERROR, NULL, "accept"},
	{ENF, 1, 0, GP_DMARC_TEMPERROR, REJ, GP_SPF_FAIL, NULL, "defer dmarc 451 4.4.3"},
	{ENF, 1, 0, GP_DMARC_FAIL, JUNK, GP_SPF_FAIL, NULL, "refuse spf 550 5.7.23"},

	{ENF, 1, 0, GP_DMARC_PASS, REJ, GP_SPF_PASS, "a trick", "refuse from 550 5.7.1"},
	{OFF, 0, 0, GP_DMARC_NONE, 0, GP_SPF_NONE, "a trick", "refuse from 550 5.7.1"},
	{ENF, 0, 1, GP_DMARC_PASS, REJ, GP_SPF_PASS, "a trick", "accept"},
	{ENF, 0, 1, GP_DMARC_FAIL, REJ, GP_SPF_PASS, "a trick", "refuse dmarc 550 5.7.1"},

	/* malformed, and of one author: he has to be proven */
	{ENF, 0, 0, GP_DMARC_PASS, NONE, GP_SPF_PASS, BROKEN, "accept"},
	{ENF, 0, 0, GP_DMARC_NONE, 0, GP_SPF_PASS, BROKEN, "quarantine from"},
	{ENF, 0, 0, GP_DMARC_FAIL, NONE, GP_SPF_PASS, BROKEN, "quarantine from"},
	{ENF, 0, 0, GP_DMARC_FAIL, JUNK, GP_SPF_PASS, BROKEN, "quarantine dmarc"},
	{ENF, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_PASS, BROKEN, "refuse dmarc 550 5.7.1"},
	{ENF, 0, 0, GP_DMARC_TEMPERROR, REJ, GP_SPF_NONE, BROKEN, "defer dmarc 451 4.4.3"},
	{ENF, 0, 0, GP_DMARC_TEMPERROR, NONE, GP_SPF_NONE, BROKEN, "quarantine from"},
	{ENF, 0, 0, GP_DMARC_PERMERROR, 0, GP_SPF_NONE, BROKEN, "quarantine from"},
	{TAG, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, BROKEN, "quarantine from"},
	{OFF, 0, 0, GP_DMARC_FAIL, REJ, GP_SPF_NONE, BROKEN, "quarantine from"},
	{ENF, 1, 0, GP_DMARC_NONE, 0, GP_SPF_FAIL, BROKEN, "refuse spf 550 5.7.23"},
	{ENF, 0, 1, GP_DMARC_NONE, 0, GP_SPF_NONE, BROKEN, "accept"},
};

static struct gp_slice
show(const struct gp_authpolicy_decision *d, struct gp_arena *arena)
{
	const char *name = gp_authpolicy_action_name(d->action);
	assert_int_equal(d->reply.code > 0, d->action >= GP_AUTHPOLICY_DEFER);
	assert_int_equal(d->by[0] != '\0', d->action != GP_AUTHPOLICY_ACCEPT);
	if (d->reply.code == 0)
		return gp_arena_printf(arena, "%s%s%s", name, d->by[0] ? " " : "", d->by);
	assert_true(d->reply.text.len > 0);
	return gp_arena_printf(arena, "%s %s %u %u.%u.%u", name, d->by, d->reply.code,
			       d->reply.enhanced_class, d->reply.enhanced_subject,
			       d->reply.enhanced_detail);
}

static void
decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		const struct gp_authentication_config cfg = {.dmarc = cases[i].mode,
							     .spf = cases[i].spf_mode,
							     .from = cases[i].from_mode};
		const struct gp_dmarc_result dmarc = {
			.verdict = cases[i].dmarc,
			.from_domain = GP_SLICE("bank.test"),
			.policy = cases[i].policy,
			.disposition = cases[i].dmarc == GP_DMARC_FAIL ? cases[i].policy : NONE,
		};
		const struct gp_spf_result spf = {.verdict = cases[i].spf,
						  .domain = GP_SLICE("sender.test")};
		const struct gp_verify_facts facts = {
			.mail_from = &spf,
			.dmarc = &dmarc,
			.author.broken = cases[i].trick == BROKEN,
			.from_trick = cases[i].trick == BROKEN ? NULL : cases[i].trick,
		};
		struct gp_authpolicy_decision d;
		struct gp_authpolicy *p = gp_authpolicy_new(&cfg, seed);
		assert_int_equal(gp_authpolicy_decide(p, &facts, &arena, &d), 0);
		assert_slice(show(&d, &arena), cases[i].want);
		gp_authpolicy_free(p);
		gp_arena_free(&arena);
	}
}

/* Where the header lacks what it must have it is a fault of form. */
static void
codes_of_from(void **state)
{
	(void)state;
	const struct gp_authentication_config cfg = {};
	struct gp_authpolicy *p = gp_authpolicy_new(&cfg, seed);
	for (uint8_t author = 0; author <= GP_DMARC_AUTHOR_NO_DOMAIN; author++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		const struct gp_verify_facts facts = {.author = {.state = author},
						      .from_trick = "a trick"};
		struct gp_authpolicy_decision d;
		bool form = author == GP_DMARC_AUTHOR_MISSING ||
			    author == GP_DMARC_AUTHOR_MALFORMED ||
			    author == GP_DMARC_AUTHOR_NO_DOMAIN;
		assert_int_equal(gp_authpolicy_decide(p, &facts, &arena, &d), 0);
		assert_slice(show(&d, &arena),
			     form ? "refuse from 550 5.6.0" : "refuse from 550 5.7.1");
		gp_arena_free(&arena);
	}
	gp_authpolicy_free(p);
}

/* --- whose mail is treated in another way --- */

static void
overrides(void **state)
{
	static const struct gp_override_config items[] = {{GP_SLICE("bank.test"), TAG},
							  {GP_SLICE(".bank.test"), QUA},
							  {GP_SLICE(".a.bank.test"), OFF}};
	static const struct {
		const char *domain, *want;
	} table[] = {{"bank.test", "accept"},
		     {"x.bank.test", "quarantine dmarc"},
		     {"a.bank.test", "quarantine dmarc"},
		     {"x.a.bank.test", "accept"},
		     {"notbank.test", "refuse dmarc 550 5.7.1"},
		     {"test", "refuse dmarc 550 5.7.1"}};
	(void)state;
	const struct gp_authentication_config cfg = {.overrides = items,
						     .overrides_len = GP_ARRAY_LEN(items)};
	struct gp_authpolicy *p = gp_authpolicy_new(&cfg, seed);
	for (size_t i = 0; i < GP_ARRAY_LEN(table); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		const struct gp_dmarc_result dmarc = {.verdict = GP_DMARC_FAIL,
						      .from_domain = gp_slice_str(table[i].domain),
						      .policy = REJ,
						      .disposition = REJ};
		const struct gp_verify_facts facts = {.dmarc = &dmarc};
		struct gp_authpolicy_decision d;
		assert_int_equal(gp_authpolicy_decide(p, &facts, &arena, &d), 0);
		assert_slice(show(&d, &arena), table[i].want);
		gp_arena_free(&arena);
	}
	gp_authpolicy_free(p);
}

static void
what_is_asked_for(void **state)
{
	static const struct gp_override_config one[] = {{GP_SLICE("bank.test"), ENF}};
	static const struct gp_network net[] = {{{192, 0, 2, 0}, 4, 24},
						{{0x20, 1, 0xd, 0xb8}, 16, 32}};
	static const uint8_t in4[] = {192, 0, 2, 9}, out4[] = {192, 0, 3, 9};
	static const uint8_t in6[16] = {0x20, 1, 0xd, 0xb8, 7}, out6[16] = {0x20, 1, 0xd, 0xb9};
	(void)state;
	struct gp_authentication_config cfg = {
		.dmarc = OFF, .exempt = net, .exempt_len = GP_ARRAY_LEN(net)};
	struct gp_authpolicy *p = gp_authpolicy_new(&cfg, seed);
	assert_false(gp_authpolicy_wants_dmarc(p));
	assert_true(gp_authpolicy_exempts(p, in4, 4));
	assert_false(gp_authpolicy_exempts(p, out4, 4));
	assert_true(gp_authpolicy_exempts(p, in6, 16));
	assert_false(gp_authpolicy_exempts(p, out6, 16));
	cfg.dmarc = TAG;
	assert_true(gp_authpolicy_wants_dmarc(p));
	cfg.dmarc = OFF;
	cfg.overrides = one;
	cfg.overrides_len = 1;
	assert_true(gp_authpolicy_wants_dmarc(p));
	cfg.overrides_len = 0;
	gp_authpolicy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),
		cmocka_unit_test(codes_of_from),
		cmocka_unit_test(overrides),
		cmocka_unit_test(what_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
