/* SPDX-License-Identifier: Apache-2.0 */
/* What is proposed loses no mail: a DMARC policy goes up a step at a time, and at once where none
   could be lost; SPF keeps who may send. */
#include "plants.h"
#include "published.h"

#define DAY_S 86400ULL
#define NOW_S (20'000 * DAY_S)
#define OWN "rua=mailto:dmarc-reports@d.test"

enum {
	NEXT = GP_DMARC_P_ABSENT,
	NONE = GP_DMARC_P_NONE,
	QUARANTINE = GP_DMARC_P_QUARANTINE,
	REJECT = GP_DMARC_P_REJECT,
	STEPS_MAX = 6, /* none, quarantine, reject for the domain, and then for names below */
};

static const struct gp_slice selectors[] = {GP_SLICE("s1"), GP_SLICE("s2")};

static struct gp_posture_query
ask(const char *domain, uint8_t policy)
{
	return (struct gp_posture_query){
		.domain = gp_slice_str(domain),
		.now_s = NOW_S,
		.selectors = selectors,
		.selectors_len = GP_ARRAY_LEN(selectors),
		.validated = true,
		.policy_wanted = policy,
	};
}

static const struct {
	const char *what;
	const char *world;
	uint8_t wanted;
	uint8_t days; /* that the policy in force is known to be there; 0: nobody looked before */
	bool fails;   /* reports tell of mail from an MX host that nothing lets pass */
	const char *id;
	const char *record; /* NULL: none is proposed */
} cases[] = {
	/* one step from what is in force */
	{"nothing", "{'_dmarc.d.test':null}", NEXT, 0, false, "dmarc.missing",
	 "v=DMARC1; p=none; " OWN},
	{"none", DMARC("v=DMARC1; p=none; " RUA), NEXT, 0, false, "dmarc.p.none",
	 "v=DMARC1; p=quarantine; " RUA},
	{"quarantine", DMARC("v=DMARC1; p=quarantine; " RUA), NEXT, 0, false, "dmarc.p.quarantine",
	 "v=DMARC1; p=reject; " RUA},
	{"what is meant was never in force", DMARC("v=DMARC1 p=reject " RUA), NEXT, 0, false,
	 "dmarc.syntax", "v=DMARC1; p=none; " RUA},
	{"nor what one of several says",
	 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; " RUA "','v=DMARC1; p=none']}}", NEXT, 0,
	 false, "dmarc.multiple", "v=DMARC1; p=none; " RUA},
	{"of a record that counts, a tag is mended alone",
	 DMARC("v=DMARC1; p=reject; adkim=x; " RUA), NEXT, 0, false, "dmarc.syntax",
	 "v=DMARC1; p=reject; " RUA},

	/* names below */
	{"sp goes up by itself", DMARC("v=DMARC1; p=reject; sp=none; " RUA), NEXT, 0, false,
	 "dmarc.sp.weak", "v=DMARC1; p=reject; sp=quarantine; " RUA},
	{"and beside p", DMARC("v=DMARC1; p=quarantine; sp=none; " RUA), NEXT, 0, false,
	 "dmarc.p.quarantine", "v=DMARC1; p=reject; sp=quarantine; " RUA},
	{"it is not let down", DMARC("v=DMARC1; p=none; sp=reject; " RUA), NEXT, 0, false,
	 "dmarc.p.none", "v=DMARC1; p=quarantine; sp=reject; " RUA},
	{"nor beside a step further up", DMARC("v=DMARC1; p=quarantine; sp=reject; " RUA), NEXT, 0,
	 false, "dmarc.p.quarantine", "v=DMARC1; p=reject; " RUA},
	{"np loses nothing", DMARC("v=DMARC1; p=reject; np=none; " RUA), NEXT, 0, false,
	 "dmarc.np.weak", "v=DMARC1; p=reject; " RUA},
	{"but with a wildcard it is sp",
	 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=none; np=reject; " RUA "']},"
	 "'*.d.test':{'TXT':['x']}}",
	 NEXT, 0, false, "dmarc.np.wildcard", "v=DMARC1; p=none; sp=quarantine; np=reject; " RUA},

	/* the test mode is a step of its own */
	{"out of it", DMARC("v=DMARC1; p=reject; t=y; " RUA), NEXT, 0, false, "dmarc.t",
	 "v=DMARC1; p=reject; " RUA},
	{"first out of it", DMARC("v=DMARC1; p=quarantine; t=y; " RUA), NEXT, 0, false, "dmarc.t",
	 "v=DMARC1; p=quarantine; " RUA},
	{"and then up", DMARC("v=DMARC1; p=quarantine; t=y; " RUA), NEXT, 0, false,
	 "dmarc.p.quarantine", NULL},
	{"when its time has come", DMARC("v=DMARC1; p=reject; t=y; " RUA), NEXT, 29, false,
	 "dmarc.t", NULL},

	/* the policy in force has its time, with reports that show no harm */
	{"29 days", DMARC("v=DMARC1; p=none; " RUA), NEXT, 29, false, "dmarc.p.none", NULL},
	{"30 days", DMARC("v=DMARC1; p=none; " RUA), NEXT, 30, false, "dmarc.p.none",
	 "v=DMARC1; p=quarantine; " RUA},
	{"30 days without reports", DMARC("v=DMARC1; p=none"), NEXT, 30, false, "dmarc.p.none",
	 NULL},
	{"reports that nobody gets", DMARC("v=DMARC1; p=none; rua=mailto:r@no.d.test"), NEXT, 0,
	 false, "dmarc.p.none", NULL},
	{"but somebody will", DMARC("v=DMARC1; p=none"), NEXT, 0, false, "dmarc.rua.none",
	 "v=DMARC1; p=none; " OWN},
	{"reports of own mail that fails", DMARC("v=DMARC1; p=none; " RUA), NEXT, 90, true,
	 "dmarc.p.none", NULL},
	{"which loses nothing at p=none", "{'_dmarc.d.test':null}", NEXT, 0, true, "dmarc.missing",
	 "v=DMARC1; p=none; " OWN},

	/* who lets some send, and names nobody, means those who most likely do */
	{"all may", SPF("v=spf1 +all"), NEXT, 0, false, "spf.all.plus", "v=spf1 mx -all"},
	{"perhaps all may", SPF("v=spf1 ?all"), NEXT, 0, false, "spf.all.neutral",
	 "v=spf1 mx -all"},
	{"nothing is said", SPF("v=spf1"), NEXT, 0, false, "spf.all.neutral", "v=spf1 mx -all"},
	{"somebody is named", SPF("v=spf1 ip4:20.0.0.1 ?all"), NEXT, 0, false, "spf.all.neutral",
	 "v=spf1 ip4:20.0.0.1 -all"},

	/* a policy that somebody wants */
	{"reject", "{'_dmarc.d.test':null}", REJECT, 0, false, "dmarc.missing",
	 "v=DMARC1; p=reject; " OWN},
	{"quarantine at once", DMARC("v=DMARC1; p=none; " RUA), QUARANTINE, 1, true, "dmarc.p.none",
	 "v=DMARC1; p=quarantine; " RUA},
	{"none is no step down", DMARC("v=DMARC1; p=quarantine; " RUA), NONE, 90, false,
	 "dmarc.p.quarantine", NULL},
	{"nor out of the test mode", DMARC("v=DMARC1; p=quarantine; t=y; " RUA), NONE, 90, false,
	 "dmarc.t", NULL},
};

