/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../prng.h"
#include "base/buf.h"

static void
appends_each_kind(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(100);
	assert_slice(gp_buf_slice(&b), "");
	assert_true(gp_buf_put(&b, gp_slice(NULL, 0)));
	assert_true(gp_buf_put_str(&b, "a"));
	assert_true(gp_buf_put_char(&b, '-'));
	assert_true(gp_buf_put_u64(&b, 0));
	assert_true(gp_buf_put_char(&b, '-'));
	assert_true(gp_buf_put_u64(&b, UINT64_MAX));
	assert_true(gp_buf_printf(&b, "-%d%s", 7, ""));
	assert_true(gp_buf_printf(&b, "%s", ""));
	assert_slice(gp_buf_slice(&b), "a-0-18446744073709551615-7");
	gp_buf_truncate(&b, 3);
	assert_slice(gp_buf_slice(&b), "a-0");
	gp_buf_free(&b);
	assert_true(b.max == 100);
	assert_true(gp_buf_put_str(&b, "again"));
	assert_slice(gp_buf_slice(&b), "again");
	gp_buf_free(&b);
	gp_buf_free(&b);
}

static void
holds_exactly_its_cap(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(4);
	assert_true(gp_buf_put_str(&b, "1234"));
	assert_false(b.failed);
	assert_true(gp_buf_put_str(&b, ""));
	assert_false(gp_buf_put_char(&b, '5'));
	assert_true(b.failed);
	assert_slice(gp_buf_slice(&b), "1234");
	gp_buf_free(&b);
	b = GP_BUF_INIT(0);
	assert_true(gp_buf_put_str(&b, ""));
	assert_false(gp_buf_put_str(&b, "1"));
	gp_buf_free(&b);
}

static void
latches_the_first_refusal(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(4);
	assert_true(gp_buf_put_str(&b, "12"));
	assert_false(gp_buf_put_str(&b, "345"));
	assert_false(gp_buf_put_str(&b, "3"));
	assert_false(gp_buf_put_u64(&b, 3));
	assert_false(gp_buf_printf(&b, "3"));
	assert_null(gp_buf_reserve(&b, 0));
	assert_slice(gp_buf_slice(&b), "12");
	gp_buf_consume(&b, 2);
	assert_true(b.failed);
	gp_buf_clear(&b);
	assert_true(gp_buf_put_str(&b, "3456"));
	assert_slice(gp_buf_slice(&b), "3456");
	gp_buf_free(&b);
}

static void
refuses_sizes_that_overflow(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(SIZE_MAX);
	assert_true(gp_buf_put_str(&b, "x"));
	assert_null(gp_buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	gp_buf_free(&b);
}

static void
printf_that_does_not_fit_writes_nothing(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(8);
	assert_true(gp_buf_put_str(&b, "123"));
	assert_false(gp_buf_printf(&b, "%s", "456789"));
	assert_true(b.failed);
	assert_slice(gp_buf_slice(&b), "123");
	gp_buf_free(&b);
}

static void
printf_fills_to_the_cap(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(8);
	assert_true(gp_buf_printf(&b, "%s", "12345678"));
	assert_slice(gp_buf_slice(&b), "12345678");
	assert_true(gp_buf_printf(&b, "%s", ""));
	gp_buf_free(&b);
}

static void
writes_in_place(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(1000);
	char *to = gp_buf_reserve(&b, 600);
	assert_non_null(to);
	memset(to, 'x', 600);
	gp_buf_advance(&b, 2);
	assert_slice(gp_buf_slice(&b), "xx");
	gp_buf_free(&b);
}

/* A model: the same run of octets in a plain array. */
static void
agrees_with_a_plain_array(void **state)
{
	(void)state;
	enum { MAX = 3000, STEPS = 20000 };
	struct prng r = {1};
	struct gp_buf b = GP_BUF_INIT(MAX);
	static char model[MAX];
	size_t len = 0;
	for (int step = 0; step < STEPS; step++) {
		char piece[700];
		size_t n = prng_below(&r, sizeof(piece));
		memset(piece, 'a' + step % 26, n);
		if (prng_below(&r, 2) == 0) {
			bool fits = len + n <= MAX;
			assert_int_equal(gp_buf_put(&b, gp_slice(piece, n)), fits);
			assert_int_equal(b.failed, !fits);
			b.failed = false;
			if (fits) {
				memcpy(model + len, piece, n);
				len += n;
			}
		} else if (n <= len) {
			gp_buf_consume(&b, n);
			memmove(model, model + n, len - n);
			len -= n;
		}
		assert_true(b.len == len && b.cap <= MAX);
		assert_memory_equal(gp_buf_slice(&b).ptr, model, len);
	}
	gp_buf_free(&b);
}

static void
consume_too_much(void)
{
	struct gp_buf b = GP_BUF_INIT(4);
	gp_buf_put_str(&b, "1");
	gp_buf_consume(&b, 2);
}

static void
truncate_upwards(void)
{
	struct gp_buf b = GP_BUF_INIT(4);
	gp_buf_truncate(&b, 1);
}

static void
advance_unreserved(void)
{
	struct gp_buf b = GP_BUF_INIT(4);
	gp_buf_put_str(&b, "1");
	gp_buf_advance(&b, 4);
}

static void
holds_callers_to_their_lengths(void **state)
{
	(void)state;
	assert_true(aborts(consume_too_much));
	assert_true(aborts(truncate_upwards));
	assert_true(aborts(advance_unreserved));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_each_kind),
		cmocka_unit_test(holds_exactly_its_cap),
		cmocka_unit_test(latches_the_first_refusal),
		cmocka_unit_test(refuses_sizes_that_overflow),
		cmocka_unit_test(printf_that_does_not_fit_writes_nothing),
		cmocka_unit_test(printf_fills_to_the_cap),
		cmocka_unit_test(writes_in_place),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(holds_callers_to_their_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
