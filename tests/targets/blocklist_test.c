/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and block lists, on a world that is all known, and on one that is asked for. */
#include "../unit.h"

#include "core/config/value.h"
#include "core/targets/blocklist.h"

static const uint64_t seed[2] = {1, 2};

static const char world[] =
	"{\"1.2.0.192.bl.test\": {\"A\": [\"127.0.0.4\"], \"TXT\": [\"it sent spam\"]},"
	" \"2.2.0.192.bl.test\": {\"A\": [\"127.255.255.254\"]},"
	" \"3.2.0.192.bl.test\": {\"A\": [\"192.0.2.99\"]},"
	" \"4.2.0.192.bl.test\": \"SERVFAIL\","
	" \"5.2.0.192.bl.test\": {\"TXT\": [\"no address\"]},"
	" \"6.2.0.192.bl.test\": {\"A\": [\"127.0.0.2\"], \"TXT\": \"TIMEOUT\"},"
	" \"7.2.0.192.bl.test\": {\"A\": [\"127.255.254.1\"]},"
	" \"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test\":"
	"  {\"A\": [\"127.0.0.3\"]}}";

static void
what_answers_mean(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		uint8_t state, last; /* octet of the code */
		const char *reason;
	} cases[] = {
		{"192.0.2.1", GP_LISTING_YES, 4, "it sent spam"},
		{"192.0.2.2", GP_LISTING_REFUSED, 254, ""},
		{"192.0.2.3", GP_LISTING_ODD, 99, ""},
		{"192.0.2.4", GP_LISTING_UNKNOWN, 0, ""},
		{"192.0.2.5", GP_LISTING_NO, 0, ""},
		{"192.0.2.6", GP_LISTING_YES, 2, ""},
		{"192.0.2.7", GP_LISTING_YES, 1, ""},
		{"192.0.2.9", GP_LISTING_NO, 0, ""},
		{"2001:db8::1", GP_LISTING_YES, 3, ""},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *answers;
	struct gp_slice why;
	const struct gp_slice zone = GP_SLICE("bl.test");
	assert_int_equal(gp_answers_from_json(gp_slice_str(world), &arena, seed, &answers, &why),
			 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint8_t octets[16];
		struct gp_listings r;
		size_t len = gp_ip_parse(gp_slice_str(cases[i].address), octets);
		assert_int_equal(gp_blocklists_eval(octets, len, &zone, 1, answers, &arena, &r), 0);
		assert_int_equal(r.len, 1);
		assert_slice(r.items[0].zone, "bl.test");
		assert_int_equal(r.items[0].state, cases[i].state);
		assert_int_equal(r.items[0].code[3], cases[i].last);
		assert_slice(r.items[0].reason, cases[i].reason);
	}
	gp_answers_free(answers);
	gp_arena_free(&arena);
}

static void
answer(struct gp_answers *set, const struct gp_dns_question *q, const struct gp_dns_record *r)
{
	const struct gp_dns_answer a = {.name = q->name,
					.canonical = q->name,
					.type = q->type,
					.status = r ? GP_DNS_OK : GP_DNS_NXDOMAIN,
					.records = r,
					.records_len = r ? 1 : 0};
	assert_int_equal(gp_answers_add(set, &a), 0);
}

