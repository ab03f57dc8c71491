/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

/* --- in parts --- */

enum { ROWS = 2500 };

static uint64_t
first_pause_s(enum store_kind kind)
{
	(void)kind;
	return 900;
}

/* Counts messages of so many kinds, and hands back their report. */
static struct store *
open_counts(int folder, struct gp_arena *arena, struct store_report *ret)
{
	const struct store_period period = {0, 86399};
	struct store *s;
	assert_int_equal(store_open(folder, &s), 0);
	for (uint64_t i = 0; i < ROWS; i++) {
		char text[48];
		/* Such as do not compress to nothing. */
		snprintf(text, sizeof(text), "%016llx.example",
			 (unsigned long long)((i + 1) * UINT64_C(0x9e3779b97f4a7c15)));
		const struct gp_msg_dmarc_result m = {
			.policy = {GP_SLICE("example.net"), 1, 1, 1},
			.row = {.source = GP_SLICE("192.0.2.1"),
				.disposition = GP_DMARCRPT_NONE,
				.header_from = GP_SLICE("example.net"),
				.envelope_from = gp_slice_str(text)},
		};
		assert_int_equal(store_count_dmarc(s, &period, &m), 0);
	}
	assert_int_equal(store_end_periods(s, STORE_DMARC, 86400, 1), 0);
	assert_int_equal(store_take(s, 86400, first_pause_s, arena, ret), 0);
	return s;
}

/* Whatever a part may have, each follows the one before it, and is the same the next time. */
static void
a_large_report_goes_in_parts(void **state)
{
	static const struct {
		uint64_t size;
		size_t parts_min;
	} cases[] = {{1'000'000, 3}, {8192, 5}, {1000, 40}};
	char folder[] = "/tmp/gp-compose-XXXXXX";
	struct gp_arena arena = {.max = 1 << 20};
	struct store_report due;
	(void)state;
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct store *s = open_counts(fd, &arena, &due);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_config cfg = {.hostname = GP_SLICE("mx.example.org"),
					.reports.dmarc_size = cases[i].size};
		struct compose_part part = {}, again = {};
		size_t parts = 0;
		uint64_t at = 0;
		do {
			assert_int_equal(compose_part(&cfg, s, &due, at, &arena, &part), 0);
			assert_true(part.gzip.len <= cases[i].size);
			assert_int_equal(part.first, at);
			assert_true(part.next > at || part.next == 0);
			assert_int_equal(compose_part(&cfg, s, &due, at, &arena, &again), 0);
			assert_true(gp_slice_eq(part.head.unique, again.head.unique));
			assert_int_equal(part.next, again.next);
			assert_int_equal(gp_slice_eq(part.head.unique, due.unique), at == 0);
			at = part.next;
			parts++;
		} while (at > 0);
		assert_true(parts >= cases[i].parts_min);
		gp_buf_free(&part.gzip);
		gp_buf_free(&again.gzip);
	}
	store_close(s);
	(void)unlinkat(fd, "reports.db-wal", 0);
	assert_int_equal(unlinkat(fd, "reports.db", 0), 0);
	close(fd);
	assert_int_equal(rmdir(folder), 0);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_compressed_comes_back),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(the_sender_is_configured_or_our_host),
		cmocka_unit_test(a_large_report_goes_in_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
