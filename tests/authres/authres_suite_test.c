/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks by forged fields: those of mx.our.example must all go. */
#include "../suite.h"

#include <jansson.h>

#include "core/authres/authres.h"

enum { ARENA_MAX = 4 << 20 };

/* 1 when the case has such a field. */
static size_t
judge(const json_t *c, struct gp_arena *arena)
{
	const json_t *fields = json_object_get(c, "from_fields");
	struct gp_slice name = GP_SLICE("Authentication-Results");
	struct gp_header h;
	assert_int_equal(
		gp_header_split(gp_slice(json_string_value(fields), json_string_length(fields)),
				arena, &h),
		0);
	for (size_t i = 0; i < h.fields_len; i++) {
		int want = gp_slice_eq_nocase(gp_header_name(&h, i), name);
		if (gp_authres_claims(&h, i, GP_SLICE("mx.our.example"), arena) != want)
			fail_msg("%s, field %zu", json_string_value(json_object_get(c, "id")), i);
	}
	return gp_header_count(&h, name) > 0;
}

static void
forged_fields(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("attack-auth/cases.json", &arena);
	json_t *list = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	size_t i, judged = 0;
	const json_t *c;
	json_array_foreach(list, i, c)
	{
		judged += judge(c, &arena);
	}
	gp_suite_tell("attack-auth", "forged results", judged, json_array_size(list));
	assert_true(judged > 0);
	json_decref(list);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
