/* SPDX-License-Identifier: Apache-2.0 */
/* Chains that we make ourselves: whole ones, broken ones, and what is asked for them. */
#include "rig.h"

#include <errno.h>
#include <jansson.h>

#define MESSAGE                        \
	"From: a@a.test\r\n"           \
	"To: b@b.test\r\n"             \
	"Subject: hello\r\n"           \
	"DKIM-Signature: whatever\r\n" \
	"\r\n"                         \
	"Hello.\r\n"

static struct signer rsa, ed25519;

static void
open_rig(struct arc_rig *a)
{
	*a = (struct arc_rig){};
	rig_open(&a->dkim);
	struct gp_arena *arena = &a->dkim.arena;
	rig_add_txt(&a->dkim, GP_SLICE("x._domainkey.a.test"),
		    signer_record(&rsa, "v=DKIM1;", arena));
	rig_add_txt(&a->dkim, GP_SLICE("e._domainkey.a.test"),
		    signer_record(&ed25519, "v=DKIM1;", arena));
}

static struct gp_slice
chain_of(struct arc_rig *a, unsigned sets)
{
	struct gp_slice message = GP_SLICE(MESSAGE);
	for (unsigned i = 0; i < sets; i++)
		message = arc_seal(a, &rsa, message);
	return message;
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

/* --- whole chains --- */

static void
chains_pass(void **state)
{
	static const unsigned lengths[] = {1, 2, 7, 50};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(lengths); i++) {
		struct arc_rig a;
		open_rig(&a);
		a.dkim.piece = i;
		arc_verify(&a, chain_of(&a, lengths[i]));
		assert_slice(arc_show(&a), "pass");
		assert_int_equal(a.verdict.instances, lengths[i]);
		assert_int_equal(a.verdict.sealers_len, lengths[i]);
		assert_slice(a.verdict.sealers[0], "a.test");
		assert_int_equal(a.verdict.oldest_pass, 0);
		assert_false(a.verdict.loose);
		rig_close(&a.dkim);
	}
}

static void
no_chain_is_none(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	arc_verify(&a, GP_SLICE(MESSAGE));
	assert_slice(arc_show(&a), "none");
	assert_int_equal(a.verdict.instances, 0);
	rig_close(&a.dkim);
}

static void
chain_by_ed25519(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	(void)state;
	open_rig(&a);
	struct gp_slice message = chain_of(&a, 1);
	arc_verify(&a, message);
	struct gp_arc_order order = arc_order(&a, &ed25519);
	order.selector = GP_SLICE("e");
	arc_verify(&a, arc_seal_order(&a, &ed25519, &order, message, &draft));
	assert_slice(arc_show(&a), "pass");
	rig_close(&a.dkim);
}

/* A list changes what passes by, and seals what it made of it (section 5.2, step 5). */
static void
changes_between_seals_are_dated(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	(void)state;
	open_rig(&a);
	struct gp_slice message = chain_of(&a, 2);
	arc_verify(&a, message);
	struct gp_arc_order order = arc_order(&a, &rsa);
	struct gp_arc_chain arrived = a.chain;
	message = replace(&a, message, "Subject: hello", "Subject: [list] hello");
	arc_verify(&a, message);
	assert_slice(arc_show(&a), "fail: ARC-Message-Signature of i=2: the header is not the one "
				   "that was signed");
	assert_int_equal(arrived.len, a.chain.len);
	order.chain = &a.chain;
	message = arc_seal_order(&a, &rsa, &order, message, &draft);
	arc_verify(&a, arc_seal(&a, &rsa, message));
	assert_slice(arc_show(&a), "pass");
	assert_int_equal(a.verdict.oldest_pass, 3);
	rig_close(&a.dkim);
}

/* --- what breaks one --- */

