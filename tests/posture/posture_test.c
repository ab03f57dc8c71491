/* SPDX-License-Identifier: Apache-2.0 */
#include "plants.h"
#include "published.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "core/config/value.h"
#include "core/spf/spf.h"

enum { ROUNDS_MAX = 24 };

static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};

static const struct gp_posture_query query = {
	.domain = {"d.test", 6},
	.now_s = 1'700'000'000,
	.selectors = selectors,
	.selectors_len = GP_ARRAY_LEN(selectors),
	.validated = true,
};

/* --- running --- */

static void
run(const struct gp_answers *world, const struct gp_posture_query *q, struct gp_arena *arena,
    struct gp_posture_result *ret)
{
	assert_int_equal(gp_posture_eval(q, world, arena, ret), GP_POSTURE_DONE);
}

static void
nothing_is_found_on_clean_domains(void **state)
{
	static const struct {
		bool parked;
		const char *world;
		uint8_t class;
	} cases[] = {
		{false, "{}", GP_POSTURE_SENDING},
		{true, "{}", GP_POSTURE_PARKED},
		{false, BIMI("v=BIMI1; l=https://d.test/a.svg; a=https://d.test/a.pem"),
		 GP_POSTURE_SENDING},
		{false, BIMI("v=BIMI1; l=; a="), GP_POSTURE_SENDING},
		/* reports to another organisation that has agreed, and to one's own */
		{false,
		 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; "
		 "rua=mailto:r@a.test,mailto:r@x.d.test']"
		 "},'x.d.test':{'A':['20.0.0.84']},'d.test._report._dmarc.a.test':{'TXT':['v="
		 "DMARC1;']}}",
		 GP_POSTURE_SENDING},
		/* nobody sends, and mail is taken */
		{true,
		 "{'d.test':{'MX':[[10,'mx1.d.test'],[20,'mx2.d.test']]},'_dmarc.d.test':{'TXT':['"
		 "v=DMARC1; p=reject; " RUA "']},'_mta-sts.d.test':{'TXT':['v=STSv1; id=1']},"
		 "'_smtp._tls.d.test':{'TXT':['v=TLSRPTv1; rua=https://d.test/r']}}",
		 GP_POSTURE_RECEIVING},
		/* what others say within their records, and a redirect */
		{false,
		 "{'d.test':{'TXT':['x','v=spf1 include:a.test redirect=b.test']},'a.test':{'TXT':["
		 "'v=spf1 ip4:20.0.0.0/24 ?all']},'b.test':{'TXT':['v=spf1 mx:d.test -all']}}",
		 GP_POSTURE_SENDING},
		/* a key of another kind, and a selector that is an alias */
		{false,
		 "{'s1._domainkey.d.test':{'TXT':['v=DKIM1; k=ed25519; "
		 "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']},"
		 "'s2._domainkey.d.test':{'CNAME':'k.a.test'},"
		 "'k.a.test':{'TXT':['v=DKIM1; p=" KEY_OTHER "']}}",
		 GP_POSTURE_SENDING},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(cases[i].parked, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		assert_nothing(&r.findings, cases[i].world);
		assert_int_equal(r.facts.class, cases[i].class);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* Of the table's row: found, as grave as it says, and nothing else. */
static void
check_row(size_t row, const struct gp_findings *list)
{
	const struct gp_finding *f = get(list, plants[row].id);
	if (!f)
		fail_msg("row %zu: %s is not found", row, plants[row].id);
	if (f->severity != plants[row].severity)
		fail_msg("row %zu: %s is %s", row, plants[row].id, gp_severity_name(f->severity));
	if (f->evidence.len == 0 || !f->kind->why)
		fail_msg("row %zu: %s has no evidence", row, plants[row].id);
	if ((plants[row].flags & KEPT) == 0 && f->records_len == 0)
		fail_msg("row %zu: %s has no record", row, plants[row].id);
	for (size_t i = 0; i < list->len && (plants[row].flags & ANY_ALSO) == 0; i++) {
		const struct gp_finding *o = &list->items[i];
		char id[64];
		snprintf(id, sizeof(id), " %s ", o->kind->id);
		if (o->state == GP_FINDING_FAIL && strcmp(o->kind->id, plants[row].id) != 0 &&
		    !(plants[row].also && strstr(plants[row].also, id)))
			fail_msg("row %zu, %s: also %s: %.*s", row, plants[row].id, o->kind->id,
				 GP_SLICE_FMT(o->evidence));
	}
}

static void
planted_faults_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(plants[i].flags & PARKED, plants[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		check_row(i, &r.findings);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- what is proposed mends, and breaks nothing --- */

/* A policy goes up a step at a time: what its record leads to is found, and is no graver. */
static bool
is_next_step(const struct gp_finding *published, const struct gp_finding *found)
{
	static const char *const steps[] = {"dmarc.p.none", "dmarc.p.quarantine", "dmarc.sp.weak"};
	bool is_step = false;
	for (size_t i = 0; i < GP_ARRAY_LEN(steps); i++)
		is_step |= strcmp(found->kind->id, steps[i]) == 0;
	return is_step && gp_slice_starts(gp_slice_str(published->kind->id), GP_SLICE("dmarc.")) &&
	       found->severity <= published->severity;
}

static void
check_mended(size_t row, const struct gp_posture_query *q, const struct gp_finding *f,
	     const struct gp_findings *before)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	json_t *json = make_world(plants[row].flags & PARKED, plants[row].world);
	publish(json, f);
	struct gp_answers *world = read_world(json, &arena);
	run(world, q, &arena, &r);
	for (size_t i = 0; i < r.findings.len; i++) {
		const struct gp_finding *o = &r.findings.items[i];
		bool same = strcmp(o->kind->id, f->kind->id) == 0;
		if (o->state == GP_FINDING_FAIL && (same || !has(before, o->kind->id)) &&
		    !is_next_step(f, o))
			fail_msg("row %zu: %s publishes '%.*s', and then %s: %.*s", row,
				 f->kind->id, GP_SLICE_FMT(f->records[0].value), o->kind->id,
				 GP_SLICE_FMT(o->evidence));
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* All findings of all rows, those beside the planted ones too. */
static size_t
check_all_mended(const struct gp_posture_query *q)
{
	size_t mended = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(plants[i].flags & PARKED, plants[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, q, &arena, &r);
		for (size_t k = 0; k < r.findings.len; k++) {
			const struct gp_finding *f = &r.findings.items[k];
			if (f->state != GP_FINDING_FAIL || f->records_len == 0)
				continue;
			check_mended(i, q, f, &r.findings);
			mended++;
		}
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
	return mended;
}

static void
what_is_proposed_mends_and_breaks_nothing(void **state)
{
	(void)state;
	struct gp_posture_query elsewhere = query;
	elsewhere.reporter = GP_SLICE("reports@b.test");
	assert_true(check_all_mended(&query) > 60);
	assert_true(check_all_mended(&elsewhere) > 60);
}

/* --- rounds --- */

static void
answer(struct gp_answers *open, const struct gp_answers *world, const struct gp_posture_result *r)
{
	for (size_t i = 0; i < r->need_len; i++) {
		struct gp_dns_answer a;
		assert_false(gp_answers_find(open, r->need[i].name, r->need[i].type, &a));
		assert_true(gp_answers_find(world, r->need[i].name, r->need[i].type, &a));
		assert_int_equal(gp_answers_add(open, &a), 0);
	}
}

/* Asked for bit by bit, it finds the same. */
static void
rounds_come_to_the_same(void **state)
{
	static const uint64_t seed[2] = {3, 4};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA),
				round = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result want, r;
		json_t *json = make_world(plants[i].flags & PARKED, plants[i].world);
		struct gp_answers *world = read_world(json, &arena),
				  *open = gp_answers_new(&arena, GP_POSTURE_QUESTIONS_MAX, seed);
		size_t rounds = 0;
		int rc;
		run(world, &query, &arena, &want);
		while ((rc = gp_posture_eval(&query, open, &round, &r)) == GP_POSTURE_NEED) {
			assert_true(r.need_len > 0 && ++rounds <= ROUNDS_MAX);
			answer(open, world, &r);
			gp_arena_reset(&round);
		}
		assert_int_equal(rc, GP_POSTURE_DONE);
		assert_int_equal(r.findings.len, want.findings.len);
		for (size_t k = 0; k < want.findings.len; k++) {
			assert_ptr_equal(r.findings.items[k].kind, want.findings.items[k].kind);
			assert_true(gp_slice_eq(r.findings.items[k].evidence,
						want.findings.items[k].evidence));
		}
		gp_answers_free(open);
		gp_answers_free(world);
		gp_arena_free(&round);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

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

/* --- zones that make whoever reads them ask without end --- */

/* Each name of such a zone includes ten others, and names as many hosts. */
static void
answer_without_end(struct gp_answers *open, const struct gp_dns_question *q)
{
	char text[4096] = "v=spf1";
	struct gp_dns_record records[20] = {};
	struct gp_dns_answer a = {q->name, q->name, q->type, GP_DNS_OK, true, records, 1};
	struct gp_slice rest = q->name, label = gp_slice_cut(&rest, '.');
	for (int i = 0; i < 10 && label.len < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " include:%c%.*s.x.test mx:%c%.*s.y.test", 'a' + i, GP_SLICE_FMT(label),
			 'k' + i, GP_SLICE_FMT(label));
	records[0] = (struct gp_dns_record){.type = q->type, .data = gp_slice_str(text)};
	for (int i = 0; i < 20 && q->type == GP_DNS_MX; i++) {
		char *host = text + 200 * (i + 1) % 3000;
		snprintf(host, 200, "h%d%.*s.z.test", i, GP_SLICE_FMT(label));
		records[i] = (struct gp_dns_record){.type = q->type, .name = gp_slice_str(host)};
		a.records_len = 12;
	}
	if (q->type != GP_DNS_TXT && q->type != GP_DNS_MX)
		memcpy(records[0].address, (uint8_t[]){20, 0, 0, 1}, 4);
	if (gp_slice_starts(q->name, GP_SLICE("_")) || q->type == GP_DNS_PTR ||
	    q->type == GP_DNS_TLSA)
		a = (struct gp_dns_answer){q->name, q->name, q->type, GP_DNS_NXDOMAIN,
					   false,   NULL,    0};
	assert_int_equal(gp_answers_add(open, &a), 0);
}

/* Thousands of faults in one tree, each with a record of thousands of octets to mend it. */
static void
findings_have_an_end(void **state)
{
	enum { CHILDREN = 60, LOOPS = 250, TEXT_MAX = 8192 };
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	char own[TEXT_MAX] = "v=spf1", child[TEXT_MAX], name[32];
	json_t *json = make_world(false, "{}");
	(void)state;
	for (int i = 0; i < CHILDREN; i++) {
		size_t len = (size_t)snprintf(child, sizeof(child), "v=spf1");
		snprintf(name, sizeof(name), "c%d.test", i);
		for (int k = 0; k < LOOPS; k++)
			len += (size_t)snprintf(child + len, sizeof(child) - len, " include:%s",
						name);
		json_object_set_new(json, name, json_pack("{s:[s]}", "TXT", child));
		len = strlen(own);
		snprintf(own + len, sizeof(own) - len, " include:%s m%d=%035d", name, i, i);
	}
	json_object_set_new(json_object_get(json, "d.test"), "TXT", json_pack("[s]", own));
	struct gp_answers *world = read_world(json, &arena);
	run(world, &query, &arena, &r);
	assert_int_equal(r.findings.len, GP_FINDINGS_MAX);
	assert_true(r.findings.dropped > 10'000);
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* Terms of tens of thousands of octets, of which each is shown as nine. */
static void
evidence_has_an_end(void **state)
{
	enum { CHILDREN = 60, OCTETS = 62'000 };
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	char own[8192] = "v=spf1", name[32];
	static char child[OCTETS] = "v=spf1 ";
	json_t *json = make_world(false, "{}");
	(void)state;
	memset(child + strlen(child), 0x7f, OCTETS - 1 - strlen(child));
	for (int i = 0; i < CHILDREN; i++) {
		snprintf(name, sizeof(name), "c%d.test", i);
		json_object_set_new(json, name, json_pack("{s:[s]}", "TXT", child));
		size_t len = strlen(own);
		snprintf(own + len, sizeof(own) - len, " include:%s", name);
	}
	json_object_set_new(json_object_get(json, "d.test"), "TXT", json_pack("[s]", own));
	struct gp_answers *world = read_world(json, &arena);
	arena.max += arena.used;
	run(world, &query, &arena, &r);
	assert_non_null(gp_finding_of(&r.findings, "spf.include.permerror"));
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
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

static void
questions_have_an_end(void **state)
{
	enum { MANY = 700 };
	static const uint64_t seed[2] = {3, 4};
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA), round = arena;
	struct gp_posture_result r;
	struct gp_answers *open = gp_answers_new(&arena, 1 << 16, seed);
	size_t rounds = 0, asked = 0;
	int rc;
	(void)state;
	while ((rc = gp_posture_eval(&query, open, &round, &r)) == GP_POSTURE_NEED) {
		for (size_t i = 0; i < r.need_len; i++)
			answer_without_end(open, &r.need[i]);
		asked += r.need_len;
		assert_true(++rounds <= ROUNDS_MAX && asked <= MANY);
		gp_arena_reset(&round);
	}
	assert_int_equal(rc, GP_POSTURE_DONE);
	assert_non_null(get(&r.findings, "spf.lookups.over"));
	const struct gp_finding *f = gp_finding_of(&r.findings, "spf.temperror");
	print_message("%zu questions in %zu rounds\n", asked, rounds);
	assert_true(f && f->state == GP_FINDING_NOT_MEASURED);
	gp_answers_free(open);
	gp_arena_free(&round);
	gp_arena_free(&arena);
}

/* A zone in which all is forged: what is told of it is short. */
static void
bogus_answers_have_an_end(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	const char *name;
	json_t *json = make_world(false, "{}"), *types;
	(void)state;
	json_object_foreach(json, name, types)
		json_object_set_new(json, name, json_string("BOGUS"));
	struct gp_answers *world = read_world(json, &arena);
	run(world, &query, &arena, &r);
	const struct gp_finding *f = get(&r.findings, "dnssec.bogus");
	assert_non_null(f);
	assert_int_equal(f->severity, GP_SEVERITY_CRITICAL);
	size_t told = 1;
	for (size_t i = 0; i < f->evidence.len; i++)
		told += f->evidence.ptr[i] == ';';
	assert_int_equal(told, 8);
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* --- what the DNS did not say --- */

static void
nothing_is_concluded_from_silence(void **state)
{
	static const struct {
		const char *world, *id;
	} cases[] = {
		{"{'d.test':'SERVFAIL'}", "spf.temperror"},
		{"{'d.test':{'MX':'TIMEOUT'}}", "mx.none"},
		{"{'d.test':{'TXT':'TIMEOUT'}}", "spf.temperror"},
		{"{'d.test':{'TXT':['v=spf1 mx a:a.test -all']},'a.test':{'A':'SERVFAIL'}}",
		 "spf.temperror"},
		{"{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},'a.test':'TIMEOUT'}",
		 "spf.temperror"},
		{"{'_dmarc.d.test':'SERVFAIL'}", "dmarc.missing"},
		{"{'s1._domainkey.d.test':'TIMEOUT'}", "dkim.none.found"},
		{"{'_mta-sts.d.test':'SERVFAIL'}", "sts.missing"},
		{"{'_smtp._tls.d.test':'SERVFAIL'}", "tlsrpt.missing"},
		{"{'mta-sts.d.test':'SERVFAIL'}", "sts.policy.fetch"},
		{"{'mx2.d.test':{'A':'SERVFAIL'}}", "mx.nxdomain"},
		{"{'d.test':{'CAA':'SERVFAIL'}}", "caa.missing"},
		{"{'d.test':{'DNSKEY':'TIMEOUT'}}", "dnssec.weakalg"},
		{"{'d.test':{'DS':'SERVFAIL'}}", "dnssec.weakalg"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(false, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		assert_nothing(&r.findings, cases[i].world);
		const struct gp_finding *f = gp_finding_of(&r.findings, cases[i].id);
		if (!f || f->state != GP_FINDING_NOT_MEASURED)
			fail_msg("%s: no %s", cases[i].world, cases[i].id);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- what is wrong in records of others --- */

/* The way is told; what is its own is told beside it, with the record that mends it. */
static void
faults_of_others_tell_the_way(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	json_t *json = make_world(
		false, "{'d.test':{'TXT':['v=spf1 mx ptr include:a.test -all']},"
		       "'a.test':{'TXT':['v=spf1 ip4:20.0.1.1 include:b.test -all']},"
		       "'b.test':{'TXT':['v=spf1 ?ptr:x.b.test -all mx redirect=a.test']}}");
	struct gp_answers *world = read_world(json, &arena);
	const struct gp_finding *ptrs[2] = {};
	size_t len = 0;
	(void)state;
	run(world, &query, &arena, &r);
	for (size_t i = 0; i < r.findings.len; i++) {
		const struct gp_finding *f = &r.findings.items[i];
		if (strcmp(f->kind->id, "spf.ptr") == 0 && len < GP_ARRAY_LEN(ptrs))
			ptrs[len++] = f;
	}
	assert_int_equal(len, 2);
	assert_slice(ptrs[0]->records[0].value, "v=spf1 mx include:a.test -all");
	assert_slice(ptrs[1]->evidence, "d.test > a.test > b.test: ?ptr:x.b.test");
	assert_int_equal(ptrs[1]->records_len, 0);
	assert_slice(get(&r.findings, "spf.all.notlast")->evidence, "d.test > a.test > b.test: mx");
	assert_slice(get(&r.findings, "spf.redirect.all")->evidence,
		     "d.test > a.test > b.test: redirect=a.test");
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* --- names below an organisational domain --- */

static void
records_above_are_in_force_below(void **state)
{
	static const struct {
		const char *domain, *world;
		const char *id;    /* NULL: nothing of DMARC */
		const char *owner; /* of the record that is proposed; NULL: none is */
	} cases[] = {
		{"s.d.test", "{}", NULL, NULL},
		{"s.d.test", DMARC("v=DMARC1; p=none; " RUA), "dmarc.p.none", "_dmarc.d.test"},
		{"s.d.test", DMARC("v=DMARC1; p=reject; sp=none; " RUA), "dmarc.sp.weak",
		 "_dmarc.d.test"},
		{"s.d.test", "{'_dmarc.d.test':null}", "dmarc.missing", "_dmarc.s.d.test"},
		{"s.d.test", "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=none','v=DMARC1; p=reject']}}",
		 "dmarc.multiple", "_dmarc.d.test"},
		{"s.d.test", "{'_dmarc.s.d.test':{'TXT':['v=DMARC1; p=reject; sp=none; " RUA "']}}",
		 "dmarc.sp.on.sub", "_dmarc.s.d.test"},
		{"a.b.c.e.f.g.h.d.test", "{}", "dmarc.treewalk.over", NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_query q = query;
		json_t *json = make_world(false, cases[i].world);
		q.domain = gp_slice_str(cases[i].domain);
		json_object_set_new(json, cases[i].domain,
				    json_pack("{s:[s], s:[[i,s]]}", "TXT", "v=spf1 mx -all", "MX",
					      10, "mx1.d.test"));
		struct gp_answers *world = read_world(json, &arena);
		run(world, &q, &arena, &r);
		size_t found = 0;
		for (size_t k = 0; k < r.findings.len; k++)
			found += strncmp(r.findings.items[k].kind->id, "dmarc.", 6) == 0;
		const struct gp_finding *f = cases[i].id ? get(&r.findings, cases[i].id) : NULL;
		if (found != (cases[i].id ? 1 : 0) || (cases[i].id && !f))
			fail_msg("case %zu: %zu, none of them %s", i, found, cases[i].id);
		assert_int_equal(f && f->records_len > 0, cases[i].owner != NULL);
		if (cases[i].owner)
			assert_slice(f->records[0].name, cases[i].owner);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- the table of docs/audit.md --- */

/* The rows of faults in the order of the table above; equal ones once. */
static void
put_table(struct gp_buf *out)
{
	gp_buf_put_str(out, TABLE_HEAD);
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(plants[i].flags & PARKED, plants[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		const struct gp_finding *f = get(&r.findings, plants[i].id);
		assert_non_null(f);
		struct gp_slice line = gp_arena_printf(&arena, "| `%s` | %s%s | %s | %s |\n",
						       f->kind->id, gp_severity_name(f->severity),
						       plants[i].flags & PARKED ? ", parked" : "",
						       f->kind->title, mended_by(f));
		if (!gp_slice_ends_nocase(gp_buf_slice(out), line))
			gp_buf_put(out, line);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

static void
table_is_that_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	(void)state;
	put_table(&table);
	assert_in_document(&table, "posture_test");
	gp_buf_free(&table);
}

/* Addresses that a list of bad senders would be asked about. */
static void
own_addresses(void **state)
{
	static const struct {
		const char *world;
		const char *own; /* as text, in their order */
		size_t left_out;
	} cases[] = {
		{"{}", "20.0.0.1 20.0.0.2 20.0.0.3", 0},
		/* terms of the record, small networks, both kinds */
		{"{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 a ip4:20.0.3.6/31 ip6:2a00::8 "
		 "-all']}}",
		 "20.0.0.80 20.0.3.6 20.0.3.7 2a00::8", 0},
		/* too large a network, a private one, who may not send, what is not reached */
		{"{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 ip4:20.0.0.0/8 ip6:2a00::/32 "
		 "ip4:10.0.0.1 -ip4:20.9.9.9 ip4:20.0.3.1 -all ip4:20.0.3.2']}}",
		 "20.0.3.1", 2},
		/* what is included is ours where its name is */
		{"{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 include:_spf.d.test include:a.test "
		 "-all']},'_spf.d.test':{'TXT':['v=spf1 ip4:20.0.3.1 ~all']},"
		 "'a.test':{'TXT':['v=spf1 ip4:20.0.4.1 ~all']}}",
		 "20.0.3.1", 0},
		/* once each, and no more than there is room for */
		{"{'d.test':{'TXT':['v=spf1 mx ip4:20.0.0.1 ip4:20.0.3.0/26 -all']}}",
		 "20.0.0.1 20.0.0.2 20.0.0.3", 1},
		/* no MX record: the domain is its own host */
		{"{'d.test':{'MX':null,'TXT':['v=spf1 -all']}}", "20.0.0.80", 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_buf text = GP_BUF_INIT(1 << 16);
		struct gp_posture_result r;
		json_t *json = make_world(false, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		run(world, &query, &arena, &r);
		for (size_t k = 0; k < r.facts.own.len; k++) {
			const struct gp_posture_address *a = &r.facts.own.list[k];
			gp_buf_put_str(&text, k > 0 ? " " : "");
			gp_ip_write(&text, a->octets, a->len);
		}
		assert_slice(gp_buf_slice(&text), cases[i].own);
		assert_int_equal(r.facts.own.left_out, cases[i].left_out);
		gp_buf_free(&text);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* The table above as JSON, for tests by real name servers: rows with their whole worlds. */
static void
print_worlds(void)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < GP_ARRAY_LEN(plants); i++) {
		json_t *world = make_world(plants[i].flags & PARKED, plants[i].world);
		json_array_append_new(rows,
				      json_pack("{s:s, s:b, s:o}", "id", plants[i].id, "parked",
						plants[i].flags & PARKED, "world", world));
	}
	json_array_append_new(rows, json_pack("{s:n, s:b, s:o}", "id", "parked", 0, "world",
					      make_world(false, "{}")));
	json_array_append_new(rows, json_pack("{s:n, s:b, s:o}", "id", "parked", 1, "world",
					      make_world(true, "{}")));
	assert_int_equal(json_dumpf(rows, stdout, 0), 0);
	json_decref(rows);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_found_on_clean_domains),
		cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(what_is_proposed_mends_and_breaks_nothing),
		cmocka_unit_test(rounds_come_to_the_same),
		cmocka_unit_test(lookups_are_those_of_the_evaluator),
		cmocka_unit_test(records_that_ask_less_authorise_the_same),
		cmocka_unit_test(networks_are_spread_over_records),
		cmocka_unit_test(evidence_has_an_end),
		cmocka_unit_test(half_a_record_is_not_proposed),
		cmocka_unit_test(overlaps_heed_what_is_between),
		cmocka_unit_test(questions_have_an_end),
		cmocka_unit_test(findings_have_an_end),
		cmocka_unit_test(bogus_answers_have_an_end),
		cmocka_unit_test(nothing_is_concluded_from_silence),
		cmocka_unit_test(faults_of_others_tell_the_way),
		cmocka_unit_test(records_above_are_in_force_below),
		cmocka_unit_test(own_addresses),
		cmocka_unit_test(table_is_that_of_the_document),
	};
	if (argc > 1 && strcmp(argv[1], "--worlds") == 0) {
		print_worlds();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--table") == 0) {
		struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
		put_table(&table);
		printf("%.*s", GP_SLICE_FMT(gp_buf_slice(&table)));
		gp_buf_free(&table);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
