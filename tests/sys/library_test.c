/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are needed, by one that the C library brings: there, not
 * there, and without what is wanted of it. */
#include "../unit.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/library.h"

#define NOWHERE "libgatepost-nowhere.so.1"

static struct [[GP_LIBRARY_TABLE]] {
	typeof(&floor) floor;
	typeof(&ldexp) ldexp;
} calls;
static int beside; /* what follows the table is as it was */

static void
is_there(void **state)
{
	static const struct gp_library_symbol symbols[] = {{"floor", &calls.floor},
							   {"ldexp", &calls.ldexp}};
	struct gp_library l = {.file = "libm.so.6",
			       .package = "libc6",
			       .symbols = symbols,
			       .symbols_len = GP_ARRAY_LEN(symbols),
			       .table = &calls,
			       .table_size = sizeof(calls)};
	(void)state;
	assert_int_equal(gp_library_load(&l), 0);
	beside++;
	assert_true(calls.floor(2.5) == 2);
	assert_true(calls.ldexp(3, 4) == 48);
	/* Once is enough: it is not looked for again. */
	l.file = NOWHERE;
	assert_int_equal(gp_library_load(&l), 0);
}

static void
is_not_there(void **state)
{
	struct gp_library l = {.file = NOWHERE, .package = "libgatepost-nowhere1"};
	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(gp_library_load(&l), -ELIBACC);
		assert_string_equal(l.why,
				    NOWHERE " cannot be loaded: " NOWHERE
					    ": cannot open shared object file: No such file or "
					    "directory; Debian's package libgatepost-nowhere1 "
					    "has it");
	}
}

static void
lacks_a_function(void **state)
{
	static struct {
		typeof(&floor) floor;
		typeof(&ldexp) ldexp;
	} others;
	static const struct gp_library_symbol symbols[] = {{"floor", &others.floor},
							   {"gp_no_such", &others.ldexp}};
	struct gp_library l = {.file = "libm.so.6",
			       .package = "libc6",
			       .symbols = symbols,
			       .symbols_len = GP_ARRAY_LEN(symbols)};
	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(gp_library_load(&l), -ELIBBAD);
		assert_true(gp_slice_starts(gp_slice_str(l.why),
					    GP_SLICE("libm.so.6 cannot be loaded: ")));
		assert_non_null(
			strstr(l.why, "undefined symbol: gp_no_such; Debian's package libc6"));
	}
}

/* By somebody who can write anywhere in our memory. */
static void
cannot_be_written_to(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(typeof(&floor) volatile *)&calls.floor = NULL;
		_exit(0);
	}
	int status = 0;
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_there),
		cmocka_unit_test(cannot_be_written_to),
		cmocka_unit_test(is_not_there),
		cmocka_unit_test(lacks_a_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
