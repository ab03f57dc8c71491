/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rule of the baselines that are shipped, held against all the worlds that tests/posture has:
 * one that nothing breaks, or that nothing keeps, asks for nothing.
 */
#include "core/baseline/term.h"

#include "../posture/hosts.h"
#include "../posture/plants.h"
#include "../unit.h"
#include "base/buf.h"

enum { ARENA = 64 * 1024 * 1024, RULES_MAX = 200, BASELINES_MAX = 16 };

/* What came of a rule in all worlds. */
struct record {
	struct gp_slice baseline, id;
	const struct gp_baseline_rule *rule;
	unsigned passed, failed, not_for;
};

struct corpus {
	struct gp_arena arena;
	struct gp_baseline baselines[BASELINES_MAX];
	struct record records[RULES_MAX];
	size_t len;
};

static void
open_corpus(struct corpus *c)
{
	*c = (struct corpus){.arena = GP_ARENA_INIT(ARENA)};
	assert_true(gp_baseline_files_len <= BASELINES_MAX);
	for (size_t i = 0; i < gp_baseline_files_len; i++) {
		struct gp_baseline *b = &c->baselines[i];
		struct gp_baseline_error e;
		assert_int_equal(gp_baseline_read(gp_baseline_files[i].text, &c->arena, b, &e), 0);
		for (size_t k = 0; k < b->len; k++) {
			assert_true(c->len < RULES_MAX);
			c->records[c->len++] =
				(struct record){b->name, b->rules[k].id, &b->rules[k]};
		}
	}
}

/* The domain of a world, whose hosts were met so. */
static void
look(struct corpus *c, bool parked, const char *with, change *plant)
{
	static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};
	struct gp_arena arena = GP_ARENA_INIT(ARENA);
	struct gp_posture_result r;
	struct seen seen;
	make_seen(&seen);
	plant(&seen);
	const struct gp_posture_hosts hosts = {seen.hosts, HOSTS};
	const struct gp_posture_query q = {.domain = GP_SLICE("d.test"),
					   .now_s = NOW_S,
					   .selectors = selectors,
					   .selectors_len = GP_ARRAY_LEN(selectors),
					   .selectors_known = true,
					   .validated = true,
					   .hosts = &hosts,
					   .policy = &seen.policy,
					   .past = seen.past,
					   .past_len = seen.past_len};
	json_t *json = make_world(parked, with);
	struct gp_answers *world = read_world(json, &arena);
	assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
	struct record *record = c->records;
	for (size_t i = 0; i < gp_baseline_files_len; i++) {
		const struct gp_baseline_result *results =
			gp_baseline_judge(&c->baselines[i], &q, &r, &arena);
		assert_non_null(results);
		for (size_t k = 0; k < c->baselines[i].len; k++, record++) {
			record->passed += results[k].outcome == GP_BASELINE_PASS;
			record->failed += results[k].outcome == GP_BASELINE_FAIL;
			record->not_for += results[k].outcome == GP_BASELINE_NOT_APPLICABLE;
		}
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* Beside the plants: one that nobody sends for and that takes mail, one without any authentication,
   and the directive's reports. */
static void
look_at_all(struct corpus *c)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++)
		look(c, plants[i].flags & PARKED, plants[i].world, as_they_are);
	for (size_t i = 0; i < GP_ARRAY_LEN(host_plants); i++)
		look(c, false, host_plants[i].world, host_plants[i].change);
	look(c, false, "{}", as_they_are);
	look(c, true, "{}", as_they_are);
	look(c, false, SPF("v=spf1 -all"), as_they_are);
	look(c, false, "{'s1._domainkey.d.test':null,'d.test':{'TXT':['v=spf1 -all']}}",
	     as_they_are);
	look(c, false, "{'s1._domainkey.d.test':null,'d.test':{'TXT':['v=spf1 mx ?all']}}",
	     as_they_are);
	look(c, false, DMARC("v=DMARC1; p=reject; rua=mailto:reports@dmarc.cyber.dhs.gov"),
	     as_they_are);
}

/* Is there a line that people alone can tell, in every alternative? */
static bool
is_manual(const struct gp_baseline_rule *r)
{
	bool manual = false;
	for (size_t i = 0; i < r->terms_len; i++)
		manual |= r->terms[i].kind == BASELINE_MANUAL;
	return manual;
}

static bool
is_for_some(const struct gp_baseline_rule *r)
{
	uint32_t all =
		1U << GP_POSTURE_SENDING | 1U << GP_POSTURE_RECEIVING | 1U << GP_POSTURE_PARKED;
	return r->classes != all || r->terms[0].kind == BASELINE_WHERE;
}

static void
each_rule_is_kept_and_broken(void **state)
{
	struct corpus c;
	size_t wrong = 0, rules = 0;
	(void)state;
	open_corpus(&c);
	look_at_all(&c);
	for (size_t i = 0; i < c.len; i++) {
		const struct record *r = &c.records[i];
		bool manual = is_manual(r->rule);
		bool good =
			(manual ? r->passed + r->failed == 0 : r->passed > 0 && r->failed > 0) &&
			(!is_for_some(r->rule) || r->not_for > 0);
		if (!good)
			print_message("%.*s/%.*s: %u pass, %u fail, %u not applicable\n",
				      GP_SLICE_FMT(r->baseline), GP_SLICE_FMT(r->id), r->passed,
				      r->failed, r->not_for);
		wrong += !good;
		rules += !manual;
	}
	print_message("%zu rules, and %zu for people\n", rules, c.len - rules);
	assert_int_equal(wrong, 0);
	gp_arena_free(&c.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_rule_is_kept_and_broken)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
