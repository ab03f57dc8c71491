/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/sasl/dovecot.h"

#define TEXT(lit)                       \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}

static const struct {
	struct gp_slice line;
	struct gp_dovecot_line want;
} good[] = {
	{TEXT("VERSION\t1\t2"), {.kind = GP_DOVECOT_VERSION, .major = 1}},
	{TEXT("VERSION\t2"), {.kind = GP_DOVECOT_VERSION, .major = 2}},
	{TEXT("MECH\tPLAIN\tplaintext"), {.kind = GP_DOVECOT_OTHER}},
	{TEXT("COOKIE\t0123456789abcdef"), {.kind = GP_DOVECOT_OTHER}},
	{TEXT("CONT\t1\t"), {.kind = GP_DOVECOT_OTHER}},
	{TEXT("OKAY\t1"), {.kind = GP_DOVECOT_OTHER}},
	{TEXT(""), {.kind = GP_DOVECOT_OTHER}},
	{TEXT("DONE"), {.kind = GP_DOVECOT_DONE}},
	{TEXT("OK\t7\tuser=alice\tpass="), {.kind = GP_DOVECOT_OK, .id = 7, .user = TEXT("alice")}},
	{TEXT("OK\t7"), {.kind = GP_DOVECOT_OK, .id = 7}},
	{TEXT("OK\t4294967295\tuser=a\1tb\1n\0011c\0010"),
	 {.kind = GP_DOVECOT_OK, .id = 4294967295, .user = TEXT("a\tb\n\1c\0")}},
	{TEXT("FAIL\t7\tuser=alice\treason=temp"),
	 {.kind = GP_DOVECOT_FAIL, .id = 7, .user = TEXT("alice")}},
	{TEXT("FAIL\t7\ttemp"), {.kind = GP_DOVECOT_FAIL, .id = 7, .temporary = true}},
	{TEXT("FAIL\t7\tuser=a\tcode=temp_fail"),
	 {.kind = GP_DOVECOT_FAIL, .id = 7, .user = TEXT("a"), .temporary = true}},
};

static const struct gp_slice bad[] = {
	TEXT("VERSION"),  TEXT("VERSION\tx"),         TEXT("OK"),
	TEXT("OK\t"),     TEXT("OK\t-1\tuser=alice"), TEXT("OK\t4294967296"),
	TEXT("FAIL\t1x"), TEXT("OK\t1\tuser=a\1"),    TEXT("OK\t1\tuser=a\1x"),
};

static void
lines_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(good); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		const struct gp_dovecot_line *want = &good[i].want;
		struct gp_dovecot_line got;
		int r = gp_dovecot_parse(good[i].line, &arena, &got);
		if (r != 0 || got.kind != want->kind || got.major != want->major ||
		    got.id != want->id || got.temporary != want->temporary ||
		    !gp_slice_eq(got.user, want->user))
			fail_msg("%.*s", GP_SLICE_FMT(good[i].line));
		gp_arena_free(&arena);
	}
}

static void
others_are_refused(void **state)
{
	static char text[GP_DOVECOT_LINE_MAX + 1];
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_dovecot_line got;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		if (gp_dovecot_parse(bad[i], &arena, &got) != 1)
			fail_msg("%.*s", GP_SLICE_FMT(bad[i]));
	}
	assert_int_equal(gp_dovecot_parse(gp_slice(text, sizeof(text)), &arena, &got), 1);
	gp_arena_free(&arena);
	arena = GP_ARENA_INIT(0);
	assert_int_equal(gp_dovecot_parse(GP_SLICE("OK\t1\tuser=a"), &arena, &got), -ENOMEM);
	gp_arena_free(&arena);
}

static void
requests_are_lines(void **state)
{
	struct gp_buf out = GP_BUF_INIT(GP_DOVECOT_REQUEST_MAX);
	(void)state;
	gp_dovecot_write_hello(&out, 17);
	gp_dovecot_write_request(&out, 3, GP_SLICE("user"), GP_SLICE("pencil"),
				 GP_SLICE("192.0.2.1"));
	assert_slice(gp_buf_slice(&out),
		     "VERSION\t1\t1\nCPID\t17\n"
		     "AUTH\t3\tPLAIN\tservice=smtp\tsecured\tnologin\trip=192.0.2.1\t"
		     "resp=AHVzZXIAcGVuY2ls\n");
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_understood),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(requests_are_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
