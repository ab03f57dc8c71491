/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports copy`: what one database has, in another. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "core/config/config.h"
#include "reportdb/copy.h"
#include "reportdb/refused.h"

enum { ARENA_MAX = 64 << 20 };

static const char copied[] = "the database that is copied";

static int
print(const struct reports_options *o, const struct gp_reportdb_copied *n, uint64_t mails)
{
	if (!o->json && !o->quiet)
		printf("%" PRIu64 " reports copied, and %" PRIu64 " documents in quarantine; "
		       "%" PRIu64 " were there already, %" PRIu64 " are of days that were "
		       "forgotten\n",
		       n->reports, n->refused, n->there, n->old);
	if (!o->json && !o->quiet && mails > 0)
		printf("%" PRIu64 " mails copied of which something was refused\n", mails);
	if (o->json) {
		json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:I}", "copied",
					(json_int_t)n->reports, "quarantined",
					(json_int_t)n->refused, "duplicates", (json_int_t)n->there,
					"old", (json_int_t)n->old, "mails", (json_int_t)mails);
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

/* --- mails of which something was refused --- */

static int
fail_mails(const char *path, int error)
{
	fprintf(stderr, "gatepost reports: %s: %s\n", path, gp_refused_why(error));
	return GP_EXIT_ERROR;
}

static bool
is_same_file(const char *a, const char *b)
{
	struct stat at, bt;
	return stat(a, &at) == 0 && stat(b, &bt) == 0 && at.st_dev == bt.st_dev &&
	       at.st_ino == bt.st_ino;
}

/* Into the file of that path. */
static int
copy_mails_to(struct gp_refused *from, const char *from_path, const char *path, uint64_t octets_max,
	      uint64_t *ret)
{
	struct gp_refused *to, *failed = NULL;
	mode_t mask = umask(077);
	int r = gp_refused_open(path, GP_REFUSED_MAKE, &to);
	umask(mask);
	if (r == 0)
		r = gp_refused_copy(from, to, octets_max, ret, &failed);
	gp_refused_close(to);
	return r < 0 ? fail_mails(failed == from ? from_path : path, r) : GP_EXIT_OK;
}

/* Those beside the file that is copied, where there are some. What has no configuration bounds
 * their number alone: the gateway that takes them up does the rest. */
static int
copy_mails(const struct reports_options *o, struct gp_arena *arena, uint64_t *ret)
{
	const char *from_path = reports_refused_beside(o->operands[0], arena), *to_path;
	const struct gp_config *config;
	struct gp_refused *from = NULL;
	int code = reports_refused_path(o, arena, &config, &to_path);
	if (code != GP_EXIT_OK || !from_path || (to_path && is_same_file(from_path, to_path)))
		return code;
	int r = gp_refused_open(from_path, GP_REFUSED_READ, &from);
	if (r == -ENOENT)
		return GP_EXIT_OK;
	if (r < 0)
		return fail_mails(from_path, r);
	if (to_path)
		code = copy_mails_to(from, from_path, to_path,
				     config ? config->reports.refused_size : UINT64_MAX, ret);
	else
		fprintf(stderr,
			"gatepost reports: the mails in %s stay there alone: -c names the "
			"configuration of the gateway that gets them\n",
			from_path);
	gp_refused_close(from);
	return code;
}

/* --- the database --- */

static int
copy_database(const struct reports_options *o, struct gp_reportdb_copied *ret)
{
	struct gp_reportdb *from, *to = NULL, *failed;
	int code = reports_open_path(o->operands[0], copied, GP_REPORTDB_WRITE, &from);
	if (code == GP_EXIT_OK)
		code = reports_open(o, GP_REPORTDB_FILL, &to);
	if (code == GP_EXIT_OK) {
		int r = gp_reportdb_copy(from, to, ret, &failed);
		code = r == 0 ? GP_EXIT_OK : fail(failed, failed == from, r);
	}
	gp_reportdb_close(from);
	gp_reportdb_close(to);
	return code;
}

int
reports_copy(const struct reports_options *o)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_reportdb_copied counts;
	uint64_t mails = 0;
	int code = copy_database(o, &counts);
	if (code == GP_EXIT_OK) {
		code = copy_mails(o, &arena, &mails);
		int printed = print(o, &counts, mails);
		code = code == GP_EXIT_OK ? printed : code;
	}
	gp_arena_free(&arena);
	return code;
}
