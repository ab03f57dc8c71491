/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../prng.h"
/* The file itself, as its two implementations are its own. */
#include "base/crc32c.c"

/* RFC 3720 appendix B.4 */
static void
gives_the_published_sums(void **state)
{
	(void)state;
	static const unsigned char read_command[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
	char zeros[32] = {}, ones[32], up[32], down[32];
	for (size_t i = 0; i < 32; i++) {
		ones[i] = (char)0xff;
		up[i] = (char)i;
		down[i] = (char)(31 - i);
	}
	assert_int_equal(gp_crc32c(0, gp_slice(zeros, 32)), 0x8a9136aa);
	assert_int_equal(gp_crc32c(0, gp_slice(ones, 32)), 0x62a8ab43);
	assert_int_equal(gp_crc32c(0, gp_slice(up, 32)), 0x46dd794e);
	assert_int_equal(gp_crc32c(0, gp_slice(down, 32)), 0x113fdb5c);
	assert_int_equal(gp_crc32c(0, gp_slice((const char *)read_command, 48)), 0xd9963a56);
	assert_int_equal(gp_crc32c(0, GP_SLICE("123456789")), 0xe3069283);
	assert_int_equal(gp_crc32c(0, gp_slice(NULL, 0)), 0);
}

static void
both_ways_agree(void **state)
{
	(void)state;
	if (!has_instruction())
		skip();
	static char data[1000];
	struct prng r = {6};
	for (int i = 0; i < 3000; i++) {
		for (size_t k = 0; k < 16; k++)
			data[prng_below(&r, sizeof(data))] = (char)prng_next(&r);
		size_t from = prng_below(&r, sizeof(data));
		struct gp_slice s = gp_slice(data + from, prng_below(&r, sizeof(data) - from + 1));
		uint32_t start = (uint32_t)prng_next(&r);
		assert_int_equal(crc_by_table(start, s), crc_by_instruction(start, s));
	}
}

static void
continues_over_pieces(void **state)
{
	(void)state;
	struct gp_slice all = GP_SLICE("The quick brown fox jumps over the lazy dog.\r\n");
	for (size_t at = 0; at <= all.len; at++) {
		uint32_t head = gp_crc32c(0, gp_slice_take(all, at));
		assert_int_equal(gp_crc32c(head, gp_slice_drop(all, at)), gp_crc32c(0, all));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_sums),
		cmocka_unit_test(both_ways_agree),
		cmocka_unit_test(continues_over_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
