/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are no lists of mailboxes: those that name one all the same, and those that hide
 * another. */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/message/lone_mailbox.h"

enum { ARENA_MAX = 1 << 20 };

/* The address and the name before it; or "-". */
static void
check(struct gp_slice value, const char *want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_mailbox m;
	struct gp_slice got = GP_SLICE("-");
	int r = gp_lone_mailbox_find(value, &arena, &m);
	assert_in_range(r, 0, 1);
	if (r == 0)
		got = gp_arena_printf(&arena, "%.*s|%.*s", GP_SLICE_FMT(m.text),
				      GP_SLICE_FMT(m.name));
	if (!gp_slice_eq(got, gp_slice_str(want)))
		fail_msg("%.*s: got '%.*s', wanted '%s'", GP_SLICE_FMT(value), GP_SLICE_FMT(got),
			 want);
	gp_arena_free(&arena);
}

static void
one_address(void **state)
{
	static const char *const cases[][2] = {
		{"Doe, John <a@b.test>", "a@b.test|Doe, John"},
		{"Doe,John<a@b.test>", "a@b.test|Doe,John"},
		{", <a@b.test>", "a@b.test|,"},
		{"Doe; John <a@b.test>", "a@b.test|Doe; John"},
		{"Doe\\, John <a@b.test>", "a@b.test|Doe\\, John"},
		{"J\xF6hn <a@b.test>", "a@b.test|J\xF6hn"},
		{"\"D\xF6"
		 "e, J\xF6hn\" <a@b.test>",
		 "a@b.test|\"D\xF6"
		 "e, J\xF6hn\""},
		{"J\xC3\xB6hn, Doe <a@b\xC3\xBC.test>", "a@b\xC3\xBC.test|J\xC3\xB6hn, Doe"},
		{"\x93J\xF6hn\x94 <a@b.test>", "a@b.test|\x93J\xF6hn\x94"},
		{"\"John Doe <a@b.test>", "a@b.test|\"John Doe"},
		{"John \"Doe <a@b.test>", "a@b.test|John \"Doe"},
		{"John (Doe <a@b.test>", "a@b.test|John (Doe"},
		{"John) Doe <a@b.test>", "a@b.test|John) Doe"},
		{"\"John\" \"Doe\\\" <a@b.test>", "a@b.test|\"John\" \"Doe\\\""},
		{"John <a@b.test> (Sales", "a@b.test|John"},
		{"John <a@b.test> (Sales (x) y)", "a@b.test|John"},
		{"John <a@b.test>)", "a@b.test|John"},
		{"John <a@b.test>\"", "a@b.test|John"},
		{"John <a@b.test>, ", "a@b.test|John"},
		{"John <a@b.test>;", "a@b.test|John"},
		{"<a@b.test>.", "a@b.test|"},
		{"John <<a@b.test>>", "a@b.test|John"},
		{"<<<a@b.test>", "a@b.test|"},
		{"Doe, John <a@[192.0.2.1]>", "a@[192.0.2.1]|Doe, John"},
		{"=?utf-8?Q?Doe,_J=C3=B6hn?= <a@b.test>", "a@b.test|=?utf-8?Q?Doe,_J=C3=B6hn?="},
		{"=?UTF-8*de?q?Doe, J=C3=B6hn?= <a@b.test>",
		 "a@b.test|=?UTF-8*de?q?Doe, J=C3=B6hn?="},
		{"Doe, =?iso-8859-1?B?SvZobg==?= <a@b.test>",
		 "a@b.test|Doe, =?iso-8859-1?B?SvZobg==?="},
		{"Doe, J <a@b.test> (=?utf-8?q?x?=", "a@b.test|Doe, J"},
		{"Doe, 1 = 1? <a@b.test>", "a@b.test|Doe, 1 = 1?"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(gp_slice_str(cases[i][0]), cases[i][1]);
}

static void
none_or_two(void **state)
{
	static const struct gp_slice cases[] = {
		/* none */
		GP_SLICE(""),
		GP_SLICE("Doe, John"),
		GP_SLICE("Doe, John a@b.test"),
		GP_SLICE("Doe, John <a@b.test"),
		GP_SLICE("Doe, John a@b.test>"),
		GP_SLICE("Doe, John >a@b.test<"),
		GP_SLICE("Doe, John <>"),
		GP_SLICE("Doe, John <a>"),
		GP_SLICE("Doe, John <@b.test>"),
		GP_SLICE("Doe, John <a@>"),
		GP_SLICE("Doe, John [a@b.test]"),
		GP_SLICE("a@b.test, Doe, John <>"),
		GP_SLICE("\"Doe, John <a@b.test>\""),
		GP_SLICE("Doe (John <a@b.test>)"),
		GP_SLICE("Doe (John <a@b.test> (x)"),
		/* another, or a part of one */
		GP_SLICE("x@y.test, John <a@b.test>"),
		GP_SLICE("\"x@y.test\", John <a@b.test>"),
		GP_SLICE("(x@y.test), John <a@b.test>"),
		GP_SLICE("x <x@y.test>, John <a@b.test>"),
		GP_SLICE("x <x.y.test>, John <a@b.test>"),
		GP_SLICE("Doe, John <a@b.test> <>"),
		GP_SLICE("Doe, John <<a@b.test> x>"),
		GP_SLICE("Doe, John <a@b.test>, x@y.test"),
		GP_SLICE("Doe, John <a@b.test> (x@y.test)"),
		GP_SLICE("Doe, John <a@b.test>x"),
		GP_SLICE("Doe, John <a@b.test> x"),
		GP_SLICE("Doe, John <a@b.test>.y.test"),
		GP_SLICE("Doe, John <a@b.test> \\,x"),
		GP_SLICE("Doe, John <@y.test:a@b.test>"),
		GP_SLICE("Doe, John <x@y.test@b.test>"),
		GP_SLICE("Doe, John <\"a\"@b.test>"),
		GP_SLICE("Doe, John <\"x y\"@b.test>"),
		GP_SLICE("Doe, John <a@b.test y.test>"),
		GP_SLICE("Doe, John < a@b.test>"),
		GP_SLICE("Doe, John <a(c)@b.test>"),
		GP_SLICE("Doe, John <a@b.test (c)>"),
		/* a group, a route */
		GP_SLICE("Bank: Doe <a@b.test>"),
		GP_SLICE("Bank: Doe, John <a@b.test>;"),
		GP_SLICE("\"Bank\", : John <a@b.test>;"),
		GP_SLICE("Doe, John <a@b.test>, Bank:;"),
		/* controls */
		GP_SLICE("Doe\0, John <a@b.test>"),
		GP_SLICE("Doe, John <a\0@b.test>"),
		GP_SLICE("Doe, John <a@b.test>\0"),
		GP_SLICE("Doe, John <a@b.test> (\0"),
		GP_SLICE("Doe, \x1b$BJohn <a@b.test>"),
		GP_SLICE("Doe, John\x7f <a@b.test>"),
		GP_SLICE("Doe, John\r <a@b.test>"),
		/* encoded words */
		GP_SLICE("=?utf-8?b?PHhAeS50ZXN0Pg==?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?x=40y.test?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?=3Cx?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?x=00?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?Bank=3A?=, <a@b.test>"),
		GP_SLICE("=?utf-8?b?QmFuazo=?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?x=4?= =?utf-8?q?0y.test?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?x=4?=, <a@b.test>"),
		GP_SLICE("=?utf-8?b?eEB?= =?utf-8?b?5?=, <a@b.test>"),
		GP_SLICE("=?utf-8?q?x=40y.test <a@b.test>"),
		GP_SLICE("=?utf-8?q?x y.test <a@b.test>"),
		GP_SLICE("=?utf-8?q?x, <a@b.test> (?="),
		GP_SLICE("=?utf-8?x?x?=, <a@b.test>"),
		GP_SLICE("=??q?x?=, <a@b.test>"),
		GP_SLICE("=?utf-8@y.test?q?x?=, <a@b.test>"),
		GP_SLICE("=?utf-8*<x>?q?x?=, <a@b.test>"),
		GP_SLICE("=?utf-8\0?q?x?=, <a@b.test>"),
		GP_SLICE("=?utf-7?q?x+AEA-y.test?=, <a@b.test>"),
		GP_SLICE("=?utf-16?b?AHgAQAB5?=, <a@b.test>"),
		GP_SLICE("=?iso-2022-jp?b?GyRCJSIbKEI=?=, <a@b.test>"),
		GP_SLICE("Doe, John <=?utf-8?q?x=40y.test=00?=@b.test>"),
		GP_SLICE("Doe, John <a@=?utf-8?q?y?=.test>"),
		GP_SLICE("Doe, John <a@b.test> (=?utf-8?q?x=40y.test?="),
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(cases[i], "-");
}

/* However long the field is, it costs one look. */
static void
long_fields(void **state)
{
	enum { SIZE = 250 * 1000 };
	static const struct {
		const char *text;
		int want;
	} pieces[] = {{"<", 1},  {",", 0},  {"\"", 0}, {"(", 0},
		      {"=?", 1}, {"?=", 1}, {"=", 0},  {"=?utf-8?q?x?=", 0}};
	static char text[SIZE + 32];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(pieces); i++) {
		size_t len = strlen(pieces[i].text), at = 0;
		for (; at + len <= SIZE; at += len)
			memcpy(text + at, pieces[i].text, len);
		memcpy(text + at, ", <a@b>", strlen(", <a@b>"));
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_mailbox m;
		struct gp_slice value = gp_slice(text, at + strlen(", <a@b>"));
		assert_int_equal(gp_lone_mailbox_find(value, &arena, &m), pieces[i].want);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	int r = -ENOMEM;
	(void)state;
	for (size_t max = 0; r != 0; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_mailbox m;
		r = gp_lone_mailbox_find(GP_SLICE("x, =?utf-8?b?RG9l?= <a@b>"), &small, &m);
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(max < ARENA_MAX);
		gp_arena_free(&small);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address),
		cmocka_unit_test(none_or_two),
		cmocka_unit_test(long_fields),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
