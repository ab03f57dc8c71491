/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of reports: which are in one, in which order, and page by page. */
#include "received.h"

enum { REPORTS = 90, PAGE = 7 };

static const char *const domains[] = {"a.example", "b.example"};

/* Reports of three kinds, two domains, trusted and not, that come in another order than they end;
   several end together. */
static void
tell_all(void)
{
	static const uint8_t kinds[] = {GP_INGEST_AGGREGATE, GP_INGEST_TLS, GP_INGEST_FAILURE};
	for (int i = 0; i < REPORTS; i++) {
		char id[16];
		struct gp_ingest_listener l = gp_reportdb_listener(db);
		snprintf(id, sizeof(id), "%d", i);
		struct gp_ingest_head head = head_of(id);
		head.kind = kinds[i % 3];
		head.domain = gp_slice_str(domains[i / 3 % 2]);
		head.begin -= i * 7 % 10 * DAY_S;
		head.end -= i * 7 % 10 * DAY_S;
		begin(i % 5 != 0);
		assert_int_equal(l.head(l.context, &head), 0);
		assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
}

static bool
is_before(const struct gp_reportdb_report *a, const struct gp_reportdb_report *b)
{
	return a->end > b->end || (a->end == b->end && a->number > b->number);
}

static void
assert_wanted(const struct gp_reportdb_report *r, const struct gp_reportdb_range *range,
	      uint8_t kind)
{
	assert_true(kind == 0 || r->kind == kind);
	assert_true(range->domain.len == 0 || gp_slice_eq(r->domain, range->domain));
	assert_int_equal(r->authenticated, !range->unauthenticated);
	assert_in_range(r->end / DAY_S, range->from_day, range->to_day);
}

/* How many are in the list, read in such pages. */
static size_t
read_pages(const struct gp_reportdb_range *range, uint8_t kind, size_t page)
{
	struct gp_reportdb_report last = {}, *list;
	size_t len, all = 0;
	do {
		assert_int_equal(gp_reportdb_list(db, range, kind, all > 0 ? &last : NULL, page,
						  &arena, &list, &len),
				 0);
		for (size_t i = 0; i < len; i++) {
			assert_wanted(&list[i], range, kind);
			assert_true(all + i == 0 || is_before(&last, &list[i]));
			last = list[i];
		}
		all += len;
	} while (len == page);
	return all;
}

static size_t
count(const struct gp_reportdb_range *range, uint8_t kind)
{
	char sql[512];
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM report WHERE trusted = %d AND ('%.*s' = '' OR domain ="
		 " '%.*s') AND end_s / 86400 BETWEEN %lld AND %lld AND (%d = 0 OR kind = %d)",
		 !range->unauthenticated, GP_SLICE_FMT(range->domain), GP_SLICE_FMT(range->domain),
		 (long long)range->from_day, (long long)range->to_day, kind, kind);
	return (size_t)ask(sql);
}

static void
lists_have_all_in_order(void **state)
{
	static const int ranges[][2] = {{9, 0}, {4, 2}, {3, 3}, {30, 12}};
	size_t most = 0;
	(void)state;
	tell_all();
	for (size_t i = 0; i < GP_ARRAY_LEN(ranges) * 3 * 2 * 4; i++) {
		const int *days = ranges[i % 4];
		size_t domain = i / 4 % 3;
		uint8_t kind = (uint8_t)(i / 24);
		const struct gp_reportdb_range range = {domain < 2 ? gp_slice_str(domains[domain])
								   : GP_SLICE(""),
							DAY - days[0], DAY - days[1], i / 12 % 2};
		size_t there = count(&range, kind);
		assert_int_equal(read_pages(&range, kind, PAGE), there);
		assert_int_equal(read_pages(&range, kind, REPORTS + 1), there);
		most = GP_MAX(most, there);
	}
	assert_int_equal(most, REPORTS - REPORTS / 5);
}

/* Who goes on behind a report that ends after the range has all of it. */
static void
a_place_may_be_outside(void **state)
{
	const struct gp_reportdb_range range = {GP_SLICE(""), DAY - 9, DAY - 5, false};
	const struct gp_reportdb_report after = {.number = 1, .end = TODAY + DAY_S},
					before = {.number = REPORTS, .end = 1};
	struct gp_reportdb_report *list;
	size_t len;
	(void)state;
	tell_all();
	assert_int_equal(gp_reportdb_list(db, &range, 0, &after, REPORTS, &arena, &list, &len), 0);
	assert_int_equal(len, count(&range, 0));
	assert_int_equal(gp_reportdb_list(db, &range, 0, &before, REPORTS, &arena, &list, &len), 0);
	assert_int_equal(len, 0);
}

/* As tables were made before reports were found by domain first. */
static const char *const before[] = {
	"ALTER TABLE report RENAME TO now",
	"CREATE TABLE report (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, trusted INTEGER NOT"
	" NULL, org TEXT NOT NULL, name TEXT NOT NULL, domain TEXT NOT NULL, begin_s INTEGER NOT"
	" NULL, end_s INTEGER NOT NULL, email TEXT NOT NULL, contact TEXT NOT NULL, version TEXT"
	" NOT NULL, generator TEXT NOT NULL, p INTEGER NOT NULL, sp INTEGER NOT NULL, np INTEGER"
	" NOT NULL, adkim_strict INTEGER NOT NULL, aspf_strict INTEGER NOT NULL, testing INTEGER"
	" NOT NULL, pct INTEGER NOT NULL, fo TEXT NOT NULL, discovery TEXT NOT NULL, file TEXT NOT"
	" NULL, received_s INTEGER NOT NULL, records INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT"
	" NULL DEFAULT 0, flaws INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (org, name, domain, begin_s, end_s, kind, trusted))",
	"INSERT INTO report SELECT * FROM now",
	"DROP TABLE now",
	"CREATE INDEX report_domain ON report (domain, end_s)",
	"CREATE INDEX report_end ON report (end_s)",
	"DROP TABLE source_span",
	"DROP INDEX flaw_shown",
	"PRAGMA user_version = 6",
};

static void
a_table_of_before_serves(void **state)
{
	const struct gp_reportdb_range a = {gp_slice_str(domains[0]), DAY - 9, DAY, false};
	struct gp_ingest_listener l;
	struct gp_ingest_head head = head_of("0");
	if (server)
		skip();
	(void)state;
	tell_all();
	size_t there = count(&a, 0);
	db = gp_reportdb_close(db);
	for (size_t i = 0; i < GP_ARRAY_LEN(before); i++)
		ask(before[i]);
	open_again();
	assert_int_equal(read_pages(&a, 0, PAGE), there);
	assert_int_equal(read_pages(&everything, GP_INGEST_FAILURE, PAGE),
			 count(&everything, GP_INGEST_FAILURE));
	head.domain = a.domain;
	l = gp_reportdb_listener(db);
	begin(false);
	(void)l.head(l.context, &head);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_DUPLICATE);
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_have_all_in_order),
		TEST(a_place_may_be_outside),
		TEST(a_table_of_before_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
