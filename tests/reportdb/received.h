/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the database of others' reports share: a database of each test's own, documents
 * to tell it. Included once by each. */
#pragma once

#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "reportdb/reportdb.h"

enum { DAY_S = 86400 };
#define TODAY INT64_C(1800057600)
#define DAY (TODAY / DAY_S)

static char folder[] = "/tmp/gp-received-XXXXXX";
static char path[64];
static struct gp_reportdb *db;
static struct gp_arena arena = {.max = 64 << 20};

static void
open_again(void)
{
	db = gp_reportdb_close(db);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/received.db", folder);
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
		char name[96];
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
static struct gp_ingest_row
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

static struct gp_reportdb_figures
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
