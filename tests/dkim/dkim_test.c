/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages, signed here, and what becomes of them on the way. */
#include "signer.h"

#include <errno.h>

#define MESSAGE                                                            \
	"From: Joe <joe@a.test>\r\nTo: suzie@b.test\r\n"                   \
	"Subject: dinner\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\n\r\n" \
	"Hi.\r\n\r\nAre you hungry yet?\r\n"

#define HEADER_OTHER "fail: the header is not the one that was signed"
#define BODY_OTHER "fail: the body is not the one that was signed"

/* One key of each kind, and a world in which both are published; every test has its own message. */
struct world {
	struct rig rig;
	struct signer rsa, ed25519;
};

static void
open_world(struct world *w)
{
	rig_open(&w->rig);
	signer_open(&w->rsa, 2048, &w->rig.arena);
	signer_open(&w->ed25519, 0, &w->rig.arena);
	rig_add_txt(&w->rig, GP_SLICE("rsa._domainkey.a.test"),
		    signer_record(&w->rsa, "v=DKIM1;", &w->rig.arena));
	rig_add_txt(&w->rig, GP_SLICE("ed._domainkey.a.test"),
		    signer_record(&w->ed25519, "v=DKIM1;", &w->rig.arena));
}

static void
close_world(struct world *w)
{
	signer_close(&w->rsa);
	signer_close(&w->ed25519);
	rig_close(&w->rig);
}

static struct gp_slice
sign(struct world *w, struct gp_slice message)
{
	return signer_message(&w->rsa, signer_order(&w->rsa, "rsa"), message, &w->rig);
}

/* Replaces the first `from`, which must be there. */
static struct gp_slice
edit(struct rig *r, struct gp_slice message, const char *from, const char *to)
{
	const char *at = memmem(message.ptr, message.len, from, strlen(from));
	assert_non_null(at);
	size_t before = (size_t)(at - message.ptr);
	struct gp_slice behind = gp_slice_drop(message, before + strlen(from));
	return gp_arena_printf(&r->arena, "%.*s%s%.*s", (int)before, message.ptr, to,
			       GP_SLICE_FMT(behind));
}

static void
expect(struct world *w, struct gp_slice message, const char *want)
{
	rig_verify(&w->rig, message);
	assert_slice(rig_show(&w->rig), want);
}

/* --- what passes --- */

static void
what_is_signed_verifies(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	const struct signer *const signers[] = {&w.rsa, &w.ed25519};
	for (unsigned i = 0; i < 8; i++) {
		const struct signer *s = signers[i & 1];
		struct gp_dkim_order o = signer_order(s, i & 1 ? "ed" : "rsa");
		o.header_canon = i >> 1 & 1;
		o.body_canon = (uint8_t)(i >> 2 & 1);
		w.rig.piece = i;
		expect(&w, signer_message(s, o, GP_SLICE(MESSAGE), &w.rig), "pass");
		const struct gp_dkim_verdict *v = &w.rig.result.verdicts[0];
		assert_int_equal(v->key_bits, i & 1 ? 256 : 2048);
		assert_int_equal(v->field, 0);
		assert_true(v->from_oversigned && !v->partial && !v->testing);
		assert_slice(v->signature->identity, "@a.test");
		assert_true(rig_told(v, "pass: the signature fits (RFC 6376 section 6.1.3)"));
	}
	close_world(&w);
}

static void
signatures_are_judged_apart(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_slice once = sign(&w, GP_SLICE(MESSAGE));
	struct gp_slice twice =
		signer_message(&w.ed25519, signer_order(&w.ed25519, "ed"), once, &w.rig);
	expect(&w, twice, "pass, pass");
	expect(&w, edit(&w.rig, twice, "s=ed;", "s=no;"), "permerror: there is no key, pass");
	expect(&w, edit(&w.rig, twice, "v=1;", "v=2;"), "permerror: v= is not 1, pass");
	close_world(&w);
}

static void
a_message_without_signatures_has_no_verdicts(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	expect(&w, GP_SLICE(MESSAGE), "none");
	expect(&w, GP_SLICE(""), "none");
	close_world(&w);
}

/* --- what a message suffers on its way --- */

