/* SPDX-License-Identifier: Apache-2.0 */
/* Flights octet by octet: what OpenSSL would not say, and what nobody should. */
#include "../unit.h"

#include "core/hello/flight.h"

#define RANDOM "0123456789abcdef0123456789abcdef"
/* A ServerHello of TLS 1.2: ECDHE_RSA_WITH_AES_128_GCM_SHA256, DEFLATE, heartbeat */
#define HELLO "\x02\0\0\x2d\x03\x03" RANDOM "\0\xc0\x2f\1\0\5\0\x0f\0\1\1"
#define HELLO_RECORD "\x16\x03\x03\0\x31" HELLO
#define ALERT(level, description) "\x15\x03\x01\0\2" level description

static enum gp_flight_state
read_all(struct gp_flight *f, uint16_t version, struct gp_slice bytes, size_t piece)
{
	gp_flight_init(f, version, GP_FLIGHT_WHOLE);
	while (bytes.len > 0) {
		gp_flight_feed(f, gp_slice_take(bytes, piece));
		bytes = gp_slice_drop(bytes, piece);
	}
	return gp_flight_eof(f);
}

static void
good_ones(void **state)
{
	(void)state;
	static const struct gp_slice cases[] = {
		GP_SLICE(HELLO_RECORD),
		GP_SLICE(HELLO_RECORD "\x14\x03\x03\0\1\1"),
		GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\4\x0e\0\0\0"),
		GP_SLICE(ALERT("\1", "\x70") HELLO_RECORD),
		/* a staple, and a chain of two */
		GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\x10\x0b\0\0\x0c\0\0\x09\0\0\1A\0\0\2BC"),
		GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\x0a\x16\0\0\6\1\0\0\2OK"),
		/* a named curve */
		GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\x9\x0c\0\0\5\3\0\x1d\1K"),
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 200; piece++) {
			struct gp_flight f;
			assert_int_equal(read_all(&f, GP_TLS_1_2, cases[i], piece), GP_FLIGHT_DONE);
			assert_true(f.hello && !f.bad);
			assert_int_equal(f.cipher, 0xc02f);
			assert_int_equal(f.took, GP_TOOK_DEFLATE | GP_TOOK_HEARTBEAT);
			assert_int_equal(f.alert, i == 3);
			assert_int_equal(f.certificates_len, i == 4 ? 2 : 0);
			if (i == 4)
				assert_slice(f.certificates[1], "BC");
			assert_slice(f.staple, i == 5 ? "OK" : "");
			assert_int_equal(f.group, i == 6 ? GP_GROUP_X25519 : 0);
			gp_flight_free(&f);
		}
}

static void
bad_ones(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice bytes;
		const char *bad;
	} cases[] = {
		{GP_SLICE(""), "hung up"},
		{GP_SLICE("220 mx.example.org ESMTP\r\n"), "no record of TLS"},
		{GP_SLICE("\x16\x02\x03\0\1A"), "no record of TLS"},
		{GP_SLICE("\x16\x03\x03\xff\xff"), "no record of TLS"},
		{GP_SLICE("\x15\x03\x03\0\1\2"), "an alert that is none"},
		{GP_SLICE("\x17\x03\x03\0\1A"), "a record before ServerHello"},
		{GP_SLICE("\x16\x03\x03\0\4\x0e\0\0\0"), "a message before ServerHello"},
		{GP_SLICE("\x16\x03\x03\0\4\2\0\0\0"), "a ServerHello that is none"},
		{GP_SLICE(HELLO_RECORD HELLO_RECORD), "a second ServerHello"},
		{GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\4\x63\0\0\0"), "a message of no known kind"},
		{GP_SLICE("\x16\x03\x03\0\4\2\xff\xff\xff"),
		 "messages that are too long, or too many"},
		{GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\x0d\x0b\0\0\5\0\0\2\0\1"
				       "\x0e\0\0\0"),
		 "certificates that are no list, or too many"},
		{GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\5\x0c\0\0\1\3"),
		 "a ServerKeyExchange that is none"},
		{GP_SLICE(HELLO_RECORD "\x16\x03\x03\0\5\x16\0\0\1\2"),
		 "a certificate status that is none"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 100; piece += 9) {
			struct gp_flight f;
			assert_int_equal(read_all(&f, GP_TLS_1_2, cases[i].bytes, piece),
					 GP_FLIGHT_BAD);
			assert_string_equal(f.bad, cases[i].bad);
			gp_flight_free(&f);
		}
}

