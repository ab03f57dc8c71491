/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

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

/* A text of zeros but for one octet, which stands for `digit` or is none; padding is not counted in
 * len. */
static void
check_digit(enum gp_base64_form form, size_t len, size_t place, char octet, ptrdiff_t digit)
{
	enum { GROUP = 4, DIGIT_BITS = 6 };
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_slice got;
	char text[2 * GROUP] = "AAAAAAAA";
	size_t spare = len * DIGIT_BITS % 8, octets = len * DIGIT_BITS / 8;
	uint64_t number = (uint64_t)digit << DIGIT_BITS * (len - 1 - place);
	memset(text + len, '=', sizeof(text) - len);
	text[place] = octet;
	int r = gp_base64_decode(gp_slice(text, form == GP_BASE64 ? sizeof(text) : len), form,
				 &arena, &got);
	if (digit < 0 || (number & ((1u << spare) - 1)) != 0) {
		assert_int_equal(r, 1);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(got.len, octets);
		for (size_t i = 0; i < octets; i++)
			assert_int_equal((uint8_t)got.ptr[i],
					 number >> (spare + 8 * (octets - 1 - i)) & 0xff);
	}
	gp_arena_free(&arena);
}

/* At every place of a group, and of what is left behind the last whole one. */
static void
each_octet_is_one_digit_or_none(void **state)
{
	static const char *const alphabets[] = {
		[GP_BASE64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		[GP_BASE64URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	};
	enum { LEN_MIN = 6, LEN_MAX = 8, PADDING = '=' };
	(void)state;
	for (int octet = 0; octet <= UINT8_MAX; octet++) {
		for (enum gp_base64_form form = GP_BASE64; form <= GP_BASE64URL; form++) {
			struct gp_slice digits = gp_slice_str(alphabets[form]);
			ptrdiff_t digit = gp_slice_find(digits, (char)octet);
			for (size_t len = LEN_MIN; len <= LEN_MAX && octet != PADDING; len++) {
				for (size_t place = 0; place < len; place++)
					check_digit(form, len, place, (char)octet, digit);
			}
		}
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
		cmocka_unit_test(each_octet_is_one_digit_or_none),
		cmocka_unit_test(the_cap_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
