/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a domain's DKIM keys, and the order in which keys are changed. */
#include "../unit.h"

#include "core/keyring/keyring.h"

#define HEAD "gatepost-dkim 1\ndomain example.org\n"
#define PUBLIC "wkqA8b6X"
#define PRIVATE "MC4CAQAwBQ=="
#define KEY(selector, state, private) \
	"key " selector " ed25519-sha256 " state " 10 20 " PUBLIC " " private "\n"

static void
lines(void **state)
{
	static const struct {
		const char *text;
		unsigned line; /* that is wrong; 0: none */
		size_t keys;
	} rows[] = {
		{HEAD, 0, 0},
		{HEAD KEY("a", "active", PRIVATE), 0, 1},
		{HEAD KEY("a", "pending", PRIVATE) KEY("b", "retiring", PRIVATE), 0, 2},
		{HEAD KEY("a", "revoked", "-"), 0, 1},
		{HEAD "\n# a word\n" KEY("a", "active", PRIVATE), 0, 1},
		{HEAD "key 2026-r_1 rsa-sha256 active 0 0 AA+/ BB==\n", 0, 1},
		{"gatepost-dkim 1\n# first\ndomain xn--bcher-kva.example\n", 0, 0},

		{"", 1, 0},
		{"gatepost-dkim 2\ndomain example.org\n", 1, 0},
		{"gatepost-dkim 1", 1, 0},
		{"gatepost-dkim 1\n", 1, 0},
		{"gatepost-dkim 1\n" KEY("a", "active", PRIVATE), 2, 0},
		{HEAD "domain example.net\n", 3, 0},
		{"gatepost-dkim 1\ndomain \n", 2, 0},
		{"gatepost-dkim 1\ndomain a..b\n", 2, 0},
		{"gatepost-dkim 1\ndomain a.\n", 2, 0},
		{"gatepost-dkim 1\ndomain A.test\n", 2, 0},
		{"gatepost-dkim 1\ndomain ../../etc/passwd\n", 2, 0},
		{HEAD "lock a\n", 3, 0},
		{HEAD " " KEY("a", "active", PRIVATE), 3, 0},
		{HEAD KEY("a", "active", PRIVATE) KEY("a", "pending", PRIVATE), 4, 0},
		{HEAD KEY("a.b", "active", PRIVATE), 3, 0},
		{HEAD KEY("", "active", PRIVATE), 3, 0},
		{HEAD KEY("A", "active", PRIVATE), 3, 0},
		{HEAD KEY("a", "old", PRIVATE), 3, 0},
		{HEAD KEY("a", "", PRIVATE), 3, 0},
		{HEAD KEY("a", "revoked", PRIVATE), 3, 0},
		{HEAD KEY("a", "active", "-"), 3, 0},
		{HEAD KEY("a", "active", ""), 3, 0},
		{HEAD KEY("a", "active", PRIVATE " x"), 3, 0},
		{HEAD "key a rsa-sha1 active 1 1 AA BB\n", 3, 0},
		{HEAD "key a rsa-sha256 active -1 1 AA BB\n", 3, 0},
		{HEAD "key a rsa-sha256 active 1 9223372036854775808 AA BB\n", 3, 0},
		{HEAD "key a rsa-sha256 active 1 1  BB\n", 3, 0},
		{HEAD "key a rsa-sha256 active 1 1 A;A BB\n", 3, 0},
		{HEAD "key a rsa-sha256 active 1 1 AA\n", 3, 0},
		{HEAD "key a rsa-sha256 active 1 1 AA BB", 3, 0}, /* was cut off */
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_keyring k;
		unsigned line = 0;
		int r = gp_keyring_parse(gp_slice_str(rows[i].text), &k, &line);
		if (r != (rows[i].line > 0) || (r > 0 && line != rows[i].line) ||
		    (r == 0 && k.len != rows[i].keys))
			fail_msg("row %zu: %d, line %u, %zu keys", i, r, line, k.len);
	}
}

static void
what_is_written_reads_the_same(void **state)
{
	static const char text[] = HEAD KEY("a", "active", PRIVATE) KEY("b", "revoked", "-");
	struct gp_buf first = GP_BUF_INIT(GP_KEYRING_TEXT_MAX), second = first;
	struct gp_keyring k;
	unsigned line;
	(void)state;
	assert_int_equal(gp_keyring_parse(gp_slice_str(text), &k, &line), 0);
	gp_keyring_write(&first, &k);
	assert_int_equal(gp_keyring_parse(gp_buf_slice(&first), &k, &line), 0);
	assert_int_equal(k.keys[0].created_s, 10);
	assert_int_equal(k.keys[0].since_s, 20);
	assert_int_equal(k.keys[1].private_half.len, 0);
	gp_keyring_write(&second, &k);
	assert_true(gp_slice_eq(gp_buf_slice(&first), gp_buf_slice(&second)));
	gp_buf_free(&first);
	gp_buf_free(&second);
}