static void
alerts(void **state)
{
	(void)state;
	struct gp_flight f;
	assert_int_equal(read_all(&f, GP_TLS_1_2, GP_SLICE(ALERT("\2", "\x28")), 3),
			 GP_FLIGHT_DONE);
	assert_true(f.alert && f.alert_fatal && !f.hello);
	assert_string_equal(gp_tls_alert_name(f.description), "handshake_failure");
	gp_flight_free(&f);
	assert_int_equal(read_all(&f, GP_TLS_1_2, GP_SLICE(ALERT("\1", "\0")), 3), GP_FLIGHT_DONE);
	assert_true(f.alert && !f.alert_fatal);
	gp_flight_free(&f);
	assert_string_equal(gp_tls_alert_name(255), "?");
}

static void
ssl2(void **state)
{
	(void)state;
	struct gp_slice answer = GP_SLICE("\x80\x14\4\0\1\0\2\0\1\0\6\0\2C\1\0\x80\7\0\xc0ID");
	struct gp_flight f;
	assert_int_equal(read_all(&f, GP_SSL_2, answer, 1), GP_FLIGHT_DONE);
	assert_true(f.hello && f.version == GP_SSL_2 && f.ssl2_len == 2);
	assert_int_equal(f.ssl2_ciphers[0], 0x010080);
	assert_int_equal(f.ssl2_ciphers[1], 0x0700c0);
	gp_flight_free(&f);
	/* Who was not asked in SSLv2 does not answer in it. */
	assert_int_equal(read_all(&f, GP_TLS_1_0, answer, 1), GP_FLIGHT_BAD);
	gp_flight_free(&f);
	assert_int_equal(read_all(&f, GP_SSL_2, GP_SLICE("\x80\3\0\0\1"), 1), GP_FLIGHT_BAD);
	gp_flight_free(&f);
	assert_int_equal(read_all(&f, GP_SSL_2, GP_SLICE(ALERT("\2", "\x46")), 1), GP_FLIGHT_DONE);
	assert_false(f.hello);
	gp_flight_free(&f);
}

/* What never ends costs no more than it may: records of one octet, and of none, and messages. */
static void
endless(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice first, again;
		const char *bad;
	} cases[] = {
		{GP_SLICE(""), GP_SLICE("\x16\x03\x03\0\0"), "more than 64 KB"},
		{GP_SLICE(""), GP_SLICE("\x18\x03\x03\0\1A"), "more than 64 KB"},
		{GP_SLICE(""), GP_SLICE(ALERT("\1", "\x70")), "more than 64 KB"},
		{GP_SLICE("\x16\x03\x03\0\4\2\0\xff\xff"), GP_SLICE("\x16\x03\x03\0\1A"),
		 "more than 64 KB"},
		{GP_SLICE(HELLO_RECORD), GP_SLICE("\x16\x03\x03\0\4\0\0\0\0"),
		 "messages that are too long, or too many"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_flight f;
		gp_flight_init(&f, GP_TLS_1_2, GP_FLIGHT_WHOLE);
		size_t octets = 0;
		gp_flight_feed(&f, cases[i].first);
		while (gp_flight_feed(&f, cases[i].again) == GP_FLIGHT_MORE)
			octets += cases[i].again.len;
		assert_true(octets <= GP_FLIGHT_MAX);
		assert_int_equal(f.state, GP_FLIGHT_BAD);
		assert_string_equal(f.bad, cases[i].bad);
		gp_flight_free(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones), cmocka_unit_test(bad_ones), cmocka_unit_test(alerts),
		cmocka_unit_test(ssl2),      cmocka_unit_test(endless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
