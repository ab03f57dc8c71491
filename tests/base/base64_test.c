/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/base64.h"

/* RFC 4648 section 10, and octets of every kind. */
static const struct {
	struct gp_slice plain;
	const char *text, *url;
} pairs[] = {
	{{"", 0}, "", ""},
	{{"f", 1}, "Zg==", "Zg"},
	{{"fo", 2}, "Zm8=", "Zm8"},
	{{"foo", 3}, "Zm9v", "Zm9v"},
	{{"foob", 4}, "Zm9vYg==", "Zm9vYg"},
	{{"fooba", 5}, "Zm9vYmE=", "Zm9vYmE"},
	{{"foobar", 6}, "Zm9vYmFy", "Zm9vYmFy"},
	{{"\0u\0p", 4}, "AHUAcA==", "AHUAcA"},
	{{"\xfb\xff\xfe", 3}, "+//+", "-__-"},
};

static const struct {
	const char *text;
	enum gp_base64_form form;
} bad[] = {
	{"Z", GP_BASE64},       {"Zg", GP_BASE64},         {"Zg=", GP_BASE64},
	{"Zg===", GP_BASE64},   {"=", GP_BASE64},          {"====", GP_BASE64},
	{"Zm9v\n", GP_BASE64},  {" Zm9v", GP_BASE64},      {"Zm9v====", GP_BASE64},
	{"Zh==", GP_BASE64},    {"Zm9=", GP_BASE64},       {"Zg==Zg==", GP_BASE64},
	{"-__-", GP_BASE64},    {"Zm\xc3\xa4", GP_BASE64}, {"*", GP_BASE64},
	{"Zg==", GP_BASE64URL}, {"+//+", GP_BASE64URL},    {"Z", GP_BASE64URL},
	{"Zh", GP_BASE64URL},
};

static void
values_have_one_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(pairs); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_buf out = GP_BUF_INIT(64);
		struct gp_slice back;
		assert_true(gp_base64_put(&out, pairs[i].plain));
		assert_slice(gp_buf_slice(&out), pairs[i].text);
		assert_int_equal(
			gp_base64_decode(gp_slice_str(pairs[i].text), GP_BASE64, &arena, &back), 0);
		assert_true(gp_slice_eq(back, pairs[i].plain));
		assert_int_equal(
			gp_base64_decode(gp_slice_str(pairs[i].url), GP_BASE64URL, &arena, &back),
			0);
		assert_true(gp_slice_eq(back, pairs[i].plain));
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
other_spellings_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice back;
		if (gp_base64_decode(gp_slice_str(bad[i].text), bad[i].form, &arena, &back) != 1)
			fail_msg("'%s' was taken", bad[i].text);
		gp_arena_free(&arena);
	}
}

static void
the_cap_holds(void **state)
{
	struct gp_buf out = GP_BUF_INIT(3);
	(void)state;
	assert_false(gp_base64_put(&out, GP_SLICE("foo")));
	assert_true(out.failed);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_one_text),
		cmocka_unit_test(other_spellings_are_refused),
		cmocka_unit_test(the_cap_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
