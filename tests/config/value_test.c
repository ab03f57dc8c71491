/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, times, networks, endpoints and near words, each there and back. */
#include "config_test.h"

#include "core/config/nearest.h"
#include "core/config/value.h"

enum {
	BAD = 0,
};

static void
sizes_are_octets(void **state)
{
	static const struct {
		const char *text;
		uint64_t octets; /* BAD, too, where the text is none */
		const char *written;
	} cases[] = {
		{"4096", 4096, "4KiB"},
		{"25MB", 25000000, "25MB"},
		{"256KiB", 262144, "256KiB"},
		{"1gib", 1 << 30, "1GiB"},
		{"1000", 1000, "1KB"},
		{"2047B", 2047, "2047B"},
		{"18446744073709551615", UINT64_MAX, "18446744073709551615B"},
		{"18446744073709551616", BAD, NULL},
		{"18446744073709552KB", BAD, NULL},
		{"", BAD, NULL},
		{"MB", BAD, NULL},
		{"1.5MB", BAD, NULL},
		{"1 MB", BAD, NULL},
		{"+1", BAD, NULL},
		{"0x10", BAD, NULL},
		{"1TB", BAD, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(64);
		uint64_t got = BAD, again;
		bool good = gp_size_parse(gp_slice_str(cases[i].text), &got);
		if (good != (cases[i].written != NULL) || (good && got != cases[i].octets))
			fail_msg("'%s' is %d, %llu", cases[i].text, good, (unsigned long long)got);
		if (!good)
			continue;
		gp_size_write(&out, got);
		assert_slice(gp_buf_slice(&out), cases[i].written);
		assert_true(gp_size_parse(gp_buf_slice(&out), &again) && again == got);
		gp_buf_free(&out);
	}
}

static void
times_are_milliseconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
		const char *written;
	} cases[] = {
		{"0", 0, "0"},           {"500ms", 500, "500ms"},  {"90s", 90000, "90s"},
		{"5m", 300000, "5m"},    {"4H", 14400000, "4h"},   {"5d", 432000000, "5d"},
		{"24h", 86400000, "1d"}, {"60000ms", 60000, "1m"}, {"5", BAD, NULL},
		{"-5s", BAD, NULL},      {"1h30m", BAD, NULL},     {"s", BAD, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(64);
		uint64_t got;
		bool good = gp_time_parse(gp_slice_str(cases[i].text), &got);
		if (good != (cases[i].written != NULL) || (good && got != cases[i].ms))
			fail_msg("'%s'", cases[i].text);
		if (!good)
			continue;
		gp_time_write(&out, got);
		assert_slice(gp_buf_slice(&out), cases[i].written);
		gp_buf_free(&out);
	}
}

static void
networks_hold_addresses(void **state)
{
	static const struct {
		const char *network, *written, *address;
		bool holds;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.128/25", "192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1", "192.0.2.1/32", "192.0.2.1", true},
		{"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "0.0.0.0/0", "::", false},
		{"2001:DB8::/33", "2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:DB8::/33", "2001:db8::/33", "2001:db8:8000::", false},
		{"::1", "::1/128", "::1", true},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24", "::ffff:192.0.2.9", true},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24", "192.0.2.9", true},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_network n;
		uint8_t address[16];
		struct gp_buf out = GP_BUF_INIT(64);
		assert_null(gp_network_parse(gp_slice_str(cases[i].network), &n));
		gp_network_write(&out, &n);
		assert_slice(gp_buf_slice(&out), cases[i].written);
		size_t len = gp_ip_parse(gp_slice_str(cases[i].address), address);
		assert_int_not_equal(len, 0);
		if (gp_network_contains(&n, address, len) != cases[i].holds)
			fail_msg("%s in %s", cases[i].address, cases[i].network);
		gp_buf_free(&out);
	}
}

