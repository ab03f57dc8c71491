/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing, as a dialogue: who tries when, what the answer is, and how it ends. */
#include "../unit.h"

#include "procs/auth/throttle.h"

enum { SECOND = 1000, LOCK = 600 * SECOND };

static const struct throttle_limits limits = {
	.account = 5, .source = 8, .network = 12, .delay_ms = SECOND, .lock_ms = LOCK};
static const uint64_t seed[2] = {1, 2};

static struct throttle_who
who4(const char *account, uint8_t c, uint8_t d)
{
	return (struct throttle_who){
		.account = gp_slice_str(account), .address = {192, 0, c, d}, .address_len = 4};
}

static enum throttle_answer
ask(struct throttle *t, const struct throttle_who *who, uint64_t now)
{
	uint64_t when;
	return throttle_ask(t, who, now, &when);
}

static void
each_failure_doubles_the_wait(void **state)
{
	static const uint64_t delays[] = {1, 2, 4, 8, 16};
	struct throttle *t = throttle_new(&limits, seed);
	const struct throttle_who alice = who4("alice", 2, 1);
	uint64_t now = 5000, when;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(delays); i++) {
		assert_int_equal(ask(t, &alice, now), THROTTLE_GO);
		assert_int_equal(throttle_failed(t, &alice, now), now + delays[i] * SECOND);
		if (i + 1 == GP_ARRAY_LEN(delays))
			break;
		assert_int_equal(throttle_ask(t, &alice, now, &when), THROTTLE_WAIT);
		assert_int_equal(when, now + delays[i] * SECOND);
		assert_int_equal(ask(t, &alice, when - 1), THROTTLE_WAIT);
		now = when;
	}
	/* From everywhere, until the lock ends; then from the start. */
	const struct throttle_who elsewhere = who4("alice", 9, 9);
	assert_int_equal(ask(t, &alice, now), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &elsewhere, now + LOCK - 1), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &elsewhere, now + LOCK), THROTTLE_GO);
	assert_int_equal(throttle_failed(t, &alice, now + LOCK), now + LOCK + SECOND);
	throttle_free(t);
}

static void
others_do_not_wait(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	const struct throttle_who alice = who4("alice", 2, 1), bob = who4("bob", 2, 2);
	(void)state;
	for (int i = 0; i < 5; i++)
		throttle_failed(t, &alice, 100);
	assert_int_equal(ask(t, &alice, 100), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &bob, 100), THROTTLE_GO);
	throttle_free(t);
}

static void
a_source_is_locked_out(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	(void)state;
	for (char name = 'a'; name < 'a' + 8; name++) {
		const char text[] = {name, '\0'};
		const struct throttle_who guess = who4(text, 2, 1);
		throttle_failed(t, &guess, 100);
	}
	const struct throttle_who same = who4("z", 2, 1), beside = who4("z", 2, 2);
	assert_int_equal(ask(t, &same, 100), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &beside, 100), THROTTLE_GO);
	throttle_free(t);
}

static void
a_network_is_locked_out(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	(void)state;
	for (uint8_t d = 0; d < 12; d++) {
		const char text[] = {(char)('a' + d), '\0'};
		const struct throttle_who guess = who4(text, 2, d);
		throttle_failed(t, &guess, 100);
	}
	const struct throttle_who beside = who4("z", 2, 200), away = who4("z", 3, 1);
	assert_int_equal(ask(t, &beside, 100), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &away, 100), THROTTLE_GO);
	throttle_free(t);
}