static void
so_many_keys_are_read(void **state)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	struct gp_keyring k;
	unsigned line;
	(void)state;
	gp_buf_put_str(&text, HEAD);
	for (int i = 0; i <= GP_KEYRING_KEYS_MAX; i++) {
		gp_buf_printf(&text, "key s%d rsa-sha256 active 1 1 AA BB\n", i);
		assert_int_equal(gp_keyring_parse(gp_buf_slice(&text), &k, &line),
				 i == GP_KEYRING_KEYS_MAX);
	}
	gp_buf_free(&text);
}

static void
records(void **state)
{
	struct gp_keyring_key key = {.selector = GP_SLICE("s"),
				     .algorithm = GP_KEYRING_RSA,
				     .state = GP_KEYRING_ACTIVE,
				     .public_half = GP_SLICE("AAbb+/==")};
	static const struct {
		const char *text;
		bool active, revoked; /* is the record of such a key */
	} rows[] = {
		{"v=DKIM1; k=rsa; p=AAbb+/==", true, false},
		{"v=DKIM1;k=rsa;p=AAbb+/==;", true, false},
		{"v=DKIM1; k=rsa; p=AA bb\t+/== ; ", true, false},
		{"v=DKIM1; k=rsa; p=", false, true},
		{"v=DKIM1; k=rsa; p= ;", false, true},
		{"v=DKIM1; k=rsa; p=AAbb+/=", false, false},
		{"v=DKIM1; k=rsa; p=AAbB+/==", false, false},
		{"v=DKIM1; k=rsa; p=AAbb+/==; t=y", false, false},
		{"v=DKIM1; k=ed25519; p=AAbb+/==", false, false},
		{"v=DKIM1; p=AAbb+/==", false, false},
		{"", false, false},
	};
	struct gp_buf own = GP_BUF_INIT(1 << 16);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_slice text = gp_slice_str(rows[i].text);
		key.state = GP_KEYRING_ACTIVE;
		if (gp_keyring_record_is(&key, text) != rows[i].active)
			fail_msg("row %zu", i);
		key.state = GP_KEYRING_REVOKED;
		if (gp_keyring_record_is(&key, text) != rows[i].revoked)
			fail_msg("row %zu, revoked", i);
	}
	gp_keyring_write_record(&own, &key);
	assert_true(gp_slice_eq(gp_buf_slice(&own), GP_SLICE("v=DKIM1; k=rsa; p=")));
	gp_buf_clear(&own);
	key.state = GP_KEYRING_PENDING;
	gp_keyring_write_record(&own, &key);
	assert_true(gp_keyring_record_is(&key, gp_buf_slice(&own)));
	gp_buf_free(&own);
}

static void
a_change_of_keys_takes_its_steps(void **state)
{
	static const struct gp_keyring_key first = {.selector = GP_SLICE("one"),
						    .algorithm = GP_KEYRING_RSA,
						    .public_half = GP_SLICE("AA"),
						    .private_half = GP_SLICE("BB")};
	struct gp_keyring_key second = first;
	struct gp_keyring k = {.domain = GP_SLICE("example.org")};
	(void)state;
	second.selector = GP_SLICE("two");
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_ADD);
	gp_keyring_add(&k, &first, 100);
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_ACTIVATE);
	gp_keyring_activate(&k, 200);
	assert_int_equal(k.keys[0].state, GP_KEYRING_ACTIVE);
	assert_int_equal(k.keys[0].created_s, 100);
	assert_int_equal(gp_keyring_since_s(&k, GP_KEYRING_ACTIVE), 200);
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_ADD);

	gp_keyring_add(&k, &second, 300);
	assert_int_equal(k.keys[0].state, GP_KEYRING_ACTIVE); /* until the other one is seen */
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_ACTIVATE);
	gp_keyring_activate(&k, 400);
	assert_int_equal(k.keys[0].state, GP_KEYRING_RETIRING);
	assert_int_equal(k.keys[1].state, GP_KEYRING_ACTIVE);
	assert_int_equal(gp_keyring_since_s(&k, GP_KEYRING_RETIRING), 400);
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_REVOKE);
	gp_keyring_revoke(&k, 500);
	assert_int_equal(k.keys[0].state, GP_KEYRING_REVOKED);
	assert_int_equal(k.keys[0].private_half.len, 0);
	assert_int_equal(k.keys[1].private_half.len, 2);
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_FORGET);
	gp_keyring_forget(&k);
	assert_int_equal(k.len, 1);
	assert_true(gp_slice_eq(k.keys[0].selector, GP_SLICE("two")));
	assert_null(gp_keyring_find(&k, GP_SLICE("one")));
	assert_int_equal(gp_keyring_next(&k), GP_KEYRING_ADD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(so_many_keys_are_read),
		cmocka_unit_test(records),
		cmocka_unit_test(a_change_of_keys_takes_its_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
