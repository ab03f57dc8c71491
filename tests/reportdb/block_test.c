/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as octets, and read again; what is no block is refused. */
#include "../unit.h"

#include <errno.h>

#include "reportdb/block.h"

enum { ROWS = 2000 };

static struct gp_detail details[700];
static struct gp_block_row rows[ROWS];
static struct gp_block block = {.octets = {.max = GP_BLOCK_FULL + 2 * GP_DETAIL_MAX}};

/* Numbers fall and sources come in no order, of both families. */
static void
make_rows(size_t len, size_t details_len, struct gp_slice packed)
{
	for (size_t i = 0; i < details_len; i++)
		details[i] = (struct gp_detail){.packed = packed};
	for (size_t i = 0; i < len; i++)
		rows[i] = (struct gp_block_row){
			.source = {i % 3 == 0 ? UINT64_C(0x20010db8) << 32 : 0,
				   i % 3 == 0 ? i : UINT64_C(0xffff) << 32 | (i * 37 % 256)},
			.number = len - i,
			.messages = UINT64_C(1) << i % 41,
			.detail = &details[i % details_len],
		};
}

/* Returns how many rows are in the block, all of which are as they were. */
static size_t
check_block(const struct gp_block_row *from, size_t len)
{
	struct gp_block_reader r = {.octets = gp_reader(gp_buf_slice(&block.octets))};
	struct gp_block_told told;
	size_t n = 0;
	int code;
	for (; (code = gp_block_next(&r, &told)) == 1; n++) {
		uint8_t address[16];
		assert_true(n < len);
		gp_block_source(&from[n], address);
		assert_memory_equal(told.address, address, sizeof(address));
		assert_true(told.number == from[n].number);
		assert_true(told.messages == from[n].messages);
		assert_true(gp_slice_eq(told.detail, from[n].detail->packed));
	}
	assert_int_equal(code, 0);
	return n;
}

static void
rows_come_back(void **state)
{
	size_t n;
	(void)state;
	make_rows(ROWS, 7, GP_SLICE("\1\2\3ours.example\0\0\0\0\0\0"));
	gp_block_sort(rows, ROWS);
	for (size_t at = 0; at < ROWS; at += n) {
		if (at > 0)
			assert_true(rows[at - 1].source[0] < rows[at].source[0] ||
				    (rows[at - 1].source[0] == rows[at].source[0] &&
				     rows[at - 1].source[1] <= rows[at].source[1]));
		n = gp_block_fill(&block, &rows[at], ROWS - at);
		assert_false(block.octets.failed);
		assert_int_equal(n, GP_MIN((size_t)GP_BLOCK_ROWS, ROWS - at));
		assert_int_equal(check_block(&rows[at], n), n);
	}
}

static void
a_block_of_large_details_is_short(void **state)
{
	static char text[5000];
	(void)state;
	make_rows(700, 700, gp_slice(text, sizeof(text)));
	assert_int_equal(gp_block_fill(&block, rows, 700), 4);
	assert_int_equal(check_block(rows, 4), 4);
}

/* Each prefix has whole rows and then is over, or ends within one. */
static void
what_is_cut_is_refused(void **state)
{
	(void)state;
	make_rows(5, 2, GP_SLICE("\1\2\3a\0b\0\0\0\0\0"));
	assert_int_equal(gp_block_fill(&block, rows, 5), 5);
	struct gp_slice all = gp_buf_slice(&block.octets);
	size_t whole = 0;
	for (size_t n = 0; n <= all.len; n++) {
		struct gp_block_reader r = {.octets = gp_reader(gp_slice_take(all, n))};
		struct gp_block_told told;
		int code;
		while ((code = gp_block_next(&r, &told)) == 1) {
		}
		assert_true(code == 0 || code == -EIO);
		whole += code == 0;
		assert_int_equal(gp_block_next(&r, &told), code);
	}
	assert_int_equal(whole, 5 + 1);
}

static void
what_is_no_block_is_refused(void **state)
{
	/* A detail that was not told; one that is longer than all. */
	static const struct gp_slice broken[] = {
		GP_SLICE("\2\1\2\3\4\1\1"),
		GP_SLICE("\0\377\377\377\377\1\2\3\4\1\1"),
		GP_SLICE("\377\377\377\377\377\377\377\377\377\377\1"),
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(broken); i++) {
		struct gp_block_reader r = {.octets = gp_reader(broken[i])};
		struct gp_block_told told;
		assert_int_equal(gp_block_next(&r, &told), -EIO);
	}
	gp_buf_free(&block.octets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(a_block_of_large_details_is_short),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(what_is_no_block_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
