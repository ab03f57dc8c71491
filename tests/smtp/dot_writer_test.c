/* SPDX-License-Identifier: Apache-2.0 */
/* What follows DATA, however the message is cut into pieces and however little room there is. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/smtp/dot_writer.h"

#include "smtp/spellings.h"

#define S(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct {
	struct gp_slice in, out;
} cases[] = {
	{S(""), S(".\r\n")},
	{S("a\r\n"), S("a\r\n.\r\n")},
	{S("a"), S("a\r\n.\r\n")},
	{S("."), S("..\r\n.\r\n")},
	{S(".\r\n"), S("..\r\n.\r\n")},
	{S("..\r\n"), S("...\r\n.\r\n")},
	{S("a.\r\n.b\r\n"), S("a.\r\n..b\r\n.\r\n")},
	{S("\r\n"), S("\r\n.\r\n")},
	/* the second lock: what smuggles where line ends are read leniently */
	{S("a\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n")},
	{S("a\r.\rb"), S("a\r\n..\r\nb\r\n.\r\n")},
	{S("a\n.\r\nb"), S("a\r\n..\r\nb\r\n.\r\n")},
	{S("a\r\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n")},
	{S("a\r\n.\rb"), S("a\r\n..\r\nb\r\n.\r\n")},
	{S("a\r\r\n.\r\n"), S("a\r\n\r\n..\r\n.\r\n")},
	{S("a\r\n\0.\r\n"), S("a\r\n?.\r\n.\r\n")},
	{S("a\r"), S("a\r\n.\r\n")},
};

/* Writes `in` in pieces of `cut` octets, with a buffer that is emptied at `out_max`. */
static struct gp_buf
written(struct gp_slice in, size_t cut, size_t out_max)
{
	struct gp_dot_writer w = GP_DOT_WRITER;
	struct gp_buf out = GP_BUF_INIT(1000), all = GP_BUF_INIT(10'000);
	while (in.len > 0) {
		size_t n = gp_dot_write(&w, gp_slice_take(in, cut), &out, out_max);
		in = gp_slice_drop(in, n);
		assert_true(n > 0 || out.len > 0);
		assert_true(out.len <= out_max);
		gp_buf_put(&all, gp_buf_slice(&out));
		gp_buf_clear(&out);
	}
	assert_true(gp_dot_write_end(&w, &out));
	gp_buf_put(&all, gp_buf_slice(&out));
	gp_buf_free(&out);
	return all;
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		for (size_t cut = 1; cut < 12; cut++) {
			for (size_t room = 4; room < 12; room++) {
				struct gp_buf all = written(cases[i].in, cut, room);
				if (!gp_slice_eq(gp_buf_slice(&all), cases[i].out))
					fail_msg("case %zu: '%.*s'", i,
						 GP_SLICE_FMT(gp_buf_slice(&all)));
				gp_buf_free(&all);
			}
		}
	}
}

/* A strict receiver: reads lines that end in CRLF, takes the dots off, stops at the lone dot.
   False: a bare CR or LF, a NUL, or something behind the end. */
static bool
receive(struct gp_slice wire, struct gp_buf *message)
{
	while (wire.len > 0) {
		ptrdiff_t lf = gp_slice_find(wire, '\n');
		if (lf < 1)
			return false;
		struct gp_slice line = gp_slice_take(wire, (size_t)lf - 1);
		wire = gp_slice_drop(wire, (size_t)lf + 1);
		if (gp_slice_find(line, '\r') >= 0 || gp_slice_find(line, '\0') >= 0 ||
		    line.ptr[line.len] != '\r')
			return false;
		if (gp_slice_eq(line, GP_SLICE(".")))
			return wire.len == 0;
		gp_buf_put(message, gp_slice_drop(line, gp_slice_starts(line, GP_SLICE("."))));
		gp_buf_put_char(message, '\n');
	}
	return false;
}

/* The same with line ends of one octet, and one at the end. */
static void
normalise(struct gp_slice in, struct gp_buf *message)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		if (c == '\n' && i > 0 && in.ptr[i - 1] == '\r')
			continue;
		gp_buf_put_char(message, c == '\r' ? '\n' : c == '\0' ? '?' : c);
	}
	struct gp_slice so_far = gp_buf_slice(message);
	if (so_far.len > 0 && so_far.ptr[so_far.len - 1] != '\n')
		gp_buf_put_char(message, '\n');
}

/* All messages of up to seven octets out of those that matter. */
static void
test_exhaustively(void **state)
{
	(void)state;
	static const char alphabet[] = {'a', '.', '\r', '\n', '\0'};
	struct gp_buf expected = GP_BUF_INIT(100), message = GP_BUF_INIT(100);
	for (uint32_t n = 0; n < 97'656; n++) { /* 1 + 5 + 25 + ... + 5^7 */
		char in[8];
		size_t len = 0;
		for (uint32_t v = n; v > 0; v = (v - 1) / 5)
			in[len++] = alphabet[(v - 1) % 5];
		struct gp_buf all = written(gp_slice(in, len), 1 + n % 3, 4 + n % 5);
		gp_buf_clear(&expected);
		gp_buf_clear(&message);
		normalise(gp_slice(in, len), &expected);
		assert_true(receive(gp_buf_slice(&all), &message));
		assert_true(gp_slice_eq(gp_buf_slice(&message), gp_buf_slice(&expected)));
		gp_buf_free(&all);
	}
	gp_buf_free(&expected);
	gp_buf_free(&message);
}

/*
 * Whatever spelling of an end stands in a message, and wherever it is cut: it goes out as one
 * message, whose end is the last thing sent, with no bare CR, bare LF or NUL in it.
 */
static void
test_spellings(void **state)
{
	struct gp_buf in = GP_BUF_INIT(1000), expected = GP_BUF_INIT(1000), got = GP_BUF_INIT(1000);
	(void)state;
	assert_true(GP_ARRAY_LEN(spellings) >= 40);
	for (size_t i = 0; i < GP_ARRAY_LEN(spellings); i++) {
		gp_buf_clear(&in);
		gp_buf_clear(&expected);
		gp_buf_put_str(&in, "text");
		gp_buf_put(&in, spellings[i]);
		gp_buf_put_str(&in, "MAIL FROM:<evil@x>\r\n");
		normalise(gp_buf_slice(&in), &expected);
		for (size_t cut = 1; cut <= in.len; cut++) {
			struct gp_buf all = written(gp_buf_slice(&in), cut, 500);
			gp_buf_clear(&got);
			if (!receive(gp_buf_slice(&all), &got))
				fail_msg("spelling %zu, cut at %zu: not one message", i, cut);
			assert_true(gp_slice_eq(gp_buf_slice(&got), gp_buf_slice(&expected)));
			gp_buf_free(&all);
		}
	}
	gp_buf_free(&in);
	gp_buf_free(&expected);
	gp_buf_free(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_exhaustively),
		cmocka_unit_test(test_spellings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
