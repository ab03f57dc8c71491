/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of others come back as they were told; those of TLS and of single messages too. */
#include "received.h"

/* Writes down what is told, to compare. */
static struct gp_buf heard = {.max = 1 << 20};

static void
put_text(const char *name, struct gp_slice s)
{
	if (s.len > 0)
		gp_buf_printf(&heard, " %s=%.*s", name, GP_SLICE_FMT(s));
}

static int
hear_head(void *context, const struct gp_ingest_head *h)
{
	(void)context;
	gp_buf_printf(&heard, "head %d %ld %ld p=%d pct=%d", h->kind, (long)h->begin, (long)h->end,
		      h->p, h->pct);
	put_text("org", h->org);
	put_text("id", h->id);
	put_text("domain", h->domain);
	put_text("email", h->email);
	gp_buf_put_char(&heard, '\n');
	return 0;
}

static int
hear_row(void *context, const struct gp_ingest_row *row)
{
	(void)context;
	gp_buf_printf(&heard, "row %lu .%d %lu %d %d %d", (unsigned long)row->number,
		      row->source[15], (unsigned long)row->count, row->disposition, row->dkim,
		      row->spf);
	put_text("from", row->header_from);
	put_text("envelope", row->envelope_from);
	put_text("to", row->envelope_to);
	for (size_t i = 0; i < row->reasons_len; i++) {
		gp_buf_printf(&heard, " reason=%d", row->reasons[i].type);
		put_text("comment", row->reasons[i].comment);
	}
	for (size_t i = 0; i < row->dkim_results_len; i++) {
		gp_buf_printf(&heard, " dkim=%d", row->dkim_results[i].result);
		put_text("d", row->dkim_results[i].domain);
		put_text("s", row->dkim_results[i].selector);
		put_text("human", row->dkim_results[i].human);
	}
	for (size_t i = 0; i < row->spf_results_len; i++) {
		gp_buf_printf(&heard, " spf=%d", row->spf_results[i].result);
		put_text("domain", row->spf_results[i].domain);
		put_text("scope", row->spf_results[i].scope);
	}
	gp_buf_put_char(&heard, '\n');
	return 0;
}

static int
hear_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	(void)context;
	gp_buf_printf(&heard, "policy %lu %lu %lu", (unsigned long)p->number,
		      (unsigned long)p->successful, (unsigned long)p->failed);
	put_text("type", p->type);
	put_text("domain", p->domain);
	for (size_t i = 0; i < p->lines_len; i++)
		put_text("line", p->lines[i]);
	for (size_t i = 0; i < p->mx_len; i++)
		put_text("mx", p->mx[i]);
	gp_buf_put_char(&heard, '\n');
	return 0;
}

static int
hear_tls_failure(void *context, const struct gp_ingest_tls_failure *f)
{
	(void)context;
	gp_buf_printf(&heard, "failure %lu", (unsigned long)f->sessions);
	put_text("result", f->result);
	put_text("mx", f->receiving_mx);
	put_text("info", f->info);
	gp_buf_put_char(&heard, '\n');
	return 0;
}

static int
hear_failure(void *context, const struct gp_ingest_failure *f)
{
	(void)context;
	gp_buf_printf(&heard, "sample %d %ld %lu", f->source[0], (long)f->arrived,
		      (unsigned long)f->incidents);
	put_text("type", f->type);
	put_text("subject", f->subject);
	put_text("header", f->header);
	gp_buf_put_char(&heard, '\n');
	return 0;
}

static int
hear_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	gp_buf_printf(&heard, "flaw %lu%s %s\n", (unsigned long)record, lost ? " lost" : "", why);
	return 0;
}

static const struct gp_ingest_listener ears = {.head = hear_head,
					       .row = hear_row,
					       .tls_policy = hear_policy,
					       .tls_failure = hear_tls_failure,
					       .failure = hear_failure,
					       .flaw = hear_flaw};

static const char *
heard_text(void)
{
	gp_buf_put_char(&heard, '\0');
	char *text = gp_arena_str(&arena, gp_buf_slice(&heard));
	gp_buf_free(&heard);
	return text;
}

