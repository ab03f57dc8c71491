/* SPDX-License-Identifier: Apache-2.0 */
/* An interrupted run goes on with what was not done, and repeats nothing. */
#include "../unit.h"

#include "core/targets/progress.h"

static const uint16_t ports[] = {25};

static void
turns_end_in_any_order(void **state)
{
	(void)state;
	static struct gp_progress p;
	p = (struct gp_progress){};
	assert_true(gp_progress_may(&p, 0) && gp_progress_may(&p, GP_PROGRESS_WINDOW - 1));
	assert_false(gp_progress_may(&p, GP_PROGRESS_WINDOW));
	gp_progress_note(&p, 2);
	gp_progress_note(&p, 1);
	assert_int_equal(p.done, 0);
	assert_int_equal(gp_progress_count(&p), 2);
	assert_false(gp_progress_may(&p, 2));
	gp_progress_note(&p, 0);
	assert_int_equal(p.done, 3);
	gp_progress_note(&p, 1); /* again */
	assert_int_equal(p.done, 3);
	assert_int_equal(gp_progress_count(&p), 3);
	assert_true(gp_progress_may(&p, GP_PROGRESS_WINDOW + 2));
}

/* More of them than the window holds: its bits are used again. */
static void
the_window_moves_on(void **state)
{
	(void)state;
	static struct gp_progress p;
	p = (struct gp_progress){};
	for (uint64_t i = 0; i < 3 * (uint64_t)GP_PROGRESS_WINDOW; i++)
		gp_progress_note(&p, i ^ 1);
	assert_int_equal(p.done, 3 * (uint64_t)GP_PROGRESS_WINDOW);
	for (size_t i = 0; i < sizeof(p.ahead); i++)
		assert_int_equal(p.ahead[i], 0);
}

static void
the_text_leads_back(void **state)
{
	(void)state;
	static struct gp_progress p, again;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf out = GP_BUF_INIT(GP_PROGRESS_TEXT_MAX);
	struct gp_targets list;
	struct gp_targets_line wrong;
	struct gp_progress_start start;
	assert_int_equal(gp_targets_init(&list, &arena, ports, 1), 0);
	assert_int_equal(gp_targets_add_line(&list, GP_SLICE("10.0.0.0/8"), &wrong), 0);
	struct gp_targets_walk walk = gp_targets_walk(&list, 42, 1, 3);
	p = (struct gp_progress){.done = 1'000'000};
	for (uint64_t i = 1; i < GP_PROGRESS_WINDOW; i += 2)
		gp_progress_note(&p, p.done + i);
	gp_progress_write(&p, &walk, &out);
	assert_false(out.failed);
	assert_true(gp_progress_read(gp_buf_slice(&out), &again, &start));
	assert_memory_equal(&again, &p, sizeof(p));
	assert_true(start.digest == list.digest && start.seed == 42);
	assert_true(start.shard == 1 && start.shards == 3);
	gp_buf_free(&out);
	gp_arena_free(&arena);
}

static void
other_texts_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso 7 9\n", true},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso\n", true},
		{"gatepost-scan 2\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 1 1\ndone 5\nalso\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 0\ndone 5\nalso\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso 4\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso 7 7\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso 99999999\n", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso 7", false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 18446744073709551615\nalso\n",
		 false},
		{"gatepost-scan 1\ndigest 1\nseed 2\nshard 0 1\ndone 5\nalso\nmore", false},
		{"", false},
	};
	static struct gp_progress p;
	struct gp_progress_start start;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_progress_read(gp_slice_str(cases[i].text), &p, &start) != cases[i].good)
			fail_msg("%s", cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_end_in_any_order),
		cmocka_unit_test(the_window_moves_on),
		cmocka_unit_test(the_text_leads_back),
		cmocka_unit_test(other_texts_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