static void
endpoints_have_one_spelling(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *written; /* NULL: refused */
	} cases[] = {
		{"192.0.2.1:25", 0, "192.0.2.1:25"},
		{"192.0.2.1", 25, "192.0.2.1:25"},
		{"192.0.2.1", 0, NULL},
		{"[2001:DB8:0::1]:587", 0, "[2001:db8::1]:587"},
		{"[::ffff:192.0.2.1]:25", 0, "192.0.2.1:25"},
		{"[2001:db8::1]", 25, "[2001:db8::1]:25"},
		{"2001:db8::1", 25, NULL},
		{"[2001:db8::1", 25, NULL},
		{"[2001:db8::1]25", 25, NULL},
		{"[mx.example]:25", 0, NULL},
		{"MX.Example.org:25", 0, "mx.example.org:25"},
		{"b\u00fccher.example", 25, "xn--bcher-kva.example:25"},
		{"localhost:1", 0, "localhost:1"},
		{"192.0.2:25", 0, NULL},
		{"192.0.2.256:25", 0, NULL},
		{"1:25", 0, NULL},
		{":25", 25, NULL},
		{"", 25, NULL},
		{"a:0", 25, NULL},
		{"a:65536", 25, NULL},
		{"a:", 25, NULL},
		{"a:25x", 25, NULL},
		{"a b:25", 25, NULL},
		{"-a:25", 25, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16), none = GP_ARENA_INIT(0);
		struct gp_buf out = GP_BUF_INIT(512);
		struct gp_endpoint e;
		const char *why = NULL;
		int rc = gp_endpoint_parse(gp_slice_str(cases[i].text), cases[i].default_port,
					   &arena, &e, &why);
		if (rc != (cases[i].written ? 0 : 1) || (rc == 1 && !why))
			fail_msg("'%s': %d", cases[i].text, rc);
		if (rc == 0) {
			gp_endpoint_write(&out, &e);
			assert_slice(gp_buf_slice(&out), cases[i].written);
			assert_int_equal(gp_endpoint_parse(gp_buf_slice(&out), 0, &none, &e, &why),
					 0);
		}
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
urls_are_a_host_and_a_path(void **state)
{
	static const struct {
		const char *url, *host, *path; /* NULL: it is none */
	} cases[] = {
		{"https://a.test/b?c=d", "a.test", "/b?c=d"},
		{"HTTPS://A.test", "A.test", "/"},
		{"https://a.test:1/", "a.test:1", "/"},
		{"https:///b", NULL, NULL},
		{"https://", NULL, NULL},
		{"http://a.test/", NULL, NULL},
		{"https://a.test/b c", NULL, NULL},
		{"https://a.test/b\r\nc", NULL, NULL},
		{"https://a.test/#b", NULL, NULL},
		{"https://\xc3\xbc.test/", NULL, NULL},
		{"", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice host, path;
		bool good = gp_https_url_parse(gp_slice_str(cases[i].url), &host, &path);
		if (good != (cases[i].host != NULL))
			fail_msg("%s", cases[i].url);
		if (!good)
			continue;
		assert_slice(host, cases[i].host);
		assert_slice(path, cases[i].path);
	}
}

static void
near_words_are_found(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned int distance;
	} cases[] = {
		{"hostname", "hostname", 0},
		{"HostName", "hostname", 0},
		{"hostnam", "hostname", 1},
		{"hotsname", "hostname", 1},
		{"hsotnaem", "hostname", 2},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abcd", "wxyz", 4},
		{"ca", "abc", 3},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_int_equal(
			gp_edit_distance(gp_slice_str(cases[i].a), gp_slice_str(cases[i].b), 9),
			cases[i].distance);
	assert_int_equal(gp_edit_distance(GP_SLICE("abcd"), GP_SLICE("wxyz"), 2), 3);
	struct gp_nearest n = gp_nearest(GP_SLICE("relay"));
	gp_nearest_offer(&n, GP_SLICE("retry"));
	gp_nearest_offer(&n, GP_SLICE("delay"));
	gp_nearest_offer(&n, GP_SLICE("rely"));
	assert_slice(n.word, "delay");
	n = gp_nearest(GP_SLICE("ab"));
	gp_nearest_offer(&n, GP_SLICE("xy"));
	assert_slice(n.word, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_octets),
		cmocka_unit_test(times_are_milliseconds),
		cmocka_unit_test(networks_hold_addresses),
		cmocka_unit_test(endpoints_have_one_spelling),
		cmocka_unit_test(urls_are_a_host_and_a_path),
		cmocka_unit_test(near_words_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
