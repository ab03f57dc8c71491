/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../prng.h"
#include "base/id.h"

static void
shows_eleven_characters(void **state)
{
	(void)state;
	assert_string_equal(gp_id_text(0).s, "00000000000");
	assert_string_equal(gp_id_text(61).s, "0000000000z");
	assert_string_equal(gp_id_text(62).s, "00000000010");
	assert_string_equal(gp_id_text(UINT64_MAX).s, "LygHa16AHYF");
}

static void
reads_back_and_keeps_order(void **state)
{
	(void)state;
	struct prng r = {5};
	for (int i = 0; i < 10000; i++) {
		uint64_t a = prng_next(&r) >> prng_below(&r, 64), b = a + 1 + prng_below(&r, 1000);
		uint64_t back = ~a;
		struct gp_id_text text = gp_id_text(a);
		assert_true(gp_id_parse(gp_slice_str(text.s), &back));
		assert_true(back == a);
		if (b > a)
			assert_true(strcmp(text.s, gp_id_text(b).s) < 0);
	}
}

static void
refuses_what_is_no_id(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"0000000000",
		"000000000000",
		"0000000000-",
		" 0000000000",
		"LygHa16AHYG",
		"zzzzzzzzzzz",
		"0000000000\n",
		"000000/0000",
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint64_t id = 4711;
		assert_false(gp_id_parse(gp_slice_str(cases[i]), &id));
		assert_true(id == 4711);
	}
}

static void
knows_what_may_be_asked_for(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t id;
	} cases[] = {
		{"00000000010", true, 62},
		{"00000000000", true, GP_ID_NOBODYS},
		{"zzzzzzzzzzz", true, GP_ID_NOBODYS},
		{"000000000010", true, GP_ID_NOBODYS},
		{"0000000000000010", true, GP_ID_NOBODYS},
		{"00000000000000010", false, 0},
		{"0000000010", false, 0},
		{"0000000001-", false, 0},
		{"", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint64_t id = 0;
		assert_int_equal(gp_id_asked(gp_slice_str(cases[i].text), &id), cases[i].good);
		assert_true(id == cases[i].id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_eleven_characters),
		cmocka_unit_test(reads_back_and_keeps_order),
		cmocka_unit_test(refuses_what_is_no_id),
		cmocka_unit_test(knows_what_may_be_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
