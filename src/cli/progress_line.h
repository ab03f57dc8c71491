/* SPDX-License-Identifier: Apache-2.0 */
/* A line on standard error that tells how far a command has come: on a terminal over itself, and
   else one every ten seconds. */
#pragma once

#include "base/slice.h"

struct gp_progress_line {
	bool terminal; /* standard error is one */
	bool standing; /* the line is the terminal's last */
	uint64_t begun_ms, begun_done;
	uint64_t last_ms, last_done;
};

/* done: by an earlier run, so that they do not count for how fast this one is. */
struct gp_progress_line
gp_progress_line(bool terminal, uint64_t done);

/* "5 of 20, 2.5/s, 0:00:06 to go" and the rest, which begins with what parts it; the last line is
   without time to go, and stays. */
void
gp_progress_line_show(struct gp_progress_line *p, uint64_t done, uint64_t all, struct gp_slice rest,
		      bool last);

/* Takes it away until the next one, so that something else can be written on its terminal. */
void
gp_progress_line_hide(struct gp_progress_line *p);

/* Since the run began. */
double
gp_progress_line_seconds(const struct gp_progress_line *p);
