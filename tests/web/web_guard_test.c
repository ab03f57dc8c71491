/* SPDX-License-Identifier: Apache-2.0 */
/* Where the fields come that each answer has, in whatever pieces it passes by. */
#include "../unit.h"

#include "core/config/config.h"
#include "procs/web/guard.h"

static const struct gp_slice nosniff = GP_SLICE("X-Content-Type-Options: nosniff\r\n");

/* What comes out has the fields at `at`, and nothing else is changed. */
static void
pass(struct gp_slice answer, size_t at, size_t piece, uint8_t service)
{
	struct guard g = {.service = service};
	struct gp_buf out = GP_BUF_INIT(answer.len + GUARD_MAX);
	for (size_t i = 0; i < answer.len; i += piece)
		guard_pass(&g, gp_slice_take(gp_slice_drop(answer, i), piece), &out);
	struct gp_slice all = gp_buf_slice(&out), fields = gp_slice_drop(all, at);
	assert_false(out.failed);
	assert_true(gp_slice_starts(all, gp_slice_take(answer, at)));
	assert_true(gp_slice_starts(fields, nosniff));
	fields = gp_slice_take(fields, all.len - answer.len);
	assert_true(gp_slice_ends_nocase(all, gp_slice_drop(answer, at)));
	assert_int_equal(fields.len > nosniff.len, service == GP_SERVICE_DASHBOARD);
	for (struct gp_slice line; fields.len > 0;) {
		assert_true(gp_slice_ends_nocase(fields, GP_SLICE("\r\n")));
		line = gp_slice_cut(&fields, '\n');
		assert_true(gp_slice_find(line, ':') > 0);
	}
	gp_buf_free(&out);
}

static void
behind_the_status_line(void **state)
{
	static const struct {
		const char *before, *behind;
	} answers[] = {
		{"HTTP/1.1 200 OK\r\n", "A: b\r\n\r\nbody\r\nHTTP/1.1 200 OK\r\n\r\n"},
		{"HTTP/1.0 404 Not Found\r\n", "\r\n"},
		{"HTTP/1.1 413\r\n", "HTTP/1.1 413\r\n\r\n"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", "A: 1\r\n\r\n"},
		{"HTTP/1.1 100 Continue\r\nA: 4\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 500 x\r\n",
		 "\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(answers); i++) {
		char text[256];
		int len =
			snprintf(text, sizeof(text), "%s%s", answers[i].before, answers[i].behind);
		for (size_t piece = 1; piece <= (size_t)len; piece++) {
			size_t at = strlen(answers[i].before);
			pass(gp_slice(text, (size_t)len), at, piece, GP_SERVICE_DASHBOARD);
			pass(gp_slice(text, (size_t)len), at, piece, GP_SERVICE_POLICIES);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_the_status_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
