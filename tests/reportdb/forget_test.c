/* SPDX-License-Identifier: Apache-2.0 */
/* What is too old goes, in slices; the rest stays as it is. */
#include "received.h"

/* A report of that row. */
static enum gp_reportdb_outcome
tell(const struct gp_ingest_head *head, bool authenticated, const struct gp_ingest_row *row)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	begin(authenticated);
	int r = l.head(l.context, head);
	if (r == 0)
		r = l.row(l.context, row);
	assert_true(r >= 0);
	return end(NULL).outcome;
}

static void
old_days_are_forgotten(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 10, true, true);
	struct gp_reportdb_report *reports;
	struct gp_reportdb_health health;
	size_t len;
	(void)state;
	for (int i = 0; i < 4; i++) {
		head.begin = TODAY - i * DAY_S;
		head.end = head.begin + DAY_S; /* the next day's first second */
		assert_int_equal(tell(&head, true, &row), GP_REPORTDB_KEPT);
	}
	assert_int_equal(gp_reportdb_forget(db, DAY - 1), 0);
	assert_int_equal(total().messages, 20);
	assert_int_equal(gp_reportdb_list(db, &everything, 0, NULL, 9, &arena, &reports, &len), 0);
	assert_int_equal(len, 2);
	open_again();
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.aggregates, 2);
	assert_int_equal(tell(&head, true, &row), GP_REPORTDB_OLD);
	/* Of one that reaches over the edge, what is after it. */
	head.begin = TODAY - 3 * DAY_S;
	head.end = TODAY - 1;
	assert_int_equal(tell(&head, true, &row), GP_REPORTDB_KEPT);
	uint64_t after = total().messages;
	assert_true(after == 23 || after == 24);
	assert_int_equal(gp_reportdb_forget(db, DAY - 5), 0);
	assert_int_equal(tell(&head, true, &row), GP_REPORTDB_DUPLICATE);
}

enum { OLD_SOURCES = 7000, OLD_REPORTS = 1500, SLICE_MAX = 13'000 };

/* A report with many sources, of two days that lie so many back. */
static void
tell_many_sources(const char *id, int days_back)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of(id);
	head.begin = TODAY - days_back * DAY_S;
	head.end = head.begin + 2 * DAY_S - 1;
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	for (uint64_t i = 0; i < OLD_SOURCES; i++) {
		struct gp_ingest_row row = row_of(i + 1, (uint8_t)i, 2, true, true);
		row.source[14] = (uint8_t)(i >> 8);
		row.source[13] = (uint8_t)days_back;
		assert_int_equal(l.row(l.context, &row), 0);
	}
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
}

/* Of three sources, 17 messages. */
static void
tell_new(const char *id)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of(id);
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	for (uint8_t i = 1; i <= 3; i++) {
		struct gp_ingest_row row = row_of(i, i, i == 3 ? 3 : 7, true, true);
		assert_int_equal(l.row(l.context, &row), 0);
	}
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
}

static void
tell_old_and_new(void)
{
	struct gp_ingest_row row = row_of(1, 1, 10, true, true);
	tell_many_sources("sources 1", 40);
	tell_many_sources("sources 2", 60);
	for (int i = 0; i < OLD_REPORTS; i++) {
		char id[32];
		snprintf(id, sizeof(id), "old %d", i);
		struct gp_ingest_head head = head_of(id);
		head.begin = TODAY - (30 + i % 30) * DAY_S;
		head.end = head.begin + DAY_S - 1;
		assert_int_equal(tell(&head, i % 2, &row), GP_REPORTDB_KEPT);
	}
	tell_new("new");
	assert_int_equal(gp_reportdb_sync(db), 0);
	ask("INSERT INTO name SELECT source, '', 0, 0, 0 FROM source WHERE domain = '' AND trusted "
	    "= 1");
}

static int64_t
rows_there(void)
{
	return ask("SELECT (SELECT count(*) FROM report) + (SELECT count(*) FROM source_day)"
		   " + (SELECT count(*) FROM source_week) + (SELECT count(*) FROM source_span)"
		   " + (SELECT count(*) FROM source)"
		   " + (SELECT count(*) FROM name)");
}

/* None of them is large, and others put something in between; who is stopped goes on later. */
static void
much_is_forgotten_in_slices(void **state)
{
	struct gp_ingest_head old = head_of("too old");
	struct gp_ingest_row row = row_of(1, 1, 10, true, true);
	const struct gp_reportdb_range new = {GP_SLICE(""), DAY, DAY, false};
	struct gp_reportdb_health health;
	int64_t there;
	int slices = 0, r;
	(void)state;
	old.begin = old.end = TODAY - 35 * DAY_S;
	tell_old_and_new();
	there = rows_there();
	while ((r = gp_reportdb_forget_some(db, DAY - 10)) == 1) {
		int64_t left = rows_there();
		assert_in_range(there - left, 0, SLICE_MAX);
		there = left;
		slices++;
		if (slices == 3)
			assert_int_equal(tell(&old, true, &row), GP_REPORTDB_OLD);
		if (slices == 5)
			tell_new("new 2");
		if (slices % 7 == 0)
			open_again();
		assert_int_equal(total_of(&new).messages, slices < 5 ? 17 : 34);
	}
	assert_int_equal(r, 0);
	assert_in_range(slices, 10, 50);
	assert_int_equal(gp_reportdb_forget_some(db, DAY - 10), 0);
	assert_int_equal(gp_reportdb_forget_some(db, DAY - 20), 0);
	/* Three sources of the new ones, of a domain and of all. */
	assert_int_equal(ask("SELECT count(*) FROM source"), 6);
	assert_int_equal(ask("SELECT count(*) FROM source_week"), 3);
	/* A span goes as a whole: this one has DAY - 30, too. */
	assert_int_equal(ask("SELECT count(*) FROM source_span"), 2 * (3 + 1));
	assert_int_equal(rows_there(), 2 + 3 + 3 + 8 + 6 + 3);
	assert_int_equal(ask("SELECT count(*) FROM block"), 2);
	assert_int_equal(ask("SELECT count(*) FROM selector_day"), 1);
	assert_int_equal(total().messages, 34);
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.aggregates, 2);
	assert_int_equal(health.unauthenticated, 0);
	assert_int_equal(health.forgotten_before_day, DAY - 10);
	/* The next day is another one. */
	while ((r = gp_reportdb_forget_some(db, DAY + 28)) == 1)
		;
	assert_int_equal(r, 0);
	assert_int_equal(rows_there(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(old_days_are_forgotten),
		TEST(much_is_forgotten_in_slices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
