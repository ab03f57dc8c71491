/* SPDX-License-Identifier: Apache-2.0 */
/* Reports that are posted: by their head, how often, and how much of them is held. */
#include "../unit.h"

#include <event2/event.h>
#include <string.h>

#include "ipc/values.h"
#include "procs/web/post.h"
#include "procs/web/posting.h"

#define GZIP "application/tlsrpt+gzip"

static const struct gp_domain_config domains[] = {
	{.name = GP_SLICE("a.test"), .tls_rpt_https = true},
	{.name = GP_SLICE("off.test")},
};
static const struct gp_config cfg = {
	.hostname = GP_SLICE("mx.test"),
	.domains = domains,
	.domains_len = 2,
	.web = {.posts_per_minute = 3},
	.reports = {.received_per_day = 20, .received_size_per_day = 10'000'000},
};

/* NULL: the field is not there. */
static const struct {
	const char *method, *target, *host, *sni, *type, *length;
	int status;
} cases[] = {
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "10", 200},
	{"POST", "/tls-reports/A.test", "MX.test:443", "mx.test", GZIP, "1048576", 200},
	{"POST", "/tls-reports/a.test", "mta-sts.a.test", "", "application/tlsrpt+json", "10", 200},
	{"POST", "/tls-reports/a.test", "mx.test", "", " Application/TLSRPT+JSON ; charset=x", "10",
	 200},
	{"POST", "https://mx.test/tls-reports/a.test", "x", "", GZIP, "10", 200},
	{"POST", "/tls-reports/a.test", "mta-sts.off.test", "", GZIP, "10", 421},
	{"POST", "/tls-reports/a.test", "a.test", "", GZIP, "10", 421},
	{"POST", "/tls-reports/a.test", "mx.test", "other.test", GZIP, "10", 421},
	{"POST", "/tls-reports/a.test", NULL, "", GZIP, "10", 400},
	{"POST", "/tls-reports/off.test", "mx.test", "", GZIP, "10", 404},
	{"POST", "/tls-reports/none.test", "mx.test", "", GZIP, "10", 404},
	{"POST", "/tls-reports/", "mx.test", "", GZIP, "10", 404},
	{"POST", "/tls-reports/a.test/", "mx.test", "", GZIP, "10", 404},
	{"POST", "/tls-reports/a.test?x", "mx.test", "", GZIP, "10", 404},
	{"POST", "/tls-reports/%61.test", "mx.test", "", GZIP, "10", 404},
	{"GET", "/tls-reports/a.test", "mx.test", "", GZIP, "10", 405},
	{"PUT", "/tls-reports/a.test", "mx.test", "", GZIP, "10", 405},
	{"POST", "/tls-reports/a.test", "mx.test", "", NULL, "10", 415},
	{"POST", "/tls-reports/a.test", "mx.test", "", "application/gzip", "10", 415},
	{"POST", "/tls-reports/a.test", "mx.test", "", "text/xml", "10", 415},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, NULL, 411},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "0", 400},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "", 400},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "-1", 400},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "0x10", 400},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "10,10", 400},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "1048577", 413},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "18446744073709551615", 413},
	{"POST", "/tls-reports/a.test", "mx.test", "", GZIP, "18446744073709551616", 400},
};

static void
put_field(struct question *q, const char *name, const char *value)
{
	struct question_field *field = question_field(q, gp_slice_str(name));
	if (!value)
		return;
	assert_non_null(field);
	field->value = gp_slice_str(value);
	field->times++;
}

static struct question
question_of(size_t i)
{
	struct question q = {
		.method = gp_slice_str(cases[i].method),
		.target = gp_slice_str(cases[i].target),
		.sni = gp_slice_str(cases[i].sni),
	};
	put_field(&q, "host", cases[i].host);
	put_field(&q, "CONTENT-TYPE", cases[i].type);
	put_field(&q, "Content-Length", cases[i].length);
	return q;
}

static int
status_of(const struct question *q)
{
	const struct gp_domain_config *domain = NULL;
	size_t len = 0;
	int status = post_head(&cfg, q, &domain, &len);
	if (status == 200) {
		assert_ptr_equal(domain, &domains[0]);
		assert_in_range(len, 1, POST_BODY_MAX);
	}
	return status;
}

static void
each_head_has_its_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct question q = question_of(i);
		int status = status_of(&q);
		if (status != cases[i].status)
			fail_msg("case %zu: got %d, wanted %d", i, status, cases[i].status);
		assert_int_equal(post_is_asked(&q), cases[i].host != NULL);
	}
	struct question policy = {.target = GP_SLICE("/.well-known/mta-sts.txt"),
				  .host = {GP_SLICE("mta-sts.a.test"), 1}};
	assert_false(post_is_asked(&policy));
}

