/* SPDX-License-Identifier: Apache-2.0 */
/* What is told, as octets, and told again: the same; and what breaks the promises is refused. */
#include "../unit.h"

#include <errno.h>
#include <stdio.h>

#include "base/wire.h"
#include "core/ingest/wire.h"

static int
empty(struct gp_told_writer *w)
{
	(void)w;
	return 0;
}

static struct gp_told_writer told;
static struct gp_told_hearer hearer;

/* A reader's samples: all that is in them goes over the wire. */
static const struct gp_ingest_head head = {
	.kind = GP_INGEST_AGGREGATE,
	.org = GP_SLICE("R\xc3\xa9porter"),
	.email = GP_SLICE("a@b.example"),
	.contact = GP_SLICE("https://b.example/"),
	.id = GP_SLICE("<1>"),
	.domain = GP_SLICE("ours.example"),
	.begin = 5,
	.end = INT64_MAX,
	.version = GP_SLICE("1.0"),
	.generator = GP_SLICE("g"),
	.p = GP_INGEST_POLICY_REJECT,
	.sp = GP_INGEST_POLICY_NONE,
	.aspf_strict = true,
	.testing = true,
	.pct = -1,
	.fo = GP_SLICE("1:d"),
	.discovery = GP_SLICE("psl"),
};
static const struct gp_ingest_tls_policy policy = {
	.number = 1,
	.type = GP_SLICE("sts"),
	.domain = GP_SLICE("ours.example"),
	.lines = {GP_SLICE("version: STSv1"), GP_SLICE("mode: none")},
	.lines_len = 2,
	.mx = {GP_SLICE("*.ours.example")},
	.mx_len = 1,
	.successful = UINT64_MAX,
	.failed = 7,
};
static const struct gp_ingest_tls_failure tls_failure = {
	.result = GP_SLICE("sts-policy-invalid"),
	.sending_ip = GP_SLICE("192.0.2.1"),
	.receiving_helo = GP_SLICE("mx"),
	.info = GP_SLICE("more"),
	.sessions = 7,
};
static const struct gp_ingest_failure failure = {
	.type = GP_SLICE("dmarc"),
	.source = {1, [15] = 16},
	.domain = GP_SLICE("ours.example"),
	.subject = GP_SLICE("hello"),
	.spf_record = GP_SLICE("v=spf1 -all"),
	.arrived = -1,
	.incidents = 3,
	.header = GP_SLICE("From: a\nTo: b\n"),
};
static struct gp_ingest_row row;

static void
fill_row(void)
{
	row = (struct gp_ingest_row){.number = 9, .source = {0x20, 1, [15] = 5}, .count = 0};
	row.disposition = GP_INGEST_DISPOSITION_REJECT;
	row.dkim = GP_INGEST_RESULT_PASS;
	row.header_from = GP_SLICE("ours.example");
	row.envelope_to = GP_SLICE("b.example");
	row.reasons_len = GP_INGEST_REASONS_MAX;
	row.dkim_results_len = row.spf_results_len = GP_INGEST_RESULTS_MAX;
	for (size_t i = 0; i < GP_INGEST_REASONS_MAX; i++)
		row.reasons[i] = (struct gp_ingest_reason){GP_INGEST_REASON_OTHER, GP_SLICE("why")};
	for (size_t i = 0; i < GP_INGEST_RESULTS_MAX; i++) {
		row.dkim_results[i].selector = GP_SLICE("s");
		row.dkim_results[i].result = GP_INGEST_RESULT_PERMERROR;
		row.spf_results[i].scope = GP_SLICE("mfrom");
		row.spf_results[i].human = GP_SLICE("none");
	}
}

static void
tell_all(void)
{
	struct gp_ingest_listener l = gp_told_listener(&told);
	fill_row();
	gp_buf_clear(&told.out);
	gp_told_writer_forget(&told);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &row), 0);
	assert_int_equal(l.tls_policy(l.context, &policy), 0);
	assert_int_equal(l.tls_failure(l.context, &tls_failure), 0);
	assert_int_equal(l.failure(l.context, &failure), 0);
	assert_int_equal(l.flaw(l.context, 3, true, "its address cannot be read"), 0);
	assert_int_equal(l.flaw(l.context, 0, false, ""), 0);
}