static void
check(size_t i, const struct gp_findings *list)
{
	const struct gp_finding *f = get(list, cases[i].id);
	if (!f)
		fail_msg("%s: no %s", cases[i].what, cases[i].id);
	if (!cases[i].record && f->records_len > 0)
		fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(f->records[0].value));
	if (cases[i].record && f->records_len == 0)
		fail_msg("%s: nothing is proposed", cases[i].what);
	if (cases[i].record)
		assert_slice(f->records[0].value, cases[i].record);
}

static void
a_step_at_a_time(void **state)
{
	static const struct gp_posture_source failing = {
		.octets = {20, 0, 0, 1}, .len = 4, .messages = 40};
	static const struct gp_posture_sent sent = {
		.messages = 400, .aligned = 360, .sources = &failing, .sources_len = 1};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_query q = ask("d.test", cases[i].wanted);
		json_t *json = make_world(false, cases[i].world);
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_posture_past past = {
			GP_SLICE("dmarc.p"), gp_slice_str(gp_dmarc_policy_name(r.facts.dmarc.p)),
			GP_SLICE(""), NOW_S - cases[i].days * DAY_S};
		q.past = &past;
		q.past_len = cases[i].days > 0 ? 1 : 0;
		q.sent = cases[i].fails ? &sent : NULL;
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		check(i, &r.findings);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- all the way --- */

static const struct gp_finding *
next_dmarc(const struct gp_findings *list)
{
	const struct gp_finding *best = NULL;
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_finding *f = &list->items[i];
		bool dmarc = gp_slice_starts(gp_slice_str(f->kind->id), GP_SLICE("dmarc."));
		if (dmarc && f->records_len > 0 && (!best || f->severity > best->severity))
			best = f;
	}
	return best;
}

