/* SPDX-License-Identifier: Apache-2.0 */
/* Who vouches for a message that fails DMARC: real chains, and what attackers make of them. */
#include "../arc/rig.h"

#include "core/authpolicy/authpolicy.h"
#include "core/authpolicy/vouch.h"

#define MESSAGE "From: ceo@bank.test\r\nSubject: hello\r\n\r\nHello.\r\n"
#define PASS "dmarc=pass header.from=bank.test"
#define FAIL "dmarc=fail header.from=bank.test"

enum { SETS_MAX = 4 };

static const uint64_t seed[2] = {1, 2};
static const struct gp_slice trusted[] = {GP_SLICE("list.test"), GP_SLICE(".fw.test")};
static const char *const sealers[] = {"list.test", "x.fw.test", "fw.test", "evil.test"};
static struct signer rsa, evil;

/* Who sealed it, from i=1 on, and what he said. */
struct seal {
	const char *domain, *results;
};

static const struct {
	const char *name;
	struct seal seals[SETS_MAX];
	const char *want; /* who vouches; NULL: nobody */
} chains[] = {
	{"no chain", {}, NULL},
	{"a trusted one", {{"list.test", PASS}}, "list.test"},
	{"below a trusted name", {{"x.fw.test", PASS}}, "x.fw.test"},
	{"that name itself", {{"fw.test", PASS}}, NULL},
	{"case is nothing", {{"LIST.test", "DMARC=Pass Header.From=BANK.test"}}, "list.test"},
	{"a stranger", {{"evil.test", PASS}}, NULL},
	/* what the set says */
	{"it failed there too", {{"list.test", FAIL}}, NULL},
	{"nothing is said", {{"list.test", "none"}}, NULL},
	{"of another author", {{"list.test", "dmarc=pass header.from=evil.test"}}, NULL},
	{"of no author", {{"list.test", "dmarc=pass"}}, NULL},
	{"of two authors", {{"list.test", PASS " header.from=evil.test"}}, NULL},
	{"of a name below", {{"list.test", "dmarc=pass header.from=x.bank.test"}}, NULL},
	{"in a comment", {{"list.test", "spf=none (" PASS ")"}}, NULL},
	{"in a reason", {{"list.test", "spf=none reason=\"; " PASS "\""}}, NULL},
	{"both", {{"list.test", PASS "; " FAIL}}, NULL},
	{"both, the other way", {{"list.test", FAIL "; " PASS}}, NULL},
	{"among others",
	 {{"list.test", "spf=fail smtp.mailfrom=evil.test; dkim=pass header.d=x.test; " PASS}},
	 "list.test"},
	/* without DMARC the author's own domain has to be proven */
	{"by DKIM",
	 {{"list.test", "dkim=fail header.d=bank.test; dkim=pass header.d=bank.test"}},
	 "list.test"},
	{"by another's DKIM", {{"list.test", "dkim=pass header.d=evil.test"}}, NULL},
	{"by DKIM below", {{"list.test", "dkim=pass header.d=x.bank.test"}}, NULL},
	{"by SPF", {{"list.test", "spf=pass smtp.mailfrom=a@bank.test"}}, "list.test"},
	{"by SPF of a domain", {{"list.test", "spf=pass smtp.mailfrom=bank.test"}}, "list.test"},
	{"by SPF of HELO", {{"list.test", "spf=pass smtp.helo=bank.test"}}, NULL},
	{"by what failed", {{"list.test", "spf=softfail smtp.mailfrom=bank.test"}}, NULL},
	{"DMARC comes first", {{"list.test", "dkim=pass header.d=bank.test; " FAIL}}, NULL},
	{"not its arc=pass", {{"list.test", "arc=pass header.d=bank.test"}}, NULL},
	/* several */
	{"all are trusted", {{"x.fw.test", PASS}, {"list.test", FAIL}}, "x.fw.test"},
	{"the newest says it", {{"evil.test", FAIL}, {"list.test", PASS}}, "list.test"},
	{"a stranger is the newest", {{"list.test", PASS}, {"evil.test", PASS}}, NULL},
	{"a stranger says it", {{"evil.test", PASS}, {"list.test", FAIL}}, NULL},
	{"a stranger between",
	 {{"list.test", PASS}, {"evil.test", PASS}, {"x.fw.test", FAIL}},
	 NULL},
	{"a stranger at first",
	 {{"evil.test", PASS}, {"list.test", PASS}, {"x.fw.test", FAIL}},
	 "list.test"},
};

static void
open_rig(struct arc_rig *a)
{
	*a = (struct arc_rig){};
	rig_open(&a->dkim);
	for (size_t i = 0; i < GP_ARRAY_LEN(sealers); i++)
		rig_add_txt(&a->dkim,
			    gp_arena_printf(&a->dkim.arena, "x._domainkey.%s", sealers[i]),
			    signer_record(&rsa, "v=DKIM1;", &a->dkim.arena));
}

