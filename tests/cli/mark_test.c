/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/traffic/mark.h"

static void
marks_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"k3f9a2bd-0000000042-1763778564123456", true},
		{"a-1-0", true},
		{"abcdefghijklmnop-100000000-18446744073709551615", true},
		{"abcdefghijklmnopq-1-0", false},    /* a run of 17 */
		{"a-100000001-0", false},            /* over the greatest number */
		{"a-1-18446744073709551616", false}, /* over 64 bits */
		{"a-0-1", false},                    /* numbers count from 1 */
		{"-1-1", false},                     /* no run */
		{"a-1", false},                      /* no time */
		{"a-1-", false},
		{"a-1-1-1", false},
		{"a-1-1 ", false},
		{"a b-1-1", false},
		{"a--1", false},
		{"", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_mark mark;
		bool good = gp_mark_parse(gp_slice_str(cases[i].text), &mark);
		if (good != cases[i].good)
			fail_msg("'%s' was %s", cases[i].text, good ? "taken" : "refused");
	}
}

static void
what_is_printed_is_read_back(void **state)
{
	struct gp_mark mark = {.run = "k3f9a2bd", .number = 42, .time_us = 1763778564123456};
	struct gp_mark back;
	struct gp_buf out = GP_BUF_INIT(GP_MARK_TEXT_MAX);
	(void)state;
	gp_mark_print(&out, &mark);
	assert_true(
		gp_slice_eq(gp_buf_slice(&out), GP_SLICE("k3f9a2bd-0000000042-1763778564123456")));
	assert_true(gp_mark_parse(gp_buf_slice(&out), &back));
	assert_string_equal(back.run, mark.run);
	assert_int_equal(back.number, mark.number);
	assert_int_equal(back.time_us, mark.time_us);
	gp_buf_free(&out);
}

static int
add(struct gp_mark_book *book, const char *run, uint64_t number)
{
	struct gp_mark mark = {.number = number};
	memcpy(mark.run, run, strlen(run));
	return gp_mark_book_add(book, &mark);
}

static void
the_book_names_missing_and_doubled(void **state)
{
	struct gp_mark_book book = {};
	(void)state;
	assert_int_equal(gp_mark_book_expect(&book, GP_SLICE("run"), 10), 0);
	for (uint64_t n = 1; n <= 10; n++) {
		if (n != 3 && n != 10)
			assert_int_equal(add(&book, "run", n), 0);
	}
	assert_int_equal(add(&book, "run", 7), 1);
	assert_int_equal(add(&book, "run", 7), 1);
	assert_int_equal(add(&book, "other", 7), 0);
	const struct gp_mark_run *run = gp_mark_book_find(&book, GP_SLICE("run"));
	assert_int_equal(run->distinct, 8);
	assert_int_equal(run->repeats, 2);
	assert_int_equal(gp_mark_run_missing(run), 2);
	assert_int_equal(gp_mark_run_next_missing(run, 1), 3);
	assert_int_equal(gp_mark_run_next_missing(run, 4), 10);
	assert_int_equal(gp_mark_run_next_missing(run, 11), 0);
	assert_int_equal(gp_mark_run_next_doubled(run, 1), 7);
	assert_int_equal(gp_mark_run_next_doubled(run, 8), 0);
	assert_int_equal(gp_mark_run_seen(run, 7), 3);
	gp_mark_book_free(&book);
}

static void
an_untold_run_is_expected_up_to_its_greatest(void **state)
{
	struct gp_mark_book book = {};
	(void)state;
	add(&book, "r", 5000); /* over the first room */
	add(&book, "r", 1);
	const struct gp_mark_run *run = gp_mark_book_find(&book, GP_SLICE("r"));
	assert_false(run->told);
	assert_int_equal(run->expected, 5000);
	assert_int_equal(gp_mark_run_missing(run), 4998);
	gp_mark_book_free(&book);
}

static void
a_run_that_never_came_is_missing_whole(void **state)
{
	struct gp_mark_book book = {};
	(void)state;
	assert_int_equal(gp_mark_book_expect(&book, GP_SLICE("gone"), 3), 0);
	assert_int_equal(gp_mark_run_missing(gp_mark_book_find(&book, GP_SLICE("gone"))), 3);
	gp_mark_book_free(&book);
}

static void
the_book_has_a_cap(void **state)
{
	struct gp_mark_book book = {};
	(void)state;
	for (int i = 0; i < GP_MARK_RUNS_MAX; i++) {
		char name[3] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
		assert_int_equal(add(&book, name, 1), 0);
	}
	assert_int_equal(add(&book, "over", 1), -ENOSPC);
	assert_int_equal(gp_mark_book_expect(&book, GP_SLICE("over"), 1), -ENOSPC);
	gp_mark_book_free(&book);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_are_read_strictly),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(the_book_names_missing_and_doubled),
		cmocka_unit_test(an_untold_run_is_expected_up_to_its_greatest),
		cmocka_unit_test(a_run_that_never_came_is_missing_whole),
		cmocka_unit_test(the_book_has_a_cap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
