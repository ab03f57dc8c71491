/* SPDX-License-Identifier: Apache-2.0 */
/* Messages before and after. "\1" stands for an octet that no line may have: NUL. */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "core/message/downgrade.h"

#define CTE "Content-Transfer-Encoding: "
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"

static const struct {
	const char *name, *in, *out;
	int fault;
} cases[] = {
	{"text stays", "Subject: x\r\n\r\na\r\n\r\nb\r\n", "Subject: x\r\n\r\na\r\n\r\nb\r\n", 0},
	{"no end of line", "Subject: x\r\n\r\na", "Subject: x\r\n\r\na", 0},
	{"header alone", "Subject: x\r\n", "Subject: x\r\n", 0},
	{"nothing", "", "", 0},
	{"one binary part", CTE "binary\r\nX: y\r\n\r\na\1\nb\rc\r\n",
	 CTE "base64\r\nX: y\r\n\r\nYQAKYg1jDQo=\r\n", 0},
	{"binary text", CTE "BINARY (as it is)\r\n\r\nab\r\n\r\ncd",
	 CTE "base64\r\n\r\nYWINCg0KY2Q=\r\n", 0},
	{"an empty part", CTE "binary\r\n\r\n", CTE "base64\r\n\r\n", 0},
	{"the second label counts for nothing", CTE "binary\r\n" CTE "7bit\r\n\r\n\1",
	 CTE "base64\r\n\r\nAA==\r\n", 0},
	{"a part of two",
	 MIXED CTE "binary\r\n\r\nto old readers\r\n--b\r\n\r\ntext\r\n--b\r\n" CTE
		   "binary\r\n\r\n\1\1\1\r\n--b--\r\nbehind\r\n",
	 MIXED CTE "8bit\r\n\r\nto old readers\r\n--b\r\n\r\ntext\r\n--b\r\n" CTE
		   "base64\r\n\r\nAAAA\r\n--b--\r\nbehind\r\n",
	 0},
	{"the CRLF before a delimiter is the delimiter's",
	 MIXED "\r\n--b\r\n" CTE "binary\r\n\r\n\r\n\r\n--b--",
	 MIXED "\r\n--b\r\n" CTE "base64\r\n\r\nDQo=\r\n--b--", 0},
	{"a part without content", MIXED "\r\n--b\r\n" CTE "binary\r\n\r\n--b--\r\n",
	 MIXED "\r\n--b\r\n" CTE "base64\r\n\r\n--b--\r\n", 0},
	{"nearly a delimiter",
	 MIXED "\r\n--b\r\n" CTE
	       "binary\r\n\r\n\n--b\r\n--bc\r\n--\r\n-\r\n--b-\r\n--b  \r\n\r\nx\r\n",
	 MIXED "\r\n--b\r\n" CTE
	       "base64\r\n\r\nCi0tYg0KLS1iYw0KLS0NCi0NCi0tYi0=\r\n--b  \r\n\r\nx\r\n",
	 0},
	{"a CR before the end of what is nearly a delimiter",
	 CTE "binary\r\n\r\n--x\r\r\nA\r\n--\r\r\n", CTE "base64\r\n\r\nLS14DQ0KQQ0KLS0NDQo=\r\n",
	 0},
	{"a false label: CR in what is nearly a delimiter", "\r\n--x\r\r\n", NULL,
	 GP_DOWNGRADE_NO_LINES},
	{"an inner part ends with the outer one",
	 "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n--a b\r\n" MIXED "\r\n--b\r\n" CTE
	 "binary\r\n\r\n\1\r\n--a b--\r\n--b\r\n",
	 "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n--a b\r\n" MIXED "\r\n--b\r\n" CTE
	 "base64\r\n\r\nAA==\r\n--a b--\r\n--b\r\n",
	 0},
	{"a message in a message",
	 "Content-Type: message/rfc822\r\n" CTE "binary\r\n\r\n" CTE "binary\r\n\r\n\1",
	 "Content-Type: message/rfc822\r\n" CTE "8bit\r\n\r\n" CTE "base64\r\n\r\nAA==\r\n", 0},
	{"a digest's parts are messages",
	 "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" CTE
	 "binary\r\n\r\n\1\r\n--b--\r\n",
	 "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" CTE
	 "base64\r\n\r\nAA==\r\n--b--\r\n",
	 0},
	{"a part that ends in its header", MIXED "\r\n--b\r\n" CTE "binary\r\n--b--\r\n",
	 MIXED "\r\n--b\r\n" CTE "base64\r\n--b--\r\n", 0},
	{"an encoded message is not entered",
	 "Content-Type: message/rfc822\r\n" CTE "base64\r\n\r\n" CTE "binary\r\n\r\nx",
	 "Content-Type: message/rfc822\r\n" CTE "base64\r\n\r\n" CTE "binary\r\n\r\nx", 0},
	{"comments and folding",
	 "Content-Type: (a(b)\\)c) multipart/mixed ;\r\n x=y; (;)\r\n BOUNDARY = "
	 "\"\\b\"\r\n\r\n--b\r\n" CTE "binary\r\n\r\n\1\r\n--b--\r\n",
	 "Content-Type: (a(b)\\)c) multipart/mixed ;\r\n x=y; (;)\r\n BOUNDARY = "
	 "\"\\b\"\r\n\r\n--b\r\n" CTE "base64\r\n\r\nAA==\r\n--b--\r\n",
	 0},
	{"values that want quotes and have none",
	 "Content-Type: multipart/related; type=text/html; boundary=--=_b\r\n\r\n----=_b\r\n" CTE
	 "binary\r\n\r\n\1\r\n----=_b--\r\n",
	 "Content-Type: multipart/related; type=text/html; boundary=--=_b\r\n\r\n----=_b\r\n" CTE
	 "base64\r\n\r\nAA==\r\n----=_b--\r\n",
	 0},
	{"a false label", "\r\na\nb", NULL, GP_DOWNGRADE_NO_LINES},
	{"a false label: CR", "\r\na\rb", NULL, GP_DOWNGRADE_NO_LINES},
	{"a false label: CR at the end", "\r\na\r", NULL, GP_DOWNGRADE_NO_LINES},
	{"a false label: NUL", CTE "8bit\r\n\r\na\1b", NULL, GP_DOWNGRADE_NO_LINES},
	{"a header with NUL", "X: \1\r\n\r\n", NULL, GP_DOWNGRADE_NO_LINES},
	{"a header with LF", "X: \n\r\n\r\n", NULL, GP_DOWNGRADE_NO_LINES},
	{"behind the last part", MIXED "\r\n--b--\r\n\1", NULL, GP_DOWNGRADE_NO_LINES},
	{"a part of a message", "Content-Type: message/partial\r\n" CTE "binary\r\n\r\n", NULL,
	 GP_DOWNGRADE_NO_ENCODING},
	{"parts without boundary", "Content-Type: multipart/mixed\r\n" CTE "binary\r\n\r\n", NULL,
	 GP_DOWNGRADE_NO_ENCODING},
};

