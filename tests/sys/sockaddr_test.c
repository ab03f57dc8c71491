/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "sys/address.h"

#define A20 "aaaaaaaaaaaaaaaaaaaa"
#define A100 A20 A20 A20 A20 A20

static const struct {
	const char *text;
	uint16_t default_port;
	const char *with_port; /* NULL: refused */
	const char *without;
} cases[] = {
	{"192.0.2.1:25", 0, "192.0.2.1:25", "192.0.2.1"},
	{"192.0.2.1", 25, "192.0.2.1:25", "192.0.2.1"},
	{"192.0.2.1:587", 25, "192.0.2.1:587", "192.0.2.1"},
	{"0.0.0.0:65535", 0, "0.0.0.0:65535", "0.0.0.0"},
	{"[2001:db8::1]:25", 0, "[2001:db8::1]:25", "2001:db8::1"},
	{"[2001:db8::1]", 25, "[2001:db8::1]:25", "2001:db8::1"},
	{"2001:db8::1", 25, "[2001:db8::1]:25", "2001:db8::1"},
	{"2001:DB8:0:0:0:0:0:1", 25, "[2001:db8::1]:25", "2001:db8::1"},
	{"[::]:25", 0, "[::]:25", "::"},
	{"::1", 25, "[::1]:25", "::1"},
	/* An IPv4 address in IPv6's clothes is the same host. */
	{"[::ffff:192.0.2.1]:25", 0, "192.0.2.1:25", "192.0.2.1"},
	{"unix:/run/lmtp", 0, "unix:/run/lmtp", "unix:/run/lmtp"},
	{"unix:lmtp", 25, "unix:lmtp", "unix:lmtp"},
	{"unix:/" A100, 0, "unix:/" A100, "unix:/" A100},

	{"", 25, NULL, NULL},
	{":25", 25, NULL, NULL},
	{"192.0.2.1", 0, NULL, NULL},
	{"192.0.2.1:", 0, NULL, NULL},
	{"192.0.2.1:65536", 0, NULL, NULL},
	{"192.0.2.1:-1", 0, NULL, NULL},
	{"192.0.2.1:+25", 0, NULL, NULL},
	{"192.0.2.1: 25", 0, NULL, NULL},
	{"192.0.2.1:25 ", 0, NULL, NULL},
	{"192.0.2.1:25x", 0, NULL, NULL},
	{"192.0.2.1:99999999999999999999", 0, NULL, NULL},
	{"192.0.2.256:25", 0, NULL, NULL},
	{"192.0.2:25", 0, NULL, NULL},
	{"192.0.2.01:25", 0, NULL, NULL},
	{"0x7f000001:25", 0, NULL, NULL},
	{"2130706433:25", 0, NULL, NULL},
	{"mx.example.org:25", 0, NULL, NULL},
	{"localhost", 25, NULL, NULL},
	{"[]:25", 0, NULL, NULL},
	{"[2001:db8::1", 25, NULL, NULL},
	{"[2001:db8::1]25", 0, NULL, NULL},
	{"[2001:db8::1]x:25", 0, NULL, NULL},
	{"2001:db8::1]:25", 25, NULL, NULL},
	{"[fe80::1%eth0]:25", 0, NULL, NULL},
	{"2001:db8::1::2", 25, NULL, NULL},
	{"1:2:3:4:5:6:7:8:9", 25, NULL, NULL},
	{"[" A100 "]:25", 0, NULL, NULL},
	{"unix:", 25, NULL, NULL},
	{"unix:/" A100 A20, 25, NULL, NULL},
};

static void
addresses_are_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_sockaddr a;
		int r = gp_sockaddr_parse(gp_slice_str(cases[i].text), cases[i].default_port, &a);
		if (r != (cases[i].with_port ? 0 : -EINVAL))
			fail_msg("'%s': %d", cases[i].text, r);
		if (r < 0)
			continue;
		assert_string_equal(gp_sockaddr_text(&a, true).s, cases[i].with_port);
		assert_string_equal(gp_sockaddr_text(&a, false).s, cases[i].without);
	}
}

