/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports`: its subcommands. */
#include "cli/reports/reports.h"

#include <stdio.h>
#include <time.h>

#include "cli/command.h"
#include "cli/commands.h"

static int
run(const struct reports_options *o, int64_t now_s)
{
	static int (*const verbs[REPORTS_VERBS])(const struct reports_options *,
						 struct gp_reportdb *) = {
		[REPORTS_SUMMARY] = reports_summary, [REPORTS_LIST] = reports_list,
		[REPORTS_SHOW] = reports_show,       [REPORTS_EXPORT] = reports_export,
		[REPORTS_WEEKLY] = reports_weekly,   [REPORTS_WATCH] = reports_watch,
	};
	if (o->verb == REPORTS_IMPORT)
		return reports_import(o, now_s);
	if (o->verb == REPORTS_NAMES)
		return reports_names(o, now_s);
	if (o->verb == REPORTS_REFUSED)
		return reports_refused(o);
	if (o->verb == REPORTS_COPY)
		return reports_copy(o);
	if (o->verb == REPORTS_TLS)
		return reports_tls(o);
	struct gp_reportdb *db;
	int code = reports_open(o, GP_REPORTDB_READ, &db);
	if (code == GP_EXIT_OK)
		code = verbs[o->verb](o, db);
	gp_reportdb_close(db);
	return code;
}

int
gp_cmd_reports(int argc, char **argv)
{
	static struct reports_options o;
	int64_t now_s = (int64_t)time(NULL);
	if (argc < 2) {
		fputs(reports_usage, stderr);
		return GP_EXIT_USAGE;
	}
	int code = reports_options_read(&o, argc - 1, argv + 1, now_s);
	if (code != GP_EXIT_OK)
		return code;
	if (o.help) {
		fputs(reports_usage, stdout);
		return GP_EXIT_OK;
	}
	code = run(&o, now_s);
	/* Whoever met an error there has left it to be told of here, once. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("gatepost reports: standard output cannot be written\n", stderr);
	return GP_EXIT_ERROR;
}
