/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases that others made, which are no part of the tree: read from $GATEPOST_SUITES, or from
 * shared/suites beside the checkout. Where they are absent, a test skips and says so.
 */
#pragma once

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

enum { GP_SUITE_FILE_MAX = 1 << 20 };

/* The content of suite/file, in the arena; skips the test when it is not there. */
static inline struct gp_slice
gp_suite_read(const char *suite_and_file, struct gp_arena *arena)
{
	const char *root = getenv("GATEPOST_SUITES");
	struct gp_slice path = gp_arena_printf(
		arena, "%s/%s", root ? root : GP_TESTS_DIR "/../../shared/suites", suite_and_file);
	char *text = gp_arena_alloc(arena, GP_SUITE_FILE_MAX);
	assert_non_null(text);
	FILE *f = fopen(path.ptr, "re");
	if (!f) {
		print_message("%s is not there: set GATEPOST_SUITES\n", path.ptr);
		skip();
	}
	size_t len = fread(text, 1, GP_SUITE_FILE_MAX, f);
	fclose(f);
	assert_true(len > 0 && len < GP_SUITE_FILE_MAX);
	return gp_slice(text, len);
}

/*
 * Tells what came of a suite, once every case that was run is as it was wanted, or else the test
 * has failed: how many of how many were run, and what of them was looked at. tools/suites.py makes
 * a table of these lines, where the reason is kept if some were not run.
 */
static inline void
gp_suite_tell(const char *suite, const char *what, size_t ran, size_t all)
{
	print_message("suite %s: %s: %zu of %zu\n", suite, what, ran, all);
}
