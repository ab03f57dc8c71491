/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of others: what was told adds up, once. */
#include "received.h"

#include <sys/wait.h>
#include <unistd.h>

#include "../prng.h"
#include "reportdb/classify.h"
#include "reportdb/parts.h"

/* --- what adds up --- */

/* A document of these rows. */
static struct gp_reportdb_result
tell(const struct gp_ingest_head *head, bool authenticated, const struct gp_ingest_row *rows,
     size_t len)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	begin(authenticated);
	int r = l.head(l.context, head);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = l.row(l.context, &rows[i]);
	assert_true(r >= 0);
	return end(NULL);
}

/* One with 10 messages of ours, 4 forwarded ones, 3 forged. */
static struct gp_reportdb_result
tell_usual(const char *id)
{
	struct gp_ingest_head head = head_of(id);
	struct gp_ingest_row rows[3];
	rows[0] = row_of(1, 1, 10, true, true);
	rows[1] = row_of(2, 2, 4, true, false);
	rows[2] = row_of(3, 3, 3, false, false);
	rows[1].reasons[0] =
		(struct gp_ingest_reason){GP_INGEST_REASON_FORWARDED, GP_SLICE("a list")};
	rows[1].reasons_len = 1;
	return tell(&head, true, rows, GP_ARRAY_LEN(rows));
}

static const struct gp_reportdb_figures usual = {
	.messages = 17, .aligned = 14, .dkim = 14, .spf = 10, .quarantined = 3, .forwarded = 4};