/* In the newest of three sets, or the first that has it. */
static const struct {
	const char *old, *new, *want;
} mutations[] = {
	/* the message */
	{"Hello.", "Hello!",
	 "fail: ARC-Message-Signature of i=3: the body is not the one that was signed"},
	{"From: a@a", "From: z@a",
	 "fail: ARC-Message-Signature of i=3: the header is not the one that was signed"},
	{"From: a@a", "From: z@z\r\nFrom: a@a",
	 "fail: ARC-Message-Signature of i=3: the header is not the one that was signed"},
	{"DKIM-Signature: w", "DKIM-Signature: v",
	 "fail: ARC-Message-Signature of i=3: the header is not the one that was signed"},
	/* seals, which cover all below them */
	{"Results: i=3; a", "Results: i=3; b",
	 "fail: ARC-Seal of i=3: the header is not the one that was signed"},
	{"Results: i=1; a", "Results: i=1; b",
	 "fail: ARC-Seal of i=3: the header is not the one that was signed"},
	{"ARC-Seal: i=3; a=rsa-sha256; cv=pass; t=", "ARC-Seal: i=3; a=rsa-sha256; cv=pass; t=1",
	 "fail: ARC-Seal of i=3: it is of the future"},
	{"ARC-Seal: i=2; a=rsa-sha256;", "ARC-Seal: i=2; a=rsa-sha1;",
	 "fail: ARC-Seal of i=2: rsa-sha1 is historic"},
	/* numbers */
	{"Seal: i=3", "Seal: i=4", "fail: a set is not whole"},
	{"Results: i=2", "Results: i=4", "fail: a set is not whole"},
	{"Signature: i=2", "Signature: i=3",
	 "fail: a number stands in two fields of the same name"},
	{"Seal: i=3", "Seal: i=0", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=03", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=-3", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=3.0", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=51", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=4294967299", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3", "Seal: i=3; i=3", "fail: a field has no i= from 1 to 50"},
	{"Seal: i=3;", "Seal:", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results:", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results: i=3", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results: I=3;", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results: x; i=3;", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results: (i=3;", "fail: a field has no i= from 1 to 50"},
	{"Results: i=3;", "Results: i=(3) 4;", "fail: a set is not whole"},
	{"Results: i=3;", "Results: ((\\)) i) i (=) =\r\n\t3 (4) ;",
	 "fail: ARC-Seal of i=3: the header is not the one that was signed"},
	/* cv= */
	{"cv=none", "cv=pass", "fail: cv= of the first seal is not none"},
	{"cv=none", "cv=fail", "fail: cv= of the first seal is not none"},
	{"cv=pass", "cv=none", "fail: cv= of a later seal is not pass"},
	{"cv=pass", "cv=Pass", "fail: cv= of a later seal is not pass"},
	{"cv=pass; ", "", "fail: cv= of a later seal is not pass"},
	{"cv=pass", "cv=fail", "fail: the newest seal says that the chain was broken"},
	/* what has no place there */
	{"cv=pass", "cv=pass; h=from", "fail: a seal has h="},
	{"cv=pass", "cv=pass; x=1; unknown=2",
	 "fail: ARC-Seal of i=3: the header is not the one that was signed"},
	{"h=from:", "h=from:arc-seal:", "fail: a signature of the message names ARC-Seal in h="},
	{"h=from:", "h=ARC-SEAL\r\n\t:from:",
	 "fail: a signature of the message names ARC-Seal in h="},
	/* sets that are gone */
	{"ARC-Seal: i=3", "X: i=3", "fail: a set is not whole"},
	{"ARC-Authentication-Results: i=1", "X: i=1", "fail: a set is not whole"},
};

static void
broken_chains_fail(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	struct gp_slice whole = chain_of(&a, 3);
	for (size_t i = 0; i < GP_ARRAY_LEN(mutations); i++) {
		arc_verify(&a, replace(&a, whole, mutations[i].old, mutations[i].new));
		struct gp_slice got = arc_show(&a);
		if (!gp_slice_eq(got, gp_slice_str(mutations[i].want)))
			fail_msg("%s: got %.*s, wanted %s", mutations[i].new, GP_SLICE_FMT(got),
				 mutations[i].want);
		assert_int_equal(a.verdict.sealers_len, 0);
		assert_int_equal(a.dkim.arena.failed, false);
	}
	rig_close(&a.dkim);
}

static void
fields_beyond_all_sets_are_not_read(void **state)
{
	struct arc_rig a;
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	(void)state;
	open_rig(&a);
	for (int i = 0; i < 151; i++)
		gp_buf_put_str(&text, "ARC-Seal: i=1; cv=none\r\n");
	gp_buf_put_str(&text, MESSAGE);
	arc_verify(&a, gp_buf_slice(&text));
	assert_slice(arc_show(&a), "fail: there are more than 50 sets");
	assert_int_equal(a.chain.len, 50);
	gp_buf_free(&text);
	rig_close(&a.dkim);
}

/* Which keys there are is no matter of the message: x has none at b.test. */
static void
trouble_with_the_dns_is_a_failure(void **state)
{
	struct arc_rig a;
	(void)state;
	open_rig(&a);
	rig_add_name(&a.dkim, GP_SLICE("x._domainkey.late.test"), GP_DNS_TIMEOUT);
	struct gp_slice message = chain_of(&a, 2);
	arc_verify(&a, replace(&a, message, "d=a.test", "d=late.test"));
	assert_slice(arc_show(&a), "fail: ARC-Seal of i=2: the DNS did not answer");
	assert_true(a.verdict.trouble);
	arc_verify(&a, replace(&a, replace(&a, message, "d=a.test", "d=late.test"), "d=a.test",
			       "d=late.test"));
	assert_slice(arc_show(&a), "fail: ARC-Message-Signature of i=2: the DNS did not answer");
	assert_true(a.verdict.trouble);
	arc_verify(&a, replace(&a, message, "d=a.test", "d=b.test"));
	assert_slice(arc_show(&a), "fail: ARC-Seal of i=2: there is no key");
	assert_false(a.verdict.trouble);
	rig_close(&a.dkim);
}

/* --- what a signature leaves open --- */

/* A chain of one set whose AMS has these tags beside those that it must have, and is over the first
 * six octets of the body. */
static struct gp_slice
by_hand(struct arc_rig *a, const char *tags)
{
	struct gp_arena *arena = &a->dkim.arena;
	struct gp_arc_draft draft;
	struct gp_header h;
	struct gp_dkim_signature sig;
	arc_verify(a, GP_SLICE(MESSAGE));
	struct gp_arc_order order = arc_order(a, &rsa);
	arc_seal_order(a, &rsa, &order, GP_SLICE(MESSAGE), &draft);
	struct gp_dkim_digest body;
	assert_int_equal(gp_dkim_digest(GP_SLICE("Hello."), &body), 0);
	struct gp_slice hash = signer_base64(gp_dkim_digest_slice(&body), arena);
	draft.message.field = gp_arena_printf(
		arena,
		"ARC-Message-Signature: i=1; a=rsa-sha256; d=a.test; s=x; l=6; bh=%.*s; %s b=",
		GP_SLICE_FMT(hash), tags);
	struct gp_slice text =
		gp_arena_printf(arena, "%.*sAA==\r\n" MESSAGE, GP_SLICE_FMT(draft.message.field));
	assert_int_equal(gp_header_split(text, arena, &h), 0);
	assert_int_equal(
		gp_dkim_signature_read(gp_header_value(&h, 0), GP_DKIM_ARC_MESSAGE, arena, &sig),
		0);
	struct gp_buf input = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	gp_dkim_put_fields(&h, sig.names, sig.names_len, sig.header_canon, 0, &input);
	assert_int_equal(
		gp_dkim_put_own(gp_header_raw(&h, 0), sig.raw, sig.header_canon, arena, &input), 0);
	draft.message.input = gp_arena_dup(arena, gp_buf_slice(&input));
	gp_buf_free(&input);
	struct gp_slice fields, signature = signer_sign(&rsa, &draft.message, arena);
	assert_int_equal(gp_arc_draft_seal(&draft, signature, arena), 0);
	signature = signer_sign(&rsa, &draft.seal, arena);
	assert_int_equal(gp_arc_finish(&draft, signature, arena, &fields), 0);
	return gp_arena_printf(arena, "%.*s" MESSAGE, GP_SLICE_FMT(fields));
}

static void
signatures_that_leave_something_open(void **state)
{
	static const struct {
		const char *tags;
		const char *told;
	} cases[] = {
		{"c=relaxed/relaxed; h=to:subject;", "all of the body"},
		{"c=simple; h=from:to;", "all of the body"},
		{"h=;", "all of the body"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct arc_rig a;
		open_rig(&a);
		arc_verify(&a, by_hand(&a, cases[i].tags));
		assert_slice(arc_show(&a), "pass");
		assert_true(a.verdict.loose);
		rig_close(&a.dkim);
	}
}

/* --- what is asked --- */

static void
all_keys_are_asked_for_at_once(void **state)
{
	struct arc_rig a;
	struct gp_header h;
	struct gp_arc_chain chain;
	struct gp_arc_verdict v;
	struct gp_dkim_body body;
	(void)state;
	open_rig(&a);
	struct gp_arena *arena = &a.dkim.arena;
	struct gp_slice message = chain_of(&a, 2);
	message = replace(&a, message, "s=x", "s=seal2");
	message = replace(&a, message, "s=x", "s=message2");
	message = replace(&a, message, "s=x", "s=seal1");
	message = replace(&a, message, "s=x", "s=message1");
	assert_int_equal(gp_header_split(message, arena, &h), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_arc_collect(&h, &body, arena, &chain), 0);
	struct gp_answers *open = gp_answers_new(arena, 8, rig_seed);
	struct gp_dkim_world world = {open, NULL, RIG_NOW_S, arena};
	assert_int_equal(gp_arc_eval(&chain, NULL, &world, &v), GP_DKIM_NEED);
	assert_int_equal(v.need_len, 4);
	assert_slice(v.need[0].name, "message2._domainkey.a.test");
	assert_slice(v.need[1].name, "seal2._domainkey.a.test");
	assert_slice(v.need[2].name, "seal1._domainkey.a.test");
	assert_slice(v.need[3].name, "message1._domainkey.a.test");
	for (size_t i = 0; i < 4; i++) {
		struct gp_dns_answer none = {.name = v.need[i].name,
					     .canonical = v.need[i].name,
					     .type = GP_DNS_TXT,
					     .status = GP_DNS_NXDOMAIN};
		assert_int_equal(gp_answers_add(open, &none), 0);
	}
	assert_int_equal(gp_arc_eval(&chain, NULL, &world, &v), GP_DKIM_BODY);
	rig_feed(&a.dkim, &body, gp_header_body(&h));
	assert_int_equal(gp_arc_eval(&chain, &body, &world, &v), GP_DKIM_DONE);
	assert_slice(v.reason, "ARC-Message-Signature of i=2: there is no key");
	gp_dkim_body_free(&body);
	gp_answers_free(open);
	rig_close(&a.dkim);
}

/* Nothing is asked for a chain that cannot pass. */
static void
nothing_is_asked_in_vain(void **state)
{
	static const char *const news[] = {"cv=fail", "cv=none", "cv=pass; h=from"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(news); i++) {
		struct arc_rig a;
		struct gp_header h;
		struct gp_arc_chain chain;
		struct gp_arc_verdict v;
		struct gp_dkim_body body;
		open_rig(&a);
		struct gp_slice message = replace(&a, chain_of(&a, 2), "cv=pass", news[i]);
		assert_int_equal(gp_header_split(message, &a.dkim.arena, &h), 0);
		gp_dkim_body_init(&body);
		assert_int_equal(gp_arc_collect(&h, &body, &a.dkim.arena, &chain), 0);
		assert_int_equal(body.hashes_len, 0);
		struct gp_answers *open = gp_answers_new(&a.dkim.arena, 8, rig_seed);
		struct gp_dkim_world world = {open, NULL, RIG_NOW_S, &a.dkim.arena};
		assert_int_equal(gp_arc_eval(&chain, NULL, &world, &v), GP_DKIM_DONE);
		assert_int_equal(v.result, GP_ARC_FAIL);
		gp_dkim_body_free(&body);
		gp_answers_free(open);
		rig_close(&a.dkim);
	}
}

/* --- sealing --- */

static void
a_broken_chain_is_closed(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	struct gp_header h;
	const char *why;
	(void)state;
	open_rig(&a);
	struct gp_slice message = replace(&a, chain_of(&a, 2), "Hello.", "Hullo.");
	arc_verify(&a, message);
	struct gp_arc_order order = arc_order(&a, &rsa);
	message = arc_seal_order(&a, &rsa, &order, message, &draft);
	/* Section 5.1.2: such a seal covers its own set alone. */
	assert_true(gp_slice_starts(draft.seal.input, GP_SLICE("arc-authentication-results:i=3;")));
	assert_non_null(memmem(message.ptr, message.len, "cv=fail", 7));
	arc_verify(&a, message);
	assert_slice(arc_show(&a), "fail: the newest seal says that the chain was broken");
	order = arc_order(&a, &rsa);
	assert_int_equal(gp_header_split(message, &a.dkim.arena, &h), 0);
	assert_int_equal(gp_arc_draft(&order, &h, &a.dkim.arena, &draft, &why), 1);
	assert_string_equal(why,
			    "the newest seal says that the chain was broken: nobody adds to it");
	rig_close(&a.dkim);
}

/* Whoever says that a chain without all of its fields has passed. */
static void
what_is_not_whole_has_not_passed(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	(void)state;
	open_rig(&a);
	struct gp_slice message = replace(&a, chain_of(&a, 2), "ARC-Seal: i=1", "X: i=1");
	arc_verify(&a, message);
	struct gp_arc_order order = arc_order(&a, &rsa);
	order.arrival = GP_ARC_PASS;
	message = arc_seal_order(&a, &rsa, &order, message, &draft);
	assert_true(gp_slice_starts(message, GP_SLICE("ARC-Seal: i=3; a=rsa-sha256; cv=fail;")));
	assert_true(gp_slice_starts(draft.seal.input, GP_SLICE("arc-authentication-results:i=3;")));
	rig_close(&a.dkim);
}

static void
there_is_no_51st_set(void **state)
{
	struct arc_rig a;
	struct gp_arc_draft draft;
	struct gp_header h;
	const char *why;
	(void)state;
	open_rig(&a);
	struct gp_slice message = chain_of(&a, 50);
	arc_verify(&a, message);
	struct gp_arc_order order = arc_order(&a, &rsa);
	assert_int_equal(gp_header_split(message, &a.dkim.arena, &h), 0);
	assert_int_equal(gp_arc_draft(&order, &h, &a.dkim.arena, &draft, &why), 1);
	assert_string_equal(why, "the chain has 50 sets, or claims to: there can be no more");
	rig_close(&a.dkim);
}

static void
orders_that_cannot_be(void **state)
{
	static const struct {
		const char *results, *domain, *selector, *why;
	} cases[] = {
		{"", "a.test", "x", "the results are none that a field can hold"},
		{"a.test;\r\nX: y", "a.test", "x", "the results are none that a field can hold"},
		{"a.test;\n x", "a.test", "x", "the results are none that a field can hold"},
		{"a.test; none\r\n", "a.test", "x", "the results are none that a field can hold"},
		{"a.test; none", "a..test", "x", "the domain is none"},
		{"a.test; none", "a.test", "x;", "the selector is none"},
	};
	struct arc_rig a;
	struct gp_arc_draft draft;
	struct gp_dkim_digest digest = {};
	struct gp_header h;
	(void)state;
	open_rig(&a);
	arc_verify(&a, GP_SLICE(MESSAGE));
	assert_int_equal(gp_header_split(GP_SLICE(MESSAGE), &a.dkim.arena, &h), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char *why = NULL;
		struct gp_arc_order order = arc_order(&a, &rsa);
		order.results = gp_slice_str(cases[i].results);
		order.domain = gp_slice_str(cases[i].domain);
		order.selector = gp_slice_str(cases[i].selector);
		order.body_hash = &digest;
		assert_int_equal(gp_arc_draft(&order, &h, &a.dkim.arena, &draft, &why), 1);
		assert_string_equal(why, cases[i].why);
	}
	rig_close(&a.dkim);
}

static void
memory_may_run_out(void **state)
{
	struct arc_rig a;
	size_t whole = 0;
	(void)state;
	open_rig(&a);
	struct gp_slice message = chain_of(&a, 2);
	for (size_t max = 0; whole == 0; max += 256) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dkim_world world = {a.dkim.answers, NULL, RIG_NOW_S, &arena};
		struct gp_header h;
		struct gp_arc_chain chain;
		struct gp_arc_verdict v;
		struct gp_arc_draft draft;
		struct gp_dkim_body body;
		struct gp_dkim_digest digest = {};
		const char *why;
		assert_int_equal(gp_header_split(message, &a.dkim.arena, &h), 0);
		gp_dkim_body_init(&body);
		int r = gp_arc_collect(&h, &body, &arena, &chain);
		rig_feed(&a.dkim, &body, gp_header_body(&h));
		if (r == 0)
			r = gp_arc_eval(&chain, &body, &world, &v);
		struct gp_arc_order order = arc_order(&a, &rsa);
		order.body_hash = &digest;
		order.chain = &chain;
		order.arrival = GP_ARC_PASS;
		if (r == 0)
			r = gp_arc_draft(&order, &h, &arena, &draft, &why);
		if (r == 0)
			r = gp_arc_draft_seal(&draft, GP_SLICE("signature"), &arena);
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(r == 0 || max < 1 << 20);
		whole = r == 0 ? max : 0;
		gp_dkim_body_free(&body);
		gp_arena_free(&arena);
	}
	assert_true(whole > 4096);
	rig_close(&a.dkim);
}

/* --- the attacks of the suite --- */

#define LONE_RESULTS "ARC-Authentication-Results: i=1; a.test; dmarc=pass\r\n"

/* What a chain of so many sets becomes when `old` does everywhere. One id may have several. */
static const struct {
	const char *id;
	unsigned sets;
	const char *old, *new;
	const char *want; /* begins so */
} shapes[] = {
	{"AR-01", 50, "no-such-text", "", "pass"},
	{"AR-02", 50, "Seal: i=50;", "Seal: i=51;", "fail: a field has no i="},
	{"AR-03", 1, "i=1;", "i=0;", "fail: a field has no i="},
	{"AR-03", 1, "i=1;", "i=01;", "fail: a field has no i="},
	{"AR-03", 1, "i=1;", "i=-1;", "fail: a field has no i="},
	{"AR-03", 1, "i=1;", "i=1.0;", "fail: a field has no i="},
	{"AR-03", 1, "i=1;", "i=4294967297;", "fail: a field has no i="},
	{"AR-04", 3, "i=3;", "i=4;", "fail: a set is not whole"},
	{"AR-07", 1, "cv=none", "cv=pass", "fail: cv= of the first seal"},
	{"AR-09", 2, "cv=pass", "cv=fail", "fail: the newest seal says"},
	{"AR-10", 1, "cv=none", "cv=none; h=from", "fail: a seal has h="},
	{"AR-11", 1, "h=from:", "h=arc-seal:from:", "fail: a signature of the message names"},
	{"AR-14", 1, "From: ", NULL, "fail: there are more than 50 sets"},
	{"AR-18", 0, "From: ", LONE_RESULTS "From: ", "fail: a set is not whole"},
	{"AR-19", 1, "; t=", "; t=1; t=", "fail: a field has no i="},
	{"AR-19", 1, "cv=none", "cv=none; unknown=1", "fail: ARC-Seal of i=1: the header is not"},
	{"AR-20", 2, "Hello.", "Hullo.", "fail: ARC-Message-Signature of i=2: the body"},
};

/* 500 fields without a number, and what stood there. */
static char *
many_fields(struct arc_rig *a)
{
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	for (int i = 0; i < 500; i++)
		gp_buf_put_str(&text, "ARC-Seal: x\r\n");
	gp_buf_put_str(&text, "From: ");
	char *out = gp_arena_str(&a->dkim.arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return out;
}

static struct gp_slice
replace_all(struct arc_rig *a, struct gp_slice text, const char *old, const char *new)
{
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	const char *at;
	while ((at = memmem(text.ptr, text.len, old, strlen(old)))) {
		size_t before = (size_t)(at - text.ptr);
		gp_buf_put(&out, gp_slice_take(text, before));
		gp_buf_put_str(&out, new);
		text = gp_slice_drop(text, before + strlen(old));
	}
	gp_buf_put(&out, text);
	text = gp_arena_dup(&a->dkim.arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return text;
}

/* How many shapes we have for that attack. */
static size_t
try_shapes(const char *id)
{
	size_t tried = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(shapes); i++) {
		struct arc_rig a;
		if (strcmp(shapes[i].id, id) != 0)
			continue;
		open_rig(&a);
		const char *new = shapes[i].new ? shapes[i].new : many_fields(&a);
		struct gp_slice whole = chain_of(&a, shapes[i].sets);
		arc_verify(&a, replace_all(&a, whole, shapes[i].old, new));
		if (!gp_slice_starts(arc_show(&a), gp_slice_str(shapes[i].want)))
			fail_msg("%s: %.*s, not %s", id, GP_SLICE_FMT(arc_show(&a)),
				 shapes[i].want);
		rig_close(&a.dkim);
		tried++;
	}
	return tried;
}

static void
attacks_of_the_suite(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
	struct gp_slice text = gp_suite_read("attack-arc/cases.json", &arena);
	json_t *list = json_loadb(text.ptr, text.len, 0, NULL), *one;
	size_t i;
	(void)state;
	json_array_foreach(list, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "id"));
		if (try_shapes(id) == 0)
			fail_msg("%s has no shape here", id);
	}
	gp_suite_tell("attack-arc", "chains", i, i);
	json_decref(list);
	gp_arena_free(&arena);
}

static int
make_keys(void **state)
{
	static struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	(void)state;
	signer_open(&rsa, 1024, &arena);
	signer_open(&ed25519, 0, &arena);
	*state = &arena;
	return 0;
}

static int
free_keys(void **state)
{
	signer_close(&rsa);
	signer_close(&ed25519);
	gp_arena_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_pass),
		cmocka_unit_test(no_chain_is_none),
		cmocka_unit_test(chain_by_ed25519),
		cmocka_unit_test(changes_between_seals_are_dated),
		cmocka_unit_test(broken_chains_fail),
		cmocka_unit_test(fields_beyond_all_sets_are_not_read),
		cmocka_unit_test(trouble_with_the_dns_is_a_failure),
		cmocka_unit_test(signatures_that_leave_something_open),
		cmocka_unit_test(all_keys_are_asked_for_at_once),
		cmocka_unit_test(nothing_is_asked_in_vain),
		cmocka_unit_test(a_broken_chain_is_closed),
		cmocka_unit_test(what_is_not_whole_has_not_passed),
		cmocka_unit_test(there_is_no_51st_set),
		cmocka_unit_test(orders_that_cannot_be),
		cmocka_unit_test(memory_may_run_out),
		cmocka_unit_test(attacks_of_the_suite),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
