/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host names of sources: which are to be looked up, and what was found. Whoever has the time
 * looks: the role reports, or a command. Functions that return int: as in reportdb.h.
 */
#pragma once

#include "core/targets/hosts.h"
#include "reportdb/reportdb.h"

enum gp_reportdb_names_limits {
	/* Until a source's name is looked up again: where it has one, where it has none, and where
	   nobody answered, which doubles from time to time up to the last of them. */
	GP_REPORTDB_NAMED_S = 30 * 24 * 3600,
	GP_REPORTDB_NAMELESS_S = 7 * 24 * 3600,
	GP_REPORTDB_NO_ANSWER_S = 3600,
	GP_REPORTDB_NO_ANSWER_MAX_S = 7 * 24 * 3600,
};

struct gp_reportdb_unnamed {
	uint8_t address[16];
	uint64_t messages;
};

/* Sources whose name is to be looked up now, those with most messages in the range, which is
 * widened to whole weeks; its domain is of no interest. Those of authenticated reports alone: a
 * stranger does not choose whom we ask. They are looked for in the order of their addresses, so
 * many at a time: a database may have millions. */
struct gp_reportdb_search {
	struct gp_reportdb_range range; /* days that have messages */
	int64_t now_s;
	size_t max; /* that are wanted */
	struct gp_reportdb_unnamed *found;
	size_t len;        /* up to twice as many, in no order, until the search ends */
	uint8_t after[16]; /* the last one that was looked at */
	size_t after_len;  /* 0: none yet */
};

/* max: 1 to GP_REPORTDB_LIST_MAX. */
[[nodiscard]] int
gp_reportdb_search(struct gp_reportdb *db, const struct gp_reportdb_range *range, int64_t now_s,
		   size_t max, struct gp_arena *arena, struct gp_reportdb_search *ret);
/* Looks at so many sources more. Returns 1; 0: those were all, and `found` has the `max` largest in
 * order; -errno. */
[[nodiscard]] int
gp_reportdb_search_on(struct gp_reportdb *db, struct gp_reportdb_search *s, size_t sources);

/* The same at once. */
[[nodiscard]] int
gp_reportdb_unnamed(struct gp_reportdb *db, const struct gp_reportdb_range *range, int64_t now_s,
		    size_t max, struct gp_arena *arena, struct gp_reportdb_unnamed **ret,
		    size_t *ret_len);

/* How many sources were looked for since then, by whom ever. Reads all names. */
[[nodiscard]] int
gp_reportdb_looked_since(struct gp_reportdb *db, int64_t since_s, uint64_t *ret);

/* What came of looking for a source's host name, the one that forward and reverse DNS agree on. */
enum gp_reportdb_looked {
	GP_REPORTDB_NAMED = 1,
	GP_REPORTDB_NAMELESS,  /* it has none, or one that does not lead back to it */
	GP_REPORTDB_NO_ANSWER, /* this time: what is known of it stands */
};

/* Keeps it, with what is told; until the sync it is in no figures of others. name: in lower case,
 * without a final dot; of NAMED alone. Between documents. A failure forgets what was told since
 * the last sync. */
[[nodiscard]] int
gp_reportdb_keep_name(struct gp_reportdb *db, const uint8_t address[16],
		      enum gp_reportdb_looked looked, struct gp_slice name, int64_t now_s);
/* The same of what gp_reverse_eval() made of the source's address, when it needed no more. A
 * confirmed name that has other than letters, digits, "-", "_" and "." is none. Returns enum
 * gp_reportdb_looked, or -errno. */
[[nodiscard]] int
gp_reportdb_keep_reverse(struct gp_reportdb *db, const uint8_t address[16],
			 const struct gp_reverse *found, int64_t now_s);
