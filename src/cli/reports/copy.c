/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports copy`: what one database has, in another. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "reportdb/copy.h"

static const char copied[] = "the database that is copied";

static int
print(const struct reports_options *o, const struct gp_reportdb_copied *n)
{
	if (!o->json && !o->quiet)
		printf("%" PRIu64 " reports copied, and %" PRIu64 " documents in quarantine; "
		       "%" PRIu64 " were there already, %" PRIu64 " are of days that were "
		       "forgotten\n",
		       n->reports, n->refused, n->there, n->old);
	if (o->json) {
		json_t *all = json_pack("{s:I, s:I, s:I, s:I}", "copied", (json_int_t)n->reports,
					"quarantined", (json_int_t)n->refused, "duplicates",
					(json_int_t)n->there, "old", (json_int_t)n->old);
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	}
	return fflush(stdout) == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
fail(const struct gp_reportdb *db, bool is_copied, int error)
{
	fprintf(stderr, "gatepost reports: %s: %s\n", is_copied ? copied : "the database",
		gp_reportdb_why(db, error));
	return GP_EXIT_ERROR;
}

int
reports_copy(const struct reports_options *o)
{
	struct gp_reportdb *from, *to = NULL, *failed;
	struct gp_reportdb_copied counts;
	int code = reports_open_path(o->operands[0], copied, GP_REPORTDB_WRITE, &from);
	if (code == GP_EXIT_OK)
		code = reports_open(o, GP_REPORTDB_FILL, &to);
	if (code == GP_EXIT_OK) {
		int r = gp_reportdb_copy(from, to, &counts, &failed);
		code = r == 0 ? print(o, &counts) : fail(failed, failed == from, r);
	}
	gp_reportdb_close(from);
	gp_reportdb_close(to);
	return code;
}
