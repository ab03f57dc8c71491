/* SPDX-License-Identifier: Apache-2.0 */
/* Fields with addresses: whom they name, and what has no reading. */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/message/mailbox_list.h"

enum { ARENA_MAX = 1 << 20 };

/* The texts of all mailboxes, with a bar between them; or "!" and the reason. */
static void
check(const char *value, const char *want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_mailbox_list list;
	const char *why = NULL;
	struct gp_slice got = gp_slice("", 0);
	int r = gp_mailbox_list_parse(gp_slice_str(value), &arena, &list, &why);
	assert_in_range(r, 0, 1);
	for (size_t i = 0; r == 0 && i < list.len; i++)
		got = gp_arena_printf(&arena, "%.*s%s%.*s", GP_SLICE_FMT(got), i > 0 ? "|" : "",
				      GP_SLICE_FMT(list.items[i].text));
	if (r == 1)
		got = gp_arena_printf(&arena, "!%s", why);
	assert_slice(got, want);
	gp_arena_free(&arena);
}

static void
whom_they_name(void **state)
{
	static const char *const cases[][2] = {
		{"a@b", "a@b"},
		{"alice.b+c@example.org", "alice.b+c@example.org"},
		{"<a@b>", "a@b"},
		{"Alice <a@b>", "a@b"},
		{"\t Alice  B. Cooper\t<a@b> ", "a@b"},
		{"\"Cooper, Alice <x@y>\" <a@b>", "a@b"},
		{"\"x@y\" <a@b>", "a@b"},
		{"a@b <a@b>", "a@b"},
		{"'a@b' <a@b>", "a@b"},
		{"[List] News <a@b>, x [y].z <c@d>", "a@b|c@d"},
		{"A@b (c) <(d) a@B>, a@b<a@b>", "a@B|a@b"},
		{"\"\\\"x@y\\\", \" <a@b>", "a@b"},
		{"\"\" <a@b>", "a@b"},
		{"=?utf-8?q?Alice?= =?utf-8?B?PHhAeT4=?= <a@b>", "a@b"},
		{"J\xC3\xBCrgen <j\xC3\xBC@b\xC3\xBC.de>", "j\xC3\xBC@b\xC3\xBC.de"},
		{"\"J\xC3\xBCrgen\" <a@b>", "a@b"},
		/* comments */
		{"(x@y) a@b (z)", "a@b"},
		{"(x <x@y>,) Alice (\\) (, <) ) <(q) a (r) @ (s) b (t)> (u)", "a@b"},
		{"a@b (((((deep)))))", "a@b"},
		/* quoted and literal */
		{"\"a b\"@c", "\"a b\"@c"},
		{"\"a@x,\"@c", "\"a@x,\"@c"},
		{"\"a\\\"b\"@c", "\"a\\\"b\"@c"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]"},
		{"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"},
		/* several */
		{"a@b,c@d", "a@b|c@d"},
		{"a@b , Carol <c@d> (x), \"e,f\" <e@f>", "a@b|c@d|e@f"},
		/* groups */
		{"undisclosed-recipients:;", ""},
		{"Nobody: (not one) ;", ""},
		{"A Group: Alice <a@b>, c@d; (x)", "a@b|c@d"},
		{"\"A:\":a@b;, c@d, Others:;, e@f", "a@b|c@d|e@f"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(cases[i][0], cases[i][1]);
}

static void
what_they_are_called(void **state)
{
	static const char *const cases[][2] = {
		{"a@b", ""},
		{"<a@b>", ""},
		{"Alice <a@b>", "Alice"},
		{" (x) \"Al, ice\" =?utf-8?q?B?= J. (y) <a@b>, Bob <c@d>",
		 "\"Al, ice\" =?utf-8?q?B?= J. (y)"},
		{"Group: Alice <a@b>;", "Alice"},
		{"(Alice) a@b", ""},
		{"A@b (c) <a@b>", "A@b"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_mailbox_list list;
		const char *why;
		assert_int_equal(
			gp_mailbox_list_parse(gp_slice_str(cases[i][0]), &arena, &list, &why), 0);
		assert_slice(list.items[0].name, cases[i][1]);
		gp_arena_free(&arena);
	}
}

static void
what_has_no_reading(void **state)
{
	static const char *const cases[][2] = {
		{"", "!not an address"},
		{"   ", "!not an address"},
		{"(nobody)", "!not an address"},
		{"Alice", "!not an address"},
		{"Alice a@b", "!not an address"},
		{"\"Alice\" a@b", "!not an address"},
		{"<>", "!not an address"},
		{"a@", "!not an address"},
		{"@b", "!not an address"},
		{".a@b", "!not an address"},
		{"a.@b", "!not an address"},
		{"a..b@c", "!not an address"},
		{"a@b.", "!not an address"},
		{"a@b@c", "!something behind an address"},
		{"<a@b", "!an address without its \">\""},
		{"<a@b> <c@d>", "!something behind an address"},
		{"<a@b>c@d", "!something behind an address"},
		{"<<a@b>>", "!not an address"},
		{"a@b c@d", "!something behind an address"},
		{"a@b <c@b>", "!another address for a name"},
		{"'c@b' <a@b>", "!another address for a name"},
		{"'a@b <a@b>", "!another address for a name"},
		{"[x] a@b", "!not an address"},
		{"[a@b] <a@b>", "!not an address"},
		{"a@b <a@b.d>", "!another address for a name"},
		{"a@b <a@b", "!an address without its \">\""},
		{"a@b <a@b> <a@b>", "!something behind an address"},
		{"a@b x <a@b>", "!something behind an address"},
		{"a@b; c@d", "!something behind an address"},
		{"a@b>", "!something behind an address"},
		/* obsolete forms */
		{"a@b,", "!not an address"},
		{",a@b", "!not an address"},
		{"a@b,,c@d", "!not an address"},
		{"<@x,@y:a@b>", "!not an address"},
		{"a . b@c", "!not an address"},
		{"\"a\".b@c", "!not an address"},
		{"a@b . c", "!something behind an address"},
		/* what does not end */
		{"(a@b", "!ends too early"},
		{"\"a@b", "!ends too early"},
		{"\"a\\", "!ends too early"},
		{"a@[192.0.2.1", "!not an address"},
		{"A: a@b", "!a group without its \";\""},
		{"A: a@b, B: c@d;;", "!a group within a group"},
		{"A: ,;", "!not an address"},
		{":;", "!not an address"},
		{"A:; a@b", "!something behind an address"},
		/* octets */
		{"a@b\r\nX: y", "!something behind an address"},
		{"\"a\nb\" <a@b>", "!control character"},
		{"\"a\x7F\" <a@b>", "!control character"},
		{"(\x01) a@b", "!control character"},
		{"\xC3 <a@b>", "!invalid UTF-8"},
		{"a@\xFF", "!invalid UTF-8"},
		{"\xC2\x80 <a@b>", "!control character"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(cases[i][0], cases[i][1]);
}

static void
a_nul_is_no_end(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_mailbox_list list;
	const char *why;
	(void)state;
	assert_int_equal(gp_mailbox_list_parse(GP_SLICE("a@b\0,c@d"), &arena, &list, &why), 1);
	gp_arena_free(&arena);
}

/* `n` times the piece, then the end. */
static struct gp_slice
repeat(struct gp_arena *arena, const char *piece, size_t n, const char *end)
{
	size_t len = strlen(piece);
	char *text = gp_arena_alloc(arena, n * len + strlen(end));
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, piece, len);
	memcpy(text + n * len, end, strlen(end));
	return gp_slice(text, n * len + strlen(end));
}

static void
it_has_limits(void **state)
{
	static const struct {
		const char *piece;
		size_t n;
		const char *end, *why;
	} cases[] = {
		{"a@b,", GP_MAILBOXES_MAX - 1, "a@b", NULL},
		{"a@b,", GP_MAILBOXES_MAX, "a@b", "too many addresses"},
		{"g:;,", 10000, "a@b", NULL},
		{"(", GP_MAILBOX_COMMENTS_MAX + 1, "", "too many comments within each other"},
		{"()", 100000, "a@b", NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_mailbox_list list;
		const char *why = NULL;
		struct gp_slice text = repeat(&arena, cases[i].piece, cases[i].n, cases[i].end);
		int r = gp_mailbox_list_parse(text, &arena, &list, &why);
		assert_int_equal(r, cases[i].why != NULL);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		gp_arena_free(&arena);
	}
}

static void
memory_ends(void **state)
{
	struct gp_mailbox_list list;
	const char *why;
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		int r = gp_mailbox_list_parse(GP_SLICE("a@b, c@d"), &arena, &list, &why);
		assert_true(r == -ENOMEM || (r == 0 && list.len == 2));
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_they_name),      cmocka_unit_test(what_they_are_called),
		cmocka_unit_test(what_has_no_reading), cmocka_unit_test(a_nul_is_no_end),
		cmocka_unit_test(it_has_limits),       cmocka_unit_test(memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