static const struct {
	uint8_t canon; /* of both */
	const char *from, *to, *want;
} changes[] = {
	{GP_DKIM_RELAXED, "Subject: dinner", "SUBJECT:\t dinner ", "pass"},
	{GP_DKIM_RELAXED, "Subject: dinner", "Subject:\r\n dinner", "pass"},
	{GP_DKIM_RELAXED, "Are you", "Are  \tyou", "pass"},
	{GP_DKIM_RELAXED, "yet?\r\n", "yet? \r\n\r\n \r\n", "pass"},
	{GP_DKIM_RELAXED, "yet?\r\n", "yet?", "pass"},
	{GP_DKIM_RELAXED, "yet?\r\n", "yet?\r\nx\r\n", BODY_OTHER},
	{GP_DKIM_RELAXED, "Hi.", "Ho.", BODY_OTHER},
	{GP_DKIM_RELAXED, "dinner", "Dinner", HEADER_OTHER},
	{GP_DKIM_RELAXED, "Date:", "X-New: 1\r\nDate:", "pass"},
	{GP_DKIM_RELAXED, "Date:", "Subject: free\r\nDate:", HEADER_OTHER},
	{GP_DKIM_RELAXED, "Date:", "From: x@c.test\r\nDate:", HEADER_OTHER},
	{GP_DKIM_RELAXED, "Date:", "Reply-To: x@c.test\r\nDate:", HEADER_OTHER},
	{GP_DKIM_RELAXED, "From: Joe", "From: x@c.test\r\nFrom: Joe", HEADER_OTHER},
	{GP_DKIM_RELAXED, "To: suzie@b.test\r\n", "", HEADER_OTHER},
	{GP_DKIM_RELAXED, "\tb=", "\tb= \r\n\t ", "pass"},
	{GP_DKIM_RELAXED, "\tb=", "\tb\r\n =\r\n\t ", HEADER_OTHER},
	{GP_DKIM_RELAXED, "t=1700000000", "t=1700000001", HEADER_OTHER},
	{GP_DKIM_SIMPLE, "Date:", "X-New: 1\r\nDate:", "pass"},
	{GP_DKIM_SIMPLE, "yet?\r\n", "yet?\r\n\r\n\r\n", "pass"},
	{GP_DKIM_SIMPLE, "yet?\r\n", "yet? \r\n", BODY_OTHER},
	{GP_DKIM_SIMPLE, "Subject: dinner", "Subject:  dinner", HEADER_OTHER},
	{GP_DKIM_SIMPLE, "Subject: dinner", "subject: dinner", HEADER_OTHER},
	{GP_DKIM_SIMPLE, "\tb=", "\tb= \r\n\t ", "pass"},
	{GP_DKIM_SIMPLE, "DKIM-Signature: v=1", "DKIM-Signature:  v=1", HEADER_OTHER},
};

static void
changes_on_the_way_count_as_the_form_has_it(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	for (size_t i = 0; i < GP_ARRAY_LEN(changes); i++) {
		struct gp_dkim_order o = signer_order(&w.ed25519, "ed");
		o.header_canon = o.body_canon = changes[i].canon;
		struct gp_slice m = signer_message(&w.ed25519, o, GP_SLICE(MESSAGE), &w.rig);
		expect(&w, edit(&w.rig, m, changes[i].from, changes[i].to), changes[i].want);
	}
	close_world(&w);
}

/* Section 5.4.2: from the bottom up, so what is added above an instance that is signed is not. */
static void
instances_are_taken_from_the_bottom_up(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	static const struct gp_slice names[] = {GP_SLICE("from"), GP_SLICE("x"), GP_SLICE("x")};
	struct gp_dkim_order o = signer_order(&w.rsa, "rsa");
	o.names = names;
	o.names_len = GP_ARRAY_LEN(names);
	struct gp_slice m = signer_message(
		&w.rsa, o, GP_SLICE("X: 1\r\nX: 2\r\nX: 3\r\nFrom: joe@a.test\r\n\r\n"), &w.rig);
	expect(&w, m, "pass");
	assert_false(w.rig.result.verdicts[0].from_oversigned);
	expect(&w, edit(&w.rig, m, "X: 1", "X: 0"), "pass");
	expect(&w, edit(&w.rig, m, "X: 1\r\nX: 2\r\n", "X: 2\r\n"), "pass");
	expect(&w, edit(&w.rig, m, "X: 2", "X: 0"), HEADER_OTHER);
	expect(&w, edit(&w.rig, m, "X: 2\r\nX: 3", "X: 3\r\nX: 2"), HEADER_OTHER);
	expect(&w, edit(&w.rig, m, "X: 1", "From: y@c.test\r\nX: 1"), "pass");
	assert_true(rig_told(&w.rig.result.verdicts[0], "1 of 2 From fields are signed"));
	close_world(&w);
}

