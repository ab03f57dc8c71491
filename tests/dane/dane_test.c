/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/dane/dane.h"

enum { ARENA_MAX = 1 << 20, ROUNDS_MAX = 3 };

static const uint64_t seed[2] = {1, 2};

#define D16 "00112233445566778899aabbccddeeff"
#define D32 D16 D16
#define D64 D32 D32
#define DOUBTFUL "\"A\": [\"192.0.2.1\"]"
#define PROVEN DOUBTFUL ", \"secure\": true"
#define EE "[3, 1, 1, \"" D32 "\"]"
#define TLSA(base, records) "\"_25._tcp." base "\": {\"TLSA\": [" records "], \"secure\": true}"
#define ALIAS(name, to) "\"" name "\": {\"CNAME\": \"" to "\", \"secure\": true}"
#define UNPROVEN_ALIAS(name, to) "\"" name "\": {\"CNAME\": \"" to "\"}"

/* want: outcome, base, and the records' usage, selector, matching. Host: mx.test. */
static const struct {
	const char *what, *dns, *want;
} cases[] = {
	{"secure, one record", "{\"mx.test\": {" PROVEN "}," TLSA("mx.test", EE) "}",
	 "usable mx.test 311"},
	{"secure, no record", "{\"mx.test\": {" PROVEN "}}", "absent"},
	{"secure, no record of that type",
	 "{\"mx.test\": {" PROVEN "}, \"_25._tcp.mx.test\": {\"secure\": true}}", "absent"},
	{"records nobody vouches for",
	 "{\"mx.test\": {" PROVEN "}, \"_25._tcp.mx.test\": {\"TLSA\": [" EE "]}}", "absent"},
	{"an address nobody vouches for: not asked",
	 "{\"mx.test\": {" DOUBTFUL "}, \"_25._tcp.mx.test\": \"SERVFAIL\"}", "absent"},
	{"TLSA trouble is no absence",
	 "{\"mx.test\": {" PROVEN "}, \"_25._tcp.mx.test\": \"SERVFAIL\"}", "trouble mx.test"},
	{"nor is silence", "{\"mx.test\": {" PROVEN "}, \"_25._tcp.mx.test\": \"TIMEOUT\"}",
	 "trouble mx.test"},
	{"only PKIX usages",
	 "{\"mx.test\": {" PROVEN
	 "}," TLSA("mx.test", "[1, 1, 1, \"" D32 "\"], [0, 0, 1, \"" D32 "\"]") "}",
	 "unusable mx.test"},
	{"the usable ones of several",
	 "{\"mx.test\": {" PROVEN
	 "}," TLSA("mx.test", "[1, 1, 1, \"" D32 "\"]," EE ", [2, 0, 2, \"" D64 "\"]") "}",
	 "usable mx.test 311 202"},
	{"the stronger digest of the same thing",
	 "{\"mx.test\": {" PROVEN
	 "}," TLSA("mx.test", EE ", [3, 1, 2, \"" D64 "\"], [2, 1, 1, \"" D32
				 "\"], [3, 0, 1, \"" D32 "\"]") "}",
	 "usable mx.test 312 211 301"},
	{"a stronger digest that is none outdoes nothing",
	 "{\"mx.test\": {" PROVEN "}," TLSA("mx.test", EE ", [3, 1, 2, \"" D32 "\"]") "}",
	 "usable mx.test 311"},
	{"a record that is an alias elsewhere, the base stays",
	 "{\"mx.test\": {" PROVEN
	 "}," ALIAS("_25._tcp.mx.test", "tlsa.test") ", \"tlsa.test\": {\"TLSA\": [" EE
						     "], \"secure\": true}}",
	 "usable mx.test 311"},
	{"such an alias into the unproven",
	 "{\"mx.test\": {" PROVEN
	 "}," ALIAS("_25._tcp.mx.test", "tlsa.test") ", \"tlsa.test\": {\"TLSA\": [" EE "]}}",
	 "absent"},

	{"an alias: the end of the chain first",
	 "{" ALIAS("mx.test", "h.test") ", \"h.test\": {" PROVEN "}," TLSA("h.test", EE) "," TLSA(
		 "mx.test", "[2, 0, 1, \"" D32 "\"]") "}",
	 "usable h.test 311"},
	{"then the name itself",
	 "{" ALIAS("mx.test", "h.test") ", \"h.test\": {" PROVEN "}," TLSA("mx.test", EE) "}",
	 "usable mx.test 311"},
	{"unusable records at the end decide, too",
	 "{" ALIAS("mx.test", "h.test") ", \"h.test\": {" PROVEN "}," TLSA(
		 "h.test", "[0, 0, 0, \"00\"]") "," TLSA("mx.test", EE) "}",
	 "unusable h.test"},
	{"trouble at the end is trouble",
	 "{" ALIAS("mx.test", "h.test") ", \"h.test\": {" PROVEN
					"}, \"_25._tcp.h.test\": \"SERVFAIL\"," TLSA("mx.test",
										     EE) "}",
	 "trouble h.test"},
	{"nothing in between is looked at",
	 "{" ALIAS("mx.test", "g.test") "," ALIAS("g.test", "h.test") ", \"h.test\": {" PROVEN
								      "}," TLSA("g.test", EE) "}",
	 "absent"},
	{"only the first alias proven: the name itself",
	 "{" ALIAS("mx.test", "h.test") ", \"h.test\": {" DOUBTFUL
					"}," TLSA("h.test", EE) "," TLSA("mx.test", EE) "}",
	 "usable mx.test 311"},
	{"the first alias unproven",
	 "{" UNPROVEN_ALIAS("mx.test", "h.test") ", \"h.test\": {" PROVEN "}," TLSA(
		 "h.test", EE) "," TLSA("mx.test", EE) "}",
	 "absent"},
};

