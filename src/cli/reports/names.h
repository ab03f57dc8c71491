/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of sources: reverse DNS, which forward DNS has to confirm, at a rate. A source is
 * looked up again when its time has come (reportdb.h), so that this may be run often.
 */
#pragma once

#include <jansson.h>

#include "cli/reports/reports.h"

struct names_counts {
	uint64_t named, nameless, silent; /* silent: nobody answered */
};

/* Looks for at most o->max sources of the range of o, the ones with most messages first, and
 * keeps what it finds: what a crash takes is a few of them. Returns an exit code; what is wrong is
 * on standard error. */
[[nodiscard]] int
names_look_up(const struct reports_options *o, struct gp_reportdb *db, int64_t now_s,
	      struct names_counts *ret);
json_t *
names_json(const struct names_counts *counts);
/* "12 sources have names, ..." */
void
names_print(const struct names_counts *counts);
