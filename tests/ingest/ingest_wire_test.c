/* SPDX-License-Identifier: Apache-2.0 */
/* What is told, as octets, and told again: the same; and what breaks the promises is refused. */
#include "../unit.h"

#include <errno.h>

#include "base/wire.h"
#include "core/ingest/wire.h"

static int
empty(struct gp_told_writer *w)
{
	(void)w;
	return 0;
}

static struct gp_told_writer told = {.out = {.max = 4 << 20}, .full = SIZE_MAX, .empty = empty};

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
	struct gp_told_writer again = {.out = {.max = 4 << 20}, .full = SIZE_MAX, .empty = empty};
	struct gp_ingest_listener l = gp_told_listener(&again);
	struct gp_slice rest, fields;
	uint8_t kind, last = 0;
	(void)state;
	tell_all();
	rest = gp_buf_slice(&told.out);
	while (rest.len > 0) {
		assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
		assert_true(kind >= last && kind < GP_TOLD_OWN);
		assert_int_equal(gp_told_tell(kind, fields, &l), 0);
		last = kind;
	}
	assert_true(gp_slice_eq(gp_buf_slice(&told.out), gp_buf_slice(&again.out)));
	gp_buf_free(&again.out);
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
	assert_int_equal(gp_told_tell(kind, fields, &l), 17);
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
	struct gp_told_writer sink = {.out = {.max = 4 << 20}, .full = SIZE_MAX, .empty = empty};
	struct gp_ingest_listener l = gp_told_listener(&sink);
	struct gp_slice rest, fields;
	uint8_t kind;
	(void)state;
	tell_all();
	gp_buf_put(&told.out, GP_SLICE("\0\0\0"));
	rest = gp_buf_slice(&told.out);
	while (gp_told_take(&rest, &kind, &fields) == 0) {
		for (size_t n = 0; n < fields.len; n++)
			assert_int_equal(gp_told_tell(kind, gp_slice_take(fields, n), &l), -EPROTO);
		assert_int_equal(gp_told_tell(kind, gp_slice(fields.ptr, fields.len + 1), &l),
				 -EPROTO);
		assert_int_equal(gp_told_tell(GP_TOLD_OWN, fields, &l), -EPROTO);
	}
	assert_int_equal(rest.len, 3);
	assert_int_equal(gp_told_take(&rest, &kind, &fields), 1);
	gp_buf_free(&sink.out);
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
	struct gp_told_writer sink = {.out = {.max = 4 << 20}, .full = SIZE_MAX, .empty = empty};
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
		assert_int_equal(gp_told_take(&rest, &kind, &fields), 0);
		assert_int_equal(gp_told_tell(kind, fields, &hear), -EPROTO);
	}
	gp_buf_free(&sink.out);
}

static void
a_full_buffer(void **state)
{
	struct gp_told_writer small = {.out = {.max = 100}, .full = SIZE_MAX, .empty = empty};
	struct gp_ingest_listener l = gp_told_listener(&small);
	(void)state;
	fill_row();
	assert_int_equal(l.flaw(l.context, 0, false, "short"), 0);
	assert_int_equal(l.row(l.context, &row), -ENOMEM);
	assert_int_equal(l.flaw(l.context, 0, false, "short"), -ENOMEM);
	gp_buf_free(&small.out);
	gp_buf_free(&told.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_comes_as_it_is),
		cmocka_unit_test(what_the_listener_says_comes_back),
		cmocka_unit_test(frames_that_are_cut),
		cmocka_unit_test(lengths_of_frames),
		cmocka_unit_test(broken_promises),
		cmocka_unit_test(a_full_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