static void
a_report_is_told_again(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("<1@\"x\">");
	struct gp_ingest_row rows[3];
	struct gp_reportdb_range range = {GP_SLICE("ours.example"), DAY, DAY, false};
	(void)state;
	rows[0] = row_of(1, 7, 10, true, true);
	rows[1] = row_of(4, 2, 4, true, false);
	rows[2] = row_of(5, 7, 1, true, true);
	rows[1].reasons[0] = (struct gp_ingest_reason){GP_INGEST_REASON_OTHER, {}};
	rows[1].reasons[1] =
		(struct gp_ingest_reason){GP_INGEST_REASON_LOCAL_POLICY, GP_SLICE("arc=pass")};
	rows[1].reasons_len = 2;
	rows[1].dkim_results[0].human = GP_SLICE("no key");
	rows[1].dkim_results_len = 0;
	rows[1].envelope_to = GP_SLICE("reporter.example");
	rows[1].envelope_from = GP_SLICE("bounce.example");
	begin(true);
	assert_int_equal(l.flaw(l.context, 0, false, "it has no contact"), 0);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &rows[0]), 0);
	assert_int_equal(l.flaw(l.context, 3, true, "its source cannot be read"), 0);
	assert_int_equal(l.row(l.context, &rows[1]), 0);
	assert_int_equal(l.row(l.context, &rows[2]), 0);
	struct gp_reportdb_result r = end(NULL);
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_tell(db, r.report, &ears), 0);
	const char *got = heard_text();
	assert_string_equal(
		got,
		"head 1 1800057600 1800143999 p=2 pct=-1 org=reporter.example id=<1@\"x\">"
		" domain=ours.example email=dmarc@reporter.example\n"
		"row 1 .7 10 1 2 2 from=ours.example dkim=2 d=ours.example s=s1"
		" spf=2 domain=ours.example scope=mfrom\n"
		"row 4 .2 4 1 2 3 from=ours.example envelope=bounce.example to=reporter.example"
		" reason=1 reason=3 comment=arc=pass spf=4 domain=ours.example scope=mfrom\n"
		"row 5 .7 1 1 2 2 from=ours.example dkim=2 d=ours.example s=s1"
		" spf=2 domain=ours.example scope=mfrom\n"
		"flaw 0 it has no contact\n"
		"flaw 3 lost its source cannot be read\n");
	assert_int_equal(gp_reportdb_tell_source(db, &range, rows[0].source, &ears), 0);
	got = heard_text();
	assert_non_null(strstr(got, "head 1"));
	assert_non_null(strstr(got, "row 1 .7"));
	assert_non_null(strstr(got, "row 5 .7"));
	assert_null(strstr(got, "row 4"));
	assert_int_equal(gp_reportdb_tell(db, r.report + 1, &ears), 1);
}

/* A report of before there were blocks is told as it was. */
static void
an_older_report_is_told_again(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_reportdb_range range = {GP_SLICE("ours.example"), DAY, DAY, false};
	struct gp_ingest_row row = row_of(1, 2, 6, true, false);
	char sql[256];
	(void)state;
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(end(NULL).report, 1);
	assert_int_equal(gp_reportdb_sync(db), 0);
	db = gp_reportdb_close(db);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO record VALUES (1, %sC0000207', 2, 5, 1), (1, %sC0000202', 1, 4, 1)",
		 server ? "'\\x" : "x'", server ? "'\\x" : "x'");
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
	ask("INSERT INTO detail VALUES (1, 1, 1, 2, 3, 'ours.example', 'bounce.example', '',"
	    " '6\tlist\n', '2\tours.example\ts1\t\n', '4\tbounce.example\tmfrom\tno\n')");
	ask(sql);
	ask(server ? "UPDATE gatepost_tables SET version = 2" : "PRAGMA user_version = 2");
	open_again();
	l = gp_reportdb_listener(db);
	assert_int_equal(gp_reportdb_tell(db, 1, &ears), 0);
	const char *got = heard_text();
	assert_non_null(strchr(got, '\n'));
	assert_string_equal(strchr(got, '\n') + 1,
			    "row 1 .2 4 1 2 3 from=ours.example envelope=bounce.example reason=6"
			    " comment=list dkim=2 d=ours.example s=s1 spf=4 domain=bounce.example"
			    " scope=mfrom\n"
			    "row 2 .7 5 1 2 3 from=ours.example envelope=bounce.example reason=6"
			    " comment=list dkim=2 d=ours.example s=s1 spf=4 domain=bounce.example"
			    " scope=mfrom\n");
	/* One of now beside it. */
	head.id = GP_SLICE("2");
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &row), 0);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_tell_source(db, &range, row.source, &ears), 0);
	got = heard_text();
	assert_non_null(strstr(got, "id=1 "));
	assert_non_null(strstr(got, "row 1 .2 4 1 2 3"));
	assert_non_null(strstr(got, "id=2 "));
	assert_non_null(strstr(got, "row 1 .2 6 1 2 3"));
	assert_null(strstr(got, "row 2"));
}