static uint8_t
look(const json_t *json, struct gp_arena *arena, struct gp_findings *ret)
{
	struct gp_posture_result r;
	struct gp_posture_query q = ask("d.test", NEXT);
	struct gp_answers *world = read_world(json, arena);
	assert_int_equal(gp_posture_eval(&q, world, arena, &r), GP_POSTURE_DONE);
	gp_answers_free(world);
	*ret = r.findings;
	return r.facts.dmarc.present ? r.facts.dmarc.p : GP_DMARC_P_ABSENT;
}

/* Publishes the next step, and returns whether there was one; *ret: the policy in force then. */
static bool
climb(size_t row, json_t *json, uint8_t *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_findings before, after;
	uint8_t was = look(json, &arena, &before);
	const struct gp_finding *f = next_dmarc(&before);
	if (f)
		publish(json, f);
	*ret = look(json, &arena, &after);
	if ((plants[row].flags & PARKED) == 0 && *ret > was + 1)
		fail_msg("row %zu: from %u to %u", row, was, *ret);
	for (size_t i = 0; f && i < after.len; i++) {
		const struct gp_finding *o = &after.items[i];
		if (o->state == GP_FINDING_FAIL && o->severity > f->severity &&
		    !has(&before, o->kind->id))
			fail_msg("row %zu: %s is graver than %s", row, o->kind->id, f->kind->id);
	}
	bool more = f != NULL;
	gp_arena_free(&arena);
	return more;
}

static void
each_step_leads_to_nothing_graver_and_all_to_reject(void **state)
{
	size_t ways = 0;
	(void)state;
	for (size_t row = 0; row < GP_ARRAY_LEN(plants); row++) {
		json_t *json = make_world(plants[row].flags & PARKED, plants[row].world);
		size_t steps = 0;
		uint8_t p = GP_DMARC_P_REJECT;
		while (climb(row, json, &p))
			assert_true(++steps <= STEPS_MAX);
		if (steps > 0 && p != GP_DMARC_P_REJECT)
			fail_msg("row %zu: it ends at %u", row, p);
		ways += steps > 1;
		json_decref(json);
	}
	assert_true(ways > 8);
}

/* --- taken as published --- */

/* What was found in what is published stays the stage when its records are taken as published. */
static void
a_stage_is_kept(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	struct gp_posture_stage stage;
	struct gp_posture_query q = ask("d.test", NEXT);
	json_t *json = make_world(false, "{'_dmarc.d.test':null}");
	(void)state;
	for (int published = 0; published < 2; published++) {
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		assert_int_equal(r.facts.dmarc.stage.p, GP_DMARC_P_NONE);
		const struct gp_finding *f =
			get(&r.findings, published ? "dmarc.p.none" : "dmarc.missing");
		assert_non_null(f);
		assert_int_equal(f->records_len, published ? 0 : 1);
		if (!published)
			publish(json, f);
		stage = r.facts.dmarc.stage;
		q.stage = &stage;
		gp_answers_free(world);
	}
	gp_arena_free(&arena);
	json_decref(json);
}

/* A patch that lets nobody send by SPF makes no parked domain of one that does. */
static void
who_sends_stays_who_sends(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_posture_result r;
	struct gp_posture_query q = ask("d.test", NEXT);
	json_t *json = make_world(false, "{'_dmarc.d.test':null,'s1._domainkey.d.test':null,"
					 "'d.test':{'TXT':['v=spf1 ?all']}}");
	(void)state;
	struct gp_answers *world = read_world(json, &arena);
	assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
	const struct gp_posture_stage stage = r.facts.dmarc.stage;
	assert_int_equal(stage.class, GP_POSTURE_SENDING);
	json_object_set_new(json_object_get(json, "d.test"), "TXT",
			    json_pack("[s]", "v=spf1 -all"));
	gp_answers_free(world);
	q.stage = &stage;
	world = read_world(json, &arena);
	assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
	assert_int_equal(r.facts.class, GP_POSTURE_SENDING);
	const struct gp_finding *f = get(&r.findings, "dmarc.missing");
	assert_int_equal(f->records_len, 1);
	assert_slice(f->records[0].value, "v=DMARC1; p=none; " OWN);
	gp_answers_free(world);
	gp_arena_free(&arena);
	json_decref(json);
}

