/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of findings: in order, found by their ids, and with a cap. */
#include "../unit.h"

#include "core/finding/finding.h"

static const struct gp_finding_kind one = {"a.one", GP_SEVERITY_HIGH, "One", "because"},
				    two = {"a.two", GP_SEVERITY_INFO, "Two", "because"};

static void
they_keep_their_order(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	(void)state;
	gp_finding_add(&list, &one, "%d and %s", 1, "more");
	gp_finding_add(&list, &two, "x");
	gp_finding_add(&list, &one, "again");
	assert_int_equal(list.len, 3);
	assert_slice(list.items[0].evidence, "1 and more");
	assert_ptr_equal(gp_finding_of(&list, "a.one"), &list.items[0]);
	assert_ptr_equal(gp_finding_of(&list, "a.two"), &list.items[1]);
	assert_null(gp_finding_of(&list, "a"));
	assert_string_equal(gp_severity_name(one.severity), "high");
	gp_arena_free(&arena);
}

static void
they_have_a_cap(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	(void)state;
	gp_finding_add(&list, &one, "%*s", 2 * GP_FINDING_EVIDENCE_MAX, "x");
	assert_int_equal(list.items[0].evidence.len, GP_FINDING_EVIDENCE_MAX);
	for (size_t i = 1; i < GP_FINDINGS_MAX + 5; i++)
		gp_finding_add(&list, &two, "x");
	assert_int_equal(list.len, GP_FINDINGS_MAX);
	assert_int_equal(list.dropped, 5);
	gp_arena_free(&arena);
}

static void
the_gravest_are_kept(void **state)
{
	static const struct gp_finding_kind grave = {"a.grave", GP_SEVERITY_CRITICAL, "G", "so"};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	struct gp_finding unknown = {
		.kind = &grave, .state = GP_FINDING_NOT_MEASURED, .severity = GP_SEVERITY_HIGH};
	(void)state;
	gp_finding_put(&list, &unknown);
	gp_finding_add(&list, &two, "first");
	for (size_t i = 2; i < GP_FINDINGS_MAX; i++)
		gp_finding_add(&list, &one, "x");
	assert_false(gp_findings_take(&list, GP_FINDING_NOT_MEASURED, GP_SEVERITY_CRITICAL));
	gp_finding_add(&list, &grave, "1");
	assert_ptr_equal(gp_finding_of(&list, "a.two"), &list.items[0]);
	gp_finding_add(&list, &grave, "2");
	assert_null(gp_finding_of(&list, "a.two"));
	assert_false(gp_findings_take(&list, GP_FINDING_FAIL, GP_SEVERITY_HIGH));
	gp_finding_add(&list, &one, "dropped");
	assert_true(gp_findings_take(&list, GP_FINDING_FAIL, GP_SEVERITY_CRITICAL));
	assert_int_equal(list.len, GP_FINDINGS_MAX);
	assert_int_equal(list.dropped, 3);
	assert_slice(list.items[GP_FINDINGS_MAX - 2].evidence, "1");
	assert_slice(list.items[GP_FINDINGS_MAX - 1].evidence, "2");
	gp_arena_free(&arena);
}

static void
without_memory_nothing_is_kept(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(16);
	struct gp_findings list = gp_findings(&arena);
	(void)state;
	assert_null(list.items);
	gp_finding_add(&list, &one, "x");
	assert_true(list.len == 0 && arena.failed);
	gp_arena_free(&arena);
}

static void
they_may_say_more(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	char name[] = "_25._tcp.mx.example.org";
	const struct gp_finding_record records[] = {
		{gp_slice_str(name), "TLSA", GP_SLICE("3 1 1 00")},
	};
	const struct gp_finding given = {
		.kind = &two,
		.state = GP_FINDING_NOT_MEASURED,
		.severity = GP_SEVERITY_LOW,
		.evidence = GP_SLICE("no answer"),
		.fix = GP_SLICE("ask again"),
		.records = records,
		.records_len = GP_ARRAY_LEN(records),
	};
	(void)state;
	gp_finding_put(&list, &given);
	name[0] = 'x';
	const struct gp_finding *f = gp_finding_of(&list, "a.two");
	assert_string_equal(gp_finding_state_name(f->state), "not_measured");
	assert_string_equal(gp_severity_name(f->severity), "low");
	assert_slice(f->evidence, "no answer");
	assert_slice(f->fix, "ask again");
	assert_int_equal(f->records_len, 1);
	assert_slice(f->records[0].name, "_25._tcp.mx.example.org");
	assert_slice(f->records[0].value, "3 1 1 00");
	gp_finding_add(&list, &one, "x");
	assert_int_equal(list.items[1].state, GP_FINDING_FAIL);
	assert_int_equal(list.items[1].severity, GP_SEVERITY_HIGH);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_keep_their_order),
		cmocka_unit_test(they_have_a_cap),
		cmocka_unit_test(the_gravest_are_kept),
		cmocka_unit_test(they_may_say_more),
		cmocka_unit_test(without_memory_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
