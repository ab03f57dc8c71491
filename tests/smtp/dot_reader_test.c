/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a body ends. Every spelling is held against a second reader that is written the slow way,
 * octet by octet, from RFC 5321 section 4.5.2; in two pieces cut at every place, and in single
 * octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/smtp/dot_reader.h"

#include "smtp/spellings.h"

struct result {
	struct gp_buf body;
	size_t taken; /* octets up to the end of data */
	bool ended, fault;
};

/* The rules again: split at CRLF; a line of one dot ends; one dot at a line's front goes away; CR
 * and LF outside CRLF, and NUL, are faults. */
static struct result
read_slowly(struct gp_slice s)
{
	struct result r = {.body = GP_BUF_INIT(65536)};
	size_t line = 0;
	for (size_t i = 0; i < s.len && !r.ended; i++) {
		char c = s.ptr[i], before = i > 0 ? s.ptr[i - 1] : '\0';
		bool crlf = c == '\n' && i > line && before == '\r';
		bool fault = c == '\0' || (c == '\n' && !crlf) ||
			     (i > line && before == '\r' && c != '\n');
		r.fault = r.fault || fault;
		r.taken = i + 1;
		if (!crlf)
			continue;
		struct gp_slice text = gp_slice_take(gp_slice_drop(s, line), i + 1 - line);
		r.ended = gp_slice_eq(text, GP_SLICE(".\r\n"));
		if (!r.ended)
			gp_buf_put(&r.body, text.ptr[0] == '.' ? gp_slice_drop(text, 1) : text);
		line = i + 1;
	}
	return r;
}

/* Pieces as long as given by `cut`: first that many octets, then `step` at a time. */
static struct result
read_in_pieces(struct gp_slice s, size_t cut, size_t step)
{
	struct result r = {.body = GP_BUF_INIT(65536)};
	struct gp_dot_reader reader = {};
	struct gp_slice rest = s;
	while (rest.len > 0 && reader.state != GP_DOT_END) {
		struct gp_slice input = gp_slice_take(rest, cut);
		size_t given = input.len;
		for (;;) {
			struct gp_slice piece = gp_dot_reader_next(&reader, &input);
			if (piece.len == 0)
				break;
			gp_buf_put(&r.body, piece);
		}
		assert_true(input.len == 0 || reader.state == GP_DOT_END);
		rest = gp_slice_drop(rest, given - input.len);
		cut = step;
	}
	r.taken = s.len - rest.len;
	r.ended = reader.state == GP_DOT_END;
	r.fault = reader.fault;
	return r;
}

static void
check(struct gp_slice s, size_t cut, size_t step)
{
	struct result want = read_slowly(s), got = read_in_pieces(s, cut, step);
	bool same_body =
		want.fault || gp_slice_eq(gp_buf_slice(&want.body), gp_buf_slice(&got.body));
	if (want.ended != got.ended || want.taken != got.taken ||
	    (want.ended && (want.fault != got.fault || !same_body))) {
		for (size_t i = 0; i < s.len; i++)
			print_error("%02X ", (unsigned char)s.ptr[i]);
		fail_msg("cut at %zu, step %zu: end at %zu, not %zu", cut, step, got.taken,
			 want.taken);
	}
	gp_buf_free(&want.body);
	gp_buf_free(&got.body);
}

static void
check_all_cuts(struct gp_slice s)
{
	for (size_t cut = 1; cut <= s.len; cut++)
		check(s, cut, SIZE_MAX);
	check(s, 1, 1);
	check(s, 2, 2);
	check(s, 3, 3);
}

/* In a text, at the front, and behind a dot; before a smuggled message and the real end. */
static void
smuggling_matrix(void **state)
{
	static const char *const befores[] = {"text", "", "text\r\n.", "text\r", "text\r\n"};
	static const char after[] = "MAIL FROM:<x@y>\r\nRCPT TO:<z@z>\r\nDATA\r\nhi\r\n.\r\n";
	(void)state;
	assert_true(GP_ARRAY_LEN(spellings) >= 40);
	for (size_t i = 0; i < GP_ARRAY_LEN(spellings); i++) {
		for (size_t j = 0; j < GP_ARRAY_LEN(befores); j++) {
			struct gp_buf s = GP_BUF_INIT(1024);
			gp_buf_put_str(&s, befores[j]);
			gp_buf_put(&s, spellings[i]);
			gp_buf_put_str(&s, after);
			check_all_cuts(gp_buf_slice(&s));
			gp_buf_free(&s);
		}
	}
}

