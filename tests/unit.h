/* SPDX-License-Identifier: Apache-2.0 */
/* What unit tests include first: cmocka with the headers that it wants before it, and checks of our
 * own types. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"

/* The slice holds exactly the text, which is a C string. */
#define assert_slice(s, text)                                                            \
	do {                                                                             \
		struct gp_slice got_ = (s);                                              \
		if (!gp_slice_eq(got_, gp_slice_str(text)))                              \
			fail_msg("got '%.*s', wanted '%s'", GP_SLICE_FMT(got_), (text)); \
	} while (0)

/* True when the function ends its process by a broken invariant. */
static inline bool
aborts(void (*run)(void))
{
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		run();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
