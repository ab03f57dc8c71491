/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of others' reports, filled without their XML, and asked what a page of the dashboard
 * asks:
 *
 *     reports_bench fill FILE ROWS     a year of ROWS rows: 20 domains, 200 reporters
 *     reports_bench overview FILE N    asks N times, and prints the milliseconds of each
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reportdb/reportdb.h"

enum {
	DOMAINS = 20,
	REPORTERS = 200,
	DAYS = 365,
	DAY_S = 86400,
	SOURCES = 3000, /* of a domain, of which few have most of its mail */
	SHOWN = 20,
	SYNC_REPORTS = 500,
};
#define LAST_DAY INT64_C(20787)

static uint64_t seed = 1;

static uint64_t
random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void
stop_on(int r, struct gp_reportdb *db)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s\n", gp_reportdb_why(db, r));
	exit(1);
}

/* Ours, forwarders, forgers: the lower its number, the more often it comes. */
static void
fill_row(struct gp_ingest_row *row, uint64_t number, uint64_t domain, struct gp_slice name)
{
	uint64_t source = random_below(1 + random_below(SOURCES));
	bool ours = source % 10 < 4, forwarded = source % 10 < 7;
	row->number = number;
	memset(row->source, 0, sizeof(row->source));
	row->source[10] = row->source[11] = 0xff;
	row->source[12] = (uint8_t)(10 + domain);
	row->source[14] = (uint8_t)(source >> 8);
	row->source[15] = (uint8_t)source;
	row->count = 1 + random_below(9);
	row->disposition = forwarded ? GP_INGEST_DISPOSITION_NONE : GP_INGEST_DISPOSITION_REJECT;
	row->dkim = forwarded ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL;
	row->spf = ours ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL;
	row->header_from = name;
	row->dkim_results_len = forwarded;
	row->dkim_results[0] = (struct gp_ingest_auth){
		.domain = name, .selector = GP_SLICE("s1"), .result = row->dkim};
	row->spf_results_len = 1;
	row->spf_results[0] = (struct gp_ingest_auth){.domain = name, .result = row->spf};
}

static void
fill_report(struct gp_reportdb *db, int64_t day, uint64_t domain, uint64_t reporter, uint64_t rows)
{
	static struct gp_ingest_row row;
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_reportdb_result result;
	char name[32], org[32], id[64];
	snprintf(name, sizeof(name), "domain%" PRIu64 ".example", domain);
	snprintf(org, sizeof(org), "reporter%" PRIu64 ".example", reporter);
	snprintf(id, sizeof(id), "%" PRId64 ".%s", day, name);
	const struct gp_reportdb_origin origin = {GP_SLICE("bench"), true, (day + 1) * DAY_S};
	const struct gp_ingest_head head = {
		.kind = GP_INGEST_AGGREGATE,
		.org = gp_slice_str(org),
		.id = gp_slice_str(id),
		.domain = gp_slice_str(name),
		.begin = day * DAY_S,
		.end = (day + 1) * DAY_S - 1,
		.p = GP_INGEST_POLICY_REJECT,
		.pct = -1,
	};
	stop_on(gp_reportdb_begin(db, &origin), db);
	stop_on(l.head(l.context, &head), db);
	for (uint64_t i = 1; i <= rows; i++) {
		fill_row(&row, i, domain, head.domain);
		stop_on(l.row(l.context, &row), db);
	}
	stop_on(gp_reportdb_end(db, NULL, &result), db);
}

static void
fill(struct gp_reportdb *db, uint64_t rows)
{
	uint64_t reports = (uint64_t)DAYS * DOMAINS * REPORTERS, told = 0;
	for (uint64_t i = 0; i < reports; i++) {
		uint64_t until = (uint64_t)((double)rows * (double)(i + 1) / (double)reports);
		fill_report(db, LAST_DAY - DAYS + 1 + (int64_t)(i / (DOMAINS * REPORTERS)),
			    i % DOMAINS, i / DOMAINS % REPORTERS, until - told);
		told = until;
		if (i % SYNC_REPORTS == SYNC_REPORTS - 1)
			stop_on(gp_reportdb_sync(db), db);
	}
	stop_on(gp_reportdb_sync(db), db);
}

/* What the page over all domains shows of the last days. */
static uint64_t
ask(struct gp_reportdb *db, int64_t days, struct gp_arena *arena)
{
	const struct gp_reportdb_range range = {.from_day = LAST_DAY - days + 1,
						.to_day = LAST_DAY};
	struct gp_reportdb_figures all;
	struct gp_reportdb_day *day;
	struct gp_reportdb_domain *domain;
	struct gp_reportdb_source *source;
	struct gp_reportdb_reporter *reporter;
	uint64_t fresh;
	size_t len;
	stop_on(gp_reportdb_total(db, &range, &all), db);
	stop_on(gp_reportdb_days(db, &range, arena, &day, &len), db);
	stop_on(gp_reportdb_domains(db, &range, arena, &domain, &len), db);
	stop_on(gp_reportdb_sources(db, &range, GP_REPORTDB_BY_UNALIGNED, SHOWN, arena, &source,
				    &len),
		db);
	stop_on(gp_reportdb_reporters(db, &range, 0, arena, &reporter, &len), db);
	stop_on(gp_reportdb_new_sources(db, &range, &fresh), db);
	return all.messages;
}

static double
clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
	bool filling = argc == 4 && strcmp(argv[1], "fill") == 0;
	struct gp_reportdb *db;
	if (argc != 4 || (!filling && strcmp(argv[1], "overview") != 0)) {
		fputs("usage: reports_bench fill FILE ROWS | overview FILE N\n", stderr);
		return 2;
	}
	stop_on(gp_reportdb_open(argv[2], filling ? GP_REPORTDB_MAKE : GP_REPORTDB_READ, &db),
		NULL);
	uint64_t n = strtoull(argv[3], NULL, 10);
	if (filling)
		fill(db, n);
	for (uint64_t i = 0; !filling && i < n; i++) {
		static const int64_t days[] = {7, 30, 90, DAYS};
		for (size_t k = 0; k < GP_ARRAY_LEN(days); k++) {
			struct gp_arena arena = GP_ARENA_INIT(64 << 20);
			double before = clock_ms();
			uint64_t messages = ask(db, days[k], &arena);
			printf("%" PRId64 " %" PRIu64 " %.3f\n", days[k], messages,
			       clock_ms() - before);
			gp_arena_free(&arena);
		}
	}
	gp_reportdb_close(db);
	return 0;
}