static void
a_report_adds_up(void **state)
{
	struct gp_reportdb_range range = {GP_SLICE("ours.example"), DAY, DAY, false};
	struct gp_reportdb_day *days;
	struct gp_reportdb_domain *domains;
	struct gp_reportdb_source *sources;
	size_t len;
	(void)state;
	struct gp_reportdb_result r = tell_usual("1");
	assert_int_equal(r.outcome, GP_REPORTDB_KEPT);
	assert_int_equal(r.records, 3);
	assert_figures(total(), usual);
	assert_figures(total_of(&range), usual);

	assert_int_equal(gp_reportdb_days(db, &range, &arena, &days, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(days[0].day, DAY);
	assert_figures(days[0].figures, usual);
	assert_int_equal(gp_reportdb_domains(db, &everything, &arena, &domains, &len), 0);
	assert_int_equal(len, 1);
	assert_slice(domains[0].domain, "ours.example");
	assert_int_equal(domains[0].first_day, DAY);

	for (int all = 0; all < 2; all++) {
		range.domain = all ? GP_SLICE("") : GP_SLICE("ours.example");
		assert_int_equal(gp_reportdb_sources(db, &range, GP_REPORTDB_BY_UNALIGNED, 2,
						     &arena, &sources, &len),
				 0);
		assert_int_equal(len, 2);
		assert_int_equal(sources[0].address[15], 3);
		assert_int_equal(sources[0].figures.messages, 3);
		assert_int_equal(sources[0].first_day, DAY);
		assert_int_equal(sources[0].last_day, DAY);
		assert_int_equal(gp_reportdb_sources(db, &range, GP_REPORTDB_BY_MESSAGES, 9, &arena,
						     &sources, &len),
				 0);
		assert_int_equal(len, 3);
		assert_int_equal(sources[0].address[15], 1);
	}
}

static void
mechanisms_reasons_reporters_and_policies(void **state)
{
	struct gp_reportdb_auth *auths;
	struct gp_reportdb_override *overrides;
	struct gp_reportdb_reporter *reporters;
	struct gp_reportdb_policy *policies;
	size_t len;
	(void)state;
	tell_usual("1");
	tell_usual("2");
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_selectors(db, &everything, &arena, &auths, &len), 0);
	assert_int_equal(len, 2);
	assert_slice(auths[0].selector, "s1");
	assert_int_equal(auths[0].result, GP_INGEST_RESULT_PASS);
	assert_int_equal(auths[0].messages, 28);
	assert_int_equal(auths[0].aligned, 28);
	assert_int_equal(auths[1].messages, 6);
	assert_int_equal(auths[1].aligned, 0);
	assert_int_equal(gp_reportdb_spf(db, &everything, &arena, &auths, &len), 0);
	assert_int_equal(len, 2);
	assert_slice(auths[0].selector, "mfrom");
	assert_int_equal(auths[0].messages, 20);

	assert_int_equal(gp_reportdb_overrides(db, &everything, &arena, &overrides, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(overrides[0].reason, GP_INGEST_REASON_FORWARDED);
	assert_int_equal(overrides[0].messages, 8);
	assert_int_equal(gp_reportdb_reporters(db, &everything, 0, &arena, &reporters, &len), 0);
	assert_int_equal(len, 1);
	assert_slice(reporters[0].org, "reporter.example");
	assert_int_equal(reporters[0].reports, 2);
	assert_int_equal(reporters[0].records, 6);
	assert_int_equal(reporters[0].messages, 34);
	assert_int_equal(gp_reportdb_policies(db, &everything, &arena, &policies, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(policies[0].p, GP_INGEST_POLICY_QUARANTINE);
	assert_int_equal(policies[0].pct, -1);
	assert_int_equal(policies[0].reports, 2);
}

/* The same signature twice in a row is one, however its results are multiplied out. */
static void
a_signature_counts_once(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 5, true, false);
	struct gp_reportdb_auth *auths;
	size_t len;
	(void)state;
	row.dkim_results[1] = row.dkim_results[2] = row.dkim_results[0];
	row.dkim_results[2].selector = GP_SLICE("s2");
	row.dkim_results_len = 3;
	tell(&head, true, &row, 1);
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_selectors(db, &everything, &arena, &auths, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(auths[0].messages, 5);
	assert_int_equal(auths[1].messages, 5);
}

static void
sources_are_seen_first_and_last(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 5, true, true);
	struct gp_reportdb_range range = {GP_SLICE("ours.example"), DAY - 2, DAY - 2, false};
	struct gp_reportdb_source *sources;
	struct gp_reportdb_day *days;
	uint64_t fresh;
	size_t len;
	(void)state;
	for (int i = 0; i < 3; i++) {
		head.begin = TODAY - i * DAY_S;
		head.end = head.begin + DAY_S - 1;
		tell(&head, true, &row, 1);
		assert_int_equal(gp_reportdb_sync(db), 0);
	}
	assert_int_equal(
		gp_reportdb_sources(db, &range, GP_REPORTDB_BY_MESSAGES, 9, &arena, &sources, &len),
		0);
	assert_int_equal(len, 1);
	assert_int_equal(sources[0].figures.messages, 5);
	assert_int_equal(sources[0].first_day, DAY - 2);
	assert_int_equal(sources[0].last_day, DAY);
	assert_int_equal(gp_reportdb_new_sources(db, &range, &fresh), 0);
	assert_int_equal(fresh, 1);
	range.from_day = DAY - 1;
	range.to_day = DAY;
	assert_int_equal(gp_reportdb_new_sources(db, &range, &fresh), 0);
	assert_int_equal(fresh, 0);
	assert_int_equal(gp_reportdb_source_days(db, &range, row.source, &arena, &days, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(days[0].day, DAY - 1);
}

static void
several_days_are_shared_out(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row rows[2];
	struct gp_reportdb_report *reports;
	struct gp_reportdb_day *days;
	size_t len;
	uint64_t sum = 0;
	(void)state;
	rows[0] = row_of(1, 1, 700, true, true);
	rows[1] = row_of(2, 2, 1, true, false);
	head.end = TODAY + 7 * DAY_S - 1;
	begin(true);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_REFUSED); /* no report in it */
	const struct gp_reportdb_origin origin = {GP_SLICE("week.xml"), true, TODAY + 8 * DAY_S};
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	assert_int_equal(gp_reportdb_begin(db, &origin), 0);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &rows[0]), 0);
	assert_int_equal(l.row(l.context, &rows[1]), 0);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
	assert_int_equal(total().messages, 701);
	assert_int_equal(total().estimated, 701);
	assert_int_equal(gp_reportdb_days(db, &everything, &arena, &days, &len), 0);
	assert_int_equal(len, 7);
	for (size_t i = 0; i < len; i++) {
		sum += days[i].figures.messages;
		assert_true(days[i].figures.messages >= 100 && days[i].figures.messages <= 101);
	}
	assert_int_equal(sum, 701);
	assert_int_equal(gp_reportdb_list(db, &everything, 0, NULL, 9, &arena, &reports, &len), 0);
	assert_int_equal(len, 1);
	assert_true(reports[0].estimated);
}

/* --- once --- */

static void
again_is_a_duplicate(void **state)
{
	(void)state;
	struct gp_reportdb_result first = tell_usual("1");
	for (int i = 0; i < 3; i++) {
		struct gp_reportdb_result r = tell_usual("1");
		assert_int_equal(r.outcome, GP_REPORTDB_DUPLICATE);
		assert_int_equal(r.report, first.report);
		assert_int_equal(r.records, 0);
		assert_figures(total(), usual); /* synced: the next one is told to the file */
	}
}

static void
another_report_of_the_same_id(void **state)
{
	struct gp_ingest_row row = row_of(1, 1, 1, true, true);
	(void)state;
	for (int differs = 0; differs < 6; differs++) {
		struct gp_ingest_head head = head_of("1");
		head.org = differs == 1 ? GP_SLICE("else.example") : head.org;
		head.domain = differs == 2 ? GP_SLICE("other.example") : head.domain;
		head.begin += differs == 3;
		head.end -= differs == 4;
		head.id = differs == 5 ? GP_SLICE("") : head.id;
		assert_int_equal(tell(&head, true, &row, 1).outcome, GP_REPORTDB_KEPT);
		assert_int_equal(tell(&head, true, &row, 1).outcome, GP_REPORTDB_DUPLICATE);
	}
	assert_int_equal(total().messages, 6);
}

static void
the_unauthenticated_are_apart(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 9, 1000, true, true);
	struct gp_reportdb_range forged = everything;
	struct gp_reportdb_source *sources;
	struct gp_reportdb_health health;
	size_t len;
	(void)state;
	assert_int_equal(tell(&head, false, &row, 1).outcome, GP_REPORTDB_KEPT);
	assert_int_equal(tell_usual("1").outcome, GP_REPORTDB_KEPT);
	assert_figures(total(), usual);
	forged.unauthenticated = true;
	assert_int_equal(total_of(&forged).messages, 1000);
	assert_int_equal(gp_reportdb_sources(db, &everything, GP_REPORTDB_BY_MESSAGES, 9, &arena,
					     &sources, &len),
			 0);
	assert_int_equal(len, 3);
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.aggregates, 2);
	assert_int_equal(health.unauthenticated, 1);
}

static void
what_was_not_synced_is_gone(void **state)
{
	(void)state;
	tell_usual("1");
	assert_int_equal(gp_reportdb_sync(db), 0);
	tell_usual("2");
	begin(true);
	open_again();
	assert_figures(total(), usual);
	assert_int_equal(tell_usual("2").outcome, GP_REPORTDB_KEPT);
}

/* --- what is refused, or odd --- */

static void
refused_documents(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 5, true, true);
	struct gp_reportdb_flaw *flaws;
	struct gp_reportdb_health health;
	size_t len;
	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		assert_int_equal(l.row(l.context, &row), 0);
		struct gp_reportdb_result r = end("it breaks off");
		assert_int_equal(r.outcome, GP_REPORTDB_REFUSED);
		assert_string_equal(r.reason, "it breaks off");
	}
	begin(true);
	assert_int_equal(l.flaw(l.context, 0, true, "it is no XML"), 1);
	assert_int_equal(l.head(l.context, &head), 1);
	assert_string_equal(end(NULL).reason, "it is no XML");
	assert_int_equal(total().messages, 0);
	assert_int_equal(gp_reportdb_flaws(db, true, 9, &arena, &flaws, &len), 0);
	assert_int_equal(len, 2);
	assert_slice(flaws[0].why, "it is no XML");
	assert_slice(flaws[1].file, "report.xml");
	assert_int_equal(flaws[1].report, 0);
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.refused, 4);
	assert_int_equal(tell(&head, true, &row, 1).outcome, GP_REPORTDB_KEPT);
}