/* The table's text with "\1" as NUL. */
static struct gp_slice
octets(const char *text)
{
	size_t len = strlen(text);
	char *s = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		s[i] = text[i] == '\1' ? '\0' : text[i];
	return gp_slice(s, len);
}

static int
downgrade(struct gp_slice in, size_t piece, struct gp_buf *out)
{
	struct gp_downgrade *d = gp_downgrade_new();
	int fault = 0;
	while (in.len > 0 && fault == 0) {
		fault = gp_downgrade_feed(d, gp_slice_take(in, piece), out);
		in = gp_slice_drop(in, GP_MIN(piece, in.len));
	}
	int end = gp_downgrade_end(d, out);
	assert_true(fault == 0 || fault == end);
	gp_downgrade_free(d);
	return end;
}

static void
each_message_comes_out(void **state)
{
	(void)state;
	static const size_t pieces[] = {1, 2, 3, 7, 1000};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases) * GP_ARRAY_LEN(pieces); i++) {
		size_t k = i / GP_ARRAY_LEN(pieces);
		struct gp_buf out = GP_BUF_INIT(100000);
		struct gp_slice in = octets(cases[k].in);
		int fault = downgrade(in, pieces[i % GP_ARRAY_LEN(pieces)], &out);
		if (fault != cases[k].fault)
			fail_msg("%s: fault %d", cases[k].name, fault);
		struct gp_slice got = gp_buf_slice(&out);
		if (fault == 0 && !gp_slice_eq(got, gp_slice_str(cases[k].out)))
			fail_msg("%s: got\n%.*s", cases[k].name, GP_SLICE_FMT(got));
		gp_buf_free(&out);
		free((void *)in.ptr);
	}
}

