/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/tlsrpt/record.h"

enum { ARENA_MAX = 1 << 16 };

/* want: each place, "mail ADDRESS" or "web HOST PORT PATH"; or what the record is. */
static const struct {
	const char *text, *want;
} cases[] = {
	{"v=TLSRPTv1; rua=mailto:r@a.test", "mail r@a.test"},
	{"v=TLSRPTv1;rua=mailto:r@a.test;", "mail r@a.test"},
	{"v=TLSRPTv1 ; rua=mailto:r@A.Test , \t https://A.test/x?y=1 ",
	 "mail r@a.test, web a.test 443 /x?y=1"},
	{"v=TLSRPTv1; rua=mailto:r@a.test; x-1=y; rua=mailto:s@a.test",
	 "mail r@a.test, mail s@a.test"},
	{"v=TLSRPTv1; rua=MAILTO:r%2Bx@a.test?subject=hi%20there", "mail r+x@a.test"},
	{"v=TLSRPTv1; rua=mailto:%22a%2Cb%22@a.test,mailto:a%21@a.test",
	 "mail \"a,b\"@a.test, mail a!@a.test"},
	{"v=TLSRPTv1; rua=https://a.test", "web a.test 443 /"},
	{"v=TLSRPTv1; rua=https://a.test:8443?q", "web a.test 8443 /?q"},
	{"v=TLSRPTv1; rua=https://a.test/x#part", "web a.test 443 /x"},
	{"v=TLSRPTv1; rua=ftp://a.test/x,mailto:r@a.test", "mail r@a.test"},

	{"v=TLSRPTv1; rua=ftp://a.test/x", "invalid"},
	{"v=TLSRPTv1; rua=http://a.test/x", "invalid"},
	{"v=TLSRPTv1;", "invalid"},
	{"v=TLSRPTv1; x=y", "invalid"},
	{"v=TLSRPTv1; rua=", "invalid"},
	{"v=TLSRPTv1; rua=,mailto:r@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test,", "invalid"},
	{"v=TLSRPTv1; rua=r@a.test", "invalid"},
	{"v=TLSRPTv1; rua=1x:r@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@[192.0.2.1]", "invalid"},
	{"v=TLSRPTv1; rua=mailto:%C3%A4@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r%0D%0ABcc:x@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r%00@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test%2Cs@b.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r!@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r%4@a.test", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test%", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test x", "invalid"},
	{"v=TLSRPTv1; rua=https:a.test", "invalid"},
	{"v=TLSRPTv1; rua=https://", "invalid"},
	{"v=TLSRPTv1; rua=https://u@a.test/", "invalid"},
	{"v=TLSRPTv1; rua=https://a.test:0/", "invalid"},
	{"v=TLSRPTv1; rua=https://a.test:65536/", "invalid"},
	{"v=TLSRPTv1; rua=https://a.test:/", "invalid"},
	{"v=TLSRPTv1; rua=https://[::1]/", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test;;", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test; x=", "invalid"},
	{"v=TLSRPTv1; rua=mailto:r@a.test; rua=bad", "invalid"},
	{"v=TLSRPTv1", "none"},
	{"v=TLSRPTv2; rua=mailto:r@a.test", "none"},
	{"v=tlsrptv1; rua=mailto:r@a.test", "none"},
	{"", "none"},
};

static int
read_text(const char *const *texts, size_t len, struct gp_arena *arena,
	  struct gp_tlsrpt_places *ret)
{
	struct gp_dns_record records[3] = {0};
	for (size_t i = 0; i < len; i++)
		records[i].data = gp_slice_str(texts[i]);
	struct gp_dns_answer a = {.status = GP_DNS_OK, .records = records, .records_len = len};
	return gp_tlsrpt_record_read(&a, arena, ret);
}

static struct gp_slice
show(int rc, const struct gp_tlsrpt_places *p, struct gp_arena *arena)
{
	static const char *const names[] = {"", "none", "several", "invalid", "unknown"};
	struct gp_slice out = gp_slice_str(names[rc]);
	for (size_t i = 0; i < p->len; i++) {
		const struct gp_tlsrpt_rua *r = &p->rua[i];
		const char *comma = i > 0 ? ", " : "";
		assert_true(r->uri.len > 0);
		if (r->address.len > 0)
			out = gp_arena_printf(arena, "%.*s%smail %.*s", GP_SLICE_FMT(out), comma,
					      GP_SLICE_FMT(r->address));
		else
			out = gp_arena_printf(arena, "%.*s%sweb %.*s %u %.*s", GP_SLICE_FMT(out),
					      comma, GP_SLICE_FMT(r->host), r->port,
					      GP_SLICE_FMT(r->path));
	}
	return out;
}

static void
one_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_tlsrpt_places p;
		int rc = read_text(&cases[i].text, 1, &arena, &p);
		struct gp_slice shown = show(rc, &p, &arena);
		if (!gp_slice_eq(shown, gp_slice_str(cases[i].want)))
			fail_msg("\"%s\": %.*s", cases[i].text, GP_SLICE_FMT(shown));
		gp_arena_free(&arena);
	}
}

static void
among_others(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlsrpt_places p;
	const char *const one[] = {"x", "v=TLSRPTv1; rua=mailto:r@a.test"};
	const char *const two[] = {"v=TLSRPTv1; rua=mailto:r@a.test", "v=TLSRPTv1; x"};
	assert_int_equal(read_text(one, 2, &arena, &p), GP_TLSRPT_RECORD_OK);
	assert_int_equal(read_text(two, 2, &arena, &p), GP_TLSRPT_RECORD_SEVERAL);
	struct gp_dns_answer silent = {.status = GP_DNS_TIMEOUT};
	assert_int_equal(gp_tlsrpt_record_read(&silent, &arena, &p), GP_TLSRPT_RECORD_UNKNOWN);
	assert_slice(gp_tlsrpt_question(GP_SLICE("a.test"), &arena).name, "_smtp._tls.a.test");
	gp_arena_free(&arena);
}

static void
no_more_than_so_many(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlsrpt_places p;
	struct gp_slice text = GP_SLICE("v=TLSRPTv1; rua=mailto:r@a.test");
	for (size_t i = 0; i < GP_TLSRPT_RUA_MAX; i++)
		text = gp_arena_printf(&arena, "%.*s,mailto:r%zu@a.test", GP_SLICE_FMT(text), i);
	assert_int_equal(read_text(&text.ptr, 1, &arena, &p), GP_TLSRPT_RECORD_OK);
	assert_int_equal(p.len, GP_TLSRPT_RUA_MAX);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	const char *text = "v=TLSRPTv1; rua=mailto:r@a.test,https://A.test";
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_TLSRPT_RECORD_OK; max += 8) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_tlsrpt_places p;
		rc = read_text(&text, 1, &small, &p);
		assert_true(rc == GP_TLSRPT_RECORD_OK || rc == -ENOMEM);
		assert_int_equal(p.len, rc == GP_TLSRPT_RECORD_OK ? 2 : 0);
		gp_arena_free(&small);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record),
		cmocka_unit_test(among_others),
		cmocka_unit_test(no_more_than_so_many),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
