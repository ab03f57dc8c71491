/* SPDX-License-Identifier: Apache-2.0 */
/* Names of sources: whose is looked up next, and what becomes of a name. */
#include "received.h"

#include "core/senders/senders.h"
#include "reportdb/classify.h"
#include "reportdb/names.h"
#include "reportdb/parts.h"

enum { HOUR_S = 3600 };

/* A report of three sources, such as 192.0.2.1, 2, 3, of 10, 20, 30 messages that only DKIM aligns
   for. */
static void
tell_of(const char *id, bool authenticated, uint8_t first)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of(id);
	begin(authenticated);
	assert_int_equal(l.head(l.context, &head), 0);
	for (uint8_t i = 0; i < 3; i++) {
		uint8_t last = (uint8_t)(first + i);
		struct gp_ingest_row row = row_of(i + 1, last, 10 * last, true, false);
		assert_int_equal(l.row(l.context, &row), 0);
	}
	(void)end(NULL);
	assert_int_equal(gp_reportdb_sync(db), 0);
}

static void
tell(const char *id, bool authenticated)
{
	tell_of(id, authenticated, 1);
}

static void
keep(uint8_t last, enum gp_reportdb_looked looked, const char *name, int64_t now_s)
{
	const uint8_t address[16] = {[10] = 0xff, 0xff, 192, 0, 2, last};
	assert_int_equal(
		gp_reportdb_keep_name(db, address, looked, gp_slice_str(name ? name : ""), now_s),
		0);
	assert_int_equal(gp_reportdb_sync(db), 0);
}

/* The last octets of those to be looked up, as a number: 321 is .3, .2, .1. */
static unsigned
unnamed(int64_t now_s, size_t max)
{
	struct gp_reportdb_unnamed *list;
	unsigned all = 0;
	size_t len;
	assert_int_equal(gp_reportdb_unnamed(db, &everything, now_s, max, &arena, &list, &len), 0);
	for (size_t i = 0; i < len; i++)
		all = 10 * all + list[i].address[15];
	return all;
}

static struct gp_reportdb_source
source(uint8_t last)
{
	struct gp_reportdb_source *list;
	size_t len;
	assert_int_equal(gp_reportdb_sources(db, &everything, GP_REPORTDB_BY_MESSAGES, 9, &arena,
					     &list, &len),
			 0);
	for (size_t i = 0; i < len; i++) {
		if (list[i].address[15] == last)
			return list[i];
	}
	fail();
	return (struct gp_reportdb_source){};
}

static void
the_largest_come_first(void **state)
{
	(void)state;
	assert_int_equal(unnamed(TODAY, 9), 0);
	tell("1", true);
	assert_int_equal(unnamed(TODAY, 9), 321);
	assert_int_equal(unnamed(TODAY, 2), 32);
	keep(3, GP_REPORTDB_NAMED, "mx.example", TODAY);
	assert_int_equal(unnamed(TODAY, 2), 21);
	assert_slice(source(3).name, "mx.example");
	assert_slice(source(2).name, "");
}

/* However few are looked at at a time, and however few are wanted, it is the same list. */
static void
slices_are_the_whole(void **state)
{
	static const size_t slices[] = {1, 2, 5, 100};
	(void)state;
	tell("1", true);
	for (size_t i = 0; i < GP_ARRAY_LEN(slices); i++) {
		for (size_t max = 1; max <= 3; max++) {
			struct gp_reportdb_search s;
			size_t rounds = 0;
			int r = gp_reportdb_search(db, &everything, TODAY, max, &arena, &s);
			assert_int_equal(r, 0);
			while ((r = gp_reportdb_search_on(db, &s, slices[i])) == 1)
				rounds++;
			assert_int_equal(r, 0);
			assert_int_equal(rounds, (3 + slices[i] - 1) / slices[i]);
			assert_int_equal(s.len, max);
			for (size_t k = 0; k < max; k++)
				assert_int_equal(s.found[k].address[15], 3 - k);
		}
	}
}

static void
forged_reports_choose_nobody(void **state)
{
	(void)state;
	tell("1", false);
	assert_int_equal(unnamed(TODAY, 9), 0);
	/* Nor beside others, which say of which days there is something. */
	tell("2", true);
	tell_of("3", false, 4);
	assert_int_equal(unnamed(TODAY, 9), 321);
}

/* Until its next look nobody is asked about a source; a name that is gone is forgotten, and one
   that the DNS does not answer for stands. */
