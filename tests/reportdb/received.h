/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the database of others' reports share: a database of each test's own, documents
 * to tell it. Included once by each. It is SQLite's, or, where GATEPOST_TEST_POSTGRES has the URL
 * of a database that is there for tests, PostgreSQL's: all that is in it is lost. */
#pragma once

#include "../unit.h"

#include <errno.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "reportdb/reportdb.h"

enum { DAY_S = 86400 };
#define TODAY INT64_C(1800057600)
#define DAY (TODAY / DAY_S)

static char folder[] = "/tmp/gp-received-XXXXXX";
static char path[256];
static const char *server; /* NULL: SQLite */
static struct gp_reportdb *db;
static struct gp_arena arena = {.max = 64 << 20};

static void
open_again(void)
{
	db = gp_reportdb_close(db);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
}

/* --- beside what is tested --- */

static int64_t
ask_server(const char *sql)
{
	PGconn *c = PQconnectdb(server);
	PGresult *result = PQexec(c, sql);
	bool rows = PQresultStatus(result) == PGRES_TUPLES_OK;
	assert_true(rows || PQresultStatus(result) == PGRES_COMMAND_OK);
	int64_t n = rows ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	PQfinish(c);
	return n;
}

static int64_t
ask_file(const char *sql)
{
	sqlite3 *c;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path, &c), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(c, sql, -1, &st, NULL), SQLITE_OK);
	int64_t n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	sqlite3_close(c);
	return n;
}

/* The first column of its first row, as a number; 0: it has no rows. */
static int64_t
ask(const char *sql)
{
	return server ? ask_server(sql) : ask_file(sql);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	server = getenv("GATEPOST_TEST_POSTGRES");
	snprintf(path, sizeof(path), "%s%s", server ? server : folder,
		 server ? "" : "/received.db");
	if (server)
		ask("SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA "
		    "public");
	open_again();
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	(void)state;
	db = gp_reportdb_close(db);
	gp_arena_free(&arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(ends); i++) {
		char name[sizeof(path) + 8];
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* --- documents --- */

static struct gp_ingest_head
head_of(const char *id)
{
	return (struct gp_ingest_head){
		.kind = GP_INGEST_AGGREGATE,
		.org = GP_SLICE("reporter.example"),
		.email = GP_SLICE("dmarc@reporter.example"),
		.id = gp_slice_str(id),
		.domain = GP_SLICE("ours.example"),
		.begin = TODAY,
		.end = TODAY + DAY_S - 1,
		.p = GP_INGEST_POLICY_QUARANTINE,
		.pct = -1,
	};
}

/* A list of these is filled one by one: gcc 12 clears its padding in the wrong places where it is
   initialised at once (-ftrivial-auto-var-init). */
[[maybe_unused]] static struct gp_ingest_row
row_of(uint64_t number, uint8_t last, uint64_t count, bool dkim, bool spf)
{
	struct gp_ingest_row row = {
		.number = number,
		.source = {[10] = 0xff, 0xff, 192, 0, 2, last},
		.count = count,
		.disposition =
			dkim || spf ? GP_INGEST_DISPOSITION_NONE : GP_INGEST_DISPOSITION_QUARANTINE,
		.dkim = dkim ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL,
		.spf = spf ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL,
		.header_from = GP_SLICE("ours.example"),
		.dkim_results_len = 1,
		.spf_results_len = 1,
	};
	row.dkim_results[0] = (struct gp_ingest_auth){
		.domain = GP_SLICE("ours.example"), .selector = GP_SLICE("s1"), .result = row.dkim};
	row.spf_results[0] = (struct gp_ingest_auth){.domain = GP_SLICE("ours.example"),
						     .scope = GP_SLICE("mfrom"),
						     .result = spf ? GP_INGEST_RESULT_PASS
								   : GP_INGEST_RESULT_SOFTFAIL};
	return row;
}

static void
begin(bool authenticated)
{
	const struct gp_reportdb_origin origin = {GP_SLICE("report.xml"), authenticated, TODAY};
	assert_int_equal(gp_reportdb_begin(db, &origin), 0);
}

static struct gp_reportdb_result
end(const char *refused)
{
	struct gp_reportdb_result r;
	assert_int_equal(gp_reportdb_end(db, refused, &r), 0);
	return r;
}

static const struct gp_reportdb_range everything = {.from_day = 0, .to_day = 1'000'000};

static struct gp_reportdb_figures
total_of(const struct gp_reportdb_range *range)
{
	struct gp_reportdb_figures f;
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_total(db, range, &f), 0);
	return f;
}

[[maybe_unused]] static struct gp_reportdb_figures
total(void)
{
	return total_of(&everything);
}

#define assert_figures(f, ...)                                              \
	do {                                                                \
		struct gp_reportdb_figures got_ = (f), want_ = __VA_ARGS__; \
		assert_memory_equal(&got_, &want_, sizeof(got_));           \
	} while (0)

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
