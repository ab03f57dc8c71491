/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../prng.h"
#include "base/heap.h"

static void
assert_is_heap(const struct gp_heap *h)
{
	for (uint32_t i = 0; i < h->len; i++) {
		assert_int_equal(h->nodes[i]->at, i + 1);
		if (i > 0)
			assert_true(h->nodes[(i - 1) / 2]->key <= h->nodes[i]->key);
	}
}

static void
gives_keys_in_order(void **state)
{
	(void)state;
	enum { N = 1000 };
	struct gp_heap h = {};
	static struct gp_heap_node nodes[N];
	struct prng r = {2};
	assert_null(gp_heap_first(&h));
	for (size_t i = 0; i < N; i++) {
		nodes[i] = (struct gp_heap_node){};
		assert_true(gp_heap_set(&h, &nodes[i], prng_below(&r, 500)));
	}
	uint64_t last = 0;
	for (struct gp_heap_node *first; (first = gp_heap_first(&h));) {
		assert_true(first->key >= last);
		last = first->key;
		gp_heap_remove(&h, first);
		assert_int_equal(first->at, 0);
	}
	assert_int_equal(h.len, 0);
	gp_heap_free(&h);
	gp_heap_free(&h);
}

static void
removing_twice_is_harmless(void **state)
{
	(void)state;
	struct gp_heap h = {};
	struct gp_heap_node a = {}, b = {};
	gp_heap_remove(&h, &a);
	assert_true(gp_heap_set(&h, &a, UINT64_MAX));
	assert_true(gp_heap_set(&h, &b, 0));
	gp_heap_remove(&h, &a);
	gp_heap_remove(&h, &a);
	assert_ptr_equal(gp_heap_first(&h), &b);
	gp_heap_free(&h);
}

/* A model: which nodes are in, and the least key by looking at all. */
static void
agrees_with_a_plain_array(void **state)
{
	(void)state;
	enum { N = 40, STEPS = 20000 };
	struct gp_heap h = {};
	struct gp_heap_node nodes[N] = {};
	bool in[N] = {};
	uint64_t keys[N] = {};
	struct prng r = {3};
	for (int step = 0; step < STEPS; step++) {
		size_t i = prng_below(&r, N);
		if (prng_below(&r, 3) == 0) {
			gp_heap_remove(&h, &nodes[i]);
			in[i] = false;
		} else {
			keys[i] = prng_below(&r, 100);
			assert_true(gp_heap_set(&h, &nodes[i], keys[i]));
			in[i] = true;
		}
		uint32_t count = 0;
		uint64_t least = UINT64_MAX;
		for (size_t k = 0; k < N; k++) {
			assert_int_equal(nodes[k].at > 0, in[k]);
			if (in[k]) {
				assert_true(nodes[k].key == keys[k]);
				least = GP_MIN(least, keys[k]);
				count++;
			}
		}
		assert_int_equal(h.len, count);
		assert_is_heap(&h);
		if (count > 0)
			assert_true(gp_heap_first(&h)->key == least);
	}
	gp_heap_free(&h);
}

static void
remove_from_another(void)
{
	struct gp_heap a = {}, b = {};
	struct gp_heap_node node = {};
	if (gp_heap_set(&a, &node, 1))
		gp_heap_remove(&b, &node);
}

static void
a_node_stays_with_its_heap(void **state)
{
	(void)state;
	assert_true(aborts(remove_from_another));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_keys_in_order),
		cmocka_unit_test(removing_twice_is_harmless),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(a_node_stays_with_its_heap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
