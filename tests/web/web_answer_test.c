/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "procs/web/answer.h"

#define PATH "/.well-known/mta-sts.txt"
#define POLICY "version: STSv1\r\nmode: enforce\r\nmx: mx.test\r\nmax_age: 60\r\n"
#define POLICY_HEAD(length)                                                         \
	"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:01 GMT\r\n"                \
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: " length "\r\n" \
	"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"

static const struct gp_domain_config domains[] = {
	{.name = GP_SLICE("a.test"), .mta_sts = {.mode = GP_OWN_POLICY_ENFORCE, .max_age = 60000}},
	{.name = GP_SLICE("off.test"), .mta_sts = {.mode = GP_OWN_POLICY_OFF, .max_age = 60000}},
};
static const struct gp_config cfg = {
	.hostname = GP_SLICE("mx.test"), .domains = domains, .domains_len = 2};

static const struct {
	const char *request, *sni;
	int status;
} cases[] = {
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "mta-sts.a.test", 200},
	{"GET " PATH " HTTP/1.1\r\nHost: MTA-STS.A.test:443\r\n\r\n", "mta-sts.a.TEST", 200},
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "", 200},
	{"HEAD " PATH " HTTP/1.0\r\nHost: mta-sts.a.test\r\n\r\n", "", 200},
	{"GET https://mta-sts.a.test" PATH " HTTP/1.1\r\nHost: x\r\n\r\n", "", 200},
	{"POST " PATH " HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "", 405},
	{"GET / HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "", 404},
	{"GET " PATH "?x HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "", 404},
	{"GET /.well-known/../.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "",
	 404},
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.off.test\r\n\r\n", "", 404},
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.a.test\r\n\r\n", "mta-sts.off.test", 421},
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.b.test\r\n\r\n", "", 421},
	{"GET " PATH " HTTP/1.1\r\nHost: a.test\r\n\r\n", "", 421},
	{"GET " PATH " HTTP/1.1\r\nHost: mta-sts.\r\n\r\n", "", 421},
	{"GET " PATH " HTTP/1.1\r\n\r\n", "", 400},
	{"GET " PATH " HTTP/2.0\r\nHost: mta-sts.a.test\r\n\r\n", "", 505},
};

static int
write_answer(const char *request, const char *sni, struct gp_buf *out)
{
	struct question q = {.sni = gp_slice_str(sni), .now_ms = 1999};
	q.outcome = gp_http_request_read(gp_slice_str(request), &q.request);
	return answer_write(out, &cfg, &q);
}

static void
each_question_has_its_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(ANSWER_MAX);
		char line[32];
		int status = write_answer(cases[i].request, cases[i].sni, &out);
		if (status != cases[i].status)
			fail_msg("case %zu: got %d, wanted %d", i, status, cases[i].status);
		snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
		assert_true(gp_slice_starts(gp_buf_slice(&out), gp_slice_str(line)));
		bool policy = memmem(gp_buf_slice(&out).ptr, out.len, "STSv1", 5) != NULL;
		assert_int_equal(policy, status == 200 && cases[i].request[0] == 'G');
		gp_buf_free(&out);
	}
}

static void
an_answer_is_whole(void **state)
{
	struct gp_buf out = GP_BUF_INIT(ANSWER_MAX);
	(void)state;
	(void)write_answer(cases[0].request, "", &out);
	assert_slice(gp_buf_slice(&out), POLICY_HEAD("57") POLICY);
	gp_buf_clear(&out);
	(void)write_answer(cases[3].request, "", &out);
	assert_slice(gp_buf_slice(&out), POLICY_HEAD("57"));
	gp_buf_clear(&out);
	(void)write_answer(cases[5].request, "", &out);
	assert_non_null(memmem(gp_buf_slice(&out).ptr, out.len, "\r\nAllow: GET, HEAD\r\n", 20));
	gp_buf_free(&out);
}

/* A name as long as a head can hold is compared with nothing past its place. */
static void
long_names_are_nobodys(void **state)
{
	static char request[GP_HTTP_HEAD_MAX];
	struct gp_buf out = GP_BUF_INIT(ANSWER_MAX);
	(void)state;
	memset(request, 'a', sizeof(request) - 1);
	memcpy(request, "GET " PATH " HTTP/1.1\r\nHost: mta-sts.", 51);
	memcpy(request + 8000, "\r\n\r\n", 5);
	assert_int_equal(write_answer(request, "", &out), 421);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_question_has_its_status),
		cmocka_unit_test(an_answer_is_whole),
		cmocka_unit_test(long_names_are_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