/* What is heard is written again: so the octets say whether all of it came. */
static void
what_is_told_comes_as_it_is(void **state)
{
	struct gp_told_writer again = gp_told_writer(4 << 20, SIZE_MAX, empty);
	struct gp_ingest_listener l = gp_told_listener(&again);
	struct gp_slice rest, fields;
	uint8_t kind, last = 0;
	(void)state;
	tell_all();
	rest = gp_buf_slice(&told.out);
	while (rest.len > 0) {
		assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
		assert_true(kind >= last && kind < GP_TOLD_OWN);
		assert_int_equal(gp_told_tell(&hearer, kind, fields, &l), 0);
		last = kind;
	}
	assert_true(gp_slice_eq(gp_buf_slice(&told.out), gp_buf_slice(&again.out)));
	gp_told_writer_free(&again);
}

static int
hear_head(void *context, const struct gp_ingest_head *h)
{
	struct gp_ingest_head *copy = context;
	*copy = *h;
	return 17;
}

static void
what_the_listener_says_comes_back(void **state)
{
	struct gp_ingest_head got = {};
	struct gp_ingest_listener l = {.context = &got, .head = hear_head};
	struct gp_slice rest, fields;
	uint8_t kind;
	(void)state;
	tell_all();
	rest = gp_buf_slice(&told.out);
	assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
	assert_int_equal(gp_told_tell(&hearer, kind, fields, &l), 17);
	assert_slice(got.org, "R\xc3\xa9porter");
	assert_slice(got.discovery, "psl");
	assert_int_equal(got.end, INT64_MAX);
	assert_int_equal(got.pct, -1);
	assert_true(got.aspf_strict && !got.adkim_strict);
}

/* Each frame without its last octets, and with some more. */
static void
frames_that_are_cut(void **state)
{
	struct gp_told_writer sink = gp_told_writer(4 << 20, SIZE_MAX, empty);
	struct gp_ingest_listener l = gp_told_listener(&sink);
	struct gp_slice rest, fields;
	uint8_t kind;
	(void)state;
	tell_all();
	gp_buf_put(&told.out, GP_SLICE("\0\0\0"));
	rest = gp_buf_slice(&told.out);
	while (gp_told_take(&rest, &kind, &fields) == 0) {
		for (size_t n = 0; n < fields.len; n++)
			assert_int_equal(gp_told_tell(&hearer, kind, gp_slice_take(fields, n), &l),
					 -EPROTO);
		assert_int_equal(
			gp_told_tell(&hearer, kind, gp_slice(fields.ptr, fields.len + 1), &l),
			-EPROTO);
		assert_int_equal(gp_told_tell(&hearer, GP_TOLD_OWN, fields, &l), -EPROTO);
		assert_int_equal(gp_told_tell(&hearer, kind, fields, &l), 0);
	}
	assert_int_equal(rest.len, 3);
	assert_int_equal(gp_told_take(&rest, &kind, &fields), 1);
	gp_told_writer_free(&sink);
}

static void
lengths_of_frames(void **state)
{
	static const struct {
		struct gp_slice octets;
		int want;
	} cases[] = {
		{GP_SLICE(""), 1},
		{GP_SLICE("\1\0\0"), 1},
		{GP_SLICE("\1\0\0\0"), 1},
		{GP_SLICE("\1\0\0\0\7"), 0},
		{GP_SLICE("\1\0\0\0\0"), -EPROTO}, /* no kind */
		{GP_SLICE("\0\0\0\0"), -EPROTO},
		{GP_SLICE("\1\0\10\0"), -EPROTO}, /* one more than may be */
		{GP_SLICE("\377\377\377\377"), -EPROTO},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest = cases[i].octets, fields;
		uint8_t kind;
		assert_int_equal(gp_told_take(&rest, &kind, &fields), cases[i].want);
	}
}

