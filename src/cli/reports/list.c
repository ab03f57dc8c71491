/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports list`: reports, the newest first. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"

enum { ARENA_MAX = 64 << 20 };

static void
print_json(const struct gp_reportdb_report *r)
{
	json_t *o = json_pack("{s:I, s:s, s:b, s:b, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "number",
			      (json_int_t)r->number, "kind", reports_kind_word(r->kind),
			      "authenticated", r->authenticated, "estimated", r->estimated, "begin",
			      reports_time_text(r->begin).s, "end", reports_time_text(r->end).s,
			      "received", reports_time_text(r->received_s).s, "records",
			      (json_int_t)r->records, "lost", (json_int_t)r->lost, "flaws",
			      (json_int_t)r->flaws, "messages", (json_int_t)r->messages);
	json_object_set_new(o, "org", told_text(r->org));
	json_object_set_new(o, "id", told_text(r->id));
	json_object_set_new(o, "domain", told_text(r->domain));
	json_object_set_new(o, "file", told_text(r->file));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void
print_text(const struct gp_reportdb_report *r)
{
	printf("%8" PRIu64 "  %-7s  %s  %-24.*s  %-24.*s %8" PRIu64 " %10" PRIu64 "%s%s\n",
	       r->number, reports_kind_word(r->kind), reports_day_text(r->begin / 86400).s,
	       GP_SLICE_FMT(r->domain), GP_SLICE_FMT(r->org), r->records, r->messages,
	       r->estimated ? "  several days" : "", r->lost > 0 ? "  records lost" : "");
}

int
reports_list(const struct reports_options *o, struct gp_reportdb *db)
{
	const struct gp_reportdb_range range = {o->domain, o->from_day, o->to_day,
						o->unauthenticated};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_reportdb_report *list;
	size_t len;
	int r = gp_reportdb_list(db, &range, o->kind, 0, o->max, &arena, &list, &len);
	int code = r < 0 ? reports_fail(db, r) : GP_EXIT_OK;
	if (r == 0 && !o->json && len > 0)
		printf("%8s  %-7s  %-10s  %-24s  %-24s %8s %10s\n", "number", "kind", "from",
		       "domain", "reporter", "records", "messages");
	for (size_t i = 0; r == 0 && i < len; i++)
		(o->json ? print_json : print_text)(&list[i]);
	gp_arena_free(&arena);
	return fflush(stdout) == 0 ? code : GP_EXIT_ERROR;
}