static struct gp_slice
seal(struct arc_rig *a, struct gp_slice message, const struct seal *by)
{
	struct gp_arc_draft draft;
	arc_verify(a, message);
	struct gp_arc_order order = arc_order(a, &rsa);
	order.domain = gp_slice_str(by->domain);
	order.results = gp_arena_printf(&a->dkim.arena, "mx.%s; %s", by->domain, by->results);
	return arc_seal_order(a, &rsa, &order, message, &draft);
}

/* "accept arc list.test", "refuse dmarc 550", ... of a message that fails DMARC. */
static struct gp_slice
decide_by(struct arc_rig *a, struct gp_slice message, uint8_t spf_mode, uint8_t policy,
	  bool broken_from)
{
	const struct gp_authentication_config cfg = {.spf = spf_mode,
						     .trusted_sealers = trusted,
						     .trusted_sealers_len = GP_ARRAY_LEN(trusted)};
	const struct gp_dmarc_result dmarc = {.verdict = GP_DMARC_FAIL,
					      .from_domain = GP_SLICE("bank.test"),
					      .policy = policy,
					      .disposition = policy};
	const struct gp_spf_result spf = {.verdict = GP_SPF_FAIL, .domain = GP_SLICE("s.test")};
	struct gp_authpolicy_decision d;
	struct gp_authpolicy *p = gp_authpolicy_new(&cfg, seed);
	arc_verify(a, message);
	const struct gp_verify_facts facts = {.mail_from = &spf,
					      .author.broken = broken_from,
					      .dmarc = &dmarc,
					      .arc = &a->verdict,
					      .chain = &a->chain};
	assert_int_equal(gp_authpolicy_decide(p, &facts, &a->dkim.arena, &d), 0);
	gp_authpolicy_free(p);
	if (d.reply.code > 0)
		return gp_arena_printf(&a->dkim.arena, "%s %s %u",
				       gp_authpolicy_action_name(d.action), d.by, d.reply.code);
	return gp_arena_printf(&a->dkim.arena, "%s %s %.*s", gp_authpolicy_action_name(d.action),
			       d.by, GP_SLICE_FMT(d.sealer));
}

/* The same where p=reject speaks against it. */
static struct gp_slice
decide(struct arc_rig *a, struct gp_slice message, uint8_t spf_mode)
{
	return decide_by(a, message, spf_mode, GP_DMARC_P_REJECT, false);
}

static void
chains_vouch(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(chains); i++) {
		struct arc_rig a;
		open_rig(&a);
		struct gp_slice message = GP_SLICE(MESSAGE);
		for (size_t n = 0; n < SETS_MAX && chains[i].seals[n].domain; n++)
			message = seal(&a, message, &chains[i].seals[n]);
		struct gp_slice said = decide(&a, message, GP_SPF_MODE_TAG);
		struct gp_slice want =
			chains[i].want
				? gp_arena_printf(&a.dkim.arena, "accept arc %s", chains[i].want)
				: GP_SLICE("refuse dmarc 550");
		if (!gp_slice_eq(said, want))
			fail_msg("%s: %.*s", chains[i].name, GP_SLICE_FMT(said));
		rig_close(&a.dkim);
	}
}

/* The first `old` in the message becomes `new`. */
static struct gp_slice
replace(struct arc_rig *a, struct gp_slice message, const char *old, const char *new)
{
	const char *at = memmem(message.ptr, message.len, old, strlen(old));
	if (!at)
		fail_msg("there is no %s", old);
	size_t before = (size_t)(at - message.ptr);
	return gp_arena_printf(&a->dkim.arena, "%.*s%s%.*s",
			       GP_SLICE_FMT(gp_slice_take(message, before)), new,
			       GP_SLICE_FMT(gp_slice_drop(message, before + strlen(old))));
}

