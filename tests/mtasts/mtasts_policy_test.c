/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "core/mtasts/policy.h"

enum { ARENA_MAX = 1 << 20 };

#define TAIL "mode: enforce\nmx: a.test\nmax_age: 86400\n"

/* want: "mode max_age mx...", or what is wrong. */
static const struct {
	const char *what, *body, *want;
} cases[] = {
	{"plain", "version: STSv1\n" TAIL, "enforce 86400 a.test"},
	{"CRLF, mixed, no last line end",
	 "version: STSv1\r\nmode:testing\nmx:\t*.a.test\r\nmax_age:1", "testing 1 *.a.test"},
	{"white space behind values", "version: STSv1 \t\nmode: none \nmax_age: 1 \r\n", "none 1"},
	{"empty lines at the end", "version: STSv1\n" TAIL "\r\n\n \n", "enforce 86400 a.test"},
	{"any order", "max_age: 5\nmx: b.test\nmode: testing\nmx: a.test\nversion: STSv1",
	 "testing 5 b.test a.test"},
	{"the first of each counts",
	 "version: STSv1\nversion: STSv2\nmode: enforce\nmode: bogus\nmx: a.test\nmax_age: 1\n"
	 "max_age: x",
	 "enforce 1 a.test"},
	{"names in one form",
	 "version: STSv1\nmode: enforce\nmx: MX.A.Test.\nmx: *.B.test\nmax_age: 1",
	 "enforce 1 mx.a.test *.b.test"},
	{"unknown keys", "version: STSv1\nnew_key.x-1: \xc3\xa4 = b  c\n" TAIL,
	 "enforce 86400 a.test"},
	{"none needs no mx", "version: STSv1\nmode: none\nmax_age: 0", "none 0"},
	{"a year", "version: STSv1\nmode: none\nmax_age: 31557600", "none 31557600"},
	{"more than a year", "version: STSv1\nmode: none\nmax_age: 9999999999", "none 31557600"},

	{"nothing", "", "line 0: no version"},
	{"only white space", "\r\n \n", "line 0: no version"},
	{"no version", TAIL, "line 3: no version"},
	{"version 2", "version: STSv2\n" TAIL, "line 1: the version is not STSv1"},
	{"no mode", "version: STSv1\nmx: a.test\nmax_age: 1", "line 3: no mode"},
	{"no max_age", "version: STSv1\nmx: a.test\nmode: none", "line 3: no max_age"},
	{"no mx", "version: STSv1\nmode: testing\nmax_age: 1", "line 3: no mx"},
	{"mode in capitals", "version: STSv1\nmode: Enforce",
	 "line 2: the mode is none of RFC 8461 section 3.2"},
	{"key in capitals", "Version: STSv1\n" TAIL, "line 4: no version"},
	{"eleven digits", "version: STSv1\nmax_age: 00000000001",
	 "line 2: max_age is not a number of at most ten digits"},
	{"negative", "max_age: -1", "line 1: max_age is not a number of at most ten digits"},
	{"U-labels", "mx: m\xc3\xb8x.test", "line 1: mx is not a domain name in A-labels"},
	{"wildcard inside", "mx: a.*.test", "line 1: mx is not a domain name in A-labels"},
	{"two wildcards", "mx: *.*.test", "line 1: mx is not a domain name in A-labels"},
	{"wildcard alone", "mx: *.", "line 1: mx is not a domain name in A-labels"},
	{"the root", "mx: .", "line 1: mx is not a domain name in A-labels"},
	{"a dot in front", "mx: .a.test", "line 1: mx is not a domain name in A-labels"},
	{"two mx in a line", "mx: a.test, b.test", "line 1: mx is not a domain name in A-labels"},
	{"an empty line", "version: STSv1\n\n" TAIL, "line 2: not of the form \"key: value\""},
	{"byte order mark", "\xef\xbb\xbfversion: STSv1\n" TAIL,
	 "line 1: not of the form \"key: value\""},
	{"a space before the colon", "version : STSv1\n" TAIL,
	 "line 1: not of the form \"key: value\""},
	{"HTML", "<html>\n", "line 1: not of the form \"key: value\""},
	{"bare CR", "version: STSv1\rmode: none", "line 1: the version is not STSv1"},
	{"an empty value", "x:\nversion: STSv1\n" TAIL,
	 "line 1: a value is empty or not printable UTF-8"},
	{"control in a value", "x: a\x01", "line 1: a value is empty or not printable UTF-8"},
	{"not UTF-8", "x: \xff", "line 1: a value is empty or not printable UTF-8"},
};

