/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <arpa/inet.h>

#include "core/ingest/text.h"

#define S(lit) GP_SLICE(lit)

static void
texts(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice in;
		size_t max;
		const char *out;
	} cases[] = {
		{S(" \r\n\ta b \n"), 100, "a b"},
		{S("a\tb\nc\0d\x1B[31m\x7F"), 100, "a b c?d?[31m?"},
		{S("x\xC2\x9B"
		   "31m"),
		 100, "x?31m"},
		{S("a\xE2\x80\xAE"
		   "b\xE2\x81\xA6"
		   "c\xE2\x80\xA8"),
		 100, "a?b?c?"},
		/* A name that looks like another's. */
		{S("a\xE2\x80\x8B"
		   "b\xEF\xBB\xBF"
		   "c\xC2\xAD"
		   "d\xF3\xA0\x81\xA1"),
		 100, "a?b?c?d?"},
		{S("\xFF\xC3\xA9\xE2\x82"), 100, "?\xC3\xA9??"},
		{S("ab\xE2\x82\xAC"), 4, "ab"},
		{S("ab\xE2\x82\xAC"), 5, "ab\xE2\x82\xAC"},
		{S(""), 5, ""},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_slice(gp_ingest_text(cases[i].in, cases[i].max, &arena), cases[i].out);
	gp_arena_free(&arena);
	arena = GP_ARENA_INIT(1);
	assert_null(gp_ingest_text(S("abc"), 100, &arena).ptr);
	gp_arena_free(&arena);
}

static void
names(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice in;
		const char *out; /* NULL: none */
	} cases[] = {
		{S("Example.COM."), "example.com"},
		{S(" a_b-1.example "), "a_b-1.example"},
		{S("user@Example.com"), "example.com"},
		{S("X <u@example.com>"), "example.com"},
		{S("b\xC3\xBC"
		   "cher.example"),
		 "b\xC3\xBC"
		 "cher.example"},
		{S(""), ""},
		{S("bad<xml.net"), NULL},
		{S("a b"), NULL},
		{S("a,b"), NULL},
		{S("a\0b"), NULL},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_slice name;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		assert_int_equal(gp_ingest_name(cases[i].in, &arena, &name), cases[i].out != NULL);
		assert_slice(name, cases[i].out ? cases[i].out : "");
	}
	char octets[GP_INGEST_NAME_MAX + 1];
	memset(octets, 'a', sizeof(octets));
	assert_false(gp_ingest_name(gp_slice(octets, sizeof(octets)), &arena, &name));
	assert_true(gp_ingest_name(gp_slice(octets, sizeof(octets) - 1), &arena, &name));
	gp_arena_free(&arena);
}

static void
addresses(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice in;
		const char *out; /* NULL: none */
	} cases[] = {
		{S("192.0.2.1"), "::ffff:192.0.2.1"},
		{S(" 2001:DB8::1\n"), "2001:db8::1"},
		{S("::ffff:192.0.2.1"), "::ffff:192.0.2.1"},
		{S("[192.0.2.1]"), "::ffff:192.0.2.1"},
		{S("[IPv6:2001:db8::1]"), "2001:db8::1"},
		{S("fe80::1%eth0"), NULL},
		{S("mail.example.com"), NULL},
		{S("192.0.2"), NULL},
		{S("192.0.2.1\0"), NULL},
		{S(""), NULL},
		{S("192.0.2.256"), NULL},
		{S("192.0.2.1/32"), NULL},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint8_t address[16];
		char text[INET6_ADDRSTRLEN];
		bool good = gp_ingest_address(cases[i].in, address);
		assert_int_equal(good, cases[i].out != NULL);
		if (good)
			assert_string_equal(inet_ntop(AF_INET6, address, text, sizeof(text)),
					    cases[i].out);
	}
}

static void
times(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice in;
		enum gp_ingest_time_result seconds, stamp;
		int64_t s;
	} cases[] = {
		{S("1772409600"), GP_INGEST_TIME_OK, GP_INGEST_TIME_BAD, 1772409600},
		{S(" 1772409600.75 "), GP_INGEST_TIME_OK, GP_INGEST_TIME_BAD, 1772409600},
		{S("2026-03-02T00:00:00Z"), GP_INGEST_TIME_ODD, GP_INGEST_TIME_OK, 1772409600},
		{S("2026-03-02T01:00:00.123456789+01:00"), GP_INGEST_TIME_ODD, GP_INGEST_TIME_OK,
		 1772409600},
		{S("2026-03-02T00:00:00"), GP_INGEST_TIME_ODD, GP_INGEST_TIME_ODD, 1772409600},
		{S("2026-03-02 00:00:00"), GP_INGEST_TIME_ODD, GP_INGEST_TIME_ODD, 1772409600},
		{S("2026-02-30T00:00:00Z"), GP_INGEST_TIME_BAD, GP_INGEST_TIME_BAD, 0},
		{S("0"), GP_INGEST_TIME_OK, GP_INGEST_TIME_BAD, 0},
		{S("253402300799"), GP_INGEST_TIME_OK, GP_INGEST_TIME_BAD, 253402300799},
		{S("253402300800"), GP_INGEST_TIME_BAD, GP_INGEST_TIME_BAD, 0},
		{S("-5"), GP_INGEST_TIME_BAD, GP_INGEST_TIME_BAD, 0},
		{S("1e9"), GP_INGEST_TIME_BAD, GP_INGEST_TIME_BAD, 0},
		{S("1."), GP_INGEST_TIME_OK, GP_INGEST_TIME_BAD, 1},
		{S(""), GP_INGEST_TIME_BAD, GP_INGEST_TIME_BAD, 0},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		int64_t s = 0;
		assert_int_equal(gp_ingest_seconds(cases[i].in, &s), cases[i].seconds);
		assert_int_equal(s, cases[i].s);
		s = 0;
		assert_int_equal(gp_ingest_stamp(cases[i].in, &s), cases[i].stamp);
		assert_int_equal(s, cases[i].stamp == GP_INGEST_TIME_BAD ? 0 : cases[i].s);
	}
}

static void
counts(void **state)
{
	(void)state;
	static const struct gp_slice bad[] = {S("-5"),
					      S("1.5"),
					      S(""),
					      S("+7"),
					      S("0x10"),
					      S("1000000000001"),
					      S("99999999999999999999999")};
	uint64_t n = 7;
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++)
		assert_false(gp_ingest_count(bad[i], &n));
	assert_int_equal(n, 7);
	assert_true(gp_ingest_count(S(" 12 "), &n) && n == 12);
	assert_true(gp_ingest_count(S("1000000000000"), &n) && n == GP_INGEST_COUNT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts), cmocka_unit_test(names),  cmocka_unit_test(addresses),
		cmocka_unit_test(times), cmocka_unit_test(counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