/* Where two readers could take a body for two things. */
static void
a_body_has_one_length(void **state)
{
	static const char *const fields[][3] = {
		{"Content-Length", "10", "400"},          {"Content-Type", GZIP, "415"},
		{"Content-Encoding", "gzip", "415"},      {"Transfer-Encoding", "chunked", "411"},
		{"Transfer-Encoding", "identity", "411"}, {"Host", "mx.test", "400"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(fields); i++) {
		char got[8];
		struct question q = question_of(0);
		put_field(&q, fields[i][0], fields[i][1]);
		snprintf(got, sizeof(got), "%d", status_of(&q));
		assert_string_equal(got, fields[i][2]);
	}
}

static void
each_outcome_has_its_status(void **state)
{
	(void)state;
	assert_int_equal(post_status(GP_INGESTED_KEPT), 200);
	assert_int_equal(post_status(GP_INGESTED_KNOWN), 200);
	assert_int_equal(post_status(GP_INGESTED_REFUSED), 400);
	assert_int_equal(post_status(GP_INGESTED_FAILED), 503);
	assert_int_equal(post_status(77), 503);
}

/* --- posting --- */

static struct event_base *base;

static int
start(void **state)
{
	static const uint64_t seed[2] = {1, 2};
	(void)state;
	base = event_base_new();
	return posting_start(base, seed);
}

static struct gp_sockaddr
address(const char *text)
{
	struct gp_sockaddr a;
	assert_int_equal(gp_sockaddr_parse(gp_slice_str(text), 1, &a), 0);
	return a;
}

static bool
may(const char *client, size_t len, uint64_t now_ms)
{
	struct gp_sockaddr a = address(client);
	return posting_may(&cfg, &a, len, now_ms);
}

static void
a_source_posts_so_often(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(may("192.0.2.1", 1, 0));
	assert_false(may("192.0.2.1", 1, 0));
	assert_true(may("192.0.2.1", 1, 20'000));
	/* Its network four times as often. */
	for (int i = 2; i < 5; i++) {
		char client[16];
		snprintf(client, sizeof(client), "192.0.2.%d", i);
		for (int k = 0; k < 3 && i < 4; k++)
			assert_true(may(client, 1, 20'000));
	}
	assert_true(may("192.0.3.1", 1, 20'000));
	/* A host of IPv6 has all of its /64. */
	for (int i = 0; i < 3; i++)
		assert_true(may("2001:db8::1", 1, 0));
	assert_false(may("2001:db8::2:1", 1, 0));
	assert_true(may("2001:db8:0:1::1", 1, 0));
}

static void
a_network_posts_so_much_a_day(void **state)
{
	uint64_t now_ms = 0;
	int taken = 0;
	(void)state;
	for (int i = 0; i < 40; i++, now_ms += 20'000)
		taken += may("198.51.100.1", 1, now_ms);
	/* One comes back in 72 minutes. */
	assert_int_equal(taken, 20);
	assert_true(may("198.51.100.1", 1, now_ms + 72 * 60'000));
	for (int i = 0; i < 10; i++)
		assert_true(may(i % 2 ? "203.0.113.1" : "203.0.113.2", 1'000'000, i * 20'000ull));
	assert_false(may("203.0.113.3", 1'000'000, 200'000));
}

/* Who fills up the room lets go of it, and who holds little goes on. */
static void
who_holds_most_lets_go(void **state)
{
	static struct posting many[POSTING_HELD_MAX / POST_BODY_MAX], honest;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(many); i++)
		assert_null(posting_hold(&many[i], POST_BODY_MAX));
	struct posting *most = posting_hold(&honest, 4096);
	assert_non_null(most);
	assert_ptr_not_equal(most, &honest);
	posting_let_go(most);
	assert_null(posting_hold(&honest, 8192));
	for (size_t i = 0; i < GP_ARRAY_LEN(many); i++)
		posting_forget(&many[i]);
	posting_forget(&honest);
}

static uint8_t got;

static void
on_result(struct posting *p, uint8_t outcome, struct gp_slice reason)
{
	(void)p, (void)reason;
	got = outcome;
}

static void
nobody_is_there_to_read_it(void **state)
{
	struct posting p = {.domain = GP_SLICE("a.test"), .body = GP_SLICE("x")};
	(void)state;
	p.on_result = on_result;
	posting_hand_over(&p, 0);
	assert_int_equal(got, 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(got, GP_INGESTED_FAILED);
	posting_forget(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_head_has_its_status),
		cmocka_unit_test(a_body_has_one_length),
		cmocka_unit_test(each_outcome_has_its_status),
		cmocka_unit_test(a_source_posts_so_often),
		cmocka_unit_test(a_network_posts_so_much_a_day),
		cmocka_unit_test(who_holds_most_lets_go),
		cmocka_unit_test(nobody_is_there_to_read_it),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
