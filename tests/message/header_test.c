/* SPDX-License-Identifier: Apache-2.0 */
/* The splitter, and the meter that follows the same rules without holding the message. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/message/header.h"

/* The fields as "name|value" behind one another, "/" between them; then where the body begins. */
struct header_case {
	struct gp_slice message;
	const char *fields;
	const char *body;
};

#define S GP_SLICE

static const struct header_case cases[] = {
	{S(""), "", ""},
	{S("\r\n"), "", ""},
	{S("\r\nbody"), "", "body"},
	{S("A: 1\r\nB: 2\r\n\r\nbody\r\n"), "A| 1/B| 2", "body\r\n"},
	{S("A: 1\r\nB: 2\r\n"), "A| 1/B| 2", ""},
	{S("A: 1\r\nB: 2"), "A| 1/B| 2", ""},
	{S("A: 1\r\n\r\n\r\nB: 2\r\n"), "A| 1", "\r\nB: 2\r\n"},
	{S("A:\r\n\r\n"), "A|", ""},
	{S("A:1\r\n\r\n"), "A|1", ""},
	/* folding */
	{S("A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n"), "A| 1\r\n 2\r\n\t3/B| 4", ""},
	{S("A: 1\r\n \r\nB: 2\r\n\r\nbody"), "A| 1\r\n /B| 2", "body"},
	{S(" A: 1\r\nB: 2\r\n\r\n"), "| A: 1/B| 2", ""},
	{S(" A: 1\r\n x\r\n\r\n"), "| A: 1\r\n x", ""},
	/* spaces before the colon are of old times, and still a field of that name */
	{S("A : 1\r\nB\t \t:2\r\n\r\n"), "A| 1/B|2", ""},
	/* no field, but no end of the header either */
	{S("From a Mon\r\nA: 1\r\n\r\nbody"), "|From a Mon/A| 1", "body"},
	{S("A: 1\r\nnothing\r\nB: 2\r\n\r\nbody"), "A| 1/|nothing/B| 2", "body"},
	{S(": 1\r\nA: 2\r\n\r\n"), "|: 1/A| 2", ""},
	{S("A b: 1\r\n\r\n"), "|A b: 1", ""},
	{S("A\xC3\xA9: 1\r\n\r\n"), "|A\xC3\xA9: 1", ""},
	{S("A\x01: 1\r\n\r\n"), "|A\x01: 1", ""},
	/* a bare LF or CR ends no line, and makes no empty one */
	{S("A: 1\n\nB: 2\r\n\r\nbody"), "A| 1\n\nB: 2", "body"},
	{S("A: 1\r\rB: 2\r\n\r\nbody"), "A| 1\r\rB: 2", "body"},
	{S("A: 1\r\n\n\r\n\r\nbody"), "A| 1/|\n", "body"},
	{S("A: 1\r\n\rX: 2\r\n\r\nbody"), "A| 1/|\rX: 2", "body"},
	{S("A: 1\r\n\r\r\n\r\nbody"), "A| 1/|\r", "body"},
	{S("A: 1\n\r\nB: 2\r\n\r\nbody"), "A| 1\n/B| 2", "body"},
};

#undef S

static void
splitting(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(65536);
		struct gp_buf got = GP_BUF_INIT(4096);
		struct gp_header h;
		assert_int_equal(gp_header_split(cases[i].message, &arena, &h), 0);
		for (size_t j = 0; j < h.fields_len; j++) {
			gp_buf_put_str(&got, j > 0 ? "/" : "");
			gp_buf_put(&got, gp_header_name(&h, j));
			gp_buf_put_char(&got, '|');
			gp_buf_put(&got, gp_header_value(&h, j));
		}
		if (!gp_slice_eq(gp_buf_slice(&got), gp_slice_str(cases[i].fields)) ||
		    !gp_slice_eq(gp_header_body(&h), gp_slice_str(cases[i].body)))
			fail_msg("case %zu: %.*s, body %.*s", i, GP_SLICE_FMT(gp_buf_slice(&got)),
				 GP_SLICE_FMT(gp_header_body(&h)));
		gp_buf_free(&got);
		gp_arena_free(&arena);
	}
}

/* The fields stand one behind the other, and all of them are the header. */
static void
offsets_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(65536);
		struct gp_header h;
		size_t at = 0;
		assert_int_equal(gp_header_split(cases[i].message, &arena, &h), 0);
		for (size_t j = 0; j < h.fields_len; j++) {
			assert_int_equal(h.fields[j].at, at);
			at += gp_header_raw(&h, j).len;
		}
		assert_int_equal(h.len, at);
		assert_true(h.body_at == at + 2 || h.body_at == h.message.len);
		gp_arena_free(&arena);
	}
}

static struct gp_header_meter
meter(struct gp_slice message, size_t piece)
{
	struct gp_header_meter m = {};
	while (message.len > 0) {
		gp_header_meter_feed(&m, gp_slice_take(message, piece));
		message = gp_slice_drop(message, piece);
	}
	return m;
}

static void
check_meter(struct gp_slice message, size_t piece)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_header h;
	struct gp_header_meter m = meter(message, piece);
	assert_int_equal(gp_header_split(message, &arena, &h), 0);
	size_t received = gp_header_count(&h, GP_SLICE("Received"));
	if (m.size != h.len || m.fields != h.fields_len || m.received != received)
		fail_msg("\"%.*s\" in %zu: %llu %u %u", GP_SLICE_FMT(message), piece,
			 (unsigned long long)m.size, m.fields, m.received);
	gp_arena_free(&arena);
}

