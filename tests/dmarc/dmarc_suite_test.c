/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors: records, values of tags, evaluations with their zones; and attacks on From. */
#include "../suite.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "core/dmarc/dmarc.h"

enum { ARENA_MAX = 64 << 20, DKIM_MAX = 8 };

static const uint64_t test_seed[2] = {1, 2};

static const char *
text_of(const json_t *c, const char *key)
{
	const char *s = json_string_value(json_object_get(c, key));
	return s ? s : "";
}

static struct gp_slice
slice_of(const json_t *s)
{
	return gp_slice(json_string_value(s), json_string_length(s));
}

/* Runs each case of the file, and says how many there were; judge: 1 when the case was for it. */
static void
run(const char *file, size_t (*judge)(const json_t *c, struct gp_arena *arena))
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read(file, &arena);
	json_t *list = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	size_t i, judged = 0;
	const json_t *c;
	json_array_foreach(list, i, c)
	{
		judged += judge(c, &arena);
	}
	struct gp_slice what = gp_slice_str(file);
	struct gp_slice suite = gp_slice_cut(&what, '/');
	gp_suite_tell(gp_arena_str(&arena, suite),
		      gp_slice_eq(suite, GP_SLICE("attack-auth")) ? "DMARC" : what.ptr, judged,
		      json_array_size(list));
	assert_true(judged > 0);
	json_decref(list);
	gp_arena_free(&arena);
}

/* --- records --- */

static size_t
judge_record(const json_t *c, struct gp_arena *arena)
{
	struct gp_dmarc_record r;
	const json_t *want = json_object_get(c, "rfc9989"), *p = json_object_get(want, "p");
	int rc = gp_dmarc_record_parse(slice_of(json_object_get(c, "txt")), arena, &r);
	if ((rc == 0) != json_is_true(json_object_get(want, "record")))
		fail_msg("%s: %d", text_of(c, "id"), rc);
	if (rc == 0 && r.applies != json_is_true(json_object_get(want, "apply")))
		fail_msg("%s: applies %d", text_of(c, "id"), r.applies);
	if (p)
		assert_string_equal(gp_dmarc_policy_name(r.p), json_string_value(p));
	return 1;
}

/* Is the value one that the tag has? Then nothing is passed over; other tags are read elsewhere. */
static size_t
judge_value(const json_t *c, struct gp_arena *arena)
{
	struct gp_dmarc_record r;
	bool is_p = strcmp(text_of(c, "tag"), "p") == 0;
	bool disputed = gp_slice_starts(gp_slice_str(text_of(c, "note")), GP_SLICE("0 and 1"));
	struct gp_slice text = gp_arena_printf(arena, "v=DMARC1;%s %s=%s", is_p ? "" : " p=none;",
					       text_of(c, "tag"), text_of(c, "value"));
	assert_int_equal(gp_dmarc_record_parse(text, arena, &r), 0);
	bool valid = json_is_true(json_object_get(c, "valid")) && !disputed;
	if ((r.flaws_len == 0) != valid)
		fail_msg("%.*s", GP_SLICE_FMT(text));
	return 1;
}

/* --- evaluations --- */

