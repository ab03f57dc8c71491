/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/sasl/names.h"

/* NULL: no name. */
static const struct {
	struct gp_slice text;
	const char *name;
} names[] = {
	{{"alice", 5}, "alice"},
	{{"Alice@Example.ORG", 17}, "alice@example.org"},
	{{"a+b_c-d.e=f", 11}, "a+b_c-d.e=f"},
	{{"7", 1}, "7"},
	{{"a#b{c", 5}, "a#b{c"},
	{{"", 0}, NULL},
	{{"#alice", 6}, NULL},
	{{"{argon2id}", 10}, NULL},
	{{"al ice", 6}, NULL},
	{{" alice", 6}, NULL},
	{{"alice\n", 6}, NULL},
	{{"alice\r", 6}, NULL},
	{{"alice\tx", 7}, NULL},
	{{"al\0ice", 6}, NULL},
	{{"alice\0", 6}, NULL},
	{{"\x7f", 1}, NULL},
	{{"al,ice", 6}, NULL},
	{{"al:ice", 6}, NULL},
	{{"al\"ice", 6}, NULL},
	{{"al\\ice", 6}, NULL},
	{{"j\xc3\xb6rg", 5}, NULL},
	{{"\xff", 1}, NULL},
};

static const struct {
	struct gp_slice text;
	bool valid, prepared;
} passwords[] = {
	{{"secret", 6}, true, true},       {{" two words ", 11}, true, true},
	{{"p\xc3\xa4ss", 5}, true, false}, {{"", 0}, false, false},
	{{"a\0b", 3}, false, false},       {{"a\nb", 3}, false, false},
	{{"a\x7f", 2}, false, false},      {{"a\xc2\x85", 3}, false, false},     /* NEL */
	{{"a\xff", 2}, false, false},      {{"a\xed\xa0\x80", 4}, false, false}, /* a surrogate */
};

static void
names_have_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice name = {};
		int r = gp_user_name_parse(names[i].text, &arena, &name);
		if (r != (names[i].name ? 0 : 1))
			fail_msg("'%.*s': %d", GP_SLICE_FMT(names[i].text), r);
		if (r == 0)
			assert_slice(name, names[i].name);
		gp_arena_free(&arena);
	}
}

static void
names_have_a_length(void **state)
{
	char text[GP_USER_NAME_MAX + 1];
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_slice name;
	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(gp_user_name_parse(gp_slice(text, sizeof(text) - 1), &arena, &name), 0);
	assert_int_equal(gp_user_name_parse(gp_slice(text, sizeof(text)), &arena, &name), 1);
	gp_arena_free(&arena);
}

static void
passwords_are_text(void **state)
{
	char text[GP_PASSWORD_MAX + 1];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(passwords); i++) {
		assert_int_equal(gp_password_valid(passwords[i].text), passwords[i].valid);
		assert_int_equal(gp_password_is_prepared(passwords[i].text), passwords[i].prepared);
	}
	memset(text, 'a', sizeof(text));
	assert_true(gp_password_valid(gp_slice(text, sizeof(text) - 1)));
	assert_false(gp_password_valid(gp_slice(text, sizeof(text))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(names_have_a_length),
		cmocka_unit_test(passwords_are_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
