/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a domain: sorted, each name once, and never more than there is room for. */
#include "../unit.h"

#include "cli/audit/facts.h"
#include "core/dmarc/record.h"

static void
keys_are_sorted_and_stand_once(void **state)
{
	static const struct gp_posture_key keys[] = {{GP_SLICE("s2"), GP_SLICE("bb")},
						     {GP_SLICE("a"), GP_SLICE("aa")},
						     {GP_SLICE("s2"), GP_SLICE("bb")},
						     {GP_SLICE("s1"), GP_SLICE("cc")}};
	static const char *const names[] = {"class", "dkim.key.a", "dkim.key.s1", "dkim.key.s2",
					    "dkim.keys"};
	static const char *const values[] = {"unknown", "aa", "cc", "bb", "4"};
	const struct gp_posture_facts f = {
		.dkim = {.keys = 4, .list = keys, .list_len = GP_ARRAY_LEN(keys)}};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct audit_fact list[AUDIT_FACTS_MAX];
	(void)state;
	assert_true(audit_facts(&f, &arena, list) >= GP_ARRAY_LEN(names));
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		assert_slice(list[i].name, names[i]);
		assert_slice(list[i].value, values[i]);
	}
	gp_arena_free(&arena);
}

/* A zone with a key at every selector, and all else that there can be. */
static void
facts_have_an_end(void **state)
{
	struct gp_posture_key keys[GP_POSTURE_SELECTORS_MAX];
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct audit_fact list[AUDIT_FACTS_MAX];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(keys); i++)
		keys[i] = (struct gp_posture_key){gp_arena_printf(&arena, "s%03zu", i),
						  GP_SLICE("00")};
	const struct gp_posture_facts f = {
		.org = GP_SLICE("d.test"),
		.mx = {.known = true, .null = true},
		.spf = {.known = true,
			.present = true,
			.valid = true,
			.record = GP_SLICE("v=spf1")},
		.dmarc = {.known = true,
			  .present = true,
			  .p = GP_DMARC_P_REJECT,
			  .sp = GP_DMARC_P_REJECT,
			  .at = GP_SLICE("d.test"),
			  .record = GP_SLICE("v=DMARC1; p=reject")},
		.dkim = {.list = keys, .list_len = GP_ARRAY_LEN(keys)},
		.sts = {GP_SLICE("1"), GP_SLICE("00")},
	};
	size_t len = audit_facts(&f, &arena, list);
	assert_in_range(len, 40, AUDIT_FACTS_MAX);
	for (size_t i = 1; i < len; i++)
		assert_true(gp_slice_cmp(list[i - 1].name, list[i].name) < 0);
	assert_slice(list[len - 1].name, "sts.policy");
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_sorted_and_stand_once),
		cmocka_unit_test(facts_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
