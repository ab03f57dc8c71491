/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/wire.h"

static void
write_one_of_each(struct gp_buf *b)
{
	gp_write_u8(b, 0x12);
	gp_write_u16(b, 0x1234);
	gp_write_u32(b, 0x12345678);
	gp_write_u64(b, 0x123456789abcdef0);
	gp_write_bytes(b, GP_SLICE("a\0\n"));
	gp_write_bytes(b, gp_slice(NULL, 0));
}

static void
writes_little_endian(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(100);
	write_one_of_each(&b);
	static const char want[] = "\x12\x34\x12\x78\x56\x34\x12\xf0\xde\xbc\x9a\x78\x56\x34\x12"
				   "\x03\0\0\0a\0\n\0\0\0\0";
	assert_true(gp_slice_eq(gp_buf_slice(&b), gp_slice(want, sizeof(want) - 1)));
	gp_buf_free(&b);
}

static void
reads_back_what_was_written(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(100);
	write_one_of_each(&b);
	struct gp_reader r = gp_reader(gp_buf_slice(&b));
	assert_int_equal(gp_read_u8(&r), 0x12);
	assert_int_equal(gp_read_u16(&r), 0x1234);
	assert_int_equal(gp_read_u32(&r), 0x12345678);
	assert_true(gp_read_u64(&r) == 0x123456789abcdef0);
	assert_true(gp_slice_eq(gp_read_bytes(&r, 3), GP_SLICE("a\0\n")));
	assert_false(gp_read_end(&r));
	assert_true(gp_read_bytes(&r, 3).len == 0);
	assert_true(gp_read_end(&r));
	gp_buf_free(&b);
}

/* Every cut of a good record fails at some read, and never before its last. */
static void
a_cut_record_fails(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(100);
	write_one_of_each(&b);
	for (size_t len = 0; len < b.len; len++) {
		struct gp_reader r = gp_reader(gp_slice_take(gp_buf_slice(&b), len));
		gp_read_u8(&r);
		gp_read_u16(&r);
		gp_read_u32(&r);
		gp_read_u64(&r);
		gp_read_bytes(&r, 3);
		gp_read_bytes(&r, 3);
		assert_true(r.failed);
		assert_false(gp_read_end(&r));
	}
	gp_buf_free(&b);
}

static void
failure_latches(void **state)
{
	(void)state;
	struct gp_reader r = gp_reader(GP_SLICE("\x01\x02\x03"));
	assert_int_equal(gp_read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(gp_read_u8(&r), 0);
	assert_int_equal(gp_read_u16(&r), 0);
	assert_true(gp_read_u64(&r) == 0);
	assert_true(gp_read_raw(&r, 0).len == 0);
	assert_true(gp_read_bytes(&r, 10).len == 0);
	assert_true(r.failed);
}

static void
lengths_are_capped(void **state)
{
	(void)state;
	struct gp_slice record = GP_SLICE("\x04\0\0\0abcd");
	struct gp_reader r = gp_reader(record);
	assert_slice(gp_read_bytes(&r, 4), "abcd");
	r = gp_reader(record);
	assert_slice(gp_read_bytes(&r, 3), "");
	assert_true(r.failed);
	r = gp_reader(GP_SLICE("\xff\xff\xff\xff"
			       "abcd"));
	assert_slice(gp_read_bytes(&r, SIZE_MAX), "");
	assert_true(r.failed);
}

static void
reads_raw_octets(void **state)
{
	(void)state;
	struct gp_reader r = gp_reader(GP_SLICE("abc"));
	assert_slice(gp_read_raw(&r, 0), "");
	assert_slice(gp_read_raw(&r, 2), "ab");
	assert_slice(gp_read_raw(&r, 2), "");
	assert_true(r.failed);
}

static void
numbers_of_any_size(void **state)
{
	static const struct {
		uint64_t n;
		struct gp_slice octets;
	} cases[] = {
		{0, GP_SLICE("\0")},
		{127, GP_SLICE("\x7f")},
		{128, GP_SLICE("\x80\x01")},
		{300, GP_SLICE("\xac\x02")},
		{UINT64_MAX, GP_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
	};
	static const struct gp_slice broken[] = {
		GP_SLICE(""), GP_SLICE("\x80"),
		/* One bit, and one octet, more than fit. */
		GP_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
		GP_SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0")};
	struct gp_buf b = GP_BUF_INIT(64);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		gp_buf_clear(&b);
		gp_write_uint(&b, cases[i].n);
		assert_true(gp_slice_eq(gp_buf_slice(&b), cases[i].octets));
		struct gp_reader r = gp_reader(cases[i].octets);
		assert_true(gp_read_uint(&r) == cases[i].n);
		assert_true(gp_read_end(&r));
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(broken); i++) {
		struct gp_reader r = gp_reader(broken[i]);
		assert_true(gp_read_uint(&r) == 0 && r.failed);
	}
	gp_buf_free(&b);
}

static void
a_full_buffer_latches_for_writers(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(6);
	gp_write_u32(&b, 1);
	gp_write_u32(&b, 2);
	gp_write_u8(&b, 3);
	assert_true(b.failed);
	assert_true(b.len == 4);
	gp_buf_clear(&b);
	gp_write_bytes(&b, GP_SLICE("abc"));
	assert_true(b.failed);
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_little_endian),
		cmocka_unit_test(reads_back_what_was_written),
		cmocka_unit_test(a_cut_record_fails),
		cmocka_unit_test(failure_latches),
		cmocka_unit_test(lengths_are_capped),
		cmocka_unit_test(reads_raw_octets),
		cmocka_unit_test(numbers_of_any_size),
		cmocka_unit_test(a_full_buffer_latches_for_writers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
