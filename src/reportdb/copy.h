/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one database has, in another one too, of whichever kind: from a file to a server, and back.
 *
 * One that has no report yet gets all tables as they are, in one transaction: the same figures,
 * numbers of reports, flaws and names, or nothing at all. To one that has some each report is told
 * that is not there; so several may be put together, and who writes to it meanwhile is not in the
 * way. Then figures are what they would be if it had come there, and of days that were forgotten
 * there it has none.
 *
 * What is counted of no report that is kept (duplicates, what was refused or too old, reporters
 * over their limit) is the sum of what each database has counted itself. Of each the largest count
 * is kept that has come, by whatever way: so nothing is added up twice, and what was counted since
 * the last copy is added by the next one. What a copy itself finds there already is not counted.
 *
 * Either way it may end at any point, and goes on when it is begun again.
 */
#pragma once

#include "reportdb/reportdb.h"

struct gp_reportdb_copied {
	uint64_t reports, refused; /* that came; documents in quarantine */
	uint64_t there;            /* reports that were there already */
	uint64_t old;              /* of days that were forgotten there */
};

/*
 * Both are open to write, and another one each; nothing is under way in them. `from` is given a
 * number where it has none, and else stays as it is; while `to` gets all tables nobody else writes
 * to it. 0 or -errno, of *ret_failed, whose gp_reportdb_why()
 * has it in words; counts are those of what is durable.
 */
[[nodiscard]] int
gp_reportdb_copy(struct gp_reportdb *from, struct gp_reportdb *to, struct gp_reportdb_copied *ret,
		 struct gp_reportdb **ret_failed);
