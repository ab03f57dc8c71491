/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run once more, from its log (log.h): the same views of the same results, by the same code,
 * without a network. What was said is held against what the probe would say now.
 */
#pragma once

#include "cli/scan/scan.h"

struct scan_replay_options {
	const char *path;
	const char *key; /* a file with the key that has to have sealed it; NULL: whoever did */
	/* As in engine.h. */
	int (*confine)(void *context);
	int (*tell)(void *context, const struct scan_view *view);
	void *context;
};

/* Returns an exit code, after saying to standard error what is wrong: GP_EXIT_BAD: the log was
   changed, or is cut off, or is not what this program would have said; GP_EXIT_USAGE: it is
   no log. */
[[nodiscard]] int
scan_replay(const struct scan_replay_options *options);