/* A signature is never a part of what it signs; others may be. */
static void
signatures_may_be_signed(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	static const struct gp_slice names[] = {GP_SLICE("from"), GP_SLICE("dkim-signature"),
						GP_SLICE("dkim-signature")};
	struct gp_dkim_order o = signer_order(&w.rsa, "rsa");
	o.names = names;
	o.names_len = GP_ARRAY_LEN(names);
	struct gp_slice first = signer_message(&w.ed25519, signer_order(&w.ed25519, "ed"),
					       GP_SLICE(MESSAGE), &w.rig);
	struct gp_slice m = signer_message(&w.rsa, o, first, &w.rig);
	expect(&w, m, "pass, pass");
	expect(&w, edit(&w.rig, m, "a=ed25519-sha256; c=", "a=ed25519-sha256;  c="), "pass, pass");
	expect(&w, edit(&w.rig, m, "a=ed25519-sha256;", "a=ed25519-sha512;"),
	       HEADER_OTHER ", neutral: a= is an algorithm that we do not know");
	close_world(&w);
}

/* The value that is left out is that of the tag b=, wherever else these letters stand. */
static void
only_the_tag_b_is_left_out(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	static const struct gp_slice names[] = {GP_SLICE("from"), GP_SLICE("b")};
	struct gp_dkim_order o = signer_order(&w.rsa, "rsa");
	o.names = names;
	o.names_len = GP_ARRAY_LEN(names);
	struct gp_slice m = signer_message(&w.rsa, o, GP_SLICE("b: x\r\n" MESSAGE), &w.rig);
	expect(&w, m, "pass");
	expect(&w, edit(&w.rig, m, "b: x", "b: y"), HEADER_OTHER);
	expect(&w, edit(&w.rig, m, "h=from:b;", "h=from:c;"), HEADER_OTHER);
	close_world(&w);
}

/* --- time --- */

