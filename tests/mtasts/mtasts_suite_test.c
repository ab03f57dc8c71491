/* SPDX-License-Identifier: Apache-2.0 */
/* The published vectors for records, policies, names of hosts and media types. Disputed cases are
 * passed over. */
#include "../suite.h"

#include <jansson.h>

#include "core/dns/idn.h"
#include "core/mtasts/policy.h"
#include "core/mtasts/record.h"

enum { ARENA_MAX = 8 << 20 };

static const char *
text_of(const json_t *c, const char *key)
{
	const char *s = json_string_value(json_object_get(c, key));
	assert_non_null(s);
	return s;
}

static void
run(const char *file, bool (*judge)(const json_t *c, struct gp_arena *arena), const char *key)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read(file, &arena);
	json_t *list = json_loadb(text.ptr, text.len, 0, NULL);
	assert_true(json_array_size(list) > 0);
	size_t i, judged = 0;
	const json_t *c;
	json_array_foreach(list, i, c)
	{
		const json_t *want = json_object_get(c, key);
		judged += json_is_boolean(want);
		if (json_is_boolean(want) && judge(c, &arena) != json_is_true(want))
			fail_msg("%s, case %zu", file, i);
	}
	gp_suite_tell("mtasts-vectors", file + strlen("mtasts-vectors/"), judged,
		      json_array_size(list));
	json_decref(list);
	gp_arena_free(&arena);
}

static bool
judge_record(const json_t *c, struct gp_arena *arena)
{
	(void)arena;
	struct gp_dns_record r = {.type = GP_DNS_TXT, .data = gp_slice_str(text_of(c, "txt"))};
	struct gp_dns_answer a = {.status = GP_DNS_OK, .records = &r, .records_len = 1};
	struct gp_slice id;
	bool good = gp_mtasts_record_read(&a, &id) == GP_MTASTS_RECORD_OK;
	if (json_object_get(c, "id"))
		assert_slice(id, text_of(c, "id"));
	return good;
}

static bool
judge_policy(const json_t *c, struct gp_arena *arena)
{
	struct gp_mtasts_policy p;
	struct gp_slice why, body = gp_slice_str(text_of(c, "policy"));
	return gp_mtasts_policy_parse(body, arena, &p, &why) == 0;
}

/* The vectors hold U-labels on both sides, which nothing else here sees. */
static struct gp_slice
ascii(const json_t *c, const char *key, struct gp_arena *arena)
{
	struct gp_slice s = gp_slice_str(text_of(c, key));
	return gp_idn_to_ascii(s, arena, &s) == 0 ? s : GP_SLICE("");
}

static bool
judge_match(const json_t *c, struct gp_arena *arena)
{
	struct gp_slice pattern = ascii(c, "pattern", arena), why;
	struct gp_slice body =
		gp_arena_printf(arena, "version: STSv1\nmode: enforce\nmax_age: 1\nmx: %.*s\n",
				GP_SLICE_FMT(pattern));
	struct gp_mtasts_policy p;
	return gp_mtasts_policy_parse(body, arena, &p, &why) == 0 &&
	       gp_mtasts_policy_names(&p, ascii(c, "mx", arena));
}

static bool
judge_type(const json_t *c, struct gp_arena *arena)
{
	(void)arena;
	return gp_mtasts_content_type_valid(gp_slice_str(text_of(c, "content_type")));
}

static void
records(void **state)
{
	(void)state;
	run("mtasts-vectors/txt-records.json", judge_record, "valid");
}

static void
policies(void **state)
{
	(void)state;
	run("mtasts-vectors/policies.json", judge_policy, "valid");
}

static void
matches(void **state)
{
	(void)state;
	run("mtasts-vectors/mx-match.json", judge_match, "match");
}

static void
content_types(void **state)
{
	(void)state;
	run("mtasts-vectors/content-type.json", judge_type, "accept");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(policies),
		cmocka_unit_test(matches),
		cmocka_unit_test(content_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
