/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "procs/smtpd/forged.h"

#define OURS "Authentication-Results: mx.gatepost.test; dmarc=pass\r\n"
#define FOLDED "authentication-results :\r\n (c) \"MX.Gatepost.test\"\r\n 1; dmarc=pass\r\n"
#define OTHER "Authentication-Results: other.test; dmarc=pass\r\n"
#define FROM "From: a@a.test\r\n"

/* A header, and what stays of it; NULL: all. */
static const struct {
	const char *header, *want;
} cases[] = {
	{"", NULL},
	{FROM, NULL},
	{FROM OTHER, NULL},
	{FROM "\r\n" OURS, NULL},
	{OURS, ""},
	{OURS FROM, FROM},
	{FROM OURS, FROM},
	{FROM OURS OTHER FOLDED "To: b\r\n c\r\n", FROM OTHER "To: b\r\n c\r\n"},
	{OURS OURS FROM OURS "\r\n" OURS, FROM},
	/* without a line end */
	{FROM "Authentication-Results: mx.gatepost.test; spf=pass", FROM},
};

static void
taken_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_header h;
		struct gp_slice got;
		assert_int_equal(gp_header_split(gp_slice_str(cases[i].header), &arena, &h), 0);
		int r = forged_take_out(&h, GP_SLICE("mx.gatepost.test"), &arena, &got);
		assert_int_equal(r, cases[i].want != NULL);
		if (cases[i].want)
			assert_slice(got, cases[i].want);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(taken_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