static void
signatures_have_their_time(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_dkim_order o = signer_order(&w.rsa, "rsa");
	o.expiry_s = RIG_NOW_S + 1000;
	struct gp_slice m = signer_message(&w.rsa, o, GP_SLICE(MESSAGE), &w.rig);
	static const struct {
		int64_t after_s;
		const char *want;
	} times[] = {
		{0, "pass"},
		{1000 + GP_DKIM_SKEW_S, "pass"},
		{1001 + GP_DKIM_SKEW_S, "fail: it has expired"},
		{-GP_DKIM_FUTURE_S, "pass"},
		{-GP_DKIM_FUTURE_S - 1, "fail: it is of the future"},
		{-(int64_t)RIG_NOW_S, "fail: it is of the future"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(times); i++) {
		w.rig.now_s = (uint64_t)((int64_t)RIG_NOW_S + times[i].after_s);
		expect(&w, m, times[i].want);
	}
	close_world(&w);
}

/* --- l= --- */

/* By hand, since nobody should sign so (section 8.2). */
static struct gp_slice
sign_part(struct world *w, const char *length, const char *bh_of)
{
	struct gp_dkim_digest d;
	struct gp_arena *arena = &w->rig.arena;
	struct gp_header h;
	assert_int_equal(gp_dkim_digest(gp_slice_str(bh_of), &d), 0);
	struct gp_slice bh = signer_base64(gp_dkim_digest_slice(&d), arena);
	struct gp_dkim_draft draft;
	draft.field = gp_arena_printf(arena,
				      "DKIM-Signature: v=1; a=ed25519-sha256; d=a.test; s=ed; "
				      "h=from; l=%s; bh=%.*s; b=",
				      length, GP_SLICE_FMT(bh));
	struct gp_slice message =
		gp_arena_printf(arena, "%.*s\r\n%s", GP_SLICE_FMT(draft.field), MESSAGE);
	static const struct gp_slice from = GP_SLICE("from");
	struct gp_buf input = GP_BUF_INIT(4096);
	assert_int_equal(gp_header_split(message, arena, &h), 0);
	gp_dkim_put_fields(&h, &from, 1, GP_DKIM_SIMPLE, h.fields_len, &input);
	gp_buf_put(&input, draft.field);
	assert_int_equal(gp_dkim_digest(gp_buf_slice(&input), &draft.digest), 0);
	gp_buf_free(&input);
	struct gp_slice b = signer_base64(signer_sign(&w->ed25519, &draft, arena), arena);
	return gp_arena_printf(arena, "%.*s%.*s\r\n%s", GP_SLICE_FMT(draft.field), GP_SLICE_FMT(b),
			       MESSAGE);
}

static void
a_part_of_the_body_is_told(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	expect(&w, sign_part(&w, "3", "Hi."), "pass");
	assert_true(w.rig.result.verdicts[0].partial);
	assert_int_equal(w.rig.result.verdicts[0].signature->length, 3);
	assert_true(rig_told(&w.rig.result.verdicts[0], "l= covers 3 of 28 octets"));
	expect(&w, sign_part(&w, "0", ""), "pass");
	assert_true(w.rig.result.verdicts[0].partial);
	expect(&w, sign_part(&w, "28", "Hi.\r\n\r\nAre you hungry yet?\r\n"), "pass");
	assert_false(w.rig.result.verdicts[0].partial);
	expect(&w, sign_part(&w, "29", "Hi.\r\n\r\nAre you hungry yet?\r\n"),
	       "fail: the body is shorter than l=");
	expect(&w, sign_part(&w, "4", "Hi."), BODY_OTHER);
	close_world(&w);
}

/* --- too many --- */

static void
no_more_than_a_few_are_verified(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_slice m = GP_SLICE(MESSAGE);
	struct gp_slice signed_once = sign(&w, m);
	struct gp_slice field = gp_slice_take(signed_once, signed_once.len - m.len);
	struct gp_buf many = GP_BUF_INIT(1 << 20);
	for (int i = 0; i < 40; i++)
		gp_buf_put(&many, field);
	gp_buf_put(&many, m);
	rig_verify(&w.rig, gp_buf_slice(&many));
	assert_int_equal(w.rig.result.len, GP_DKIM_VERDICTS_MAX);
	assert_int_equal(w.rig.set.uncounted, 40 - GP_DKIM_VERDICTS_MAX);
	for (size_t i = 0; i < GP_DKIM_VERDICTS_MAX; i++) {
		const struct gp_dkim_verdict *v = &w.rig.result.verdicts[i];
		assert_int_equal(v->field, i);
		assert_int_equal(v->result,
				 i < GP_DKIM_SIGNATURES_MAX ? GP_DKIM_PASS : GP_DKIM_POLICY);
	}
	gp_buf_free(&many);
	close_world(&w);
}

static void
bodies_that_others_want_leave_no_room(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_header h;
	struct gp_dkim_body body;
	size_t place;
	struct gp_slice m = sign(&w, GP_SLICE(MESSAGE));
	assert_int_equal(gp_header_split(m, &w.rig.arena, &h), 0);
	gp_dkim_body_init(&body);
	for (uint64_t i = 0; i < GP_DKIM_BODY_HASHES_MAX; i++)
		assert_int_equal(gp_dkim_body_want(&body, GP_DKIM_SIMPLE, i, &place), 0);
	assert_int_equal(gp_dkim_collect(&h, &body, &w.rig.arena, &w.rig.set), 0);
	assert_int_equal(w.rig.set.items[0].signature.result, GP_DKIM_POLICY);
	gp_dkim_body_free(&body);
	close_world(&w);
}

/* --- the dialogue --- */

static void
answers_and_body_are_waited_for(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_arena *arena = &w.rig.arena;
	struct gp_answers *open = gp_answers_new(arena, 8, rig_seed);
	struct gp_slice m = sign(&w, sign(&w, GP_SLICE(MESSAGE)));
	m = signer_message(&w.ed25519, signer_order(&w.ed25519, "ed"), m, &w.rig);
	struct gp_dkim_world world = {open, NULL, RIG_NOW_S, arena};
	struct gp_dkim_result_set *r = &w.rig.result;
	struct gp_header h;
	struct gp_dkim_body body;
	struct gp_dns_answer a;
	assert_int_equal(gp_header_split(m, arena, &h), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_dkim_collect(&h, &body, arena, &w.rig.set), 0);
	assert_int_equal(gp_dkim_eval(&w.rig.set, NULL, &world, r), GP_DKIM_NEED);
	assert_int_equal(r->need_len, 2);
	assert_slice(r->need[0].name, "ed._domainkey.a.test");
	assert_slice(r->need[1].name, "rsa._domainkey.a.test");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->need[i].type, GP_DNS_TXT);
		assert_true(gp_answers_find(w.rig.answers, r->need[i].name, GP_DNS_TXT, &a));
		assert_int_equal(gp_answers_add(open, &a), 0);
	}
	assert_int_equal(gp_dkim_eval(&w.rig.set, NULL, &world, r), GP_DKIM_BODY);
	rig_feed(&w.rig, &body, gp_header_body(&h));
	assert_int_equal(gp_dkim_eval(&w.rig.set, &body, &world, r), GP_DKIM_DONE);
	assert_slice(rig_show(&w.rig), "pass, pass, pass");
	gp_dkim_body_free(&body);
	gp_answers_free(open);
	close_world(&w);
}