/* --- one that is larger than memory holds at a time --- */

enum { MANY = 70'000, MANY_SOURCES = 3000 };

static struct gp_ingest_row
row_of_many(uint64_t number, struct gp_slice envelope)
{
	struct gp_ingest_row row = row_of(number, 0, number % 9, true, number % 2);
	uint32_t source = (uint32_t)(number * 7919 % MANY_SOURCES);
	memcpy(&row.source[number % 5 == 0 ? 0 : 12], &source, sizeof(source));
	if (number % 5 == 0)
		row.source[15] = 1;
	row.envelope_from = envelope;
	return row;
}

static uint64_t heard_rows;
static const uint8_t *heard_source; /* NULL: of all */

static int
check_row(void *context, const struct gp_ingest_row *row)
{
	char text[32];
	(void)context;
	uint64_t number = row->number;
	snprintf(text, sizeof(text), "b%lu.example", (unsigned long)(number % 600));
	struct gp_ingest_row want = row_of_many(number, gp_slice_str(text));
	assert_true(heard_source ? number > heard_rows : number == heard_rows + 1);
	heard_rows = number;
	assert_memory_equal(row->source, want.source, sizeof(want.source));
	if (heard_source)
		assert_memory_equal(row->source, heard_source, sizeof(want.source));
	assert_int_equal(row->count, want.count);
	assert_int_equal(row->spf, want.spf);
	assert_true(gp_slice_eq(row->envelope_from, want.envelope_from));
	assert_int_equal(row->spf_results[0].result, want.spf_results[0].result);
	return 0;
}

static int
hear_nothing(void *context, const struct gp_ingest_head *head)
{
	(void)context;
	(void)head;
	return 0;
}

static void
a_large_report_is_told_again(void **state)
{
	static const struct gp_ingest_listener check = {.head = hear_nothing, .row = check_row};
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = head_of("1");
	struct gp_reportdb_range range = {GP_SLICE("ours.example"), DAY, DAY, false};
	struct gp_reportdb_result first = {}, r;
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		int got = 0;
		uint64_t n = 0;
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		for (; got == 0 && n < MANY; n++) {
			char text[32];
			snprintf(text, sizeof(text), "b%lu.example",
				 (unsigned long)((n + 1) % 600));
			struct gp_ingest_row row = row_of_many(n + 1, gp_slice_str(text));
			got = l.row(l.context, &row);
		}
		/* That it is a duplicate is known long before its end. */
		assert_int_equal(got, turn);
		assert_true(turn == 0 || n < MANY);
		r = end(NULL);
		assert_int_equal(r.outcome, turn == 0 ? GP_REPORTDB_KEPT : GP_REPORTDB_DUPLICATE);
		first = turn == 0 ? r : first;
		assert_int_equal(r.report, first.report);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
	heard_source = NULL;
	heard_rows = 0;
	assert_int_equal(gp_reportdb_tell(db, first.report, &check), 0);
	assert_int_equal(heard_rows, MANY);
	for (uint64_t number = 1; number < 2000; number += 333) {
		struct gp_ingest_row row = row_of_many(number, GP_SLICE(""));
		heard_source = row.source;
		heard_rows = 0;
		assert_int_equal(gp_reportdb_tell_source(db, &range, row.source, &check), 0);
		assert_true(heard_rows > MANY - 5 * MANY_SOURCES);
	}
}

static void
tls_reports(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = {
		.kind = GP_INGEST_TLS,
		.org = GP_SLICE("Reporter, Inc."),
		.id = GP_SLICE("2026-01"),
		.domain = GP_SLICE("ours.example"),
		.begin = TODAY,
		.end = TODAY + DAY_S - 1,
	};
	const struct gp_ingest_tls_policy policy = {
		.number = 1,
		.type = GP_SLICE("sts"),
		.domain = GP_SLICE("ours.example"),
		.lines = {GP_SLICE("version: STSv1"), GP_SLICE("mode: testing")},
		.lines_len = 2,
		.mx = {GP_SLICE("*.ours.example")},
		.mx_len = 1,
		.successful = 100,
		.failed = 5,
	};
	const struct gp_ingest_tls_failure failure = {
		.result = GP_SLICE("certificate-expired"),
		.receiving_mx = GP_SLICE("mx.ours.example"),
		.info = GP_SLICE("since today"),
		.sessions = 5,
	};
	struct gp_reportdb_tls_day *days;
	struct gp_reportdb_tls_failure *failures;
	struct gp_reportdb_reporter *reporters;
	size_t len;
	(void)state;
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.tls_policy(l.context, &policy), 0);
	assert_int_equal(l.tls_failure(l.context, &failure), 0);
	struct gp_reportdb_result r = end(NULL);
	assert_int_equal(r.records, 1);
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_tls_days(db, &everything, &arena, &days, &len), 0);
	assert_int_equal(len, 1);
	assert_slice(days[0].type, "sts");
	assert_int_equal(days[0].successful, 100);
	assert_int_equal(days[0].failed, 5);
	assert_int_equal(gp_reportdb_tls_failures(db, &everything, &arena, &failures, &len), 0);
	assert_int_equal(len, 1);
	assert_slice(failures[0].receiving_mx, "mx.ours.example");
	assert_slice(failures[0].org, "Reporter, Inc.");
	assert_int_equal(failures[0].sessions, 5);
	assert_int_equal(gp_reportdb_reporters(db, &everything, GP_INGEST_AGGREGATE, &arena,
					       &reporters, &len),
			 0);
	assert_int_equal(len, 0);
	assert_int_equal(
		gp_reportdb_reporters(db, &everything, GP_INGEST_TLS, &arena, &reporters, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(reporters[0].messages, 105);
	assert_int_equal(gp_reportdb_tell(db, r.report, &ears), 0);
	assert_string_equal(heard_text(),
			    "head 2 1800057600 1800143999 p=0 pct=0 org=Reporter, Inc. id=2026-01"
			    " domain=ours.example\n"
			    "policy 1 100 5 type=sts domain=ours.example line=version: STSv1"
			    " line=mode: testing mx=*.ours.example\n"
			    "failure 5 result=certificate-expired mx=mx.ours.example"
			    " info=since today\n");
	assert_int_equal(total().messages, 0);
}

static void
failure_reports(void **state)
{
	struct gp_ingest_listener l = gp_reportdb_listener(db);
	struct gp_ingest_head head = {.kind = GP_INGEST_FAILURE,
				      .org = GP_SLICE("mx.example"),
				      .id = GP_SLICE("m1"),
				      .domain = GP_SLICE("ours.example"),
				      .begin = TODAY,
				      .end = TODAY};
	struct gp_ingest_failure f = {.type = GP_SLICE("dmarc"),
				      .source = {0x20, 1},
				      .subject = GP_SLICE("<b>hello</b>"),
				      .header = GP_SLICE("From: a\nTo: b\n"),
				      .arrived = TODAY,
				      .incidents = 3};
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(true);
		assert_int_equal(l.head(l.context, &head), 0);
		assert_int_equal(l.failure(l.context, &f), i);
		assert_int_equal(end(NULL).outcome,
				 i == 0 ? GP_REPORTDB_KEPT : GP_REPORTDB_DUPLICATE);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
	assert_int_equal(gp_reportdb_tell_failures(db, &everything, 9, &ears), 0);
	assert_string_equal(heard_text(), "head 3 1800057600 1800057600 p=0 pct=0 org=mx.example"
					  " id=m1 domain=ours.example\n"
					  "sample 32 1800057600 3 type=dmarc subject=<b>hello</b>"
					  " header=From: a\nTo: b\n\n");
	/* One that does not say when counts as of the day when it came. */
	head.begin = head.end = 0;
	begin(true);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(end(NULL).outcome, GP_REPORTDB_KEPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_report_is_told_again),
		TEST(an_older_report_is_told_again),
		TEST(a_large_report_is_told_again),
		TEST(tls_reports),
		TEST(failure_reports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
