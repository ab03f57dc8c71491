/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that others collected, and inputs that a fuzzer of theirs found worth keeping. */
#include "../suite.h"

#include <jansson.h>

#include "world.h"

enum { ARENA_MAX = 64 << 20, ATTACKS = 21, INPUTS = 240 };

static json_t *
load(const char *name, struct gp_arena *arena)
{
	struct gp_slice text = gp_suite_read(name, arena);
	json_t *list = json_loadb(text.ptr, text.len, 0, NULL);
	assert_true(json_is_array(list));
	return list;
}

static struct gp_slice
string_of(const json_t *c, const char *key)
{
	return gp_slice_str(json_string_value(json_object_get(c, key)));
}

/* No answer has more records than this, so files have no more either. */
static void
cut_lists(json_t *zone)
{
	for (void *n = json_object_iter(zone); n; n = json_object_iter_next(zone, n)) {
		json_t *types = json_object_iter_value(n);
		for (void *t = json_object_iter(types); t; t = json_object_iter_next(types, t)) {
			json_t *list = json_object_iter_value(t);
			while (json_array_size(list) > GP_DNS_RECORDS_MAX)
				json_array_remove(list, GP_DNS_RECORDS_MAX);
		}
	}
}

static struct gp_answers *
zone_of(const json_t *c, struct gp_arena *arena)
{
	cut_lists(json_object_get(c, "zone"));
	char *text = json_dumps(json_object_get(c, "zone"), 0);
	assert_non_null(text);
	struct gp_slice copy = gp_arena_dup(arena, gp_slice_str(text));
	free(text);
	return load_world(copy, arena);
}

static bool
expects(const json_t *c, const char *verdict)
{
	const json_t *list = json_object_get(c, "expect");
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), verdict) == 0)
			return true;
	}
	return false;
}

static void
judge_attack(const json_t *c, struct gp_arena *arena)
{
	struct gp_spf_query q = {.helo = string_of(c, "helo"),
				 .sender = string_of(c, "mailfrom"),
				 .explain = true,
				 .trail = true};
	struct gp_answers *world = zone_of(c, arena);
	struct gp_spf_result r;
	set_client(&q, string_of(c, "ip"));
	run_both(&q, world, arena, &r);
	if (!expects(c, gp_spf_verdict_name(r.verdict)))
		fail_msg("%.*s: got %s for %.*s", GP_SLICE_FMT(string_of(c, "id")),
			 gp_spf_verdict_name(r.verdict), GP_SLICE_FMT(r.reason));
	gp_answers_free(world);
}

static void
attacks(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	json_t *list = load("attack-spf/cases.json", &arena);
	size_t len = json_array_size(list);
	for (size_t i = 0; i < len; i++)
		judge_attack(json_array_get(list, i), &arena);
	gp_suite_tell("attack-spf", "evaluation", len, len);
	assert_true(len >= ATTACKS);
	json_decref(list);
	gp_arena_free(&arena);
}

static struct gp_slice
unhex(const char *hex, struct gp_arena *arena)
{
	size_t len = strlen(hex) / 2;
	char *octets = gp_arena_alloc(arena, len);
	assert_non_null(octets);
	for (size_t i = 0; i < len; i++)
		octets[i] = (char)(gp_ascii_hex(hex[2 * i]) << 4 | gp_ascii_hex(hex[2 * i + 1]));
	return gp_slice(octets, len);
}

/* The input as the record of the sender's domain, and as all other records of that name. */
static void
judge_input(struct gp_slice input, struct gp_arena *arena)
{
	struct gp_dns_record txt = {.type = GP_DNS_TXT, .data = input};
	struct gp_dns_record host = {.type = GP_DNS_A, .address = {192, 0, 2, 1}};
	struct gp_dns_record mx = {.type = GP_DNS_MX, .name = GP_SLICE("d.test")};
	struct gp_dns_record *const records[] = {&txt, &host, &mx};
	struct gp_answers *world = gp_answers_new_closed(arena, 8, test_seed);
	struct gp_slice name = GP_SLICE("d.test");
	assert_int_equal(gp_answers_add_name(world, name, GP_DNS_OK, false), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(records); i++) {
		struct gp_dns_answer a = {.name = name,
					  .canonical = name,
					  .type = records[i]->type,
					  .status = GP_DNS_OK,
					  .records = records[i],
					  .records_len = 1};
		assert_int_equal(gp_answers_add(world, &a), 0);
	}
	static const char *const clients[] = {"192.0.2.1", "2001:db8::1"};
	for (size_t i = 0; i < GP_ARRAY_LEN(clients); i++) {
		struct gp_spf_query q = {.helo = GP_SLICE("d.test"),
					 .sender = GP_SLICE("a-b.c@d.test"),
					 .explain = true,
					 .trail = true};
		struct gp_spf_result r;
		set_client(&q, gp_slice_str(clients[i]));
		run_both(&q, world, arena, &r);
	}
	gp_answers_free(world);
}

static void
inputs_of_a_fuzzer(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	json_t *list = load("spf-fuzz-blitiri/inputs.json", &arena);
	size_t len = json_array_size(list);
	for (size_t i = 0; i < len; i++) {
		struct gp_arena one = GP_ARENA_INIT(ARENA_MAX);
		const json_t *input = json_array_get(list, i);
		const json_t *arg = json_array_get(json_object_get(input, "args"), 0);
		const char *hex = json_string_value(json_object_get(arg, "hex"));
		assert_non_null(hex);
		judge_input(unhex(hex, &one), &one);
		gp_arena_free(&one);
	}
	gp_suite_tell("spf-fuzz-blitiri", "evaluation", len, len);
	assert_true(len >= INPUTS);
	json_decref(list);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attacks),
		cmocka_unit_test(inputs_of_a_fuzzer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
