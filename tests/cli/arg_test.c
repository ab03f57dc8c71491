/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/arg.h"

static struct gp_arg
arg(const char *value)
{
	return (struct gp_arg){"test", "option", value};
}

static void
whole_numbers_keep_their_bounds(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"1", true},
		{"10", true},
		{"0", false},
		{"11", false},
		{"", false},
		{"1x", false},
		{"-1", false},
		{"+1", false},
		{" 1", false},
		{"1.0", false},
		{"99999999999999999999", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arg a = arg(cases[i].text);
		uint64_t value = 77;
		assert_int_equal(gp_arg_u64(&a, 1, 10, &value), cases[i].good);
		if (!cases[i].good)
			assert_int_equal(value, 77);
	}
}

static void
numbers_may_have_a_fraction(void **state)
{
	static const struct {
		const char *text;
		bool good;
		double value;
	} cases[] = {
		{"0.25", true, 0.25}, {"1", true, 1},    {"0.0", true, 0},    {"1.5", false, 0},
		{".5", false, 0},     {"1.", false, 0},  {"0.1.1", false, 0}, {"0,5", false, 0},
		{"1e0", false, 0},    {"nan", false, 0}, {"-0", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arg a = arg(cases[i].text);
		double value = 0;
		assert_int_equal(gp_arg_number(&a, 0, 1, &value), cases[i].good);
		if (cases[i].good)
			assert_float_equal(value, cases[i].value, 1e-12);
	}
}

static void
addresses_need_a_port_and_no_name(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"127.0.0.1:25", true},
		{"[::1]:25", true},
		{"unix:/run/x", true},
		{"127.0.0.1", false},
		{"localhost:25", false},
		{"127.0.0.1:65536", false},
		{"", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arg a = arg(cases[i].text);
		struct gp_sockaddr addr;
		assert_int_equal(gp_arg_address(&a, &addr), cases[i].good);
	}
}

static void
seconds_are_kept_as_milliseconds(void **state)
{
	struct gp_arg good = arg("1.25"), late = arg("3600.5");
	uint64_t ms = 0;
	(void)state;
	assert_true(gp_arg_seconds(&good, 0.001, 3600, &ms));
	assert_int_equal(ms, 1250);
	assert_false(gp_arg_seconds(&late, 0.001, 3600, &ms));
	assert_int_equal(ms, 1250);
}

/* Where a rename would put a file in its place. */
static void
only_files_are_replaced(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} cases[] = {
		{"/proc/self/stat", true}, {"/absent/file", true}, {"/dev/null", false},
		{"/dev/stdout", false},    {"/tmp", false},        {"", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arg a = arg(cases[i].path);
		const char *path;
		if (gp_arg_replaced(&a, &path) != cases[i].good)
			fail_msg("%s", cases[i].path);
	}
}

static void
options_are_found_by_what_getopt_says(void **state)
{
	static const struct option options[] = {
		{"size", required_argument, NULL, 256}, {"json", no_argument, NULL, 257}, {}};
	static char value[] = "12";
	uint32_t size = 0;
	(void)state;
	optarg = value;
	struct gp_arg a = gp_arg_of("test", options, 256);
	assert_string_equal(a.option, "size");
	assert_true(gp_arg_u32(&a, 1, 100, &size));
	assert_int_equal(size, 12);
	assert_string_equal(gp_arg_of("test", options, 257).option, "json");
	assert_string_equal(gp_arg_of("test", options, 'x').option, "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_keep_their_bounds),
		cmocka_unit_test(numbers_may_have_a_fraction),
		cmocka_unit_test(addresses_need_a_port_and_no_name),
		cmocka_unit_test(seconds_are_kept_as_milliseconds),
		cmocka_unit_test(only_files_are_replaced),
		cmocka_unit_test(options_are_found_by_what_getopt_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