/* One report cannot be kept then; those that come later can. */
static void
memory_that_was_short(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 10, true, true);
	struct gp_reportdb_result result;
	(void)state;
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &row), 0);
	db->blocks.failed = true;
	assert_int_equal(gp_reportdb_end(db, NULL, &result), -ENOMEM);
	assert_int_equal(tell(&head, true, &row, 1).outcome, GP_REPORTDB_KEPT);
	assert_int_equal(total().messages, 10);
}

/* They are counted while a document is open, and whatever becomes of it. */
static void
reporters_over_their_limit(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_reportdb_over_limit *list;
	size_t len;
	(void)state;
	assert_int_equal(gp_reportdb_add_over_limit(db, DAY, GP_SLICE("a.example"), 100), 0);
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gp_reportdb_add_over_limit(db, DAY, GP_SLICE("192.0.2.0/24"), 10),
				 0);
	assert_int_equal(end("it breaks off").outcome, GP_REPORTDB_REFUSED);
	assert_int_equal(gp_reportdb_sync(db), 0);
	/* Where nothing else is to be written, too. */
	assert_int_equal(gp_reportdb_add_over_limit(db, DAY - 1, GP_SLICE(""), UINT64_MAX), 0);
	assert_int_equal(gp_reportdb_sync(db), 0);
	open_again();
	assert_int_equal(gp_reportdb_add_over_limit(db, DAY, GP_SLICE("a.example"), 50), 0);
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_over_limit(db, &everything, 9, &arena, &list, &len), 0);
	assert_int_equal(len, 3);
	assert_slice(list[0].reporter, "192.0.2.0/24");
	assert_int_equal(list[0].reports, 3);
	assert_int_equal(list[0].octets, 30);
	assert_slice(list[1].reporter, "a.example");
	assert_int_equal(list[1].reports, 2);
	assert_int_equal(list[1].octets, 150);
	assert_int_equal(list[2].day, DAY - 1);
	assert_int_equal(list[2].octets, GP_INGEST_COUNT_MAX);
	assert_int_equal(gp_reportdb_forget(db, DAY), 0);
	assert_int_equal(gp_reportdb_over_limit(db, &everything, 9, &arena, &list, &len), 0);
	assert_int_equal(len, 2);
}

