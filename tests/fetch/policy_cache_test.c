/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "procs/fetch/policy_cache.h"

static const uint64_t seed[2] = {1, 2};

static void
assert_has(struct policy_cache *c, const char *domains)
{
	struct gp_slice rest = gp_slice_str(domains);
	const struct policy *p = NULL;
	while ((p = policy_cache_next(c, p))) {
		struct gp_slice want = gp_slice_cut(&rest, ' ');
		if (!gp_slice_eq(policy_domain(p), want))
			fail_msg("got '%.*s', wanted '%.*s'", GP_SLICE_FMT(policy_domain(p)),
				 GP_SLICE_FMT(want));
	}
	assert_int_equal(rest.len, 0);
}

static struct policy *
make(struct policy_cache *c, const char *domain)
{
	struct policy *p = policy_cache_make(c, gp_slice_str(domain));
	assert_non_null(p);
	return p;
}

static void
what_was_made_is_found(void **state)
{
	struct policy_cache *c = policy_cache_new(seed, 4, 100);
	(void)state;
	assert_null(policy_cache_find(c, GP_SLICE("a.test")));
	struct policy *p = make(c, "a.test");
	assert_ptr_equal(policy_cache_find(c, GP_SLICE("a.test")), p);
	assert_ptr_equal(make(c, "a.test"), p);
	assert_int_equal(p->text.len, 0);
	assert_true(policy_cache_set_text(c, p, GP_SLICE("one")));
	assert_slice(p->text, "one");
	assert_true(policy_cache_set_text(c, p, GP_SLICE("three")));
	assert_slice(p->text, "three");
	policy_cache_free(c);
}

static void
the_one_not_asked_about_goes(void **state)
{
	struct policy_cache *c = policy_cache_new(seed, 3, 100);
	(void)state;
	make(c, "a.test");
	make(c, "b.test");
	make(c, "c.test");
	assert_has(c, "a.test b.test c.test");
	assert_non_null(policy_cache_find(c, GP_SLICE("a.test")));
	make(c, "d.test");
	assert_has(c, "c.test a.test d.test");
	assert_null(policy_cache_find(c, GP_SLICE("b.test")));
	policy_cache_free(c);
}

static void
texts_have_a_limit_together(void **state)
{
	struct policy_cache *c = policy_cache_new(seed, 9, 10);
	(void)state;
	assert_true(policy_cache_set_text(c, make(c, "a.test"), GP_SLICE("12345")));
	assert_true(policy_cache_set_text(c, make(c, "b.test"), GP_SLICE("12345")));
	assert_has(c, "a.test b.test");
	struct policy *third = make(c, "c.test");
	assert_true(policy_cache_set_text(c, third, GP_SLICE("1")));
	assert_has(c, "b.test c.test");
	/* The one at hand stays, whatever its size. */
	assert_true(policy_cache_set_text(c, third, GP_SLICE("123456789012345")));
	assert_has(c, "c.test");
	make(c, "d.test");
	assert_has(c, "d.test");
	policy_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_is_found),
		cmocka_unit_test(the_one_not_asked_about_goes),
		cmocka_unit_test(texts_have_a_limit_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