static void
names_have_their_time(void **state)
{
	static const struct step {
		int64_t at_s; /* beyond the last */
		enum gp_reportdb_looked looked;
		const char *name, *known;
		int64_t wait_s;
	} steps[] = {
		{0, GP_REPORTDB_NO_ANSWER, NULL, "", HOUR_S},
		{HOUR_S, GP_REPORTDB_NO_ANSWER, NULL, "", 2 * HOUR_S},
		{2 * HOUR_S, GP_REPORTDB_NAMED, "a.example", "a.example", GP_REPORTDB_NAMED_S},
		{GP_REPORTDB_NAMED_S, GP_REPORTDB_NO_ANSWER, NULL, "a.example", HOUR_S},
		{HOUR_S, GP_REPORTDB_NAMED, "b.example", "b.example", GP_REPORTDB_NAMED_S},
		{GP_REPORTDB_NAMED_S, GP_REPORTDB_NAMELESS, NULL, "", GP_REPORTDB_NAMELESS_S},
	};
	int64_t now_s = TODAY;
	(void)state;
	tell("1", true);
	for (size_t i = 0; i < GP_ARRAY_LEN(steps); i++) {
		now_s += steps[i].at_s;
		keep(2, steps[i].looked, steps[i].name, now_s);
		assert_slice(source(2).name, steps[i].known);
		assert_int_equal(unnamed(now_s + steps[i].wait_s - 1, 9), 31);
		assert_int_equal(unnamed(now_s + steps[i].wait_s, 9), 321);
	}
	/* However often nobody answers, it is tried again. */
	for (int i = 0; i < 100; i++)
		keep(2, GP_REPORTDB_NO_ANSWER, NULL, now_s);
	assert_int_equal(unnamed(now_s + GP_REPORTDB_NO_ANSWER_MAX_S - 1, 9), 31);
	assert_int_equal(unnamed(now_s + GP_REPORTDB_NO_ANSWER_MAX_S, 9), 321);
}

static void
a_source_takes_its_name_with_it(void **state)
{
	(void)state;
	tell("1", true);
	keep(1, GP_REPORTDB_NAMED, "mx.example", TODAY);
	keep(99, GP_REPORTDB_NAMED, "not.seen.example", TODAY);
	assert_int_equal(gp_reportdb_forget(db, DAY - 1), 0);
	assert_slice(source(1).name, "mx.example");
	assert_int_equal(gp_reportdb_forget(db, DAY + 1), 0);

	assert_int_equal(ask("SELECT count(*) FROM name"), 0);
}

/* A database of before there were names gets its table when somebody writes. */
static void
an_older_database_is_brought_up(void **state)
{
	struct gp_reportdb_health health;
	uint64_t looked;
	(void)state;
	tell("1", true);
	db = gp_reportdb_close(db);
	ask("DROP TABLE name");
	ask("DROP TABLE block");
	ask("DROP TABLE kept");
	ask("DROP TABLE over_limit");
	ask("DROP TABLE self");
	ask("DROP TABLE tally_of");
	ask("DROP TABLE over_limit_of");
	ask("DROP TABLE source_span");
	ask("DROP INDEX report_time");
	ask("DROP INDEX report_kind");
	ask("DROP INDEX flaw_shown");
	ask("CREATE INDEX report_end ON report (end_s)");
	ask(server ? "UPDATE gatepost_tables SET version = 1" : "PRAGMA user_version = 1");
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &db), -EPROTO);
	open_again();
	assert_figures(total(), {.messages = 60, .aligned = 60, .dkim = 60});
	keep(1, GP_REPORTDB_NAMED, "mx.example", TODAY);
	assert_slice(source(1).name, "mx.example");
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_looked_since(db, TODAY, &looked), 0);
	assert_int_equal(looked, 1);
	assert_int_equal(gp_reportdb_looked_since(db, TODAY + 1, &looked), 0);
	assert_int_equal(looked, 0);
	/* What is counted now was not then. */
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.aggregates, 1);
	assert_int_equal(health.last_received_s, TODAY);
}

/* Its figures of the range, day by day. */
static struct gp_reportdb_figures
sum_of_days(const struct gp_reportdb_range *range, const uint8_t address[16])
{
	struct gp_reportdb_figures sum = {};
	struct gp_reportdb_day *days;
	size_t len;
	assert_int_equal(gp_reportdb_source_days(db, range, address, &arena, &days, &len), 0);
	for (size_t i = 0; i < len; i++)
		gp_figures_add(&sum, &days[i].figures);
	return sum;
}

/* However the range lies to the spans: all that has messages is listed, with what its days have. */
static void
assert_days_add_up(const struct gp_reportdb_range *range)
{
	struct gp_reportdb_figures sum = {}, all;
	struct gp_reportdb_source *list;
	size_t len;
	assert_int_equal(
		gp_reportdb_sources(db, range, GP_REPORTDB_BY_MESSAGES, 99, &arena, &list, &len),
		0);
	for (size_t i = 0; i < len; i++) {
		assert_figures(list[i].figures, sum_of_days(range, list[i].address));
		gp_figures_add(&sum, &list[i].figures);
	}
	assert_int_equal(gp_reportdb_total(db, range, &all), 0);
	assert_figures(sum, all);
}

