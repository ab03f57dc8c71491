/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test suite of RFC 7208.
 *
 *     spf_suite_test speed
 *
 * tells how many evaluations a second there are, over the suite's cases, with all answers at hand.
 */
#include "suite_world.h"

#include <time.h>

enum { CASES = 203, ROUNDS = 20'000 };

/* --- the tests --- */

static bool
accepts(struct document *d, const yaml_node_t *want, struct gp_slice got)
{
	if (want->type == YAML_SCALAR_NODE)
		return gp_slice_eq(text_of(want), got);
	for (size_t i = 0; i < items_of(want); i++) {
		if (gp_slice_eq(text_of(item_at(d, want, i)), got))
			return true;
	}
	return false;
}

/* "DEFAULT" is the receiver's own words: the domain has none. */
static bool
explains(struct document *d, const yaml_node_t *test, const struct gp_spf_result *r)
{
	const yaml_node_t *want = member(d, test, "explanation");
	if (!want)
		return true;
	if (gp_slice_eq(text_of(want), GP_SLICE("DEFAULT")))
		return r->explanation.len == 0;
	return gp_slice_eq(text_of(want), r->explanation);
}

static bool
passes(struct document *d, struct gp_slice name, const yaml_node_t *test)
{
	struct gp_spf_query q = query_of(d, test);
	struct gp_spf_result r;
	q.explain = q.trail = true;
	run_both(&q, d->world, d->arena, &r);
	struct gp_slice got = gp_slice_str(gp_spf_verdict_name(r.verdict));
	if (accepts(d, member(d, test, "result"), got) && explains(d, test, &r))
		return true;
	print_error("%.*s: got %.*s, '%.*s'\n", GP_SLICE_FMT(name), GP_SLICE_FMT(got),
		    GP_SLICE_FMT(r.explanation));
	for (size_t i = 0; i < r.trail_len; i++)
		print_error("    %.*s\n", GP_SLICE_FMT(r.trail[i]));
	return false;
}

static size_t
judge_document(struct document *d, size_t *ret_failed)
{
	const yaml_node_t *tests = member(d, yaml_document_get_root_node(&d->yaml), "tests");
	for (size_t i = 0; i < pairs_of(tests); i++)
		*ret_failed += !passes(d, text_of(key_at(d, tests, i)), value_at(d, tests, i));
	return pairs_of(tests);
}

static void
suite_of_rfc7208(void **state)
{
	(void)state;
	size_t failed = 0, cases = each_document(judge_document, &failed);
	assert_int_equal(failed, 0);
	gp_suite_tell("spf-rfc7208", "evaluation", cases, cases);
	assert_true(cases >= CASES);
}

/* --- how fast --- */

static uint64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1'000'000'000 + (uint64_t)t.tv_nsec;
}

/* All questions that the query leads to are answered in the set. */
static void
learn(const struct gp_spf_query *q, struct document *d, struct gp_answers *set)
{
	struct gp_spf_result r;
	while (gp_spf_eval(q, set, d->arena, &r) == GP_SPF_NEED)
		answer_needs(&r, d->world, set);
}

static size_t
time_document(struct document *d, size_t *ret_ns)
{
	const yaml_node_t *tests = member(d, yaml_document_get_root_node(&d->yaml), "tests");
	struct gp_answers *set = gp_answers_new(d->arena, GP_ANSWERS_MAX, test_seed);
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	for (size_t i = 0; i < pairs_of(tests); i++) {
		struct gp_spf_query q = query_of(d, value_at(d, tests, i));
		struct gp_spf_result r;
		learn(&q, d, set);
		uint64_t from = now_ns();
		for (size_t n = 0; n < ROUNDS; n++) {
			assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_DONE);
			gp_arena_reset(&arena);
		}
		*ret_ns += now_ns() - from;
	}
	gp_arena_free(&arena);
	gp_answers_free(set);
	return pairs_of(tests) * ROUNDS;
}

static void
speed(void **state)
{
	(void)state;
	size_t ns = 0, n = each_document(time_document, &ns);
	print_message("%zu evaluations, %zu a second\n", n, (size_t)((double)n * 1e9 / (double)ns));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suite_of_rfc7208),
	};
	const struct CMUnitTest speeds[] = {
		cmocka_unit_test(speed),
	};
	if (argc > 1 && strcmp(argv[1], "speed") == 0)
		return cmocka_run_group_tests(speeds, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