/* What report.h promises, broken by who tells. */
static void
broken_promises(void **state)
{
	struct gp_told_writer sink = gp_told_writer(4 << 20, SIZE_MAX, empty);
	struct gp_ingest_listener hear = gp_told_listener(&sink), l = gp_told_listener(&told);
	char long_text[GP_INGEST_TEXT_MAX + 1];
	const struct gp_slice texts[] = {
		GP_SLICE("\033[2J"),  GP_SLICE("a\0b"),
		GP_SLICE("a\tb"),     GP_SLICE("a\nb"),
		GP_SLICE("\xff"),     GP_SLICE("\xc0\xaf"),
		GP_SLICE("\xc2\x9b"), gp_slice(long_text, sizeof(long_text))};
	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	for (int i = 0; i < 12 + (int)GP_ARRAY_LEN(texts); i++) {
		struct gp_ingest_head h = head;
		uint8_t kind;
		gp_buf_clear(&told.out);
		gp_told_writer_forget(&told);
		fill_row();
		if (i >= 12)
			h.org = texts[i - 12];
		switch (i) {
		case 0:
			row.disposition = GP_INGEST_DISPOSITION_REJECT + 1;
			break;
		case 1:
			row.dkim = GP_INGEST_RESULT_PERMERROR + 1;
			break;
		case 2:
			row.reasons[7].type = GP_INGEST_REASON_TRUSTED_FORWARDER + 1;
			break;
		case 3:
			row.dkim_results[15].result = 99;
			break;
		case 4:
			row.spf_results[0].domain = texts[0];
			break;
		case 5:
			row.number = 0;
			break;
		case 6:
			row.reasons[0].comment = texts[3];
			break;
		case 7:
			h.kind = 0;
			break;
		case 8:
			h.kind = GP_INGEST_FAILURE + 1;
			break;
		case 9:
			h.np = GP_INGEST_POLICY_REJECT + 1;
			break;
		case 10:
			h.domain = gp_slice(long_text, GP_INGEST_NAME_MAX + 1);
			break;
		case 11:
			row.envelope_to = texts[4];
			break;
		default:
			break;
		}
		bool of_row = i < 7 || i == 11;
		assert_int_equal(of_row ? l.row(l.context, &row) : l.head(l.context, &h), 0);
		struct gp_slice rest = gp_buf_slice(&told.out), fields;
		int r = 0;
		while (gp_told_take(&rest, &kind, &fields) == 0)
			r = gp_told_tell(&hearer, kind, fields, &hear);
		assert_int_equal(r, -EPROTO);
	}
	gp_told_writer_free(&sink);
}

static void
a_full_buffer(void **state)
{
	struct gp_told_writer small = gp_told_writer(100, SIZE_MAX, empty);
	struct gp_ingest_listener l = gp_told_listener(&small);
	(void)state;
	fill_row();
	assert_int_equal(l.flaw(l.context, 0, false, "short"), 0);
	assert_int_equal(l.row(l.context, &row), -ENOMEM);
	assert_int_equal(l.flaw(l.context, 0, false, "short"), -ENOMEM);
	gp_told_writer_free(&small);
}

/* --- details --- */

static struct gp_ingest_row heard[4];
static size_t heard_len;

static int
hear_row(void *context, const struct gp_ingest_row *r)
{
	(void)context;
	assert_true(heard_len < GP_ARRAY_LEN(heard));
	heard[heard_len++] = *r;
	return 0;
}

/* Rows by these From domains and counts; returns how many frames they took. */
static size_t
tell_rows(const char *const *domains, size_t len)
{
	const struct gp_ingest_listener to = gp_told_listener(&told), l = {.row = hear_row};
	struct gp_slice rest, fields;
	size_t frames = 0;
	uint8_t kind;
	gp_buf_clear(&told.out);
	heard_len = 0;
	for (size_t i = 0; i < len; i++) {
		row = (struct gp_ingest_row){.number = i + 1, .source = {9}, .count = 10 + i};
		row.header_from = gp_slice_str(domains[i]);
		assert_int_equal(to.row(to.context, &row), 0);
	}
	for (rest = gp_buf_slice(&told.out); gp_told_take(&rest, &kind, &fields) == 0; frames++)
		assert_int_equal(gp_told_tell(&hearer, kind, fields, &l), 0);
	assert_int_equal(heard_len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(heard[i].number, i + 1);
		assert_int_equal(heard[i].count, 10 + i);
		assert_int_equal(heard[i].source[0], 9);
	}
	return frames;
}