/* And of all domains, of which there is one, with what its weeks have. */
static void
assert_weeks_add_up(struct gp_reportdb_range range)
{
	struct gp_reportdb_source *list;
	size_t len;
	range.domain = GP_SLICE("");
	assert_int_equal(
		gp_reportdb_sources(db, &range, GP_REPORTDB_BY_MESSAGES, 99, &arena, &list, &len),
		0);
	struct gp_reportdb_range weeks = gp_reportdb_sources_range(&range);
	weeks.domain = GP_SLICE("ours.example");
	assert_true(len > 0);
	for (size_t i = 0; i < len; i++)
		assert_figures(list[i].figures, sum_of_days(&weeks, list[i].address));
}

static void
sources_have_what_their_days_have(void **state)
{
	/* A week begins with it, in the middle of a span. */
	const int64_t first_kept = DAY / 7 * 7 - 63;
	static const int edges[] = {0, 1, 2, 27, 28, 29, 30, 55, 56, 57, 84, 99};
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct gp_ingest_listener l = gp_reportdb_listener(db);
		struct gp_ingest_head head = head_of("1");
		struct gp_ingest_row row =
			row_of(1, (uint8_t)(i % 7), (uint64_t)i + 1, i % 3, i % 2);
		head.begin -= i * DAY_S;
		head.end -= i * DAY_S;
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		assert_int_equal(l.row(l.context, &row), 0);
		assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
	for (int forgotten = 0; forgotten <= 1; forgotten++) {
		for (size_t i = 0; i < GP_ARRAY_LEN(edges); i++) {
			for (size_t k = 0; k <= i; k++) {
				const struct gp_reportdb_range range = {GP_SLICE("ours.example"),
									DAY - edges[i],
									DAY - edges[k], false};
				assert_days_add_up(&range);
				if (range.to_day >= first_kept || forgotten == 0)
					assert_weeks_add_up(range);
			}
		}
		assert_int_equal(gp_reportdb_forget(db, first_kept), 0);
	}
}

static void
names_settle_what_figures_leave_open(void **state)
{
	static const struct gp_reportdb_figures
		ours = {.messages = 10, .aligned = 10, .spf = 10},
		provider = {.messages = 10, .aligned = 10, .dkim = 10, .foreign = 10},
		spf_fails = {.messages = 10, .aligned = 10, .dkim = 10},
		forwarded = {.messages = 10, .aligned = 10, .dkim = 10, .forwarded = 10},
		threat = {.messages = 10};
	static const struct {
		const struct gp_reportdb_figures *figures;
		const char *name;
		enum gp_reportdb_class expect;
	} cases[] = {
		{&provider, "", GP_REPORTDB_PROVIDER},
		{&provider, "mx.example", GP_REPORTDB_PROVIDER},
		{&provider, "a8-31.smtp-out.amazonses.com", GP_REPORTDB_PROVIDER},
		{&provider, "mx1.forwardemail.net", GP_REPORTDB_FORWARDER},
		{&provider, "mail-sor-f41.google.com", GP_REPORTDB_PROVIDER},
		{&spf_fails, "", GP_REPORTDB_FORWARDER},
		{&spf_fails, "a8-31.smtp-out.amazonses.com", GP_REPORTDB_PROVIDER},
		{&spf_fails, "mail-sor-f41.google.com", GP_REPORTDB_FORWARDER},
		/* Who saw it knows better. */
		{&forwarded, "a8-31.smtp-out.amazonses.com", GP_REPORTDB_FORWARDER},
		/* A name is no proof. */
		{&threat, "a8-31.smtp-out.amazonses.com", GP_REPORTDB_THREAT},
		{&threat, "mx1.forwardemail.net", GP_REPORTDB_THREAT},
		{&ours, "mx1.forwardemail.net", GP_REPORTDB_OURS},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const struct gp_reportdb_source s = {.name = gp_slice_str(cases[i].name),
						     .figures = *cases[i].figures};
		struct gp_sender sender;
		bool known = gp_sender_of(s.name, &sender);
		assert_int_equal(gp_reportdb_classify_source(&s, known ? &sender : NULL),
				 cases[i].expect);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_largest_come_first),
		TEST(slices_are_the_whole),
		TEST(forged_reports_choose_nobody),
		TEST(names_have_their_time),
		TEST(a_source_takes_its_name_with_it),
		TEST(an_older_database_is_brought_up),
		TEST(sources_have_what_their_days_have),
		cmocka_unit_test(names_settle_what_figures_leave_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
