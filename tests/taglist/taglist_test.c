/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/taglist/taglist.h"

enum { ARENA_MAX = 1 << 16 };

/* want: each tag as "name=<value>", white space shown as "_", or the fault and where it is. */
static const struct {
	const char *text, *want;
} cases[] = {
	{"v=1", "v=<1>"},
	{"v=1; a=rsa-sha256;", "v=<1> a=<rsa-sha256>"},
	{" v = 1 ;\r\n\ta\t=\r\n b ; ", "v=<1> a=<b>"},
	{"p=", "p=<>"},
	{"p=;", "p=<>"},
	{"p= \r\n ; t=s", "p=<> t=<s>"},
	{"n=two words ; h=a :\r\n b", "n=<two_words> h=<a_:___b>"},
	{"b=a=b==; B=2", "b=<a=b==> B=<2>"},
	{"b\r\n\t=\r\n \r\n x", "b=<x>"},
	{"i=\xc3\xa4@\xc3\xb6.test", "i=<\xc3\xa4@\xc3\xb6.test>"},
	{"x_1=!~", "x_1=<!~>"},

	{"", "malformed at 0"},
	{" \r\n\t", "malformed at 0"},
	{";", "malformed at 0"},
	{"v=1;;", "malformed at 4"},
	{"v=1; ;a=b", "malformed at 4"},
	{"v", "malformed at 0"},
	{"v;a=b", "malformed at 0"},
	{"=1", "malformed at 0"},
	{"1a=b", "malformed at 0"},
	{"_a=b", "malformed at 0"},
	{"a-b=c", "malformed at 0"},
	{"a b=c", "malformed at 0"},
	{"a=b\r\nc", "malformed at 0"},
	{"a=b\r\n", "malformed at 0"},
	{"a=b\n c", "malformed at 0"},
	{"a=b\r c", "malformed at 0"},
	{"v=1; a=\x01", "malformed at 4"},
	{"v=1; a=\x7f", "malformed at 4"},
	{"v=1; a=\xe4", "malformed at 4"},
	{"v=1; a=\xc3", "malformed at 4"},
	{"\xc3\xa4=1", "malformed at 0"},
	{"a=1; b=2; a=1", "a tag stands twice at 9"},
	{"a=1; b=2; a=", "a tag stands twice at 9"},
};

static struct gp_slice
show(int rc, const struct gp_taglist *list, struct gp_arena *arena)
{
	static const char *const faults[] = {
		[GP_TAGLIST_MALFORMED] = "malformed",
		[GP_TAGLIST_DUPLICATE] = "a tag stands twice",
		[GP_TAGLIST_MANY] = "too many tags",
	};
	if (rc != GP_TAGLIST_OK)
		return gp_arena_printf(arena, "%s at %zu", faults[rc], list->fault_at);
	struct gp_slice out = GP_SLICE("");
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_tag *t = &list->tags[i];
		char *value = gp_arena_str(arena, t->value);
		for (size_t k = 0; k < t->value.len; k++)
			value[k] = value[k] >= 0 && value[k] <= ' ' ? '_' : value[k];
		out = gp_arena_printf(arena, "%.*s%s%.*s=<%s>", GP_SLICE_FMT(out), i ? " " : "",
				      GP_SLICE_FMT(t->name), value);
	}
	return out;
}

static void
lists_are_read_by_their_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_taglist list;
		int rc = gp_taglist_read(gp_slice_str(cases[i].text), &list);
		assert_slice(show(rc, &list, &arena), cases[i].want);
		gp_arena_free(&arena);
	}
}

static void
a_nul_is_no_value(void **state)
{
	(void)state;
	struct gp_taglist list;
	assert_int_equal(gp_taglist_read(GP_SLICE("a=\0"), &list), GP_TAGLIST_MALFORMED);
	assert_int_equal(gp_taglist_read(GP_SLICE("a\0=1"), &list), GP_TAGLIST_MALFORMED);
}