/* All lists at once; then their texts, of those that have the address. */
static void
two_rounds(void **state)
{
	(void)state;
	static const uint8_t address[4] = {192, 0, 2, 1};
	static const struct gp_slice zones[] = {GP_SLICE("a.test"), GP_SLICE("b.test")};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *set = gp_answers_new(&arena, 10, seed);
	const struct gp_dns_record listing = {.type = GP_DNS_A, .address = {127, 0, 0, 2}};
	const struct gp_dns_record text = {.type = GP_DNS_TXT, .data = GP_SLICE("why")};
	struct gp_listings r;
	assert_int_equal(gp_blocklists_eval(address, 4, zones, 2, set, &arena, &r), 1);
	assert_int_equal(r.need_len, 2);
	assert_slice(r.need[1].name, "1.2.0.192.b.test");
	answer(set, &r.need[0], NULL);
	answer(set, &r.need[1], &listing);
	assert_int_equal(gp_blocklists_eval(address, 4, zones, 2, set, &arena, &r), 1);
	assert_int_equal(r.need_len, 1);
	assert_int_equal(r.need[0].type, GP_DNS_TXT);
	answer(set, &r.need[0], &text);
	assert_int_equal(gp_blocklists_eval(address, 4, zones, 2, set, &arena, &r), 0);
	assert_int_equal(r.items[0].state, GP_LISTING_NO);
	assert_int_equal(r.items[1].state, GP_LISTING_YES);
	assert_slice(r.items[1].reason, "why");
	/* Nobody is asked where no list was named. */
	assert_int_equal(gp_blocklists_eval(address, 4, zones, 0, set, &arena, &r), 0);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static void
names_of_lists(void **state)
{
	(void)state;
	char text[200];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	assert_true(gp_blocklist_is_zone(GP_SLICE("zen.spamhaus.test")));
	assert_true(gp_blocklist_is_zone(gp_slice(text, GP_BLOCKLIST_ZONE_MAX - 1)));
	assert_false(gp_blocklist_is_zone(gp_slice(text, GP_BLOCKLIST_ZONE_MAX + 1)));
	assert_false(gp_blocklist_is_zone(GP_SLICE("")));
	assert_false(gp_blocklist_is_zone(GP_SLICE("a..b")));
}

static void
test_points(void **state)
{
	(void)state;
	static const char points[] =
		"{\"2.0.0.127.good.test\": {\"A\": [\"127.0.0.2\"]},"
		" \"2.0.0.127.all.test\": {\"A\": [\"127.0.0.2\"]},"
		" \"1.0.0.127.all.test\": {\"A\": [\"127.0.0.2\"]},"
		" \"2.0.0.127.odd.test\": {\"A\": [\"192.0.2.1\"]},"
		" \"1.0.0.127.odd.test\": {\"A\": [\"192.0.2.1\"]},"
		" \"2.0.0.127.closed.test\": {\"A\": [\"127.255.255.254\"]},"
		" \"2.0.0.127.mute.test\": \"TIMEOUT\","
		" \"2.0.0.127.half.test\": {\"A\": [\"127.0.0.2\"]},"
		" \"1.0.0.127.half.test\": \"SERVFAIL\","
		" \"2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.six.test\":"
		"  {\"A\": [\"127.0.0.2\"]}}";
	static const struct gp_slice zones[] = {
		GP_SLICE("good.test"),   GP_SLICE("all.test"),  GP_SLICE("odd.test"),
		GP_SLICE("closed.test"), GP_SLICE("mute.test"), GP_SLICE("half.test"),
		GP_SLICE("gone.test"),   GP_SLICE("six.test"),
	};
	static const uint8_t of_ip4[] = {
		GP_BLOCKLIST_WORKS,   GP_BLOCKLIST_ALL,     GP_BLOCKLIST_EMPTY,
		GP_BLOCKLIST_REFUSES, GP_BLOCKLIST_UNKNOWN, GP_BLOCKLIST_UNKNOWN,
		GP_BLOCKLIST_EMPTY,   GP_BLOCKLIST_EMPTY,
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *answers;
	struct gp_slice why;
	struct gp_blocklist_tests r;
	size_t len = GP_ARRAY_LEN(zones);
	assert_int_equal(gp_answers_from_json(gp_slice_str(points), &arena, seed, &answers, &why),
			 0);
	assert_int_equal(gp_blocklists_test(4, zones, len, answers, &arena, &r), 0);
	assert_memory_equal(r.health, of_ip4, len);
	assert_int_equal(gp_blocklists_test(16, zones, len, answers, &arena, &r), 0);
	assert_int_equal(r.health[0], GP_BLOCKLIST_EMPTY);
	assert_int_equal(r.health[len - 1], GP_BLOCKLIST_WORKS);
	gp_answers_free(answers);
	/* Both points of each list are asked for at once. */
	answers = gp_answers_new(&arena, 10, seed);
	assert_int_equal(gp_blocklists_test(4, zones, 2, answers, &arena, &r), 1);
	assert_int_equal(r.need_len, 4);
	assert_slice(r.need[0].name, "2.0.0.127.good.test");
	assert_slice(r.need[2].name, "1.0.0.127.good.test");
	gp_answers_free(answers);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_answers_mean),
		cmocka_unit_test(two_rounds),
		cmocka_unit_test(names_of_lists),
		cmocka_unit_test(test_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
