/* SPDX-License-Identifier: Apache-2.0 */
/* The published vectors for records. */
#include "../suite.h"

#include <jansson.h>

#include "core/tlsrpt/record.h"

enum { ARENA_MAX = 4 << 20 };

static void
check_places(const json_t *want, const struct gp_tlsrpt_places *p)
{
	if (!want)
		return;
	assert_int_equal(json_array_size(want), p->len);
	for (size_t i = 0; i < p->len; i++)
		assert_slice(p->rua[i].uri, json_string_value(json_array_get(want, i)));
}

static void
records(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("tlsrpt-vectors/txt-records.json", &arena);
	json_t *list = json_loadb(text.ptr, text.len, 0, NULL);
	assert_true(json_array_size(list) > 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const char *txt = json_string_value(json_object_get(c, "txt"));
		struct gp_dns_record r = {.data = gp_slice_str(txt)};
		struct gp_dns_answer a = {.status = GP_DNS_OK, .records = &r, .records_len = 1};
		struct gp_tlsrpt_places p;
		int rc = gp_tlsrpt_record_read(&a, &arena, &p);
		if ((rc == GP_TLSRPT_RECORD_OK) != json_is_true(json_object_get(c, "valid")))
			fail_msg("case %zu: %s", i, txt);
		check_places(json_object_get(c, "rua"), &p);
	}
	gp_suite_tell("tlsrpt-vectors", "records", json_array_size(list), json_array_size(list));
	json_decref(list);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