static struct gp_slice
show(struct gp_slice body, struct gp_arena *arena)
{
	struct gp_mtasts_policy p;
	struct gp_slice why;
	int rc = gp_mtasts_policy_parse(body, arena, &p, &why);
	if (rc != 0)
		return rc == 1 ? why : GP_SLICE("no memory");
	struct gp_slice out =
		gp_arena_printf(arena, "%s %u", gp_mtasts_mode_name(p.mode), p.max_age_s);
	for (size_t i = 0; i < p.mx_len; i++)
		out = gp_arena_printf(arena, "%.*s %.*s", GP_SLICE_FMT(out), GP_SLICE_FMT(p.mx[i]));
	return out;
}

static void
each_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_slice shown = show(gp_slice_str(cases[i].body), &arena);
		if (!gp_slice_eq(shown, gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(shown));
		gp_arena_free(&arena);
	}
}

static struct gp_buf
body_of(size_t mx)
{
	struct gp_buf b = GP_BUF_INIT(1 << 20);
	gp_buf_put_str(&b, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (size_t i = 0; i < mx; i++)
		gp_buf_printf(&b, "mx: mx%zu.test\n", i);
	return b;
}

static void
its_limits(void **state)
{
	(void)state;
	static const struct {
		size_t mx, pad_to;
		const char *want;
	} limits[] = {
		{GP_MTASTS_MX_MAX, 0, "enforce"},
		{GP_MTASTS_MX_MAX + 1, 0, "line 260: too many mx"},
		{1, GP_MTASTS_BODY_MAX, "enforce"},
		{1, GP_MTASTS_BODY_MAX + 1, "line 0: over 64 KiB"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(limits); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf b = body_of(limits[i].mx);
		while (b.len < limits[i].pad_to)
			gp_buf_put_char(&b, '\n');
		struct gp_slice shown = show(gp_buf_slice(&b), &arena);
		assert_slice(gp_slice_take(shown, strlen(limits[i].want)), limits[i].want);
		gp_buf_free(&b);
		gp_arena_free(&arena);
	}
}

static void
without_memory(void **state)
{
	(void)state;
	for (size_t max = 0; max < 8192; max += 64) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_mtasts_policy p;
		struct gp_slice why;
		int rc =
			gp_mtasts_policy_parse(GP_SLICE("version: STSv1\n" TAIL), &arena, &p, &why);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
	}
}

static const struct {
	const char *pattern, *host;
	bool want;
} hosts[] = {
	{"mx.test", "mx.test", true},        {"mx.test", "MX.Test.", true},
	{"mx.test", "a.mx.test", false},     {"mx.test", "amx.test", false},
	{"*.mx.test", "a.mx.test", true},    {"*.mx.test", "mx.test", false},
	{"*.mx.test", "a.b.mx.test", false}, {"*.mx.test", ".mx.test", false},
	{"*.mx.test", "amx.test", false},    {"*.mx.test", "*.mx.test", true},
	{"*.test", "test", false},
};

static void
names_of_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(hosts); i++) {
		struct gp_slice mx[] = {GP_SLICE("other.example"), gp_slice_str(hosts[i].pattern)};
		struct gp_mtasts_policy p = {.mx = mx, .mx_len = 2};
		if (gp_mtasts_policy_names(&p, gp_slice_str(hosts[i].host)) != hosts[i].want)
			fail_msg("%s for %s", hosts[i].pattern, hosts[i].host);
	}
}

static void
media_types(void **state)
{
	(void)state;
	assert_true(gp_mtasts_content_type_valid(GP_SLICE("text/plain")));
	assert_true(gp_mtasts_content_type_valid(GP_SLICE("Text/Plain ; charset=utf-8")));
	assert_false(gp_mtasts_content_type_valid(GP_SLICE("text/plainer")));
	assert_false(gp_mtasts_content_type_valid(GP_SLICE("text/html; text/plain")));
	assert_false(gp_mtasts_content_type_valid(GP_SLICE("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_body),      cmocka_unit_test(its_limits),
		cmocka_unit_test(without_memory), cmocka_unit_test(names_of_hosts),
		cmocka_unit_test(media_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
