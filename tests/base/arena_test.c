/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/arena.h"

static bool
is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

static void
gives_zeroed_aligned_memory(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(1 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t size = 0; size < 300; size++) {
			char *p = gp_arena_alloc(&a, size);
			assert_non_null(p);
			assert_true((uintptr_t)p % _Alignof(max_align_t) == 0);
			assert_true(is_zero(p, size));
			memset(p, 0xff, size);
		}
		gp_arena_reset(&a);
		assert_true(a.used == 0);
	}
	gp_arena_free(&a);
	gp_arena_free(&a);
}

static void
pieces_do_not_overlap(void **state)
{
	(void)state;
	enum { N = 500 };
	struct gp_arena a = GP_ARENA_INIT(1 << 20);
	unsigned char *pieces[N];
	for (size_t i = 0; i < N; i++) {
		pieces[i] = gp_arena_alloc(&a, i);
		memset(pieces[i], (int)(i % 251), i);
	}
	for (size_t i = 0; i < N; i++) {
		for (size_t at = 0; at < i; at++)
			assert_int_equal(pieces[i][at], i % 251);
	}
	gp_arena_free(&a);
}

static void
latches_at_the_cap(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(64);
	assert_non_null(gp_arena_alloc(&a, 48));
	assert_non_null(gp_arena_alloc(&a, 16));
	assert_null(gp_arena_alloc(&a, 1));
	assert_true(a.failed);
	assert_null(gp_arena_alloc(&a, 0));
	gp_arena_reset(&a);
	assert_false(a.failed);
	assert_non_null(gp_arena_alloc(&a, 64));
	gp_arena_free(&a);
	assert_true(a.max == 64);
}

static void
refuses_sizes_that_overflow(void **state)
{
	(void)state;
	static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1,  SIZE_MAX - 15,
				       SIZE_MAX - 31, SIZE_MAX - 47, SIZE_MAX - 63};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct gp_arena a = GP_ARENA_INIT(SIZE_MAX);
		assert_null(gp_arena_alloc(&a, sizes[i]));
		assert_true(a.failed);
		gp_arena_free(&a);
	}
	struct gp_arena a = GP_ARENA_INIT(SIZE_MAX);
	assert_null(gp_arena_array(&a, SIZE_MAX / 2, 3));
	assert_true(a.failed);
	gp_arena_free(&a);
}

static void
keeps_one_usual_chunk(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(1 << 20);
	gp_arena_alloc(&a, 100);
	void *usual = a.chunks;
	gp_arena_reset(&a);
	assert_ptr_equal(a.chunks, usual);
	gp_arena_alloc(&a, 100000);
	gp_arena_reset(&a);
	assert_null(a.chunks);
	gp_arena_free(&a);
}

static void
copies_end_in_nul(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(4096);
	struct gp_slice copy = gp_arena_dup(&a, gp_slice_take(GP_SLICE("abcdef"), 3));
	assert_slice(copy, "abc");
	assert_int_equal(copy.ptr[3], 0);
	assert_string_equal(gp_arena_str(&a, gp_slice(NULL, 0)), "");
	copy = gp_arena_printf(&a, "%s-%05d", "x", 42);
	assert_slice(copy, "x-00042");
	assert_int_equal(copy.ptr[copy.len], 0);
	gp_arena_free(&a);
}

static void
copies_that_do_not_fit_are_empty(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(16);
	struct gp_slice copy = gp_arena_dup(&a, GP_SLICE("0123456789abcdef"));
	assert_true(!copy.ptr && copy.len == 0 && a.failed);
	gp_arena_reset(&a);
	copy = gp_arena_printf(&a, "%s", "0123456789abcdef");
	assert_true(!copy.ptr && copy.len == 0 && a.failed);
	gp_arena_reset(&a);
	assert_null(gp_arena_str(&a, GP_SLICE("0123456789abcdef")));
	gp_arena_reset(&a);
	assert_slice(gp_arena_dup(&a, GP_SLICE("0123456789abcde")), "0123456789abcde");
	gp_arena_free(&a);
}

static void
makes_objects(void **state)
{
	(void)state;
	struct gp_arena a = GP_ARENA_INIT(4096);
	struct gp_slice *one = gp_arena_new(&a, struct gp_slice);
	assert_true(one && !one->ptr && one->len == 0);
	uint64_t *many = gp_arena_array(&a, 10, sizeof(*many));
	assert_true(many && is_zero((char *)many, 80));
	gp_arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_memory),
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(latches_at_the_cap),
		cmocka_unit_test(refuses_sizes_that_overflow),
		cmocka_unit_test(keeps_one_usual_chunk),
		cmocka_unit_test(copies_end_in_nul),
		cmocka_unit_test(copies_that_do_not_fit_are_empty),
		cmocka_unit_test(makes_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
