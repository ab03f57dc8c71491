/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/scan.h"

static void
looks_but_not_past_the_end(void **state)
{
	(void)state;
	struct gp_scan c = gp_scan(GP_SLICE("\xff"));
	assert_int_equal(gp_scan_peek(&c), 255);
	assert_false(gp_scan_end(&c));
	assert_true(gp_scan_char(&c, '\xff'));
	assert_int_equal(gp_scan_peek(&c), -1);
	assert_true(gp_scan_end(&c));
	assert_false(gp_scan_char(&c, '\0'));
	assert_slice(gp_scan_while(&c, gp_ascii_is_digit), "");
	assert_slice(gp_scan_rest(&c), "");
	assert_false(c.failed);
	c = gp_scan(gp_slice(NULL, 0));
	assert_int_equal(gp_scan_peek(&c), -1);
	assert_false(gp_scan_word(&c, GP_SLICE("a")));
	assert_true(gp_scan_word(&c, GP_SLICE("")));
}

static void
reads_a_line_of_tokens(void **state)
{
	(void)state;
	struct gp_scan c = gp_scan(GP_SLICE("size= \t 1024;x"));
	assert_false(gp_scan_word(&c, GP_SLICE("SIZED")));
	assert_true(gp_scan_word(&c, GP_SLICE("SIZE")));
	assert_false(gp_scan_char(&c, ' '));
	assert_true(gp_scan_char(&c, '='));
	gp_scan_wsp(&c);
	size_t from = c.at;
	assert_slice(gp_scan_while(&c, gp_ascii_is_digit), "1024");
	assert_slice(gp_scan_since(&c, from), "1024");
	assert_slice(gp_scan_rest(&c), ";x");
	assert_slice(gp_scan_while(&c, gp_ascii_is_digit), "");
}

static void
failing_ends_every_loop(void **state)
{
	(void)state;
	struct gp_scan c = gp_scan(GP_SLICE("abc"));
	assert_true(gp_scan_char(&c, 'a'));
	assert_false(gp_scan_fail(&c));
	assert_true(c.failed);
	assert_true(gp_scan_end(&c));
	assert_false(gp_scan_char(&c, 'b'));
	assert_slice(gp_scan_rest(&c), "");
}

static void
look_back_from_ahead(void)
{
	struct gp_scan c = gp_scan(GP_SLICE("abc"));
	gp_scan_since(&c, 1);
}

static void
since_wants_a_place_passed(void **state)
{
	(void)state;
	assert_true(aborts(look_back_from_ahead));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_but_not_past_the_end),
		cmocka_unit_test(reads_a_line_of_tokens),
		cmocka_unit_test(failing_ends_every_loop),
		cmocka_unit_test(since_wants_a_place_passed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
