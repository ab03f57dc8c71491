/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "procs/reports/compose.h"

static const struct gp_tlsrpt_counts counts = {
	.policy = GP_TLSRPT_NO_POLICY, .domain = {"example.net", 11}, .successes = 7};

static struct gp_tlsrpt_report
sample(void)
{
	return (struct gp_tlsrpt_report){
		.head = {.organization = GP_SLICE("us"),
			 .contact = GP_SLICE("a@example.org"),
			 .unique = GP_SLICE("1"),
			 .submitter = GP_SLICE("example.org"),
			 .domain = GP_SLICE("example.net"),
			 .end_s = 86399},
		.counts = &counts,
		.counts_len = 1,
	};
}

static void
what_is_compressed_comes_back(void **state)
{
	struct gp_tlsrpt_report report = sample();
	struct gp_buf gzip = GP_BUF_INIT(COMPOSE_GZIP_MAX), json = GP_BUF_INIT(COMPOSE_TEXT_MAX);
	char back[4096];
	z_stream z = {.next_out = (Bytef *)back, .avail_out = sizeof(back)};
	(void)state;
	assert_true(gp_tlsrpt_write_json(&report, &json));
	assert_int_equal(compose_tls(&report, &gzip), 0);
	z.next_in = (Bytef *)gp_buf_slice(&gzip).ptr;
	z.avail_in = (uInt)gzip.len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK); /* gzip and nothing else */
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_true(gp_slice_eq(gp_slice(back, z.total_out), gp_buf_slice(&json)));
	inflateEnd(&z);
	gp_buf_free(&json);
	gp_buf_free(&gzip);
}

static void
what_does_not_fit_is_refused(void **state)
{
	struct gp_tlsrpt_report report = sample();
	struct gp_buf all = GP_BUF_INIT(COMPOSE_GZIP_MAX);
	(void)state;
	assert_int_equal(compose_tls(&report, &all), 0);
	struct gp_buf less = GP_BUF_INIT(all.len - 1), fits = GP_BUF_INIT(all.len);
	assert_int_equal(compose_tls(&report, &less), -E2BIG);
	assert_int_equal(less.len, 0);
	assert_int_equal(compose_tls(&report, &fits), 0);
	gp_buf_free(&all);
	gp_buf_free(&less);
	gp_buf_free(&fits);
}

static void
the_sender_is_configured_or_our_host(void **state)
{
	struct gp_arena arena = {.max = 4096};
	struct gp_config cfg = {.hostname = GP_SLICE("mx.example.org")};
	struct gp_report r = {};
	(void)state;
	compose_sender(&cfg, STORE_DMARC, &arena, &r);
	assert_slice(r.contact, "dmarcrpt@mx.example.org");
	compose_sender(&cfg, STORE_TLS, &arena, &r);
	assert_slice(r.contact, "tlsrpt@mx.example.org");
	assert_slice(r.submitter, "mx.example.org");
	assert_slice(r.organization, "mx.example.org");
	cfg.reports.from = GP_SLICE("\"a@b\"@example.org");
	cfg.reports.organization = GP_SLICE("Example");
	compose_sender(&cfg, STORE_TLS, &arena, &r);
	assert_slice(r.contact, "\"a@b\"@example.org");
	assert_slice(r.submitter, "example.org");
	assert_slice(r.organization, "Example");
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_compressed_comes_back),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(the_sender_is_configured_or_our_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