static struct gp_answers *
load(const char *dns, struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(dns), arena, seed, &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", dns, GP_SLICE_FMT(why));
	return set;
}

static struct gp_dane_host
host_of(const struct gp_answers *world)
{
	struct gp_dns_answer a;
	assert_true(gp_answers_find(world, GP_SLICE("mx.test"), GP_DNS_A, &a));
	return (struct gp_dane_host){GP_SLICE("mx.test"), a.canonical, a.secure, 25};
}

static struct gp_slice
show(int rc, const struct gp_dane_result *r, struct gp_arena *arena)
{
	static const char *const outcomes[] = {
		[GP_DANE_ABSENT] = "absent",   [GP_DANE_NEED] = "need",
		[GP_DANE_USABLE] = "usable",   [GP_DANE_UNUSABLE] = "unusable",
		[GP_DANE_TROUBLE] = "trouble",
	};
	assert_in_range(rc, GP_DANE_ABSENT, GP_DANE_TROUBLE);
	struct gp_slice out = gp_slice_str(outcomes[rc]);
	if (r->base.len > 0)
		out = gp_arena_printf(arena, "%.*s %.*s", GP_SLICE_FMT(out), GP_SLICE_FMT(r->base));
	for (size_t i = 0; i < r->records_len; i++)
		out = gp_arena_printf(arena, "%.*s %d%d%d", GP_SLICE_FMT(out), r->records[i].usage,
				      r->records[i].selector, r->records[i].matching);
	return out;
}

/* Plays the driver: an open set that grows by what is asked. */
static int
drive(const struct gp_dane_host *host, const struct gp_answers *world, struct gp_arena *arena,
      struct gp_dane_result *ret)
{
	struct gp_answers *set = gp_answers_new(arena, 16, seed);
	int rc = GP_DANE_NEED;
	for (size_t round = 0; rc == GP_DANE_NEED; round++) {
		assert_true(round < ROUNDS_MAX);
		rc = gp_dane_eval(host, set, arena, ret);
		for (size_t i = 0; i < ret->need_len; i++) {
			const struct gp_dns_question *q = &ret->need[i];
			struct gp_dns_answer a;
			assert_false(gp_answers_find(set, q->name, q->type, &a));
			assert_true(gp_answers_find(world, q->name, q->type, &a));
			assert_int_equal(gp_answers_add(set, &a), 0);
		}
		assert_true((rc == GP_DANE_NEED) == (ret->need_len > 0));
	}
	gp_answers_free(set);
	return rc;
}

