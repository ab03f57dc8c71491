/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings as they come. */
#include "../unit.h"

#include "core/message/transfer.h"

#define S GP_SLICE

static const struct {
	enum gp_transfer transfer;
	struct gp_slice in, out;
} cases[] = {
	{GP_TRANSFER_NONE, S("a=3D\r\n"), S("a=3D\r\n")},
	{GP_TRANSFER_BASE64, S(""), S("")},
	{GP_TRANSFER_BASE64, S("YWJj"), S("abc")},
	{GP_TRANSFER_BASE64, S("YW\r\nJj\r\n"), S("abc")},
	{GP_TRANSFER_BASE64, S("YWI="), S("ab")},
	{GP_TRANSFER_BASE64, S("YWI"), S("ab")}, /* no padding */
	{GP_TRANSFER_BASE64, S("YQ=="), S("a")},
	{GP_TRANSFER_BASE64, S("YQ==\r\n--\r\nfooter"), S("a")}, /* what lists add */
	{GP_TRANSFER_BASE64, S("Y\x80W-!Jj"), S("abc")},
	{GP_TRANSFER_BASE64, S("+/+/"), S("\xFB\xFF\xBF")},
	{GP_TRANSFER_BASE64, S("Y"), S("")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S(""), S("")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("a=3Db=c3=A9\r\n"), S("a=b\xC3\xA9\r\n")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("ab=\r\ncd=\nef= \t\r\ng"), S("abcdefg")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("a=zz b==3D c=4"), S("a=zz b== c=4")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("a="), S("a")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("a= b"), S("a= b")},
	{GP_TRANSFER_QUOTED_PRINTABLE, S("=00"), S("\0")},
};

static void
decoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice got = gp_transfer_decode(cases[i].transfer, cases[i].in, &arena);
		if (!got.ptr || !gp_slice_eq(got, cases[i].out))
			fail_msg("case %zu: '%.*s'", i, GP_SLICE_FMT(got));
		gp_arena_free(&arena);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_int_equal(gp_transfer_of(S("BASE64")), GP_TRANSFER_BASE64);
	assert_int_equal(gp_transfer_of(S("Quoted-Printable")), GP_TRANSFER_QUOTED_PRINTABLE);
	assert_int_equal(gp_transfer_of(S("8bit")), GP_TRANSFER_NONE);
	assert_int_equal(gp_transfer_of(S("")), GP_TRANSFER_NONE);
}

static void
memory(void **state)
{
	(void)state;
	struct gp_arena none = GP_ARENA_INIT(0);
	assert_null(gp_transfer_decode(GP_TRANSFER_BASE64, S("YWJj"), &none).ptr);
	assert_true(none.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding),
		cmocka_unit_test(names),
		cmocka_unit_test(memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
