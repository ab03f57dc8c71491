/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: cmocka's includes, in its order, and slices in asserts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"

#define assert_slice(s, text) assert_slice_((s), (text), __FILE__, __LINE__)

static inline void
assert_slice_(struct gp_slice s, const char *text, const char *file, int line)
{
	if (gp_slice_eq(s, gp_slice_str(text)))
		return;
	print_error("got \"%.*s\", want \"%s\"\n", GP_SLICE_FMT(s), text);
	_fail(file, line);
}

static const uint64_t test_seed[2] = {1, 2};