static void
a_path_holds_no_nul(void **state)
{
	(void)state;
	struct gp_sockaddr a;
	assert_int_equal(gp_sockaddr_parse(GP_SLICE("unix:/a\0b"), 0, &a), -EINVAL);
	assert_int_equal(gp_sockaddr_parse(GP_SLICE("192.0.2.1\0:25"), 0, &a), -EINVAL);
}

static void
octets_come_back(void **state)
{
	(void)state;
	static const uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	uint8_t octets[16];
	struct gp_sockaddr a = gp_sockaddr_from_octets(v4, 4, 25);
	assert_int_equal(gp_sockaddr_octets(&a, octets), 4);
	assert_memory_equal(octets, v4, 4);
	assert_string_equal(gp_sockaddr_text(&a, true).s, "192.0.2.1:25");
	a = gp_sockaddr_from_octets(v6, 16, 25);
	assert_int_equal(gp_sockaddr_octets(&a, octets), 16);
	assert_memory_equal(octets, v6, 16);
	assert_int_equal(gp_sockaddr_parse(GP_SLICE("[::ffff:192.0.2.1]:1"), 0, &a), 0);
	assert_int_equal(gp_sockaddr_octets(&a, octets), 4);
	assert_memory_equal(octets, v4, 4);
	assert_int_equal(gp_sockaddr_parse(GP_SLICE("unix:/x"), 0, &a), 0);
	assert_int_equal(gp_sockaddr_octets(&a, octets), 0);
}

static void
an_unknown_family_is_a_question_mark(void **state)
{
	(void)state;
	struct gp_sockaddr a = {};
	assert_string_equal(gp_sockaddr_text(&a, true).s, "?");
}

static void
only_one_may_listen_unless_the_port_is_shared(void **state)
{
	(void)state;
	struct gp_sockaddr a;
	assert_int_equal(gp_sockaddr_parse(GP_SLICE("127.0.0.1:0"), 0, &a), 0);
	int first = gp_socket_listen(&a, 1, true);
	assert_true(first >= 0);
	a.len = sizeof(a.ss);
	assert_int_equal(getsockname(first, (struct sockaddr *)&a.ss, &a.len), 0);
	int second = gp_socket_listen(&a, 1, true);
	assert_true(second >= 0);
	assert_int_equal(gp_socket_listen(&a, 1, false), -EADDRINUSE);
	close(first);
	close(second);
}

/* Also one that would let us listen beside it; a connection that was, in TIME_WAIT, is no one. */
static void
an_address_is_free_when_nobody_listens(void **state)
{
	(void)state;
	static const bool shared[] = {false, true};
	for (size_t i = 0; i < GP_ARRAY_LEN(shared); i++) {
		struct gp_sockaddr a;
		assert_int_equal(gp_sockaddr_parse(GP_SLICE("127.0.0.1:0"), 0, &a), 0);
		int listening = gp_socket_listen(&a, 1, shared[i]);
		a.len = sizeof(a.ss);
		assert_int_equal(getsockname(listening, (struct sockaddr *)&a.ss, &a.len), 0);
		int client = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(client, (struct sockaddr *)&a.ss, a.len), 0);
		int accepted = accept(listening, NULL, NULL);
		assert_true(accepted >= 0);
		assert_int_equal(gp_socket_is_free(&a), -EADDRINUSE);
		close(accepted); /* first: it is the one that waits */
		close(client);
		close(listening);
		assert_int_equal(gp_socket_is_free(&a), 0);
		assert_int_equal(gp_socket_is_free(&a), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(a_path_holds_no_nul),
		cmocka_unit_test(octets_come_back),
		cmocka_unit_test(an_unknown_family_is_a_question_mark),
		cmocka_unit_test(only_one_may_listen_unless_the_port_is_shared),
		cmocka_unit_test(an_address_is_free_when_nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