static void
each_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = load(cases[i].dns, &arena);
		struct gp_dane_host host = host_of(world);
		struct gp_dane_result r;
		struct gp_slice shown = show(drive(&host, world, &arena, &r), &r, &arena);
		if (!gp_slice_eq(shown, gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(shown));
		/* All at once gives the same as round by round. */
		int rc = gp_dane_eval(&host, world, &arena, &r);
		assert_slice(show(rc, &r, &arena), cases[i].want);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

static void
trouble_with_the_alias_itself(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, 16, seed);
	struct gp_dane_host host = {GP_SLICE("mx.test"), GP_SLICE("h.test"), false, 25};
	struct gp_dns_answer a = {
		.name = host.name, .type = GP_DNS_CNAME, .status = GP_DNS_TIMEOUT};
	struct gp_dane_result r;
	assert_int_equal(gp_answers_add(set, &a), 0);
	assert_slice(show(gp_dane_eval(&host, set, &arena, &r), &r, &arena), "trouble mx.test");
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static void
an_address_has_no_records(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load("{}", &arena);
	struct gp_dane_host host = {.name = GP_SLICE("[192.0.2.1]"), .secure = true, .port = 25};
	struct gp_dane_result r;
	assert_int_equal(gp_dane_eval(&host, world, &arena, &r), GP_DANE_ABSENT);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
the_port_is_in_the_question(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, 16, seed);
	struct gp_dane_host host = {GP_SLICE("mx.test"), GP_SLICE("mx.test"), true, 2525};
	struct gp_dane_result r;
	assert_int_equal(gp_dane_eval(&host, set, &arena, &r), GP_DANE_NEED);
	assert_int_equal(r.need_len, 1);
	assert_slice(r.need[0].name, "_2525._tcp.mx.test");
	assert_int_equal(r.need[0].type, GP_DNS_TLSA);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static const struct {
	uint8_t usage, selector, matching;
	uint8_t len;
	bool want;
} shapes[] = {
	{3, 1, 1, 32, true},  {3, 0, 1, 32, true},    {2, 0, 1, 32, true},  {2, 1, 2, 64, true},
	{0, 1, 1, 32, false}, {1, 1, 1, 32, false},   {4, 1, 1, 32, false}, {255, 1, 1, 32, false},
	{3, 2, 1, 32, false}, {3, 255, 1, 32, false}, {3, 1, 3, 32, false}, {3, 1, 255, 64, false},
	{3, 1, 1, 31, false}, {3, 1, 1, 33, false},   {3, 1, 1, 0, false},  {3, 1, 1, 64, false},
	{3, 1, 2, 32, false}, {3, 1, 2, 63, false},   {3, 1, 2, 65, false}, {3, 1, 0, 0, false},
	{3, 1, 0, 32, false}, {3, 0, 0, 32, false},
};

static void
which_records_are_usable(void **state)
{
	(void)state;
	static const char data[65];
	for (size_t i = 0; i < GP_ARRAY_LEN(shapes); i++) {
		struct gp_dns_record r = {.usage = shapes[i].usage,
					  .selector = shapes[i].selector,
					  .matching = shapes[i].matching,
					  .data = gp_slice(data, shapes[i].len)};
		if (gp_dane_record_usable(&r) != shapes[i].want)
			fail_msg("%d %d %d, %d octets", r.usage, r.selector, r.matching,
				 shapes[i].len);
	}
}

static void
no_more_than_so_many(void **state)
{
	(void)state;
	static const char data[32];
	struct gp_dns_record many[GP_DANE_RECORDS_MAX + 1], taken[GP_DANE_RECORDS_MAX];
	for (size_t i = 0; i < GP_ARRAY_LEN(many); i++)
		many[i] = (struct gp_dns_record){
			.usage = 3, .selector = 1, .matching = 1, .data = gp_slice(data, 32)};
	assert_int_equal(gp_dane_select(many, GP_ARRAY_LEN(many), taken), GP_DANE_RECORDS_MAX);
}

/* want: the names, in order */
static const struct {
	const char *host, *base, *domain, *canonical;
	bool mx, secure;
	const char *want;
} names[] = {
	{"mx.test", "mx.test", "d.test", "d.test", true, true, "mx.test d.test"},
	{"mx.test", "h.test", "d.test", "e.test", true, true, "h.test d.test e.test"},
	{"mx.test", "mx.test", "d.test", "e.test", true, false, "mx.test"},
	{"d.test", "d.test", "d.test", "d.test", false, true, "d.test"},
	{"d.test", "h.test", "d.test", "d.test", false, true, "h.test d.test"},
	{"mx.test", "mx.test", "MX.test", "mx.test", true, true, "mx.test"},
};

static void
names_to_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dane_host host = {.name = gp_slice_str(names[i].host)};
		struct gp_dane_next_hop hop = {gp_slice_str(names[i].domain),
					       gp_slice_str(names[i].canonical), names[i].mx,
					       names[i].secure};
		struct gp_slice got[GP_DANE_NAMES_MAX], shown = GP_SLICE("");
		size_t len = gp_dane_names(&host, gp_slice_str(names[i].base), &hop, got);
		for (size_t j = 0; j < len; j++)
			shown = gp_arena_printf(&arena, "%.*s%s%.*s", GP_SLICE_FMT(shown),
						j > 0 ? " " : "", GP_SLICE_FMT(got[j]));
		assert_slice(shown, names[i].want);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load(cases[0].dns, &arena);
	struct gp_dane_host host = host_of(world);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_DANE_USABLE; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_dane_result r;
		rc = gp_dane_eval(&host, world, &small, &r);
		assert_true(rc == GP_DANE_USABLE || rc == -ENOMEM);
		gp_arena_free(&small);
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host),
		cmocka_unit_test(trouble_with_the_alias_itself),
		cmocka_unit_test(an_address_has_no_records),
		cmocka_unit_test(the_port_is_in_the_question),
		cmocka_unit_test(which_records_are_usable),
		cmocka_unit_test(no_more_than_so_many),
		cmocka_unit_test(names_to_match),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