/* What is done to a message that list.test has sealed. */
static void
tampering_gains_nothing(void **state)
{
	static const struct {
		const char *results, *old, *new;
	} table[] = {
		{FAIL, "dmarc=fail", "dmarc=pass"},                      /* a forged AAR */
		{PASS, "Hello.", "Pay me."},                             /* replayed over a body */
		{PASS, "From: ceo@bank.test", "From: cfo@bank.test"},    /* or a From */
		{PASS, "From: ceo@", "From: a@evil.test\r\nFrom: ceo@"}, /* or two */
		{FAIL, "cv=none", "cv=pass"},
		{FAIL, "ARC-Seal: i=1", "ARC-Seal: i=2"},
		{PASS, "ARC-Seal: i=1;", "X: i=1;"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(table); i++) {
		struct arc_rig a;
		open_rig(&a);
		const struct seal by = {"list.test", table[i].results};
		struct gp_slice message = seal(&a, GP_SLICE(MESSAGE), &by);
		message = replace(&a, message, table[i].old, table[i].new);
		assert_slice(decide(&a, message, GP_SPF_MODE_TAG), "refuse dmarc 550");
		/* Nor does a stranger's seal above it: the chain is over. */
		message = seal(&a, message, &(struct seal){"evil.test", PASS});
		assert_slice(decide(&a, message, GP_SPF_MODE_TAG), "refuse dmarc 550");
		rig_close(&a.dkim);
	}
}

/* A set that a trusted sealer never made, by an attacker's key under that name. */
static void
a_name_is_no_key(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	(void)state;
	open_rig(&a);
	arc_verify(&a, GP_SLICE(MESSAGE));
	struct gp_arc_order order = arc_order(&a, &evil);
	order.domain = GP_SLICE("list.test");
	order.results = GP_SLICE("mx.list.test; " PASS);
	struct gp_slice message = arc_seal_order(&a, &evil, &order, GP_SLICE(MESSAGE), &draft);
	assert_slice(decide(&a, message, GP_SPF_MODE_TAG), "refuse dmarc 550");
	rig_close(&a.dkim);
}

/* Mail that is forwarded fails SPF as it fails DMARC. */
static void
spf_is_vouched_for_too(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	struct gp_slice message = seal(&a, GP_SLICE(MESSAGE), &(struct seal){"list.test", PASS});
	assert_slice(decide(&a, message, GP_SPF_MODE_ENFORCE), "accept arc list.test");
	rig_close(&a.dkim);
}

/* Where nothing but the form of From speaks against a message, who vouches proves its author. */
static void
a_broken_from_is_vouched_for_too(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	struct gp_slice message = GP_SLICE(MESSAGE);
	assert_slice(decide_by(&a, message, GP_SPF_MODE_TAG, GP_DMARC_P_NONE, true),
		     "quarantine from ");
	message = seal(&a, message, &(struct seal){"list.test", PASS});
	assert_slice(decide_by(&a, message, GP_SPF_MODE_TAG, GP_DMARC_P_NONE, true),
		     "accept arc list.test");
	message = seal(&a, message, &(struct seal){"evil.test", PASS});
	assert_slice(decide_by(&a, message, GP_SPF_MODE_TAG, GP_DMARC_P_NONE, true),
		     "quarantine from ");
	rig_close(&a.dkim);
}

/* Of what the newest signature leaves open nobody has said anything. */
static void
a_loose_chain_helps_nobody(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	struct gp_slice message = seal(&a, GP_SLICE(MESSAGE), &(struct seal){"list.test", PASS});
	assert_slice(decide(&a, message, GP_SPF_MODE_TAG), "accept arc list.test");
	a.verdict.loose = true;
	const struct gp_dmarc_result dmarc = {.from_domain = GP_SLICE("bank.test")};
	struct gp_verify_facts facts = {.dmarc = &dmarc, .arc = &a.verdict, .chain = &a.chain};
	struct gp_map names = gp_map(1, seed);
	struct gp_slice who;
	assert_true(gp_map_set(&names, trusted[0], &names));
	assert_int_equal(gp_vouch(&names, &facts, &a.dkim.arena, &who), GP_VOUCHED_NOT);
	a.verdict.loose = false;
	assert_int_equal(gp_vouch(&names, &facts, &a.dkim.arena, &who), GP_VOUCHED);
	gp_map_free(&names);
	rig_close(&a.dkim);
}

/* The client is asked to come again only where the key that is missing decides. */
static void
a_key_that_is_not_told_now(void **state)
{
	static const struct {
		const char *domain, *results, *want;
	} table[] = {
		{"list.test", PASS, "defer dmarc 451"},
		{"list.test", FAIL, "refuse dmarc 550"},
		{"evil.test", PASS, "refuse dmarc 550"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(table); i++) {
		struct arc_rig a, silent = {};
		open_rig(&a);
		const struct seal by = {table[i].domain, table[i].results};
		struct gp_slice message = seal(&a, GP_SLICE(MESSAGE), &by);
		rig_open(&silent.dkim);
		rig_add_name(
			&silent.dkim,
			gp_arena_printf(&silent.dkim.arena, "x._domainkey.%s", table[i].domain),
			GP_DNS_SERVFAIL);
		assert_slice(decide(&silent, message, GP_SPF_MODE_TAG), table[i].want);
		rig_close(&silent.dkim);
		rig_close(&a.dkim);
	}
}

static int
make_keys(void **state)
{
	static struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	*state = &arena;
	signer_open(&rsa, 2048, &arena);
	signer_open(&evil, 2048, &arena);
	return 0;
}

static int
free_keys(void **state)
{
	signer_close(&rsa);
	signer_close(&evil);
	gp_arena_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_vouch),
		cmocka_unit_test(tampering_gains_nothing),
		cmocka_unit_test(a_name_is_no_key),
		cmocka_unit_test(spf_is_vouched_for_too),
		cmocka_unit_test(a_broken_from_is_vouched_for_too),
		cmocka_unit_test(a_loose_chain_helps_nobody),
		cmocka_unit_test(a_key_that_is_not_told_now),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