static void
ranges_that_cannot_be(void **state)
{
	static const struct {
		int64_t begin, end;
		const char *why;
	} cases[] = {
		{TODAY, TODAY - 1, "its range ends before it begins"},
		{TODAY, TODAY + GP_REPORTDB_FUTURE_S + 1, "its range is in the future"},
		{TODAY - 40 * DAY_S, TODAY, "its range is longer than a month, or before 1970"},
		{-5, 5, "its range is longer than a month, or before 1970"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_ingest_head head = head_of("1");
		head.begin = cases[i].begin;
		head.end = cases[i].end;
		struct gp_reportdb_result r = tell(&head, true, NULL, 0);
		assert_int_equal(r.outcome, GP_REPORTDB_REFUSED);
		assert_string_equal(r.reason, cases[i].why);
	}
}

static void
impossible_counts_are_left_out(void **state)
{
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row rows[4];
	struct gp_reportdb_flaw *flaws;
	size_t len;
	(void)state;
	rows[0] = row_of(1, 1, GP_INGEST_COUNT_MAX + 1, true, true);
	rows[1] = row_of(2, 1, UINT64_MAX, true, true);
	rows[2] = row_of(3, 1, 7, true, true);
	rows[3] = row_of(4, 1, GP_INGEST_COUNT_MAX, true, true); /* with the one before */
	struct gp_reportdb_result r = tell(&head, true, rows, GP_ARRAY_LEN(rows));
	assert_int_equal(r.outcome, GP_REPORTDB_KEPT);
	assert_int_equal(r.records, 1);
	assert_int_equal(r.lost, 3);
	assert_int_equal(total().messages, 7);
	assert_int_equal(gp_reportdb_flaws(db, false, 9, &arena, &flaws, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(flaws[2].record, 1);
	assert_int_equal(flaws[2].report, r.report);
	assert_true(flaws[2].lost);
}

/* Who speaks out of turn is none of our readers. */
static void
out_of_turn(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_ingest_row row = row_of(1, 1, 5, true, true);
	struct gp_ingest_tls_policy policy = {.number = 1};
	struct gp_reportdb_result r;
	(void)state;
	for (int i = 0; i < 5; i++) {
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		assert_int_equal(l.row(l.context, &row), 0);
		int got = i == 0   ? l.head(l.context, &head)
			  : i == 1 ? l.row(l.context, &row) /* its number does not rise */
			  : i == 2 ? l.tls_policy(l.context, &policy)
			  : i == 3 ? l.tls_failure(l.context, &(struct gp_ingest_tls_failure){})
				   : l.failure(l.context, &(struct gp_ingest_failure){});
		assert_int_equal(got, -EINVAL);
		assert_int_equal(end(NULL).outcome, GP_REPORTDB_REFUSED);
	}
	begin(true);
	assert_int_equal(l.row(l.context, &row), -EINVAL);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_REFUSED);
	assert_int_equal(gp_reportdb_end(db, NULL, &r), -EINVAL);
	assert_int_equal(l.row(l.context, &row), -EINVAL);
	assert_int_equal(total().messages, 0);
	assert_int_equal(tell_usual("1").outcome, GP_REPORTDB_KEPT);
}

static void
a_document_is_dropped(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("2");
	struct gp_ingest_row row = row_of(1, 1, 5, true, true);
	struct gp_reportdb_health health;
	(void)state;
	tell_usual("1");
	assert_int_equal(gp_reportdb_drop(db), 0); /* none is open */
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &row), 0);
	assert_int_equal(gp_reportdb_drop(db), 0);
	assert_figures(total(), usual);
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.refused, 0);
	assert_int_equal(tell(&head, true, &row, 1).outcome, GP_REPORTDB_KEPT);
}

