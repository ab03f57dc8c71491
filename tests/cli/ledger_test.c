/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/traffic/ledger.h"

static char path[] = "/tmp/gatepost-ledger-XXXXXX";

static int
make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_line(uint64_t number, enum gp_load_outcome outcome, const char *text)
{
	struct gp_mark mark = {.run = "run", .number = number, .time_us = 5};
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(gp_ledger_write(fd, &mark, outcome, gp_slice_str(text)), 0);
	close(fd);
}

static void
lines_are_read_back(void **state)
{
	static const struct {
		const char *line;
		bool good;
		enum gp_load_outcome outcome;
	} cases[] = {
		{"run-0000000001-5 accepted 250 2.0.0 Ok", true, GP_LOAD_ACCEPTED},
		{"run-0000000001-5 refused 550 no", true, GP_LOAD_REFUSED},
		{"run-0000000001-5 partial 450 no", true, GP_LOAD_PARTIAL},
		{"run-0000000001-5 doubtful", true, GP_LOAD_DOUBTFUL},
		{"run-0000000001-0 failed closed", true, GP_LOAD_FAILED},
		{"run-0000000001-5 accep", false, 0}, /* cut off by a crash */
		{"run-0000000001 accepted", false, 0},
		{"", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_mark mark;
		enum gp_load_outcome outcome;
		bool good = gp_ledger_parse(gp_slice_str(cases[i].line), &mark, &outcome);
		assert_int_equal(good, cases[i].good);
		if (good)
			assert_int_equal(outcome, cases[i].outcome);
	}
}

static void
the_audit_owes_what_was_accepted(void **state)
{
	struct gp_mark_book book = {};
	struct gp_ledger_result owed;
	struct gp_mark arrived = {.run = "run", .number = 1};
	char long_text[2000];
	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	write_line(1, GP_LOAD_ACCEPTED, "250 ok");
	write_line(2, GP_LOAD_ACCEPTED, long_text);
	write_line(3, GP_LOAD_DOUBTFUL, "");
	write_line(4, GP_LOAD_ACCEPTED, "250 a reply\nthat breaks a line");
	write_line(5, GP_LOAD_REFUSED, "450 later");
	assert_int_equal(gp_mark_book_add(&book, &arrived), 0);
	assert_int_equal(gp_ledger_audit(path, &book, &owed), 0);
	assert_int_equal(owed.accepted, 3);
	assert_int_equal(owed.missing, 2);
	assert_string_equal(owed.first_missing, "run-0000000002-5");
	gp_mark_book_free(&book);
}

static void
a_ledger_that_is_not_there_is_an_error(void **state)
{
	struct gp_mark_book book = {};
	struct gp_ledger_result owed;
	(void)state;
	assert_int_equal(gp_ledger_audit("/nonexistent/ledger", &book, &owed), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_back),
		cmocka_unit_test(the_audit_owes_what_was_accepted),
		cmocka_unit_test(a_ledger_that_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
