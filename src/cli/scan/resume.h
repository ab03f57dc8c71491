/* SPDX-License-Identifier: Apache-2.0 */
/* The file that an interrupted run goes on from. */
#pragma once

#include "core/targets/progress.h"

/*
 * Where the walk begins: at its start where the file is not there yet. start: this walk's, whose
 * seed the file's takes the place of unless it is fixed. Returns an exit code, after saying to
 * standard error what is wrong: the file is none, or of another walk.
 */
[[nodiscard]] int
scan_resume_read(const char *path, bool fixed, struct gp_progress_start *start,
		 struct gp_progress *ret);

/* Replaces the file, once the output `told` is on disk. 0 or -errno. */
[[nodiscard]] int
scan_resume_write(const char *path, const struct gp_targets_walk *walk,
		  const struct gp_progress *progress, int told);
