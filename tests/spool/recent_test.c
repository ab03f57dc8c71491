/* SPDX-License-Identifier: Apache-2.0 */
/* What the spool remembers of the last quarter of an hour. */
#include "../unit.h"

#include "procs/spool/recent.h"

static struct recent recent;

static uint32_t
accepted_in_all(uint64_t now_ms)
{
	struct gp_flow_moment moments[RECENT_MOMENTS];
	uint32_t under_way_ms, sum = 0;
	recent_moments(&recent, now_ms, moments, &under_way_ms);
	assert_int_equal(under_way_ms, now_ms % RECENT_MOMENT_MS);
	for (size_t i = 0; i < RECENT_MOMENTS; i++)
		sum += moments[i].accepted;
	return sum;
}

static void
moments_pass(void **state)
{
	enum { LAST = RECENT_MOMENTS * RECENT_MOMENT_MS };
	static const struct {
		uint64_t at_ms;
		uint32_t in_all; /* behind one more */
	} cases[] = {
		{5'000'000, 1},
		{5'000'001, 2},
		{5'009'999, 3},
		{5'010'000, 4},
		{5'000'000 + LAST - 1, 5},
		{5'000'000 + LAST, 3},               /* the first moment has gone */
		{5'010'000 + LAST, 3},               /* the next one */
		{5'020'000 + 2 * (uint64_t)LAST, 1}, /* all */
		{900'000'000'000'000, 1},
	};
	(void)state;
	recent = (struct recent){};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		recent_moment(&recent, cases[i].at_ms)->accepted++;
		assert_int_equal(accepted_in_all(cases[i].at_ms), cases[i].in_all);
	}
}

static void
the_newest_is_last(void **state)
{
	struct gp_flow_moment moments[RECENT_MOMENTS];
	uint32_t ms;
	(void)state;
	recent = (struct recent){};
	recent_moment(&recent, 1'000'000)->accepted = 7;
	recent_moment(&recent, 1'010'000)->accepted = 8;
	recent_moments(&recent, 1'010'001, moments, &ms);
	assert_int_equal(moments[RECENT_MOMENTS - 1].accepted, 8);
	assert_int_equal(moments[RECENT_MOMENTS - 2].accepted, 7);
}

static void
outcome(uint8_t kind, uint64_t id, struct gp_slice text)
{
	const struct gp_outcome o = {.kind = kind,
				     .reply = {.code = 451, .enhanced_class = 4, .text = text},
				     .remote = GP_SLICE("mx.test")};
	recent_outcome(&recent, 5, 1000 * id, id, GP_SLICE("a@b.test"), &o, 3);
}

static void
outcomes_are_counted(void **state)
{
	(void)state;
	recent = (struct recent){};
	outcome(GP_OUTCOME_DELIVERED, 1, GP_SLICE("x"));
	outcome(GP_OUTCOME_RELAYED, 2, GP_SLICE("x"));
	outcome(GP_OUTCOME_FAILED, 3, GP_SLICE("x"));
	outcome(GP_OUTCOME_DEFERRED, 4, GP_SLICE("x"));
	const struct gp_flow_moment *m = recent_moment(&recent, 5);
	assert_int_equal(m->delivered, 2);
	assert_int_equal(m->failed, 1);
	assert_int_equal(m->deferred, 1);
}

static void
the_newest_deferrals(void **state)
{
	struct gp_flow_deferral told[RECENT_DEFERRALS];
	char text[1000];
	(void)state;
	recent = (struct recent){};
	memset(text, 'x', sizeof(text));
	assert_int_equal(recent_deferrals(&recent, told), 0);
	outcome(GP_OUTCOME_DEFERRED, 1, gp_slice(text, sizeof(text)));
	assert_int_equal(recent_deferrals(&recent, told), 1);
	assert_int_equal(told[0].reply.text.len, RECENT_TEXT_MAX);
	assert_slice(told[0].rcpt, "a@b.test");
	assert_slice(told[0].remote, "mx.test");
	assert_int_equal(told[0].attempts, 3);
	for (uint64_t id = 2; id <= RECENT_DEFERRALS + 5; id++)
		outcome(GP_OUTCOME_DEFERRED, id, GP_SLICE(""));
	assert_int_equal(recent_deferrals(&recent, told), RECENT_DEFERRALS);
	assert_int_equal(told[0].id, RECENT_DEFERRALS + 5);
	assert_int_equal(told[RECENT_DEFERRALS - 1].id, 6);
	assert_int_equal(told[0].time_ms, 1000 * (RECENT_DEFERRALS + 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_pass),
		cmocka_unit_test(the_newest_is_last),
		cmocka_unit_test(outcomes_are_counted),
		cmocka_unit_test(the_newest_deferrals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
