/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/mtasts/ours.h"
#include "core/mtasts/policy.h"

static const struct gp_slice patterns[] = {{"a.test", 6}, {"*.b.test", 8}};

static const struct {
	struct gp_own_mta_sts own;
	const char *want; /* NULL: none */
	uint8_t mode;     /* enum gp_mtasts_mode */
} cases[] = {
	{{.mode = GP_OWN_POLICY_OFF, .max_age = 60000}, NULL, 0},
	{{.mode = GP_OWN_POLICY_NONE, .max_age = 60999},
	 "version: STSv1\r\nmode: none\r\nmx: mx.test\r\nmax_age: 60\r\n",
	 GP_MTASTS_NONE},
	{{.mode = GP_OWN_POLICY_TESTING, .max_age = 604800000},
	 "version: STSv1\r\nmode: testing\r\nmx: mx.test\r\nmax_age: 604800\r\n",
	 GP_MTASTS_TESTING},
	{{.mode = GP_OWN_POLICY_ENFORCE,
	  .max_age = UINT64_C(31557600000),
	  .mx = patterns,
	  .mx_len = 2},
	 "version: STSv1\r\nmode: enforce\r\nmx: a.test\r\nmx: *.b.test\r\nmax_age: 31557600\r\n",
	 GP_MTASTS_ENFORCE},
};

static void
policies_are_what_senders_read(void **state)
{
	(void)state;
	struct gp_config cfg = {.hostname = GP_SLICE("mx.test")};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_domain_config domain = {.mta_sts = cases[i].own};
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_buf out = GP_BUF_INIT(GP_MTASTS_BODY_MAX);
		struct gp_mtasts_policy policy;
		struct gp_slice why;
		bool any = gp_mtasts_own_policy(&cfg, &domain, &out);
		assert_int_equal(any, cases[i].want != NULL);
		assert_slice(gp_buf_slice(&out), cases[i].want ? cases[i].want : "");
		if (any) {
			assert_int_equal(
				gp_mtasts_policy_parse(gp_buf_slice(&out), &arena, &policy, &why),
				0);
			assert_int_equal(policy.mode, cases[i].mode);
			assert_int_equal(policy.max_age_s, cases[i].own.max_age / 1000);
			assert_int_equal(policy.mx_len, GP_MAX(cases[i].own.mx_len, (size_t)1));
		}
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
domains_are_found_by_their_names(void **state)
{
	(void)state;
	struct gp_domain_config domains[] = {{.name = GP_SLICE("a.test")},
					     {.name = GP_SLICE("b.test")}};
	struct gp_config cfg = {.domains = domains, .domains_len = 2};
	assert_ptr_equal(gp_mtasts_own_domain(&cfg, GP_SLICE("b.test")), &domains[1]);
	assert_null(gp_mtasts_own_domain(&cfg, GP_SLICE("test")));
	assert_null(gp_mtasts_own_domain(&cfg, GP_SLICE("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_are_what_senders_read),
		cmocka_unit_test(domains_are_found_by_their_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