static void
long_lines_are_labelled_or_refused(void **state)
{
	(void)state;
	char text[1100] = "\r\n";
	memset(text + 2, 'x', 1000);
	for (size_t len = 997; len <= 1000; len++) {
		struct gp_buf out = GP_BUF_INIT(100000);
		int wanted = len > GP_DOWNGRADE_LINE_MAX ? GP_DOWNGRADE_NO_LINES : 0;
		assert_int_equal(downgrade(gp_slice(text, len + 2), 64, &out), wanted);
		gp_buf_free(&out);
	}
}

static void
encoded_lines_are_short(void **state)
{
	(void)state;
	static char text[3000] = CTE "binary\r\n\r\n";
	struct gp_buf out = GP_BUF_INIT(100000);
	assert_int_equal(downgrade(gp_slice(text, sizeof(text)), 100, &out), 0);
	struct gp_slice rest = gp_buf_slice(&out);
	size_t lines = 0;
	for (ptrdiff_t lf; (lf = gp_slice_find(rest, '\n')) >= 0; lines++) {
		assert_true(lf <= 77);
		rest = gp_slice_drop(rest, (size_t)lf + 1);
	}
	assert_int_equal(rest.len, 0);
	assert_int_equal(lines, 2 + (3000 - strlen(text) + 56) / 57);
	gp_buf_free(&out);
}

static void
depth_and_headers_have_an_end(void **state)
{
	(void)state;
	struct gp_buf in = GP_BUF_INIT(1 << 20), out = GP_BUF_INIT(1 << 20);
	for (int i = 0; i <= GP_DOWNGRADE_DEPTH_MAX; i++)
		gp_buf_printf(&in, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
			      i, i);
	assert_int_equal(downgrade(gp_buf_slice(&in), 4096, &out), GP_DOWNGRADE_TOO_DEEP);
	/* One more that ends in its header is none. */
	gp_buf_clear(&in);
	gp_buf_clear(&out);
	for (int i = 0; i < GP_DOWNGRADE_DEPTH_MAX; i++)
		gp_buf_printf(&in, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
			      i, i);
	gp_buf_put_str(&in, "Content-Type: multipart/mixed; boundary=c\r\n--b0--\r\n");
	assert_int_equal(downgrade(gp_buf_slice(&in), 4096, &out), GP_DOWNGRADE_FINE);
	gp_buf_clear(&in);
	gp_buf_clear(&out);
	for (int i = 0; i < 10000; i++)
		gp_buf_put_str(&in, "X: 0123456789012345678901234567890123456789\r\n");
	assert_int_equal(downgrade(gp_buf_slice(&in), 4096, &out), GP_DOWNGRADE_LARGE_HEADER);
	gp_buf_free(&in);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_comes_out),
		cmocka_unit_test(long_lines_are_labelled_or_refused),
		cmocka_unit_test(encoded_lines_are_short),
		cmocka_unit_test(depth_and_headers_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
