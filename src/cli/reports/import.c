/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports import`: files and mails, through a reader in a sandbox, into the database. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/reports/fetcher.h"
#include "cli/reports/names.h"
#include "cli/reports/places.h"
#include "cli/reports/pool.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"

enum {
	SYNC_DOCUMENTS = 200000, /* told between two syncs, and */
	SYNC_S = 2,
	TOLD_MAX = 1000, /* of what is in quarantine; the database has all */
	DAY_S = 24 * 3600,
};

struct import {
	const struct reports_options *o;
	struct gp_reportdb *db;
	struct gp_ingest_listener store;
	struct pool pool;
	const char *file; /* of the report that is being told */
	int64_t now_s;
	uint64_t unsynced, synced_s;
	uint64_t imported, records, duplicates, old, lost, refused;
	struct names_counts names;
	bool broken;         /* a server; others are imported all the same */
	json_t *quarantined; /* at most TOLD_MAX */
	json_t *flaws;       /* of the report that is being told: records that are lost */
};

/* --- what is said of it --- */

static void
add_quarantined(json_t *list, const char *file, uint64_t record, const char *why)
{
	if (json_array_size(list) >= TOLD_MAX)
		return;
	json_t *e = json_pack("{s:o, s:s}", "file", told_text(gp_slice_str(file)), "reason", why);
	if (e && record > 0)
		json_object_set_new(e, "record", json_integer((json_int_t)record));
	json_array_append_new(list, e);
}

/* What there is none of is not told. */
static void
print_counts(const struct import *m)
{
	if (m->imported + m->duplicates + m->old + m->refused == 0) {
		puts("no report was found");
		return;
	}
	printf("%" PRIu64 " reports imported, with %" PRIu64 " records", m->imported, m->records);
	if (m->duplicates > 0)
		printf("; %" PRIu64 " were there already", m->duplicates);
	if (m->old > 0)
		printf("; %" PRIu64 " are of days that were forgotten", m->old);
	putchar('\n');
}

static void
print_quarantined(const struct import *m)
{
	size_t at;
	json_t *e;
	fprintf(stderr, "gatepost reports: not imported: %" PRIu64 " files", m->refused);
	if (m->lost > 0)
		fprintf(stderr, ", and %" PRIu64 " records of others", m->lost);
	putc('\n', stderr);
	json_array_foreach(m->quarantined, at, e)
	{
		json_t *record = json_object_get(e, "record");
		reports_print_name(stderr, json_string_value(json_object_get(e, "file")));
		if (record)
			fprintf(stderr, ", record %" JSON_INTEGER_FORMAT,
				json_integer_value(record));
		fprintf(stderr, ": %s\n", json_string_value(json_object_get(e, "reason")));
	}
}

static void
print_text(const struct import *m)
{
	if (!m->o->quiet)
		print_counts(m);
	if (m->o->names && !m->o->quiet)
		names_print(&m->names);
	if (m->refused + m->lost > 0)
		print_quarantined(m);
}

static int
print_json(const struct import *m)
{
	json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "imported",
				(json_int_t)m->imported, "records", (json_int_t)m->records,
				"duplicates", (json_int_t)m->duplicates, "old", (json_int_t)m->old,
				"lost", (json_int_t)m->lost, "quarantined", m->quarantined);
	if (all && m->o->names)
		json_object_set_new(all, "names", names_json(&m->names));
	int r = all ? json_dumpf(all, stdout, JSON_COMPACT) : -1;
	json_decref(all);
	putchar('\n');
	return r == 0 && fflush(stdout) == 0 ? 0 : -EIO;
}

/* --- what the pool hears --- */

static uint64_t
clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

static int
begin(void *context, const char *name)
{
	struct import *m = context;
	const struct gp_reportdb_origin origin = {gp_slice_str(name), !m->o->unauthenticated,
						  m->now_s};
	m->file = name;
	json_array_clear(m->flaws);
	return gp_reportdb_begin(m->db, &origin);
}

static int
settle(struct import *m, const char *refused)
{
	struct gp_reportdb_result result;
	int r = gp_reportdb_end(m->db, refused, &result);
	if (r < 0)
		return r;
	m->imported += result.outcome == GP_REPORTDB_KEPT;
	m->duplicates += result.outcome == GP_REPORTDB_DUPLICATE;
	m->old += result.outcome == GP_REPORTDB_OLD;
	m->refused += result.outcome == GP_REPORTDB_REFUSED;
	m->records += result.records;
	m->lost += result.lost;
	if (result.outcome == GP_REPORTDB_REFUSED)
		add_quarantined(m->quarantined, m->file, 0, result.reason);
	for (size_t i = 0; result.lost > 0 && i < json_array_size(m->flaws); i++) {
		if (json_array_size(m->quarantined) < TOLD_MAX)
			json_array_append(m->quarantined, json_array_get(m->flaws, i));
	}
	m->file = NULL;
	if (++m->unsynced < SYNC_DOCUMENTS && clock_s() - m->synced_s < SYNC_S)
		return 0;
	m->unsynced = 0;
	m->synced_s = clock_s();
	return gp_reportdb_sync(m->db);
}

static int
end(void *context)
{
	return settle(context, NULL);
}

static int
drop(void *context)
{
	struct import *m = context;
	m->file = NULL;
	return gp_reportdb_drop(m->db);
}

static int
done(void *context, const char *name, const char *why)
{
	struct import *m = context;
	if (!why)
		return 0;
	int r = m->file ? 0 : begin(m, name);
	return r == 0 ? settle(m, why) : r;
}

static int
hear_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct import *m = context;
	if (lost && record > 0 && json_array_size(m->flaws) < GP_REPORTDB_FLAWS_MAX)
		add_quarantined(m->flaws, m->file, record, why);
	return m->store.flaw(m->store.context, record, lost, why);
}

static int
hear_head(void *context, const struct gp_ingest_head *head)
{
	struct import *m = context;
	return m->store.head(m->store.context, head);
}

static int
hear_row(void *context, const struct gp_ingest_row *row)
{
	struct import *m = context;
	return m->store.row(m->store.context, row);
}

static int
hear_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	struct import *m = context;
	return m->store.tls_policy(m->store.context, policy);
}

static int
hear_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	struct import *m = context;
	return m->store.tls_failure(m->store.context, failure);
}

static int
hear_failure(void *context, const struct gp_ingest_failure *failure)
{
	struct import *m = context;
	return m->store.failure(m->store.context, failure);
}

/* --- what the places tell --- */

static int
unreadable(void *context, const char *name, const char *why)
{
	struct import *m = context;
	/* One report at a time. */
	int r = pool_finish(&m->pool);
	return r < 0 ? r : done(m, name, why);
}

static int
file(void *context, int fd, const struct reader_request *request, const char *name)
{
	struct import *m = context;
	if (request->length <= m->o->size_max)
		return pool_put(&m->pool, fd, request, name);
	close(fd);
	return unreadable(m, name, "it is larger than --max-size");
}

static int
octets(void *context, struct gp_slice all, const char *name)
{
	struct import *m = context;
	if (all.len <= m->o->size_max)
		return pool_put_octets(&m->pool, all, name);
	return unreadable(m, name, "it is larger than --max-size");
}

static int
store(void *context)
{
	struct import *m = context;
	int r = pool_finish(&m->pool);
	return r < 0 ? r : gp_reportdb_sync(m->db);
}

static int
walk_imap(struct import *m)
{
	const struct imap_listener mails = {m, file, store};
	const struct imap_options o = {
		.url = m->o->imap,
		.authorities = m->o->authorities,
		.move = m->o->move,
		.progress = m->o->progress,
		.size_max = m->o->size_max,
		.mails_max = m->o->max,
	};
	int r = fetcher_walk(&o, m->o->password_file, &mails);
	m->broken = r > 0;
	return GP_MIN(r, 0);
}

static int
walk_all(struct import *m)
{
	const struct places_listener places = {m, file, octets, unreadable};
	int r = *m->o->imap.server ? walk_imap(m) : 0;
	for (size_t i = 0; r == 0 && i < m->o->operands_len; i++)
		r = places_walk(m->o->operands[i], &places);
	return r == 0 ? pool_finish(&m->pool) : r;
}

static int
import_all(struct import *m)
{
	const struct reader_limits limits = {m->o->size_max, m->o->records_max};
	const struct pool_listener heard = {
		.context = m,
		.begin = begin,
		.told = {m, hear_head, hear_row, hear_tls_policy, hear_tls_failure, hear_failure,
			 hear_flaw},
		.end = end,
		.drop = drop,
		.done = done,
	};
	pool_init(&m->pool, reader_run, &limits, &heard);
	int r = walk_all(m);
	pool_free(&m->pool);
	if (r == 0)
		r = gp_reportdb_sync(m->db);
	if (r == 0 && m->o->keep_days > 0)
		r = gp_reportdb_forget(m->db, m->now_s / DAY_S - (int64_t)m->o->keep_days);
	if (r < 0)
		return reports_fail(m->db, r);
	int code = m->o->names ? names_look_up(m->o, m->db, m->now_s, &m->names) : GP_EXIT_OK;
	if (m->o->json && print_json(m) < 0)
		return GP_EXIT_ERROR;
	if (!m->o->json)
		print_text(m);
	if (code != GP_EXIT_OK)
		return code;
	return m->broken ? GP_EXIT_UNKNOWN : m->refused + m->lost > 0 ? GP_EXIT_BAD : GP_EXIT_OK;
}

int
reports_import(const struct reports_options *o, int64_t now_s)
{
	struct import m = {.o = o, .now_s = now_s, .synced_s = clock_s()};
	int code = reports_open(o, GP_REPORTDB_FILL, &m.db);
	if (code != GP_EXIT_OK)
		return code;
	m.store = gp_reportdb_listener(m.db);
	m.quarantined = json_array();
	m.flaws = json_array();
	code = m.quarantined && m.flaws ? import_all(&m) : GP_EXIT_ERROR;
	json_decref(m.quarantined);
	json_decref(m.flaws);
	gp_reportdb_close(m.db);
	return code;
}
