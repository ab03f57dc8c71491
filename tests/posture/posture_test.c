/* SPDX-License-Identifier: Apache-2.0 */
#include "asked.h"
#include "plants.h"
#include "published.h"

#include "base/buf.h"
#include "core/config/value.h"

/* --- faults --- */

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
	if (printed_table(argc, argv, put_table))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