/* --- much of it --- */

/* More than memory holds at a time: of sources, and of what rows have in common. */
static void
a_large_report_is_exact(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_reportdb_auth *auths;
	uint64_t sum = 0, fresh;
	size_t len;
	(void)state;
	for (int round = 0; round < 2; round++) { /* the first one is refused in the end */
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		sum = 0;
		for (uint32_t i = 0; i < 140'000; i++) {
			struct gp_ingest_row row = row_of(i + 1, 0, i % 7, i % 2, i % 3 == 0);
			char name[32];
			memcpy(row.source, &i, sizeof(i));
			row.source[10] = 0;
			snprintf(name, sizeof(name), "bounce%u.example", i % 9000);
			row.spf_results[0].domain = gp_slice_str(name);
			assert_int_equal(l.row(l.context, &row), 0);
			sum += i % 7;
		}
		end(round == 0 ? "it breaks off" : NULL);
		assert_int_equal(total().messages, round == 0 ? 0 : sum);
	}
	assert_int_equal(gp_reportdb_new_sources(db, &everything, &fresh), 0);
	assert_int_equal(fresh, 120'000); /* those with messages */
	assert_int_equal(gp_reportdb_selectors(db, &everything, &arena, &auths, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(auths[0].messages + auths[1].messages, sum);
	assert_int_equal(gp_reportdb_spf(db, &everything, &arena, &auths, &len), 0);
	assert_int_equal(len, 9000);
}

/* More figures than memory should hold come to the database before the sync does, and add up. */
static void
many_large_reports_are_exact(void **state)
{
	enum { REPORTS = 5, ROWS = 30'000 };
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	uint64_t fresh;
	(void)state;
	for (uint32_t i = 0; i < REPORTS * ROWS; i++) {
		struct gp_ingest_row row = row_of(i % ROWS + 1, 0, 2, true, i % 2);
		char id[16];
		snprintf(id, sizeof(id), "%u", i / ROWS);
		struct gp_ingest_head head = head_of(id);
		if (i % ROWS == 0) {
			begin(true);
			assert_int_equal(l.head(l.context, &head), 0);
		}
		memcpy(row.source, &i, sizeof(i));
		row.source[10] = 0;
		assert_int_equal(l.row(l.context, &row), 0);
		if (i % ROWS == ROWS - 1)
			end(NULL);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(total().messages, 2 * REPORTS * ROWS);
	assert_int_equal(total().spf, REPORTS * ROWS);
	assert_int_equal(gp_reportdb_new_sources(db, &everything, &fresh), 0);
	assert_int_equal(fresh, REPORTS * ROWS);
}

/* Of all domains: who had no weight in any week is not looked at, and who had some is told of with
   all that it had. */
static void
tops_of_weeks(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_reportdb_source *sources;
	size_t len;
	(void)state;
	for (int week = 0; week < 2; week++) {
		head.begin = TODAY - 7 * DAY_S * week;
		head.end = head.begin + DAY_S - 1;
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		for (uint16_t i = 1; i <= 3000; i++) {
			struct gp_ingest_row row = row_of(i, 0, 2, false, false);
			if (i == 1)
				row.count = week == 0 ? 1 : 1000;
			memcpy(row.source + 14, &i, sizeof(i));
			assert_int_equal(l.row(l.context, &row), 0);
		}
		assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
		assert_int_equal(gp_reportdb_sync(db), 0);
	}
	for (int order = GP_REPORTDB_BY_MESSAGES; order <= GP_REPORTDB_BY_UNALIGNED; order++) {
		assert_int_equal(gp_reportdb_sources(db, &everything, (uint8_t)order, 10, &arena,
						     &sources, &len),
				 0);
		assert_int_equal(len, 1);
		assert_int_equal(sources[0].figures.messages, 1001);
		assert_int_equal(sources[0].first_day, DAY - 7);
		assert_int_equal(sources[0].last_day, DAY);
	}
}

/* At random, beside a sum that is made by hand. */
static void
many_reports_are_exact(void **state)
{
	enum { DAYS = 20, DOMAINS = 4 };
	static const char *const names[DOMAINS] = {"a.example", "b.example", "ours.example", ""};
	struct gp_reportdb_figures want[DOMAINS] = {};
	struct prng random = {3};
	uint64_t duplicates = 0, kept = 0;
	struct gp_reportdb_health health;
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct gp_ingest_row rows[5];
		char id[24];
		size_t len = prng_below(&random, GP_ARRAY_LEN(rows) + 1);
		size_t domain = prng_below(&random, DOMAINS - 1);
		snprintf(id, sizeof(id), "%zu", prng_below(&random, 50));
		struct gp_ingest_head head = head_of(id);
		head.domain = gp_slice_str(names[domain]);
		head.begin -= (int64_t)prng_below(&random, DAYS) * DAY_S;
		head.end = head.begin + DAY_S * (int64_t)(1 + prng_below(&random, 3) / 2) - 1;
		for (size_t k = 0; k < len; k++)
			rows[k] =
				row_of(k + 1, (uint8_t)prng_next(&random), prng_below(&random, 90),
				       prng_below(&random, 2), prng_below(&random, 2));
		struct gp_reportdb_result r = tell(&head, true, rows, len);
		if (prng_below(&random, 100) == 0)
			assert_int_equal(gp_reportdb_sync(db), 0);
		duplicates += r.outcome == GP_REPORTDB_DUPLICATE;
		kept += r.outcome == GP_REPORTDB_KEPT;
		for (size_t k = 0; r.outcome == GP_REPORTDB_KEPT && k < len; k++) {
			bool dkim = rows[k].dkim == GP_INGEST_RESULT_PASS;
			bool spf = rows[k].spf == GP_INGEST_RESULT_PASS;
			for (size_t w = domain; w < DOMAINS; w += DOMAINS - 1 - domain) {
				want[w].messages += rows[k].count;
				want[w].aligned += dkim || spf ? rows[k].count : 0;
				want[w].dkim += dkim ? rows[k].count : 0;
				want[w].spf += spf ? rows[k].count : 0;
				want[w].quarantined += dkim || spf ? 0 : rows[k].count;
				want[w].estimated +=
					head.end - head.begin > DAY_S ? rows[k].count : 0;
				if (w == DOMAINS - 1)
					break;
			}
		}
	}
	for (size_t w = 0; w < DOMAINS; w++) {
		struct gp_reportdb_range range = everything;
		struct gp_reportdb_source *sources;
		uint64_t sum = 0;
		size_t len;
		range.domain = gp_slice_str(names[w]);
		assert_figures(total_of(&range), want[w]);
		assert_int_equal(gp_reportdb_sources(db, &range, GP_REPORTDB_BY_MESSAGES, 1000,
						     &arena, &sources, &len),
				 0);
		for (size_t i = 0; i < len; i++)
			sum += sources[i].figures.messages;
		assert_int_equal(sum, want[w].messages);
	}
	assert_int_equal(gp_reportdb_health(db, &health), 0);
	assert_int_equal(health.duplicates, duplicates);
	assert_int_equal(health.aggregates, kept);
	assert_int_equal(health.last_received_s, TODAY);
	assert_true(duplicates > 100);
}

static void
classes_of_sources(void **state)
{
	static const struct {
		struct gp_reportdb_figures figures;
		const char *name;
	} cases[] = {
		{{.messages = 10, .aligned = 10, .dkim = 10, .spf = 9}, "ours"},
		{{.messages = 10, .aligned = 10, .dkim = 10, .spf = 0}, "forwarder"},
		{{.messages = 10, .aligned = 10, .dkim = 10, .foreign = 10}, "provider"},
		{{.messages = 10, .aligned = 10, .dkim = 10, .foreign = 10, .forwarded = 9},
		 "forwarder"},
		{{.messages = 10, .foreign = 10}, "threat"},
		{{.messages = 10, .aligned = 1, .dkim = 1}, "threat"},
		{{.messages = 1, .aligned = 1, .spf = 1}, "ours"},
		{{.messages = 0}, "threat"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_string_equal(gp_reportdb_class_name(gp_reportdb_classify(&cases[i].figures)),
				    cases[i].name);
}

static void
who_reads_needs_one_that_is_there(void **state)
{
	struct gp_reportdb *other;
	struct gp_reportdb_figures f;
	char none[320];
	(void)state;
	if (server)
		ask("CREATE SCHEMA none");
	snprintf(none, sizeof(none), server ? "%s&options=-csearch_path%%3Dnone" : "%s/none.db",
		 server ? server : folder);
	assert_int_equal(gp_reportdb_open(none, GP_REPORTDB_READ, &other), -ENOENT);
	gp_reportdb_close(other);
	assert_int_equal(gp_reportdb_open(none, GP_REPORTDB_WRITE, &other), -ENOENT);
	gp_reportdb_close(other);
	if (server)
		ask("DROP SCHEMA none");
	/* Beside who writes. */
	tell_usual("1");
	assert_int_equal(gp_reportdb_sync(db), 0);
	tell_usual("2");
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &other), 0);
	assert_int_equal(gp_reportdb_total(other, &everything, &f), 0);
	assert_figures(f, usual);
	gp_reportdb_close(other);
}

/* How a file of SQLite's says that it has a write-ahead log: format 2, at octet 18. */
static int
format_of_file(void)
{
	char octets[20] = "";
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(octets, 1, sizeof(octets), f) == sizeof(octets));
	fclose(f);
	return octets[18];
}

/* In a process of its own, which ends as by kill(1): a new file that is filled. */
static void
fill(bool sync)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct gp_reportdb *none = db;
		db = NULL;
		if (gp_reportdb_open(path, GP_REPORTDB_FILL, &db) != 0 || db == none)
			_exit(1);
		for (unsigned i = 0; i < 50; i++) {
			char id[16];
			snprintf(id, sizeof(id), "%u", i);
			tell_usual(id);
		}
		_exit(sync && gp_reportdb_sync(db) != 0);
	}
	int status = -1;
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

/* Until the first sync it has no log; what ends before that leaves an empty one, what ends behind
 * it leaves all. */
static void
a_new_file_that_is_filled(void **state)
{
	struct gp_reportdb *other;
	struct gp_reportdb_figures f;
	(void)state;
	if (server)
		skip();
	for (int synced = 0; synced < 2; synced++) {
		db = gp_reportdb_close(db);
		assert_int_equal(unlink(path), 0);
		fill(synced);
		assert_int_equal(format_of_file(), 1);
		assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &other), 0);
		assert_int_equal(gp_reportdb_total(other, &everything, &f), 0);
		assert_int_equal(f.messages, synced ? 50 * usual.messages : 0);
		gp_reportdb_close(other);
		/* Whoever writes next, or it itself with what it is told next. */
		assert_int_equal(
			gp_reportdb_open(path, synced ? GP_REPORTDB_MAKE : GP_REPORTDB_FILL, &db),
			0);
		tell_usual("a");
		assert_int_equal(gp_reportdb_sync(db), 0);
		tell_usual("b");
		assert_int_equal(format_of_file(), 2);
		/* Who reads does not wait. */
		assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &other), 0);
		assert_int_equal(gp_reportdb_total(other, &everything, &f), 0);
		assert_int_equal(f.messages, (synced ? 51 : 1) * usual.messages);
		gp_reportdb_close(other);
	}
	db = gp_reportdb_close(db);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_FILL, &db), 0);
	tell_usual("1");
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(format_of_file(), 1);
	db = gp_reportdb_close(db);
	assert_int_equal(format_of_file(), 2);
	open_again();
	assert_figures(total(), usual);
}

