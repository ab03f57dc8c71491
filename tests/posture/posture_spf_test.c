/* SPDX-License-Identifier: Apache-2.0 */
/* What an SPF record costs, and the records that are proposed in its place. */
#include "asked.h"
#include "plants.h"
#include "published.h"

#include <arpa/inet.h>

#include "core/spf/spf.h"

/* --- a second opinion on the counts --- */

/* The evaluator that decides about mail counts the same for a client that nothing matches. */
static void
lookups_are_those_of_the_evaluator(void **state)
{
	(void)state;
	size_t compared = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_spf_result spf;
		const struct gp_spf_query q = {.address = {198, 51, 100, 1},
					       .address_len = 4,
					       .helo = GP_SLICE("h.test"),
					       .sender = GP_SLICE("x@d.test")};
		json_t *json = make_world(plants[i].flags & PARKED, plants[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		assert_int_equal(gp_spf_eval(&q, world, &arena, &spf), GP_SPF_DONE);
		if (spf.verdict == GP_SPF_FAIL || spf.verdict == GP_SPF_SOFTFAIL ||
		    spf.verdict == GP_SPF_NEUTRAL) {
			if (spf.lookups != r.facts.spf.lookups)
				fail_msg("%s: %u, and %u by the evaluator", plants[i].world,
					 r.facts.spf.lookups, spf.lookups);
			compared++;
		}
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
	assert_true(compared > 40);
}

/* --- records that ask less --- */

#define WIDE "'v=spf1 include:a.test include:b.test include:c.test mx -all'"
#define THREE "'v=spf1 a a:mx1.d.test a:mx2.d.test -all'"

/* addresses: "+" who passes, "-" who does not; none: no such record is proposed. */
static const struct {
	const char *world, *addresses;
} flats[] = {
	{"{'d.test':{'TXT':[" WIDE "]},'a.test':{'TXT':[" THREE "]},'b.test':{'TXT':[" THREE
	 "]},'c.test':{'A':['20.0.3.1'],'AAAA':['2a00::1'],'TXT':[" THREE "]}}",
	 "+20.0.0.1 +20.0.0.3 +20.0.1.1 +20.0.2.1 +20.0.3.1 +2a00::1 -20.0.9.9"},
	/* networks, prefixes, what a redirect leads to, and what another covers */
	{"{'d.test':{'TXT':[" WIDE "]},'a.test':{'TXT':['v=spf1 a/24 ip4:20.7.0.0/20 ip6:2a01::/40 "
	 "ip4:20.7.1.1 a:b.test a:b.test/30 redirect=e.test']},'e.test':{'TXT':['v=spf1 "
	 "ip4:20.8.8.8 "
	 "-all']},'b.test':{'TXT':[" THREE "]},'c.test':{'A':['20.0.3.1'],'TXT':[" THREE "]}}",
	 "+20.0.1.77 +20.7.15.255 +20.7.1.1 +20.8.8.8 +2a01:0:ff::1 -20.7.16.0 "
	 "+20.0.2.2 -20.0.2.4"},
	/* one of them cannot be told, the others are enough */
	{"{'d.test':{'TXT':['v=spf1 include:a.test include:b.test include:c.test -all']},"
	 "'a.test':{'TXT':[" THREE "]},'b.test':{'TXT':[" THREE "]},"
	 "'c.test':{'TXT':['v=spf1 exists:%{i}.c.test -all']}}",
	 "+20.0.0.1 +20.0.1.1 +20.0.2.1 -20.0.9.9"},
	/* many that ask once, which fit one record */
	{"{'d.test':{'TXT':['v=spf1 include:a.test include:b.test include:c.test include:e.test "
	 "include:a.d.test include:b.d.test include:c.d.test include:e.d.test include:f.d.test "
	 "include:g.d.test include:h.d.test -all']},'a.test':{'TXT':['v=spf1 ip4:20.2.0.1 -all']},"
	 "'b.test':{'TXT':['v=spf1 ip4:20.2.0.2 -all']},'c.test':{'TXT':['v=spf1 ip4:20.2.0.3 "
	 "-all']},'e.test':{'TXT':['v=spf1 ip4:20.2.0.4 -all']},'a.d.test':{'TXT':['v=spf1 "
	 "ip4:20.2.0.5 -all']},'b.d.test':{'TXT':['v=spf1 ip4:20.2.0.6 -all']},'c.d.test':{'TXT':["
	 "'v=spf1 ip4:20.2.0.7 -all']},'e.d.test':{'TXT':['v=spf1 ip4:20.2.0.8 -all']},"
	 "'f.d.test':{'TXT':['v=spf1 ip4:20.2.0.9 -all']},'g.d.test':{'TXT':['v=spf1 ip4:20.2.0.10 "
	 "-all']},'h.d.test':{'TXT':['v=spf1 ip4:20.2.0.11 -all']}}",
	 "+20.2.0.1 +20.2.0.5 +20.2.0.10 +20.2.0.11 -20.2.0.12"},
	/* another result than pass, within and at the domain; an error, a ptr */
	{"{'d.test':{'TXT':[" WIDE "]},'a.test':{'TXT':['v=spf1 -ip4:20.0.0.1 a a:b.test a:b.test "
	 "-all']},'b.test':{'TXT':['v=spf1 ?a a a a -all']},'c.test':{'TXT':['v=spf1 ~mx a "
	 "-all']}}",
	 ""},
	{"{'d.test':{'TXT':['v=spf1 -a:b.test include:a.test mx mx:d.test mx:b.test -all']},"
	 "'a.test':{'TXT':['v=spf1 a a:b.test a:mx1.d.test a:mx2.d.test -all']}}",
	 ""},
	{"{'d.test':{'TXT':[" WIDE "]},'a.test':{'TXT':['v=spf1 a a a a a foo -all']},"
	 "'b.test':{'TXT':['v=spf1 ptr a a a a -all']},'c.test':{'TXT':['v=spf1 -all']}}",
	 ""},
};

static uint8_t
check_host(const struct gp_answers *world, const char *address, struct gp_arena *arena)
{
	struct gp_spf_result r;
	struct gp_spf_query q = {.helo = GP_SLICE("h.test"), .sender = GP_SLICE("x@d.test")};
	bool ip4 = inet_pton(AF_INET, address, q.address) == 1;
	q.address_len = ip4 ? 4 : 16;
	assert_true(ip4 || inet_pton(AF_INET6, address, q.address) == 1);
	assert_int_equal(gp_spf_eval(&q, world, arena, &r), GP_SPF_DONE);
	return r.verdict;
}

/* By the evaluator that decides about mail, before and after. */
static void
check_addresses(size_t row, const struct gp_answers *before, const struct gp_answers *after,
		struct gp_arena *arena)
{
	char text[512], *rest = text;
	snprintf(text, sizeof(text), "%s", flats[row].addresses);
	for (char *word; (word = strsep(&rest, " "));) {
		uint8_t want = word[0] == '+' ? GP_SPF_PASS : GP_SPF_FAIL;
		uint8_t was = check_host(before, word + 1, arena);
		uint8_t is = check_host(after, word + 1, arena);
		/* Over the limit it was an error for whom no earlier term matches. */
		if (is != want || (was != want && was != GP_SPF_PERMERROR))
			fail_msg("row %zu: %s was %s, is %s", row, word, gp_spf_verdict_name(was),
				 gp_spf_verdict_name(is));
	}
}

static const struct gp_finding *
find_costly(const struct gp_findings *list)
{
	const struct gp_finding *f = get(list, "spf.lookups.over");
	return f ? f : get(list, "spf.lookups.near");
}

static void
records_that_ask_less_authorise_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(flats); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r, mended;
		json_t *json = make_world(false, flats[i].world);
		struct gp_answers *before = read_world(json, &arena);
		run(before, &query, &arena, &r);
		const struct gp_finding *f = find_costly(&r.findings);
		if (!f || (f->records_len > 0) != (flats[i].addresses[0] != '\0'))
			fail_msg("row %zu: %s", i, !f ? "nothing is found" : "records");
		if (f->records_len > 0) {
			publish(json, f);
			struct gp_answers *after = read_world(json, &arena);
			check_addresses(i, before, after, &arena);
			run(after, &query, &arena, &mended);
			assert_true(mended.facts.spf.lookups < 8);
			gp_answers_free(after);
		}
		gp_answers_free(before);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* More networks than one record holds go into several, and too many into none. */
static void
networks_are_spread_over_records(void **state)
{
	static const struct {
		unsigned networks;
		size_t records; /* beside the domain's own */
	} cases[] = {{10, 1}, {60, 3}, {140, 6}, {400, 0}};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		char text[16384] = "v=spf1 a a:b.test a:mx1.d.test a:mx2.d.test a:mx3.d.test "
				   "a:d.test a:c.test";
		for (unsigned n = 0; n < cases[i].networks; n++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 " ip4:21.%u.%u.128", n / 200, n % 200);
		json_t *json =
			make_world(false, "{'d.test':{'TXT':['v=spf1 include:a.test -all']}}");
		json_object_set_new(json_object_get(json, "a.test"), "TXT", json_pack("[s]", text));
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		const struct gp_finding *f = find_costly(&r.findings);
		assert_non_null(f);
		if (f->records_len != (cases[i].records > 0 ? cases[i].records + 1 : 0))
			fail_msg("%u networks: %zu records", cases[i].networks, f->records_len);
		for (size_t k = 0; k < f->records_len; k++)
			assert_true(f->records[k].value.len <= 450);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* Of a record with more terms than are looked at nothing is proposed, as it would lose some. */
static void
half_a_record_is_not_proposed(void **state)
{
	enum { TERMS = 300 };
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	char own[8192] = "v=spf1 ptr";
	size_t len = strlen(own);
	json_t *json = make_world(false, "{}");
	(void)state;
	for (int i = 0; i < TERMS; i++)
		len += (size_t)snprintf(own + len, sizeof(own) - len, " ip4:%d.1.1.%d",
					20 + i / 250, i % 250);
	snprintf(own + len, sizeof(own) - len, " -all");
	json_object_set_new(json_object_get(json, "d.test"), "TXT", json_pack("[s]", own));
	struct gp_answers *world = read_world(json, &arena);
	run(world, &query, &arena, &r);
	assert_non_null(gp_finding_of(&r.findings, "spf.temperror"));
	assert_null(gp_finding_of(&r.findings, "spf.all.neutral"));
	for (size_t i = 0; i < r.findings.len; i++) {
		const struct gp_finding *f = &r.findings.items[i];
		for (size_t k = 0; k < f->records_len; k++)
			assert_false(gp_slice_starts(f->records[k].value, GP_SLICE("v=spf1 ip4")));
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

static void
overlaps_heed_what_is_between(void **state)
{
	static const struct {
		const char *record;
		bool idle;
	} cases[] = {
		{"v=spf1 ip4:20.2.3.4 ip4:20.2.0.0/16 -all", true},
		{"v=spf1 ip4:20.2.3.4 a ip4:20.2.0.0/16 -all", true},
		{"v=spf1 ip4:20.2.3.4 -ip4:20.2.3.0/24 ip4:20.2.0.0/16 -all", false},
		{"v=spf1 ip4:20.2.0.0/16 -ip4:20.2.3.0/24 ip4:20.2.3.4 -all", true},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(false, "{}");
		json_object_set_new(json_object_get(json, "d.test"), "TXT",
				    json_pack("[s]", cases[i].record));
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		assert_int_equal(gp_finding_of(&r.findings, "spf.overlap") != NULL, cases[i].idle);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* A record with a mistake is proposed as it was meant, and never one that lets everybody send, or
   leaves out who does, for the way in which somebody wrote it. */
static void
mistakes_are_read_as_they_were_meant(void **state)
{
	static const struct {
		const char *record, *meant;
	} cases[] = {
		{"v=spf1 mx \u2013all", "v=spf1 mx -all"}, /* what word processors make of it */
		{"v=spf1 mx \u2212all", "v=spf1 mx -all"},
		{"\u201cv=spf1 mx \u2014all\u201d", "v=spf1 mx -all"},
		{"v=spf1 mx - all", "v=spf1 mx -all"},
		{"v=spf1 mx \u2013 all", "v=spf1 mx -all"},
		{"v=spf1 mx ~ all", "v=spf1 mx ~all"},
		{"v=spf10 mx - all", "v=spf1 mx -all"},
		{"v=spf1 - redirect=c.test", "v=spf1 redirect=c.test"},
		{"v=spf1 mx -all -", "v=spf1 mx -all"},
		{"v=spf1 ip4:20.1.1.1\t-all", "v=spf1 ip4:20.1.1.1 -all"},
		{"v=spf1 ip4:20.1.1.1\u00a0-all", "v=spf1 ip4:20.1.1.1 -all"},
		{"v=spf1 ip4:20.1.1.1,ip4:20.1.1.2 -all", "v=spf1 ip4:20.1.1.1 ip4:20.1.1.2 -all"},
		{"v=spf1 ip4:20.1.1.1; ip4:20.1.1.2 -all", "v=spf1 ip4:20.1.1.1 ip4:20.1.1.2 -all"},
		{"v=spf1 redirect=c.test redirect=b.test", "v=spf1 redirect=c.test"},
		{"v=spf1 mx exp=c.test -all exp=b.test", "v=spf1 mx exp=c.test -all"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(false, "{}");
		json_object_set_new(json_object_get(json, "d.test"), "TXT",
				    json_pack("[s]", cases[i].record));
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		const struct gp_finding *f = gp_finding_of(&r.findings, "spf.syntax");
		if (!f || f->records_len != 1)
			fail_msg("%s: no record is proposed", cases[i].record);
		assert_slice(f->records[0].value, cases[i].meant);
		assert_null(gp_finding_of(&r.findings, "spf.all.plus"));
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_are_those_of_the_evaluator),
		cmocka_unit_test(records_that_ask_less_authorise_the_same),
		cmocka_unit_test(networks_are_spread_over_records),
		cmocka_unit_test(half_a_record_is_not_proposed),
		cmocka_unit_test(overlaps_heed_what_is_between),
		cmocka_unit_test(mistakes_are_read_as_they_were_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
