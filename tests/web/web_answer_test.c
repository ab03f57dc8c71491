/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "procs/web/answer.h"

#define PATH "/.well-known/mta-sts.txt"
#define POLICY "version: STSv1\r\nmode: enforce\r\nmx: mx.test\r\nmax_age: 60\r\n"

static const struct gp_domain_config domains[] = {
	{.name = GP_SLICE("a.test"), .mta_sts = {.mode = GP_OWN_POLICY_ENFORCE, .max_age = 60000}},
	{.name = GP_SLICE("off.test"), .mta_sts = {.mode = GP_OWN_POLICY_OFF, .max_age = 60000}},
};
static const struct gp_config cfg = {
	.hostname = GP_SLICE("mx.test"), .domains = domains, .domains_len = 2};

static const struct {
	const char *method, *target, *host, *sni;
	int status;
} cases[] = {
	{"GET", PATH, "mta-sts.a.test", "mta-sts.a.test", 200},
	{"GET", PATH, "MTA-STS.A.test:443", "mta-sts.a.TEST", 200},
	{"GET", PATH, "mta-sts.a.test", "", 200},
	{"HEAD", PATH, "mta-sts.a.test", "", 200},
	{"GET", "https://mta-sts.a.test" PATH, "x", "", 200},
	{"GET", "https://mta-sts.a.test:x" PATH, "mta-sts.a.test", "", 400},
	{"GET", "https://mta-sts.b.test" PATH, "mta-sts.a.test", "", 421},
	{"GET", "https://mta-sts.a.test", "x", "", 404},
	{"POST", PATH, "mta-sts.a.test", "", 405},
	{"get", PATH, "mta-sts.a.test", "", 405},
	{"GET", "/", "mta-sts.a.test", "", 404},
	{"GET", "*", "mta-sts.a.test", "", 404},
	{"GET", PATH "?x", "mta-sts.a.test", "", 404},
	{"GET", "/.well-known/../.well-known/mta-sts.txt", "mta-sts.a.test", "", 404},
	{"GET", "/.well-known/mta-sts%2etxt", "mta-sts.a.test", "", 404},
	{"GET", PATH, "mta-sts.off.test", "", 404},
	{"GET", PATH, "mta-sts.a.test", "mta-sts.off.test", 421},
	{"GET", PATH, "mta-sts.b.test", "", 421},
	{"GET", PATH, "a.test", "", 421},
	{"GET", PATH, "mta-sts.", "", 421},
	{"GET", PATH, "", "", 400},
	{"GET", PATH, "mta-sts.a.test:", "", 200},
	{"GET", PATH, "mta-sts.a.test:4x", "", 400},
};

static struct question
question_of(size_t i)
{
	return (struct question){
		.method = gp_slice_str(cases[i].method),
		.target = gp_slice_str(cases[i].target),
		.host = {gp_slice_str(cases[i].host), 1},
		.sni = gp_slice_str(cases[i].sni),
	};
}

static void
each_question_has_its_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf body = GP_BUF_INIT(ANSWER_MAX);
		char line[8];
		struct question q = question_of(i);
		int status = answer_make(&body, &cfg, &q);
		if (status != cases[i].status)
			fail_msg("case %zu: got %d, wanted %d", i, status, cases[i].status);
		snprintf(line, sizeof(line), "%d ", status);
		if (status == 200)
			assert_slice(gp_buf_slice(&body), POLICY);
		else
			assert_true(gp_slice_starts(gp_buf_slice(&body), gp_slice_str(line)));
		gp_buf_free(&body);
	}
}

static void
a_host_is_said_once(void **state)
{
	(void)state;
	for (size_t hosts = 0; hosts <= 2; hosts++) {
		struct gp_buf body = GP_BUF_INIT(ANSWER_MAX);
		struct question q = question_of(0);
		q.host.times = hosts;
		assert_int_equal(answer_make(&body, &cfg, &q), hosts == 1 ? 200 : 400);
		gp_buf_free(&body);
	}
}

/* A name as long as a head can hold is compared with nothing past its place. */
static void
long_names_are_nobodys(void **state)
{
	static char name[8000];
	struct gp_buf body = GP_BUF_INIT(ANSWER_MAX);
	(void)state;
	memset(name, 'a', sizeof(name));
	memcpy(name, "mta-sts.", 8);
	struct question q = question_of(2);
	q.host.value = gp_slice(name, sizeof(name));
	assert_int_equal(answer_make(&body, &cfg, &q), 421);
	gp_buf_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_question_has_its_status),
		cmocka_unit_test(a_host_is_said_once),
		cmocka_unit_test(long_names_are_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