/* Pages of it are written, and those that were there stand in a journal beside it. */
static void
break_off_in_writing(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		sqlite3 *c;
		int code = sqlite3_open(path, &c);
		if (code == SQLITE_OK)
			code = sqlite3_exec(
				c,
				"PRAGMA cache_size = 1; BEGIN; UPDATE report SET file = "
				"hex(zeroblob(5000)); UPDATE day SET messages = 1",
				NULL, NULL, NULL);
		_exit(code != SQLITE_OK);
	}
	int status = -1;
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void
who_reads_undoes_what_broke_off(void **state)
{
	struct gp_reportdb *other;
	struct gp_reportdb_figures f;
	(void)state;
	if (server)
		skip();
	db = gp_reportdb_close(db);
	assert_int_equal(unlink(path), 0);
	fill(true);
	break_off_in_writing();
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &other), 0);
	assert_int_equal(gp_reportdb_total(other, &everything, &f), 0);
	assert_int_equal(f.messages, 50 * usual.messages);
	gp_reportdb_close(other);
	open_again();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_report_adds_up),
		TEST(mechanisms_reasons_reporters_and_policies),
		TEST(a_signature_counts_once),
		TEST(sources_are_seen_first_and_last),
		TEST(several_days_are_shared_out),
		TEST(again_is_a_duplicate),
		TEST(another_report_of_the_same_id),
		TEST(the_unauthenticated_are_apart),
		TEST(what_was_not_synced_is_gone),
		TEST(refused_documents),
		TEST(ranges_that_cannot_be),
		TEST(memory_that_was_short),
		TEST(reporters_over_their_limit),
		TEST(impossible_counts_are_left_out),
		TEST(out_of_turn),
		TEST(a_new_file_that_is_filled),
		TEST(who_reads_undoes_what_broke_off),
		TEST(a_document_is_dropped),
		TEST(a_large_report_is_exact),
		TEST(many_large_reports_are_exact),
		TEST(tops_of_weeks),
		TEST(many_reports_are_exact),
		cmocka_unit_test(classes_of_sources),
		TEST(who_reads_needs_one_that_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
