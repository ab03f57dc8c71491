/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens are found however a message comes, and a list of them is read as it was written. */
#include "../unit.h"

#include <string.h>

#include "cli/scan/canary.h"
#include "cli/scan/findings.h"
#include "core/dane/server_name.h"

static void
tokens_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *message, *list;
	} cases[] = {
		{"Subject: x\r\nX-Gatepost-Canary: abc0x1-r2\r\n\r\nbody\r\n.\r\n",
		 "7 abc0x1-r2\n"},
		{"X-Gatepost-Canary: one-s1\r\n\r\nx\n.\nMAIL\nX-Gatepost-Canary: two-s1\n\n.\r\n",
		 "7 one-s1\n7 two-s1\n"},
		{"XX-Gatepost-Canary: a-r1\r\n.\r\n", "7 a-r1\n"},
		{"X-Gatepost-X-Gatepost-Canary: a-r1\r\n.\r\n", "7 a-r1\n"},
		{"X-Gatepost-Canary: \r\n.\r\n", ""},
		{"X-Gatepost-Canary: <script>\r\n.\r\n", ""},
		{"Subject: X-Gatepost-Mark: 1\r\n.\r\n", ""},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice message = gp_slice_str(cases[i].message);
		/* At once, and split at each place. */
		for (size_t cut = 0; cut <= message.len; cut++) {
			struct gp_canaries c = {};
			struct gp_buf out = GP_BUF_INIT(1000);
			gp_canaries_feed(&c, gp_slice_take(message, cut));
			gp_canaries_feed(&c, gp_slice_drop(message, cut));
			gp_canaries_write(&out, &c, 7);
			assert_slice(gp_buf_slice(&out), cases[i].list);
			gp_buf_free(&out);
		}
	}
}

static void
floods_have_an_end(void **state)
{
	(void)state;
	struct gp_canaries c = {};
	char token[200];
	for (size_t i = 0; i < sizeof(token); i++)
		token[i] = 'a';
	for (size_t i = 0; i < 100; i++) {
		gp_canaries_feed(&c, GP_SLICE(GP_CANARY_FIELD));
		gp_canaries_feed(&c, gp_slice(token, sizeof(token)));
	}
	assert_int_equal(c.len, GP_CANARY_TOKENS_MAX);
	assert_int_equal(strlen(c.tokens[0]), GP_CANARY_TOKEN_MAX);
}

static void
lists_are_read(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_probe_arrival *a;
	ssize_t n = gp_canary_list_parse(
		GP_SLICE("1 a-r1\nx b-r1\n\n2 \n18446744073709551615 c-s2\n3 cut-off"), &arena, &a);
	assert_int_equal(n, 2);
	assert_slice(a[0].token, "a-r1");
	assert_slice(a[1].token, "c-s2");
	assert_true(a[1].message == UINT64_MAX);
	assert_int_equal(gp_canary_list_parse(gp_slice("", 0), &arena, &a), 0);
	gp_arena_free(&arena);
}

static void
names_are_matched(void **state)
{
	(void)state;
	static const struct {
		const char *name, *names;
		bool in;
	} cases[] = {
		{"mx.example.org", "mx.example.org", true},
		{"MX.example.ORG", "other.example mx.Example.org", true},
		{"mx.example.org", "*.example.org", true},
		{"a.mx.example.org", "*.example.org", false},
		{"example.org", "*.example.org", false},
		{"example.org", "*.org", false}, /* a wildcard below nothing that is anybody's */
		{"mx.example.org", "m*.example.org", false},
		{"mx.example.org", "mx.example.org.evil.test", false},
		{"mx.example.org", "", false},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		bool in = gp_server_name_in(gp_slice_str(cases[i].name),
					    gp_slice_str(cases[i].names));
		if (in != cases[i].in)
			fail_msg("%s in %s", cases[i].name, cases[i].names);
	}
}

/* A link that proves nothing but by its digests. */
static struct gp_tls_link
make_link(uint8_t n, bool signed_by_next)
{
	struct gp_tls_link l = {.signed_by_next = signed_by_next};
	for (size_t i = 0; i < 32; i++)
		l.spki.sha256[i] = l.certificate.sha256[i] = n;
	l.certificate.sha256[0] = 0xcc;
	return l;
}

static void
tlsa_records_are_matched(void **state)
{
	(void)state;
	struct gp_tls_shown chain = {.links = {make_link(1, true), make_link(2, true),
					       make_link(3, false), make_link(4, true)},
				     .links_len = 4};
	char data[5][32];
	struct gp_dns_record r[5];
	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 32; j++)
			data[i][j] = (char)(i + 1);
		r[i] = (struct gp_dns_record){.usage = GP_DANE_TA,
					      .selector = GP_DANE_SPKI,
					      .matching = GP_DANE_SHA256,
					      .data = gp_slice(data[i], 32)};
	}
	static const bool anchors[] = {false, true, true, false, false};
	for (size_t i = 0; i < 5; i++) {
		const struct gp_dane_result one = {.records = &r[i], .records_len = 1};
		if (scan_dane_matches(&one, &chain) != anchors[i])
			fail_msg("link %zu", i);
	}
	r[0].usage = r[1].usage = GP_DANE_EE;
	const struct gp_dane_result own = {.records = &r[0], .records_len = 1};
	const struct gp_dane_result others = {.records = &r[1], .records_len = 1};
	assert_true(scan_dane_matches(&own, &chain));
	assert_false(scan_dane_matches(&others, &chain));
	r[0].selector = GP_DANE_CERT;
	assert_false(scan_dane_matches(&own, &chain));
	chain.links_len = 0;
	assert_false(scan_dane_matches(&own, &chain));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_found),         cmocka_unit_test(floods_have_an_end),
		cmocka_unit_test(lists_are_read),           cmocka_unit_test(names_are_matched),
		cmocka_unit_test(tlsa_records_are_matched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