static void
tags_are_found_by_case(void **state)
{
	(void)state;
	struct gp_taglist list;
	assert_int_equal(gp_taglist_read(GP_SLICE("z=b=1; b= x y ; B=3"), &list), 0);
	assert_slice(gp_taglist_find(&list, GP_SLICE("b"))->value, "x y");
	assert_slice(gp_taglist_find(&list, GP_SLICE("b"))->raw, " x y ");
	assert_slice(gp_taglist_find(&list, GP_SLICE("B"))->value, "3");
	assert_null(gp_taglist_find(&list, GP_SLICE("Z")));
}

static void
lists_have_a_bound(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_taglist list;
	struct gp_slice text = GP_SLICE("");
	for (int i = 0; i < GP_TAGLIST_MAX; i++)
		text = gp_arena_printf(&arena, "%.*st%d=1;", GP_SLICE_FMT(text), i);
	assert_int_equal(gp_taglist_read(text, &list), GP_TAGLIST_OK);
	assert_int_equal(list.len, GP_TAGLIST_MAX);
	text = gp_arena_printf(&arena, "%.*sx=1", GP_SLICE_FMT(text));
	assert_int_equal(gp_taglist_read(text, &list), GP_TAGLIST_MANY);
	assert_int_equal(list.len, GP_TAGLIST_MAX);
	gp_arena_free(&arena);
}

/* As a lenient reader sees them: "!" for what is no tag. */
static void
a_reader_may_go_on_behind_a_fault(void **state)
{
	(void)state;
	struct gp_slice rest = GP_SLICE("a=1; bad; b=\x01; ;c=3; ");
	char got[16] = "";
	size_t len = 0;
	struct gp_tag tag;
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) != 1;) {
		assert_true(rc == 0 || rc == -EINVAL);
		got[len++] = rc == 0 ? tag.name.ptr[0] : '!';
	}
	assert_string_equal(got, "a!!!c");
	assert_int_equal(gp_taglist_next(&rest, &tag), 1);
}

static const struct {
	const char *value, *want;
} lists[] = {
	{"from", "<from>"}, {"from : to:\r\n\tsubject", "<from><to><subject>"},
	{"a:", "<a><>"},    {"::", "<><><>"},
	{"", "<>"},
};

static void
values_are_lists_of_items(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(lists); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_slice rest = gp_slice_str(lists[i].value), item, out = GP_SLICE("");
		while (gp_taglist_item(&rest, ':', &item))
			out = gp_arena_printf(&arena, "%.*s<%.*s>", GP_SLICE_FMT(out),
					      GP_SLICE_FMT(item));
		assert_slice(out, lists[i].want);
		gp_arena_free(&arena);
	}
}

/* want NULL: it is no base64. */
static const struct {
	const char *value, *want;
} codes[] = {
	{"Zm9v", "foo"},       {"Zm9vYg==", "foob"},    {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"},
	{"Zm9vYmE=", "fooba"}, {"Z\r\n m 9\tv", "foo"}, {"", ""},           {"Z", NULL},
	{"Zm9v=", NULL},       {"Zm9vY===", NULL},      {"Zh==", NULL},     {"Zm*v", NULL},
	{"Z=m9", NULL},
};

static void
base64_is_read_without_its_folding(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(codes); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_slice got;
		int rc = gp_taglist_base64(gp_slice_str(codes[i].value), &arena, &got);
		assert_int_equal(rc, codes[i].want ? 0 : 1);
		if (rc == 0)
			assert_slice(got, codes[i].want);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(4);
	struct gp_slice got;
	assert_int_equal(gp_taglist_base64(GP_SLICE("Zm9vYmE="), &arena, &got), -ENOMEM);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_by_their_grammar),
		cmocka_unit_test(a_nul_is_no_value),
		cmocka_unit_test(tags_are_found_by_case),
		cmocka_unit_test(lists_have_a_bound),
		cmocka_unit_test(a_reader_may_go_on_behind_a_fault),
		cmocka_unit_test(values_are_lists_of_items),
		cmocka_unit_test(base64_is_read_without_its_folding),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