static void
meter_agrees_with_splitter(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		for (size_t piece = 1; piece <= cases[i].message.len; piece++)
			check_meter(cases[i].message, piece);
	}
}

/* All texts of six symbols out of those that mean something, each a message with CRLF behind it. */
static void
meter_agrees_on_all_short_texts(void **state)
{
	static const char *const symbols[] = {"\r", "\n", " ", ":", "Received", "x", "\r\n"};
	enum { N = GP_ARRAY_LEN(symbols), LEN = 6, TOTAL = N * N * N * N * N * N };
	(void)state;
	for (size_t n = 0; n < TOTAL; n++) {
		struct gp_buf message = GP_BUF_INIT(256);
		size_t rest = n;
		for (size_t i = 0; i < LEN; i++, rest /= N)
			gp_buf_put_str(&message, symbols[rest % N]);
		gp_buf_put_str(&message, "x\r\n");
		check_meter(gp_buf_slice(&message), SIZE_MAX);
		check_meter(gp_buf_slice(&message), 1);
		gp_buf_free(&message);
	}
}

static void
hops(void **state)
{
	static const struct {
		const char *message;
		uint32_t received;
	} trails[] = {
		{"Received: a\r\nreceived: b\r\nRECEIVED:c\r\n\r\nReceived: d\r\n", 3},
		{"Received : a\r\nReceived\t: b\r\n\r\n", 2},
		{"Receive: a\r\nReceivedX: b\r\nX-Received: c\r\nReceived x: d\r\n\r\n", 0},
		{"A: 1\r\n Received: 2\r\n\tReceived: 3\r\n\r\n", 0},
		{"Received\r\n: a\r\n\r\n", 0},
		{"no field\r\nReceived: a\r\n\r\n", 1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(trails); i++) {
		struct gp_slice s = gp_slice_str(trails[i].message);
		for (size_t piece = 1; piece <= s.len; piece++)
			assert_int_equal(meter(s, piece).received, trails[i].received);
	}
}

static void
finding(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(65536);
	struct gp_header h;
	(void)state;
	assert_int_equal(gp_header_split(GP_SLICE("To: 1\r\nFrom: 2\r\nto: 3\r\nTo me: 4\r\n\r\n"),
					 &arena, &h),
			 0);
	assert_int_equal(gp_header_find(&h, GP_SLICE("TO"), 0), 0);
	assert_int_equal(gp_header_find(&h, GP_SLICE("TO"), 1), 2);
	assert_int_equal(gp_header_find(&h, GP_SLICE("to"), 3), h.fields_len);
	assert_int_equal(gp_header_find(&h, GP_SLICE(""), 0), h.fields_len);
	assert_int_equal(gp_header_count(&h, GP_SLICE("to")), 2);
	assert_int_equal(gp_header_count(&h, GP_SLICE("cc")), 0);
	gp_arena_free(&arena);
}

static void
unfolding(void **state)
{
	static const struct {
		struct gp_slice value;
		const char *line;
	} values[] = {
		{GP_SLICE(""), ""},
		{GP_SLICE(" a"), "a"},
		{GP_SLICE(" a\r\n b\r\n\tc "), "a b\tc"},
		{GP_SLICE("\r\n a"), "a"},
		{GP_SLICE("a\rb\nc"), "a\rb\nc"},
		{GP_SLICE("a\r"), "a\r"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(values); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice line = gp_header_unfold(values[i].value, &arena);
		assert_true(gp_slice_eq(line, gp_slice_str(values[i].line)));
		gp_arena_free(&arena);
	}
}

static int
split_repeated(const char *line, size_t n, size_t arena_max)
{
	struct gp_buf message = GP_BUF_INIT(1 << 20);
	struct gp_arena arena = GP_ARENA_INIT(arena_max);
	struct gp_header h;
	for (size_t i = 0; i < n; i++)
		gp_buf_put_str(&message, line);
	int r = gp_header_split(gp_buf_slice(&message), &arena, &h);
	gp_arena_free(&arena);
	gp_buf_free(&message);
	return r;
}

static void
limits(void **state)
{
	(void)state;
	assert_int_equal(split_repeated("A: 1\r\n", GP_HEADER_FIELDS_MAX, 1 << 20), 0);
	assert_int_equal(split_repeated("A: 1\r\n", GP_HEADER_FIELDS_MAX + 1, 1 << 20), 1);
	assert_int_equal(split_repeated("      \r\n", GP_HEADER_SIZE_MAX / 8, 1 << 20), 0);
	assert_int_equal(split_repeated("      \r\n", GP_HEADER_SIZE_MAX / 8 + 1, 1 << 20), 1);
	assert_int_equal(split_repeated("A: 1\r\n", 100, 2000), -ENOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitting),
		cmocka_unit_test(offsets_add_up),
		cmocka_unit_test(meter_agrees_with_splitter),
		cmocka_unit_test(meter_agrees_on_all_short_texts),
		cmocka_unit_test(hops),
		cmocka_unit_test(finding),
		cmocka_unit_test(unfolding),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
