/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/http/request.h"

#define LINE "GET /x HTTP/1.1\r\n"
#define HOST "Host: a.test\r\n"

static const struct {
	const char *text;
	int outcome;
	const char *want; /* "METHOD PATH HOST" */
} cases[] = {
	{LINE HOST "\r\n", 0, "GET /x a.test"},
	{LINE "hOsT:a.test\r\nX: y\r\n\r\nbody", 0, "GET /x a.test"},
	{LINE "Host:\t a.test:8443 \r\nX:\r\n\r\n", 0, "GET /x a.test"},
	{"HEAD /a?b=c HTTP/1.0\r\n" HOST "\r\n", 0, "HEAD /a?b=c a.test"},
	{"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, "OPTIONS * a.test"},
	{"GET HTTPS://b.test:1/y HTTP/1.1\r\n" HOST "\r\n", 0, "GET /y b.test"},
	{"GET https://b.test HTTP/1.1\r\n" HOST "\r\n", 0, "GET / b.test"},
	{LINE HOST "X: \xc3\xa4\r\n\r\n", 0, "GET /x a.test"},

	{"", GP_HTTP_MORE, NULL},
	{LINE HOST "\r", GP_HTTP_MORE, NULL},

	{"\r\n\r\n", GP_HTTP_BAD, NULL},
	{"\r\n" LINE HOST "\r\n", GP_HTTP_BAD, NULL},
	{LINE "\r\n", GP_HTTP_BAD, NULL},
	{"GET /x HTTP/1.0\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE HOST HOST "\r\n", GP_HTTP_BAD, NULL},
	{LINE "Host:\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE "Host: a.test:x\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE "Host : a.test\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE HOST " folded\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE HOST "no colon\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE "Host: a.test\nX: y\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE "Host: a.test\rX: y\r\n\r\n", GP_HTTP_BAD, NULL},
	{LINE HOST "X: \x01\r\n\r\n", GP_HTTP_BAD, NULL},
	{"GET  /x HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET /x  HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET /x HTTP/1.1 \r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET x HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET http://a.test/ HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET https:///x HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"CONNECT a.test:443 HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"G(T /x HTTP/1.1\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET /x\r\n" HOST "\r\n", GP_HTTP_BAD, NULL},
	{"GET /x HTTP/2.0\r\n" HOST "\r\n", GP_HTTP_NOT_ONE_X, NULL},
	{"GET /x HTTP/1.2\r\n\r\n", GP_HTTP_NOT_ONE_X, NULL},
};

static void
requests_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_http_request r;
		char got[256];
		int outcome = gp_http_request_read(gp_slice_str(cases[i].text), &r);
		if (outcome != cases[i].outcome)
			fail_msg("case %zu: got %d, wanted %d", i, outcome, cases[i].outcome);
		if (outcome != 0)
			continue;
		snprintf(got, sizeof(got), "%.*s %.*s %.*s", GP_SLICE_FMT(r.method),
			 GP_SLICE_FMT(r.path), GP_SLICE_FMT(r.host));
		assert_string_equal(got, cases[i].want);
	}
}

/* However it comes, it is not whole before its last octet. */
static void
nothing_is_whole_too_early(void **state)
{
	static const char text[] = LINE HOST "\r\n";
	struct gp_http_request r;
	(void)state;
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(gp_http_request_read(gp_slice(text, n), &r), GP_HTTP_MORE);
}

static void
heads_have_a_largest_size(void **state)
{
	static char text[GP_HTTP_HEAD_MAX + 1];
	const char start[] = LINE HOST "X: ";
	struct gp_http_request r;
	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, start, strlen(start));
	assert_int_equal(gp_http_request_read(gp_slice(text, GP_HTTP_HEAD_MAX - 1), &r),
			 GP_HTTP_MORE);
	assert_int_equal(gp_http_request_read(gp_slice(text, GP_HTTP_HEAD_MAX), &r),
			 GP_HTTP_TOO_LARGE);
	memcpy(text + GP_HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(gp_http_request_read(gp_slice(text, GP_HTTP_HEAD_MAX), &r), GP_HTTP_WHOLE);
	memcpy(text + GP_HTTP_HEAD_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(gp_http_request_read(gp_slice(text, GP_HTTP_HEAD_MAX + 1), &r),
			 GP_HTTP_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_strictly),
		cmocka_unit_test(nothing_is_whole_too_early),
		cmocka_unit_test(heads_have_a_largest_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