/* Below the organisational domain sp says nothing: no step brings it in. */
static void
steps_of_a_name_below_have_no_sp(void **state)
{
	static const struct {
		const char *text, *id, *record;
	} below[] = {
		{"v=DMARC1; p=none; sp=reject; " RUA, "dmarc.p.none",
		 "v=DMARC1; p=quarantine; " RUA},
		{"v=DMARC1; p=none; sp=reject; " RUA, "dmarc.sp.on.sub", "v=DMARC1; p=none; " RUA},
		{"v=DMARC1; p=quarantine; sp=none; " RUA, "dmarc.p.quarantine",
		 "v=DMARC1; p=reject; " RUA},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(below); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_query q = ask("s.d.test", NEXT);
		json_t *json = make_world(false, DMARC("v=DMARC1; p=reject; " RUA));
		json_object_set_new(json, "s.d.test",
				    json_pack("{s:[[i,s]]}", "MX", 10, "mx1.d.test"));
		json_object_set_new(json, "_dmarc.s.d.test",
				    json_pack("{s:[s]}", "TXT", below[i].text));
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_finding *f = get(&r.findings, below[i].id);
		assert_non_null(f);
		assert_int_equal(f->records_len, 1);
		assert_slice(f->records[0].value, below[i].record);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* A name below whose record is none has that of the domain above, and is told so. */
static void
a_record_that_is_passed_over_is_told(void **state)
{
	static const char one[] = DMARC("v=DMARC1; p=reject; " RUA),
			  two[] = "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject','v=DMARC1; "
				  "p=none']}}";
	static const struct {
		const char *above, *text;
		bool told;
	} below[] = {
		{one, "p=none; v=DMARC1", true}, {one, "v=DMARC1 p=reject", true},
		{two, "p=none; v=DMARC1", true}, {one, "v=DMARC1; p=reject; " RUA, false},
		{one, "something else", false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(below); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_query q = ask("s.d.test", NEXT);
		json_t *json = make_world(false, below[i].above);
		json_object_set_new(json, "s.d.test",
				    json_pack("{s:[[i,s]]}", "MX", 10, "mx1.d.test"));
		json_object_set_new(json, "_dmarc.s.d.test",
				    json_pack("{s:[s]}", "TXT", below[i].text));
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_finding *f = get(&r.findings, "dmarc.syntax");
		assert_int_equal(f != NULL, below[i].told);
		if (f)
			assert_slice(f->fix, "correct it, or take it out: what d.test has counts");
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- nothing to lose --- */

static void
who_sends_nothing_is_locked_at_once(void **state)
{
	static const struct {
		const char *domain, *world, *id, *record;
	} parked[] = {
		{"d.test", "{'_dmarc.d.test':null}", "dmarc.missing",
		 "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s"},
		{"d.test", DMARC("v=DMARC1; p=none"), "dmarc.parked.weak",
		 "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s"},
		{"d.test", DMARC("v=DMARC1 p=reject"), "dmarc.syntax", "v=DMARC1; p=reject"},
		/* what stands behind -all counts no more than before */
		{"d.test", SPF("v=spf1 -all mx a"), "spf.all.notlast", "v=spf1 -all"},
		/* the record above is of others, too */
		{"s.d.test", DMARC("v=DMARC1; p=none; rua=mailto:r@a.test"), "dmarc.p.none",
		 "v=DMARC1; p=quarantine; rua=mailto:r@a.test"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(parked); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct gp_posture_query q = ask(parked[i].domain, NEXT);
		json_t *json = make_world(true, parked[i].world);
		json_object_set_new(json, "s.d.test", json_pack("{s:[s]}", "TXT", "v=spf1 -all"));
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		assert_int_equal(r.facts.class, GP_POSTURE_PARKED);
		const struct gp_finding *f = get(&r.findings, parked[i].id);
		size_t at = 0;
		assert_non_null(f);
		struct gp_slice kind = gp_slice_take(gp_slice_str(parked[i].record), 6);
		while (at < f->records_len && !gp_slice_starts(f->records[at].value, kind))
			at++;
		assert_true(at < f->records_len);
		assert_slice(f->records[at].value, parked[i].record);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_at_a_time),
		cmocka_unit_test(each_step_leads_to_nothing_graver_and_all_to_reject),
		cmocka_unit_test(a_stage_is_kept),
		cmocka_unit_test(who_sends_stays_who_sends),
		cmocka_unit_test(steps_of_a_name_below_have_no_sp),
		cmocka_unit_test(a_record_that_is_passed_over_is_told),
		cmocka_unit_test(who_sends_nothing_is_locked_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