static void
what_rows_have_in_common_is_told_once(void **state)
{
	const char *const domains[] = {"a.example", "b.example", "a.example", "a.example"};
	(void)state;
	gp_told_writer_forget(&told);
	gp_told_hearer_free(&hearer);
	assert_int_equal(tell_rows(domains, 4), 4 + 2);
	assert_true(heard[0].detail > 0 && heard[0].detail != heard[1].detail);
	assert_int_equal(heard[2].detail, heard[0].detail);
	assert_slice(heard[3].header_from, "a.example");
	assert_int_equal(tell_rows(domains, 2), 2);
	gp_told_writer_forget(&told);
	assert_int_equal(tell_rows(domains, 1), 1 + 1);
}

/* More than there are places: each has the texts that it was told with. */
static void
many_details(void **state)
{
	char domain[32];
	const char *const one[] = {domain};
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 4 * GP_TOLD_DETAILS; i++) {
			snprintf(domain, sizeof(domain), "d%d.example", i);
			assert_in_range(tell_rows(one, 1), 1, 2);
			assert_true(gp_slice_eq(heard[0].header_from, gp_slice_str(domain)));
		}
	}
}

/* One that is too large to be remembered is told each time. */
static void
a_large_detail(void **state)
{
	struct gp_ingest_listener l = gp_told_listener(&told);
	char text[GP_INGEST_TEXT_MAX];
	struct gp_slice rest;
	struct gp_slice fields;
	uint8_t kind;
	(void)state;
	memset(text, 'x', sizeof(text));
	fill_row();
	for (size_t i = 0; i < 5; i++)
		row.reasons[i].comment = gp_slice(text, sizeof(text));
	gp_buf_clear(&told.out);
	for (int i = 0; i < 2; i++)
		assert_int_equal(l.row(l.context, &row), 0);
	rest = gp_buf_slice(&told.out);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
		assert_int_equal(kind, i % 2 == 0 ? GP_TOLD_DETAIL : GP_TOLD_ROW);
	}
}

/* A place that was told nothing, one that is none, and one whose last detail was broken. */
static void
rows_without_a_detail(void **state)
{
	const struct gp_ingest_listener l = {.row = hear_row};
	const char *const domains[] = {"a.example"};
	char octets[1 + 8 + 16 + 8] = {[1] = 1};
	(void)state;
	gp_told_hearer_free(&hearer);
	for (int place = 0; place < 256; place++) {
		octets[0] = (char)place;
		assert_int_equal(
			gp_told_tell(&hearer, GP_TOLD_ROW, gp_slice(octets, sizeof(octets)), &l),
			-EPROTO);
	}
	gp_told_writer_forget(&told);
	(void)tell_rows(domains, 1);
	struct gp_slice rest = gp_buf_slice(&told.out), detail, fields;
	uint8_t kind;
	assert_int_equal(gp_told_take(&rest, &kind, &detail), 0);
	assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
	assert_int_equal(
		gp_told_tell(&hearer, GP_TOLD_DETAIL, gp_slice_take(detail, detail.len - 1), &l),
		-EPROTO);
	assert_int_equal(gp_told_tell(&hearer, GP_TOLD_ROW, fields, &l), -EPROTO);
	gp_told_hearer_free(&hearer);
	gp_told_writer_free(&told);
}

int
main(void)
{
	told = gp_told_writer(4 << 20, SIZE_MAX, empty);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_comes_as_it_is),
		cmocka_unit_test(what_the_listener_says_comes_back),
		cmocka_unit_test(frames_that_are_cut),
		cmocka_unit_test(lengths_of_frames),
		cmocka_unit_test(broken_promises),
		cmocka_unit_test(a_full_buffer),
		cmocka_unit_test(what_rows_have_in_common_is_told_once),
		cmocka_unit_test(many_details),
		cmocka_unit_test(a_large_detail),
		cmocka_unit_test(rows_without_a_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
