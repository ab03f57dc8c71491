/* SPDX-License-Identifier: Apache-2.0 */
/* What is told between two looks: a line a finding, "STATE SEVERITY ID EVIDENCE". */
#include "audit_world.h"

#include <errno.h>

#include "base/buf.h"

static void
write_change(struct gp_buf *out, const struct audit_change *c)
{
	gp_buf_printf(out, "%s%s", out->len > 0 ? "; " : "", audit_change_name(c->kind));
	if (c->kind == AUDIT_FACT) {
		gp_buf_printf(out, " %.*s %.*s>%.*s", GP_SLICE_FMT(c->fact.name),
			      GP_SLICE_FMT(c->fact_before.value), GP_SLICE_FMT(c->fact.value));
		assert_true(gp_slice_eq(c->fact.name, c->fact_before.name));
		return;
	}
	gp_buf_printf(out, " %.*s", GP_SLICE_FMT(c->before ? c->before->id : c->now->id));
	gp_buf_printf(out, " %.*s>%.*s",
		      GP_SLICE_FMT(c->before ? c->before->evidence : GP_SLICE("")),
		      GP_SLICE_FMT(c->now ? c->now->evidence : GP_SLICE("")));
}

static void
changes_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *before, *now, *told;
		bool worse;
	} cases[] = {
		{"", "", "", false},
		{"fail high a x", "fail high a x", "", false},
		{"", "fail high a x", "came a >x", true},
		{"", "fail info a x", "came a >x", false},
		{"", "pass high a x", "", false},
		{"", "not_measured high a x", "", false},
		{"pass high a -", "fail low a x", "came a >x", true},
		{"not_measured high a why", "fail low a x", "came a >x", true},
		{"fail high a x", "", "went a x>", false},
		{"fail high a x", "pass high a -", "went a x>", false},
		{"fail high a x", "not_measured high a why", "lost a x>why", false},
		{"pass high a -", "not_measured high a why", "", false},
		{"fail high a x", "fail high a y", "changed a x>y", false},
		{"fail low a x", "fail high a x", "changed a x>x", true},
		{"fail high a x", "fail low a y", "changed a x>y", false},
		/* nobody can say whether it is there */
		{"fail high spf.a x", "not_measured info spf.b why", "lost spf.a x>why", false},
		{"fail high spf.a x", "not_measured info spfx.b why", "went spf.a x>", false},
		{"=class parked;fail high a x", "=class unknown;not_measured info b why",
		 "lost a x>why; fact class parked>unknown", false},
		{"=class parked;fail high a x", "=class absent;not_measured info b why",
		 "went a x>; fact class parked>absent", false},
		{"fail high a x", "fail high b y;not_measured info findings.cut 1 more",
		 "came b >y; lost a x>1 more", true},
		/* one that is there twice: the same evidence is the same one */
		{"fail low a x;fail low a y", "fail low a y", "went a x>", false},
		{"fail low a x;fail low a y", "fail low a y;fail low a z", "changed a x>z", false},
		{"fail low a x", "fail low a w;fail low a x", "came a >w", true},
		/* one went while another came */
		{"fail high a x", "fail low b y", "came b >y; went a x>", true},
		{"=c parked;=p none", "=c sending;=p none", "fact c parked>sending", false},
		{"=b 1", "=a 2;=b 1;=d 3", "fact a >2; fact d >3", false},
		{"=a 2;=b 1", "=b 1", "fact a 2>", false},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		struct gp_buf out = GP_BUF_INIT(1024);
		struct audit_changes changes;
		struct world before, now;
		read_world(cases[i].before, &before);
		read_world(cases[i].now, &now);
		assert_int_equal(audit_changes_find(&before.look, &now.look, &arena, &changes), 0);
		for (size_t j = 0; j < changes.len; j++)
			write_change(&out, &changes.items[j]);
		assert_slice(gp_buf_slice(&out), cases[i].told);
		assert_int_equal(changes.worse, cases[i].worse);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
memory_runs_out(void **state)
{
	(void)state;
	struct world before, now;
	struct audit_changes changes;
	read_world("fail high a x", &before);
	read_world("fail high b y", &now);
	for (size_t max = 0; max < 64; max++) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		assert_int_equal(audit_changes_find(&before.look, &now.look, &arena, &changes),
				 -ENOMEM);
		assert_int_equal(changes.len, 0);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_told),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