/* Without dots: all of the text comes back, a CR at its end apart, unless it has a fault; and the
 * state says how it ended. */
static void
check_plain(struct gp_slice s, size_t step)
{
	struct gp_dot_reader r = {.plain = true};
	struct gp_buf body = GP_BUF_INIT(1024);
	bool fault = false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i], before = i > 0 ? s.ptr[i - 1] : 'a';
		fault |= c == '\0' || (c == '\n') != (before == '\r');
	}
	for (struct gp_slice rest = s; rest.len > 0; rest = gp_slice_drop(rest, step)) {
		struct gp_slice input = gp_slice_take(rest, step);
		while (input.len > 0)
			gp_buf_put(&body, gp_dot_reader_next(&r, &input));
	}
	bool cr = s.ptr[s.len - 1] == '\r', lf = s.ptr[s.len - 1] == '\n';
	assert_int_equal(r.fault, fault);
	if (!fault) {
		assert_true(gp_slice_eq(gp_buf_slice(&body), gp_slice_take(s, s.len - cr)));
		assert_int_equal(r.state, cr ? GP_DOT_CR : lf ? GP_DOT_START : GP_DOT_LINE);
	}
	gp_buf_free(&body);
}

/* Every text of up to eight octets over the alphabet that matters. */
static void
all_short_texts(void **state)
{
	static const char alphabet[] = {'\r', '\n', '.', 'a', '\0'};
	enum { N = GP_ARRAY_LEN(alphabet), LEN_MAX = 8 };
	(void)state;
	for (size_t len = 1; len <= LEN_MAX; len++) {
		size_t total = 1;
		for (size_t i = 0; i < len; i++)
			total *= N;
		for (size_t n = 0; n < total; n++) {
			char text[LEN_MAX];
			size_t rest = n;
			for (size_t i = 0; i < len; i++, rest /= N)
				text[i] = alphabet[rest % N];
			check(gp_slice(text, len), len, 1);
			check(gp_slice(text, len), 1, 1);
			check(gp_slice(text, len), len / 2 + 1, SIZE_MAX);
			check_plain(gp_slice(text, len), len);
			check_plain(gp_slice(text, len), 1);
		}
	}
}

/* Clean text that is looked at by blocks; in it every text of up to four octets over the alphabet,
 * at every place of a block and across its ends. */
static void
any_short_text_within_blocks(void **state)
{
	static const char alphabet[] = {'\r', '\n', '.', 'a', '\0'};
	static const char *const lines[] = {"\r\n", "x", "ab\r\n", "..\r\nab", "nine oct\r\n"};
	enum { N = 625, LEN = 4, BEFORE_MAX = 150, AFTER = 140, SIZE = BEFORE_MAX + LEN + AFTER };
	(void)state;
	for (size_t n = 0; n < N; n++) {
		for (size_t before = n % 3; before < BEFORE_MAX; before += 3) {
			const char *line = lines[(n + before) % GP_ARRAY_LEN(lines)];
			size_t at = 0, period = strlen(line);
			char text[SIZE + 5];
			for (; at < before; at++)
				text[at] = line[at % period];
			for (size_t i = 0, rest = n; i < LEN; i++, rest /= GP_ARRAY_LEN(alphabet))
				text[at++] = alphabet[rest % GP_ARRAY_LEN(alphabet)];
			for (size_t i = 0; i < AFTER; i++)
				text[at++] = line[i % period];
			memcpy(text + at, "\r\n.\r\n", 5);
			struct gp_slice s = gp_slice(text, at + 5);
			check(s, s.len, 1);
			check(s, 1 + n % s.len, SIZE_MAX);
			check_plain(s, s.len);
		}
	}
}

static void
nothing_is_copied(void **state)
{
	struct gp_slice input = GP_SLICE("one\r\ntwo\r\nthree");
	const char *from = input.ptr;
	struct gp_dot_reader r = {};
	(void)state;
	struct gp_slice piece = gp_dot_reader_next(&r, &input);
	assert_ptr_equal(piece.ptr, from);
	assert_int_equal(piece.len, 15);
	assert_int_equal(input.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smuggling_matrix),
		cmocka_unit_test(all_short_texts),
		cmocka_unit_test(any_short_text_within_blocks),
		cmocka_unit_test(nothing_is_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
