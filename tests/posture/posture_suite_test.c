/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an audit counts of an SPF record, held against what the evaluator that decides about mail
 * counts, over the worlds of RFC 7208's suite: for a client that no term matches, and for records
 * that are in error by their lookups alone.
 */
#include "../spf/suite_world.h"

#include "core/posture/posture.h"

enum { COMPARED = 99 };

struct counts {
	size_t all, compared;
	unsigned most; /* lookups of one that was compared */
};

static bool
has_failed(const struct gp_posture_result *r, const char *id)
{
	for (size_t i = 0; i < r->findings.len; i++) {
		const struct gp_finding *f = &r->findings.items[i];
		if (strcmp(f->kind->id, id) == 0)
			return true;
	}
	return false;
}

/* Can both have met all terms? A macro's target depends on the client; a record in error, and what
   the DNS keeps to itself, end the evaluator's way. */
static bool
is_static(const struct gp_posture_result *r, const struct gp_spf_result *spf)
{
	static const char *const others[] = {
		"spf.exists.macro",      "spf.temperror",      "spf.syntax",
		"spf.multiple",          "spf.include.none",   "spf.include.loop",
		"spf.include.permerror", "spf.lookup.dangling"};
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		if (has_failed(r, others[i]))
			return false;
	}
	bool all = spf->mechanism.len == 0 || gp_slice_eq_nocase(spf->mechanism, GP_SLICE("all"));
	return r->facts.spf.present && all && spf->verdict != GP_SPF_TEMPERROR &&
	       spf->verdict != GP_SPF_NONE;
}

/* Where the limit ends the evaluator's way, it has met one term more than may ask. */
static void
compare(const struct gp_posture_result *r, const struct gp_spf_result *spf)
{
	unsigned counted = r->facts.spf.lookups, want = spf->lookups;
	bool over = counted > GP_SPF_LOOKUPS_MAX;
	if (spf->verdict == GP_SPF_PERMERROR
		    ? !over && !has_failed(r, "spf.mx.over") && !has_failed(r, "spf.void.over")
		    : counted != want)
		fail_msg("%.*s: %u lookups, by the evaluator %u: %.*s", GP_SLICE_FMT(spf->domain),
			 counted, want, GP_SLICE_FMT(spf->reason));
}

static void
look_at(struct document *d, const yaml_node_t *test, struct counts *c)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	struct gp_spf_result spf;
	struct gp_spf_query q = query_of(d, test);
	memcpy(q.address, (uint8_t[]){198, 18, 99, 99}, 4);
	q.address_len = 4;
	assert_int_equal(gp_spf_eval(&q, d->world, &arena, &spf), GP_SPF_DONE);
	const struct gp_posture_query posture = {.domain = spf.domain};
	int rc = gp_posture_eval(&posture, d->world, &arena, &r);
	c->all++;
	if (rc == GP_POSTURE_DONE && is_static(&r, &spf)) {
		compare(&r, &spf);
		c->compared++;
		c->most = GP_MAX(c->most, r.facts.spf.lookups);
	}
	gp_arena_free(&arena);
}

static struct counts counts;

static size_t
look_at_document(struct document *d, size_t *ret)
{
	const yaml_node_t *tests = member(d, yaml_document_get_root_node(&d->yaml), "tests");
	(void)ret;
	for (size_t i = 0; i < pairs_of(tests); i++)
		look_at(d, value_at(d, tests, i), &counts);
	return pairs_of(tests);
}

static void
lookups_are_those_of_the_evaluator(void **state)
{
	size_t none = 0;
	(void)state;
	size_t all = each_document(look_at_document, &none);
	assert_int_equal(all, counts.all);
	assert_true(counts.compared >= COMPARED);
	assert_true(counts.most > GP_SPF_LOOKUPS_MAX);
	gp_suite_tell("spf-rfc7208", "lookups counted", counts.compared, counts.all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_are_those_of_the_evaluator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
