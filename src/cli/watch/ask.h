/* SPDX-License-Identifier: Apache-2.0 */
/* The readings of rules.h, asked of the database of received reports: of those alone that somebody
 * answers for. */
#pragma once

#include "base/arena.h"
#include "cli/watch/rules.h"
#include "core/asn/asn.h"
#include "reportdb/reportdb.h"

struct watch_readings {
	struct watch_reading *items;
	size_t len;
	size_t room; /* private */
};

struct watch_question {
	struct gp_slice domain; /* empty: all */
	int64_t today;
	struct watch_limits limits;
	const struct gp_mmdb *networks; /* whose sources are in; NULL: nobody knows */
};

/* Into the arena. 0 or -errno, which gp_reportdb_why() has in words. */
[[nodiscard]] int
watch_ask(struct gp_reportdb *db, const struct watch_question *q, struct gp_arena *arena,
	  struct watch_readings *ret);
/* Finds why the mail of a source does not align, where it is not known yet, which takes so long
   that it is asked of what is told alone. Into the arena; as above. */
[[nodiscard]] int
watch_ask_why(struct gp_reportdb *db, const struct watch_question *q, struct watch_reading *r,
	      struct gp_arena *arena);