static void
ipv6_counts_by_64_and_48(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	struct throttle_who who = {.account = GP_SLICE("a"),
				   .address = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 1},
				   .address_len = 16};
	(void)state;
	for (uint8_t i = 0; i < 8; i++) {
		const char text[] = {(char)('a' + i), '\0'};
		who.account = gp_slice_str(text);
		who.address[15] = i;
		throttle_failed(t, &who, 100);
	}
	who.account = GP_SLICE("z");
	assert_int_equal(ask(t, &who, 100), THROTTLE_LOCKED);
	who.address[7] = 2;
	assert_int_equal(ask(t, &who, 100), THROTTLE_GO);
	for (uint8_t i = 0; i < 4; i++) {
		const char text[] = {(char)('m' + i), '\0'};
		who.account = gp_slice_str(text);
		throttle_failed(t, &who, 100);
	}
	who.address[7] = 3;
	who.account = GP_SLICE("z");
	assert_int_equal(ask(t, &who, 100), THROTTLE_LOCKED);
	who.address[5] = 2;
	assert_int_equal(ask(t, &who, 100), THROTTLE_GO);
	throttle_free(t);
}

static void
success_frees_the_account_and_not_the_source(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	const struct throttle_who mine = who4("mine", 2, 1), victim = who4("victim", 2, 1);
	(void)state;
	for (int i = 0; i < 4; i++) {
		throttle_failed(t, &victim, 100);
		throttle_failed(t, &mine, 100);
		throttle_succeeded(t, &mine);
	}
	assert_int_equal(ask(t, &mine, 100), THROTTLE_LOCKED); /* by its source */
	const struct throttle_who elsewhere = who4("mine", 7, 7);
	throttle_failed(t, &elsewhere, 100);
	assert_int_equal(throttle_failed(t, &elsewhere, 100), 100 + 2 * SECOND);
	throttle_free(t);
}

static void
what_is_old_is_forgotten(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	const struct throttle_who alice = who4("alice", 2, 1);
	(void)state;
	throttle_failed(t, &alice, 100);
	throttle_failed(t, &alice, 100);
	assert_int_equal(throttle_failed(t, &alice, 100 + LOCK - 1), 100 + LOCK - 1 + 4 * SECOND);
	assert_int_equal(throttle_failed(t, &alice, 100 + 2 * LOCK), 100 + 2 * LOCK + SECOND);
	throttle_free(t);
}

static void
tables_have_an_end(void **state)
{
	struct throttle_limits one = {
		.account = 1, .source = 1, .network = 1'000'000, .delay_ms = 0, .lock_ms = LOCK};
	struct throttle *t = throttle_new(&one, seed);
	(void)state;
	for (uint32_t i = 0; i < THROTTLE_ENTRIES + 1; i++) {
		char name[32];
		snprintf(name, sizeof(name), "user%u", i);
		struct throttle_who who = who4(name, 0, 0);
		who.address[1] = 1;
		who.address[2] = (uint8_t)(i >> 8);
		who.address[3] = (uint8_t)i;
		throttle_failed(t, &who, 100);
	}
	/* The first was forgotten, the last was not. */
	const struct throttle_who first = who4("user0", 250, 1), last = who4("user65536", 250, 1);
	assert_int_equal(ask(t, &first, 100), THROTTLE_GO);
	assert_int_equal(ask(t, &last, 100), THROTTLE_LOCKED);
	throttle_free(t);
}

static void
without_a_name_the_source_counts(void **state)
{
	struct throttle *t = throttle_new(&limits, seed);
	const struct throttle_who who = who4("", 2, 1), other = who4("", 9, 1);
	(void)state;
	for (int i = 0; i < 8; i++)
		throttle_failed(t, &who, 100);
	assert_int_equal(ask(t, &who, 100), THROTTLE_LOCKED);
	assert_int_equal(ask(t, &other, 100), THROTTLE_GO);
	assert_true(throttle_same_source(&who, &who));
	assert_false(throttle_same_source(&who, &other));
	throttle_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_doubles_the_wait),
		cmocka_unit_test(others_do_not_wait),
		cmocka_unit_test(a_source_is_locked_out),
		cmocka_unit_test(a_network_is_locked_out),
		cmocka_unit_test(ipv6_counts_by_64_and_48),
		cmocka_unit_test(success_frees_the_account_and_not_the_source),
		cmocka_unit_test(what_is_old_is_forgotten),
		cmocka_unit_test(tables_have_an_end),
		cmocka_unit_test(without_a_name_the_source_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