static void
nothing_is_computed_while_a_question_is_open(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_arena *arena = &w.rig.arena;
	struct gp_answers *open = gp_answers_new(arena, 8, rig_seed);
	struct gp_slice m = sign(&w, GP_SLICE(MESSAGE));
	m = signer_message(&w.ed25519, signer_order(&w.ed25519, "ed"), m, &w.rig);
	struct gp_dkim_world world = {open, NULL, RIG_NOW_S, arena};
	struct gp_dkim_result_set *r = &w.rig.result;
	struct gp_header h;
	struct gp_dkim_body body;
	struct gp_dns_answer a;
	assert_int_equal(gp_header_split(m, arena, &h), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_dkim_collect(&h, &body, arena, &w.rig.set), 0);
	rig_feed(&w.rig, &body, gp_header_body(&h));
	static const char *const names[] = {"rsa._domainkey.a.test", "ed._domainkey.a.test"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		assert_int_equal(gp_dkim_eval(&w.rig.set, &body, &world, r), GP_DKIM_NEED);
		assert_int_equal(r->verdicts[0].result, 0);
		assert_int_equal(r->verdicts[1].result, 0);
		assert_true(gp_answers_find(w.rig.answers, gp_slice_str(names[i]), GP_DNS_TXT, &a));
		assert_int_equal(gp_answers_add(open, &a), 0);
	}
	assert_int_equal(gp_dkim_eval(&w.rig.set, &body, &world, r), GP_DKIM_DONE);
	assert_slice(rig_show(&w.rig), "pass, pass");
	gp_dkim_body_free(&body);
	gp_answers_free(open);
	close_world(&w);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct world w;
	open_world(&w);
	struct gp_slice m = sign(&w, GP_SLICE(MESSAGE));
	bool good = false;
	for (size_t max = 0; !good; max += 256) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dkim_world world = {w.rig.answers, NULL, RIG_NOW_S, &arena};
		struct gp_dkim_set set;
		struct gp_dkim_result_set result;
		struct gp_header h;
		struct gp_dkim_body body;
		gp_dkim_body_init(&body);
		int r = gp_header_split(m, &arena, &h);
		if (r == 0)
			r = gp_dkim_collect(&h, &body, &arena, &set);
		if (r == 0) {
			rig_feed(&w.rig, &body, gp_header_body(&h));
			r = gp_dkim_eval(&set, &body, &world, &result);
		}
		assert_true(r == 0 || r == -ENOMEM);
		good = r == 0;
		if (good)
			assert_int_equal(result.verdicts[0].result, GP_DKIM_PASS);
		gp_dkim_body_free(&body);
		gp_arena_free(&arena);
	}
	close_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_verifies),
		cmocka_unit_test(signatures_are_judged_apart),
		cmocka_unit_test(a_message_without_signatures_has_no_verdicts),
		cmocka_unit_test(changes_on_the_way_count_as_the_form_has_it),
		cmocka_unit_test(instances_are_taken_from_the_bottom_up),
		cmocka_unit_test(signatures_may_be_signed),
		cmocka_unit_test(only_the_tag_b_is_left_out),
		cmocka_unit_test(signatures_have_their_time),
		cmocka_unit_test(a_part_of_the_body_is_told),
		cmocka_unit_test(no_more_than_a_few_are_verified),
		cmocka_unit_test(bodies_that_others_want_leave_no_room),
		cmocka_unit_test(answers_and_body_are_waited_for),
		cmocka_unit_test(nothing_is_computed_while_a_question_is_open),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
