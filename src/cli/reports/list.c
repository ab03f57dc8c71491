/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports list`: reports, the newest first. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"

enum {
	ARENA_MAX = 64 << 20,
	NAME = 24, /* columns; a longer one moves the rest of its line */
};

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

/* What the longest of the list needs. */
struct widths {
	int number, domain, org;
};

static int
wider(int width, size_t len)
{
	return GP_MAX(width, (int)GP_MIN(len, (size_t)NAME));
}

static struct widths
measure(const struct gp_reportdb_report *list, size_t len)
{
	struct widths w = {6, 6, 8};
	for (size_t i = 0; i < len; i++) {
		w.number = GP_MAX(w.number, snprintf(NULL, 0, "%" PRIu64, list[i].number));
		w.domain = wider(w.domain, reports_columns(list[i].domain));
		w.org = wider(w.org, reports_columns(list[i].org));
	}
	return w;
}

static void
print_text(const struct gp_reportdb_report *r, const struct widths *w)
{
	printf("%*" PRIu64 "  %-7s  %s  %-*.*s  %-*.*s %7" PRIu64 " %9" PRIu64 "%s%s\n", w->number,
	       r->number, reports_kind_word(r->kind), reports_day_text(r->begin / 86400).s,
	       reports_width(w->domain, r->domain), GP_SLICE_FMT(r->domain),
	       reports_width(w->org, r->org), GP_SLICE_FMT(r->org), r->records, r->messages,
	       r->estimated ? "  several days" : "", r->lost > 0 ? "  records lost" : "");
}

static void
print_table(const struct gp_reportdb_report *list, size_t len)
{
	const struct widths w = measure(list, len);
	if (len > 0)
		printf("%*s  %-7s  %-10s  %-*s  %-*s %7s %9s\n", w.number, "number", "kind", "day",
		       w.domain, "domain", w.org, "reporter", "records", "messages");
	for (size_t i = 0; i < len; i++)
		print_text(&list[i], &w);
}

int
reports_list(const struct reports_options *o, struct gp_reportdb *db)
{
	const struct gp_reportdb_range range = {o->domain, o->from_day, o->to_day,
						o->unauthenticated};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_reportdb_report *list;
	size_t len;
	int r = gp_reportdb_list(db, &range, o->kind, NULL, o->max, &arena, &list, &len);
	int code = r < 0 ? reports_fail(db, r) : GP_EXIT_OK;
	for (size_t i = 0; r == 0 && o->json && i < len; i++)
		print_json(&list[i]);
	if (r == 0 && !o->json)
		print_table(list, len);
	gp_arena_free(&arena);
	return fflush(stdout) == 0 ? code : GP_EXIT_ERROR;
}
