/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <stdio.h>

#include "../prng.h"
#include "base/map.h"

static const uint64_t seed[2] = {1, 2};

static void
sets_gets_replaces_removes(void **state)
{
	(void)state;
	struct gp_map m = gp_map(10, seed);
	int one = 1, two = 2;
	assert_null(gp_map_get(&m, GP_SLICE("a")));
	assert_null(gp_map_remove(&m, GP_SLICE("a")));
	assert_true(gp_map_set(&m, GP_SLICE("a"), &one));
	assert_true(gp_map_set(&m, GP_SLICE("a\0"), &two));
	assert_true(gp_map_set(&m, GP_SLICE(""), &two));
	assert_ptr_equal(gp_map_get(&m, GP_SLICE("a")), &one);
	assert_ptr_equal(gp_map_get(&m, GP_SLICE("a\0")), &two);
	assert_ptr_equal(gp_map_get(&m, gp_slice(NULL, 0)), &two);
	assert_null(gp_map_get(&m, GP_SLICE("A")));
	assert_true(gp_map_set(&m, GP_SLICE("a"), &two));
	assert_int_equal(m.len, 3);
	assert_ptr_equal(gp_map_remove(&m, GP_SLICE("a")), &two);
	assert_null(gp_map_get(&m, GP_SLICE("a")));
	assert_int_equal(m.len, 2);
	gp_map_free(&m);
	assert_true(gp_map_set(&m, GP_SLICE("a"), &one));
	gp_map_free(&m);
	gp_map_free(&m);
}

static void
cleared_maps_are_as_new(void **state)
{
	static char keys[2000][8];
	int value = 1;
	(void)state;
	/* One that keeps its memory, one that does not. */
	for (size_t n = 3; n <= GP_ARRAY_LEN(keys); n += GP_ARRAY_LEN(keys) - 3) {
		struct gp_map m = gp_map(n, seed);
		for (int round = 0; round < 3; round++) {
			size_t at = 0;
			for (size_t i = 0; i < n; i++) {
				snprintf(keys[i], sizeof(keys[i]), "%d.%zu", round, i);
				assert_true(gp_map_set(&m, gp_slice_str(keys[i]), &value));
			}
			assert_int_equal(m.len, n);
			gp_map_clear(&m);
			assert_int_equal(m.len, 0);
			assert_null(gp_map_get(&m, gp_slice_str(keys[0])));
			assert_null(gp_map_next(&m, &at));
		}
		gp_map_free(&m);
	}
}

/* A replaced entry holds the new key: the old one's memory may be gone. */
static void
replacing_takes_the_new_key(void **state)
{
	(void)state;
	struct gp_map m = gp_map(10, seed);
	char old[] = "key";
	int value = 1;
	assert_true(gp_map_set(&m, gp_slice_str(old), &value));
	assert_true(gp_map_set(&m, GP_SLICE("key"), &value));
	old[0] = '!';
	assert_ptr_equal(gp_map_get(&m, GP_SLICE("key")), &value);
	gp_map_free(&m);
}

static void
stops_at_its_cap(void **state)
{
	(void)state;
	enum { MAX = 100 };
	struct gp_map m = gp_map(MAX, seed);
	static char keys[MAX + 1][8];
	for (size_t i = 0; i <= MAX; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		assert_int_equal(gp_map_set(&m, gp_slice_str(keys[i]), keys[i]), i < MAX);
	}
	assert_int_equal(m.len, MAX);
	assert_true(gp_map_set(&m, gp_slice_str(keys[0]), keys[1]));
	gp_map_remove(&m, gp_slice_str(keys[5]));
	assert_true(gp_map_set(&m, gp_slice_str(keys[MAX]), keys[MAX]));
	assert_null(gp_map_get(&m, gp_slice_str(keys[5])));
	gp_map_free(&m);
	m = gp_map(0, seed);
	assert_false(gp_map_set(&m, GP_SLICE("a"), keys));
	gp_map_free(&m);
}

static void
walks_each_entry_once(void **state)
{
	(void)state;
	enum { N = 50 };
	struct gp_map m = gp_map(N, seed);
	static char keys[N][8];
	int seen[N] = {};
	for (size_t i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		assert_true(gp_map_set(&m, gp_slice_str(keys[i]), &seen[i]));
	}
	size_t at = 0, count = 0;
	for (const struct gp_map_entry *e; (e = gp_map_next(&m, &at)); count++)
		++*(int *)e->value;
	assert_int_equal(count, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	assert_null(gp_map_next(&m, &at));
	gp_map_free(&m);
	at = 0;
	assert_null(gp_map_next(&m, &at));
}

/*
 * A model: the value of each key in a plain array. Few places and many keys make runs that
 * collide and wrap around the table's end; removal must not break any of them.
 */
static void
agrees_with_a_plain_array(void **state)
{
	(void)state;
	enum { N = 60, STEPS = 30000 };
	static char keys[N][8];
	void *model[N] = {};
	struct prng r = {4};
	for (size_t i = 0; i < N; i++)
		snprintf(keys[i], sizeof(keys[i]), "%zu", i * 37);
	struct gp_map m = gp_map(N, seed);
	for (int step = 0; step < STEPS; step++) {
		size_t i = prng_below(&r, N);
		struct gp_slice key = gp_slice_str(keys[i]);
		if (prng_below(&r, 2) == 0) {
			assert_ptr_equal(gp_map_remove(&m, key), model[i]);
			model[i] = NULL;
		} else {
			model[i] = keys[prng_below(&r, N)];
			assert_true(gp_map_set(&m, key, model[i]));
		}
		size_t count = 0;
		for (size_t k = 0; k < N; k++) {
			assert_ptr_equal(gp_map_get(&m, gp_slice_str(keys[k])), model[k]);
			count += model[k] != NULL;
		}
		assert_int_equal(m.len, count);
	}
	gp_map_free(&m);
}

/* The key 00 to 0f over messages 00 01 02 ...; the sums are those of the Rust library's SipHash. */
static void
hash_agrees_with_siphash_1_3(void **state)
{
	(void)state;
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static const struct {
		size_t len;
		uint64_t sum;
	} cases[] = {
		{0, 0xabac0158050fc4dc},
		{1, 0xc9f49bf37d57ca93},
		{8, 0x369095118d299a8e},
		{15, 0xd320d86d2a519956},
	};
	static const char message[] = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16";
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_true(gp_siphash13(key, gp_slice(message, cases[i].len)) == cases[i].sum);
}

static void
hash_depends_on_seed_and_length(void **state)
{
	(void)state;
	static const uint64_t other[2] = {2, 1};
	char zeros[20] = {};
	for (size_t i = 0; i < sizeof(zeros); i++) {
		struct gp_slice s = gp_slice(zeros, i);
		assert_true(gp_siphash13(seed, s) != gp_siphash13(other, s));
		assert_true(gp_siphash13(seed, s) != gp_siphash13(seed, gp_slice(zeros, i + 1)));
	}
}

static void
set_nothing(void)
{
	struct gp_map m = gp_map(1, seed);
	(void)!gp_map_set(&m, GP_SLICE("a"), NULL);
}

static void
null_is_no_value(void **state)
{
	(void)state;
	assert_true(aborts(set_nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_gets_replaces_removes),
		cmocka_unit_test(cleared_maps_are_as_new),
		cmocka_unit_test(replacing_takes_the_new_key),
		cmocka_unit_test(stops_at_its_cap),
		cmocka_unit_test(walks_each_entry_once),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(hash_agrees_with_siphash_1_3),
		cmocka_unit_test(hash_depends_on_seed_and_length),
		cmocka_unit_test(null_is_no_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