/* The vectors have a list of character-strings for each record, as `--dns` has. */
static struct gp_answers *
make_world(const json_t *c, struct gp_arena *arena)
{
	json_t *zone = json_deep_copy(json_object_get(c, "zone"));
	struct gp_answers *set = NULL;
	struct gp_slice why;
	const char *name;
	json_t *types;
	json_object_foreach(zone, name, types)
	{
		if (json_object_get(types, "MX")) /* objects in place of pairs */
			json_object_set_new(types, "MX", json_array());
	}
	char *text = json_dumps(zone, 0);
	int rc = gp_answers_from_json(gp_arena_dup(arena, gp_slice_str(text)), arena, test_seed,
				      &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", text_of(c, "id"), GP_SLICE_FMT(why));
	free(text);
	json_decref(zone);
	return set;
}

static struct gp_dmarc_query
make_query(const json_t *c, struct gp_dmarc_proof *dkim, struct gp_arena *arena)
{
	struct gp_dmarc_query q = {.dkim = dkim, .trail = true};
	const json_t *spf = json_array_get(json_object_get(c, "spf_pass_domain"), 0);
	const json_t *list = json_object_get(c, "dkim_pass_domains"), *d;
	assert_int_equal(gp_dmarc_author_of_domain(slice_of(json_object_get(c, "author_domain")),
						   arena, &q.author),
			 0);
	if (spf)
		q.spf = (struct gp_dmarc_proof){slice_of(spf), GP_DMARC_PROVEN};
	assert_true(json_array_size(list) <= DKIM_MAX);
	json_array_foreach(list, q.dkim_len, d)
	{
		dkim[q.dkim_len] = (struct gp_dmarc_proof){slice_of(d), GP_DMARC_PROVEN};
	}
	return q;
}

static void
check_text(const json_t *c, const char *key, const char *got)
{
	const json_t *want = json_object_get(json_object_get(c, "expect"), key);
	if (want && !json_is_null(want) && (!got || strcmp(json_string_value(want), got) != 0))
		fail_msg("%s: %s is %s, not %s", text_of(c, "id"), key, got ? got : "nothing",
			 json_string_value(want));
}

static void
check_flag(const json_t *c, const char *key, bool got)
{
	const json_t *want = json_object_get(json_object_get(c, "expect"), key);
	if (want && json_is_true(want) != got)
		fail_msg("%s: %s is %d", text_of(c, "id"), key, got);
}

/* The names of the author's walk, and their order. */
static void
check_walk(const json_t *c, struct gp_slice author, const struct gp_answers *world,
	   struct gp_arena *arena)
{
	const json_t *want = json_object_get(json_object_get(c, "expect"), "queries_author");
	struct gp_dmarc_asking asking = {.answers = world, .arena = arena};
	struct gp_dmarc_walk w;
	assert_int_equal(gp_dmarc_walk(author, &asking, &w), GP_DMARC_WALKED);
	if (!want)
		return;
	assert_int_equal(w.len, json_array_size(want));
	for (size_t i = 0; i < w.len; i++) {
		const char *name = json_string_value(json_array_get(want, i));
		assert_slice(w.steps[i].name, name + strlen("_dmarc."));
	}
}

/* The disputed ones want what RFC 7489 had. */
static size_t
judge_evaluation(const json_t *c, struct gp_arena *arena)
{
	struct gp_dmarc_proof dkim[DKIM_MAX];
	struct gp_dmarc_result r;
	if (strcmp(text_of(c, "status"), "ok") != 0)
		return 0;
	struct gp_answers *world = make_world(c, arena);
	struct gp_dmarc_query q = make_query(c, dkim, arena);
	assert_int_equal(gp_dmarc_eval(&q, world, arena, &r), GP_DMARC_DONE);
	check_text(c, "result", gp_dmarc_verdict_name(r.verdict));
	check_text(c, "policy", gp_dmarc_policy_name(r.policy));
	check_text(c, "policy_domain", gp_arena_str(arena, r.policy_domain));
	check_text(c, "org_author", gp_arena_str(arena, r.org_domain));
	check_flag(c, "spf_aligned", r.spf_aligned);
	check_flag(c, "dkim_aligned", r.dkim_aligned);
	if (r.record)
		check_text(c, "adkim", r.record->adkim_strict ? "s" : "r");
	check_walk(c, q.author.domain, world, arena);
	gp_answers_free(world);
	return 1;
}

/* --- attacks --- */

/*
 * The attacker proves attack.example, by SPF and by a signature, and wants to be taken for
 * legit.example: no From may make that a pass of legit.example.
 */
static size_t
judge_attack(const json_t *c, struct gp_arena *arena)
{
	static const struct gp_dmarc_proof attacker = {{"attack.example", 14}, GP_DMARC_PROVEN};
	struct gp_header h;
	struct gp_dmarc_query q = {.spf = attacker, .dkim = &attacker, .dkim_len = 1};
	struct gp_dmarc_result r;
	struct gp_answers *world = NULL;
	struct gp_slice why,
		json = GP_SLICE("{\"_dmarc.legit.example\": {\"TXT\": [\"v=DMARC1; p=reject\"]},"
				"\"_dmarc.attack.example\": {\"TXT\": [\"v=DMARC1; p=none\"]}}");
	struct gp_slice text = slice_of(json_object_get(c, "from_fields"));
	assert_int_equal(gp_answers_from_json(json, arena, test_seed, &world, &why), 0);
	assert_int_equal(gp_header_split(text, arena, &h), 0);
	assert_int_equal(gp_dmarc_author_find(&h, arena, &q.author), 0);
	assert_int_equal(gp_dmarc_eval(&q, world, arena, &r), GP_DMARC_DONE);
	bool passed = r.verdict == GP_DMARC_PASS;
	if (passed && !gp_slice_eq(r.from_domain, GP_SLICE("attack.example")))
		fail_msg("%s: %.*s", text_of(c, "id"), GP_SLICE_FMT(r.from_domain));
	/* a pass for attack.example only where no reader of From could see legit.example */
	if (passed && gp_header_count(&h, GP_SLICE("From")) != 1)
		fail_msg("%s: passes", text_of(c, "id"));
	gp_answers_free(world);
	return 1;
}

static void
records(void **state)
{
	(void)state;
	run("dmarc-vectors/record-parse.json", judge_record);
}

static void
values(void **state)
{
	(void)state;
	run("dmarc-vectors/tag-values.json", judge_value);
}

static void
evaluations(void **state)
{
	(void)state;
	run("dmarc-vectors/policy-eval.json", judge_evaluation);
}

static void
attacks(void **state)
{
	(void)state;
	run("attack-auth/cases.json", judge_attack);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(values),
		cmocka_unit_test(evaluations),
		cmocka_unit_test(attacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
