/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"
#include "published.h"

#include "core/posture/met.h"

static const struct gp_slice selectors[] = {GP_SLICE("s1")};

/* A world, its hosts and what was found there. */
struct look {
	struct gp_arena arena;
	json_t *json;
	struct gp_answers *world;
	struct seen seen;
	struct gp_posture_hosts hosts;
	struct gp_posture_query query;
	struct gp_posture_result r;
};

static void
look_again(struct look *l)
{
	gp_answers_free(l->world);
	l->world = read_world(l->json, &l->arena);
	assert_int_equal(gp_posture_eval(&l->query, l->world, &l->arena, &l->r), GP_POSTURE_DONE);
}

static void
begin(struct look *l, const char *world, change *plant)
{
	*l = (struct look){.arena = GP_ARENA_INIT(GP_POSTURE_ARENA)};
	make_seen(&l->seen);
	plant(&l->seen);
	l->hosts = (struct gp_posture_hosts){l->seen.hosts, HOSTS};
	l->query = (struct gp_posture_query){
		.domain = GP_SLICE("d.test"),
		.now_s = NOW_S,
		.selectors = selectors,
		.selectors_len = GP_ARRAY_LEN(selectors),
		.validated = true,
		.hosts = &l->hosts,
		.policy = &l->seen.policy,
		.past = l->seen.past,
		.past_len = l->seen.past_len,
	};
	l->json = make_world(false, world);
	look_again(l);
}

static void
end(struct look *l)
{
	gp_answers_free(l->world);
	gp_arena_free(&l->arena);
	json_decref(l->json);
}

/* --- found --- */

static void
nothing_is_wrong_with_good_hosts(void **state)
{
	static const char *const worlds[] = {"{}", BY_ISSUER, TWO_ADDRESSES};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(worlds); i++) {
		struct look l;
		begin(&l, worlds[i], as_they_are);
		if (l.r.findings.len > 0)
			fail_msg("%s: %s: %.*s", worlds[i], l.r.findings.items[0].kind->id,
				 GP_SLICE_FMT(l.r.findings.items[0].evidence));
		end(&l);
	}
}

static void
first_certificate_to_end_is_known(void **state)
{
	struct look l;
	(void)state;
	begin(&l, "{}", soon);
	assert_int_equal(l.r.facts.certificate_until_s, NOW_S + 3 * DAY_S);
	end(&l);
	begin(&l, "{}", as_they_are);
	assert_true(l.r.facts.certificate_until_s > NOW_S + 3 * DAY_S);
	l.query.hosts = NULL;
	look_again(&l);
	assert_int_equal(l.r.facts.certificate_until_s, 0);
	end(&l);
}

static void
check_row(size_t row, const struct gp_findings *list)
{
	const struct gp_finding *f = get(list, host_plants[row].id);
	if (!f)
		fail_msg("row %zu: %s is not found", row, host_plants[row].id);
	if (f->severity != host_plants[row].severity)
		fail_msg("row %zu: %s is %s", row, f->kind->id, gp_severity_name(f->severity));
	if (f->evidence.len == 0 || f->fix.len == 0)
		fail_msg("row %zu: %s has no evidence, or no fix", row, f->kind->id);
	if ((f->records_len > 0) != ((host_plants[row].flags & RECORDS) != 0))
		fail_msg("row %zu: %s has %zu records", row, f->kind->id, f->records_len);
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_finding *o = &list->items[i];
		char id[64];
		snprintf(id, sizeof(id), " %s ", o->kind->id);
		if (o->state == GP_FINDING_FAIL && o->kind != f->kind &&
		    !(host_plants[row].also && strstr(host_plants[row].also, id)))
			fail_msg("row %zu, %s: also %s: %.*s", row, f->kind->id, o->kind->id,
				 GP_SLICE_FMT(o->evidence));
	}
}

static void
planted_faults_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(host_plants); i++) {
		struct look l;
		begin(&l, host_plants[i].world, host_plants[i].change);
		check_row(i, &l.r.findings);
		end(&l);
	}
}

/* Asked for bit by bit, it finds the same. */
static void
rounds_come_to_the_same(void **state)
{
	static const uint64_t seed[2] = {3, 4};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(host_plants); i++) {
		struct look l;
		struct gp_arena round = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		int rc, rounds = 0;
		begin(&l, host_plants[i].world, host_plants[i].change);
		struct gp_answers *open = gp_answers_new(&l.arena, GP_POSTURE_QUESTIONS_MAX, seed);
		while ((rc = gp_posture_eval(&l.query, open, &round, &r)) == GP_POSTURE_NEED) {
			assert_true(r.need_len > 0 && ++rounds <= 8);
			for (size_t k = 0; k < r.need_len; k++) {
				struct gp_dns_answer a;
				assert_true(gp_answers_find(l.world, r.need[k].name, r.need[k].type,
							    &a));
				assert_int_equal(gp_answers_add(open, &a), 0);
			}
			gp_arena_reset(&round);
		}
		assert_int_equal(rc, GP_POSTURE_DONE);
		assert_int_equal(r.findings.len, l.r.findings.len);
		for (size_t k = 0; k < r.findings.len; k++)
			assert_ptr_equal(r.findings.items[k].kind, l.r.findings.items[k].kind);
		gp_answers_free(open);
		gp_arena_free(&round);
		end(&l);
	}
}

/* --- mended --- */

static void
serve(struct look *l, struct gp_slice fix)
{
	(void)gp_slice_cut(&fix, '\n');
	assert_true(gp_slice_starts(fix, GP_SLICE("version: STSv1\n")));
	l->seen.policy.text = gp_arena_dup(&l->arena, fix);
}

static void
what_is_proposed_mends_and_breaks_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(host_plants); i++) {
		struct look l;
		begin(&l, host_plants[i].world, host_plants[i].change);
		struct gp_findings before = l.r.findings;
		const struct gp_finding *f = get(&before, host_plants[i].id);
		assert_non_null(f);
		if (host_plants[i].flags & RECORDS)
			publish(l.json, f);
		if (host_plants[i].flags & SERVED)
			serve(&l, f->fix);
		look_again(&l);
		for (size_t k = 0; k < l.r.findings.len && host_plants[i].flags != 0; k++) {
			const struct gp_finding *o = &l.r.findings.items[k];
			bool same = o->kind == f->kind;
			if (o->state == GP_FINDING_FAIL && (same || !has(&before, o->kind->id)))
				fail_msg("row %zu: %s is mended, and then %s: %.*s", i, f->kind->id,
					 o->kind->id, GP_SLICE_FMT(o->evidence));
		}
		end(&l);
	}
}

/* A policy that could not be read is proposed as one in test, which says so. */
static void
a_policy_that_is_none_is_written_anew(void **state)
{
	struct look l;
	(void)state;
	begin(&l, "{}", no_mx);
	serve(&l, get(&l.r.findings, "sts.policy.syntax")->fix);
	look_again(&l);
	assert_null(get(&l.r.findings, "sts.policy.syntax"));
	assert_non_null(get(&l.r.findings, "sts.mode.testing"));
	end(&l);
}

/* A key that has no second record is told, and not proposed to be published alone. */
static void
a_lone_key_is_told(void **state)
{
	struct look l;
	(void)state;
	begin(&l, NO_TLSA, root_unsent);
	const struct gp_finding *f = get(&l.r.findings, "dane.none");
	assert_non_null(f);
	assert_int_equal(f->records_len, 0);
	assert_non_null(strstr(f->fix.ptr, "\n_25._tcp.mx1.d.test. TLSA 3 1 1 " D32));
	end(&l);
}

/* mx1 has all four addresses, and for each two certificates, a key and an issuer of its own. */
#define MANY_KEYS "{'mx1.d.test':{'A':['20.0.0.1','20.0.0.2','20.0.0.3','20.0.0.4']}," NONE_OF_THREE
CHANGE(
	many_keys, for (size_t i = 0; i < HOSTS; i++) {
		s->hosts[i].asked = GP_SLICE("mx1.d.test");
		s->hosts[i].chains_len = 2;
		for (size_t k = 0; k < 2; k++) {
			s->hosts[i].chains[k] = good_chain("mx1.d.test");
			s->hosts[i].chains[k].links[0].spki.sha256[0] = (uint8_t)(2 * i + k);
			s->hosts[i].chains[k].links[1].spki.sha256[0] = (uint8_t)(2 * i + k);
		}
	})

static void
keys_of_a_host_have_an_end(void **state)
{
	struct look l;
	unsigned told = 0;
	(void)state;
	begin(&l, MANY_KEYS, many_keys);
	const struct gp_finding *f = get(&l.r.findings, "dane.none");
	assert_non_null(f);
	for (const char *at = f->fix.ptr; (at = strstr(at, "mx1.d.test. TLSA ")); at++)
		told++;
	/* The text has an end as well, and may come to it first. */
	assert_in_range(told, 4, MET_RECORDS_MAX);
	end(&l);
}

/* --- not measured --- */

CHANGE(all_busy,
       for (size_t i = 0; i < HOSTS; i++)
	       s->hosts[i] = (struct gp_posture_host){.address = {20, 0, 0, (uint8_t)(i + 1)},
						      .address_len = 4,
						      .why = "the server said that it closes"};
       s->policy.outcome = GP_POSTURE_FETCH_NOT; s->policy.why = GP_SLICE("no answer in time"))
CHANGE(
	tls_unknown, for (size_t i = 0; i < HOSTS; i++) {
		s->hosts[i].tls = GP_POSTURE_TLS_UNKNOWN;
		s->hosts[i].tls_why = "the server said that it closes";
	})
CHANGE(
	asked_otherwise, for (size_t i = 0; i < HOSTS; i++) {
		s->hosts[i].asked = GP_SLICE("other.test");
		s->hosts[i].chains[0].names = s->hosts[i].asked;
		s->hosts[i].chains[0].links[0].spki.sha256[0] ^= 1;
	})
CHANGE(others_looked_at, for (size_t i = 0; i < HOSTS; i++) s->hosts[i].address[0] = 21)

static const struct {
	change *change;
	const char *ids; /* not measured, all of them */
	const char *why;
} silences[] = {
	{all_busy,
	 "tls.none tls.broken tls.old tls.weakcipher tls.compression tls.reneg cert.expired "
	 "cert.soon cert.name cert.chain cert.self cert.key auth.clear mx.unreachable mx.helo "
	 "mx.backup.weaker dane.mismatch",
	 "the server said that it closes"},
	{all_busy, "sts.policy.fetch", "no answer in time"},
	{tls_unknown, "tls.none tls.broken cert.name cert.self dane.mismatch sts.mx.tls",
	 "the server said that it closes"},
	{not_surveyed, "tls.old tls.weakcipher tls.compression tls.reneg", "without a survey"},
	{asked_otherwise, "cert.name dane.mismatch sts.mx.tls", "asked in another name"},
	{others_looked_at, "tls.none cert.name mx.unreachable", "it was not looked at"},
};

static void
what_was_not_seen_is_not_measured(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(silences); i++) {
		struct look l;
		begin(&l, "{}", silences[i].change);
		assert_nothing(&l.r.findings, silences[i].ids);
		struct gp_slice rest = gp_slice_str(silences[i].ids);
		while (rest.len > 0) {
			char id[64];
			struct gp_slice word = gp_slice_cut(&rest, ' ');
			snprintf(id, sizeof(id), "%.*s", GP_SLICE_FMT(word));
			const struct gp_finding *f = gp_finding_of(&l.r.findings, id);
			if (!f || f->state != GP_FINDING_NOT_MEASURED ||
			    !strstr(f->evidence.ptr, silences[i].why))
				fail_msg("row %zu: %s: %s", i, id, f ? f->evidence.ptr : "nothing");
		}
		end(&l);
	}
}

/* --- an address that several names lead to --- */

/* The second look at it, in the name of mx2, showed this certificate. */
static const struct {
	const char *names; /* NULL: there was no such look */
	uint8_t trust;
	const char *id; /* NULL: nothing is wrong */
	uint8_t state;
	const char *evidence; /* begins so */
} second_looks[] = {
	{NULL, GP_POSTURE_TRUSTED, "cert.name", GP_FINDING_NOT_MEASURED,
	 "mx2.d.test 20.0.0.1: the"},
	{"mx2.d.test", GP_POSTURE_TRUSTED, NULL, 0, NULL},
	{"mx1.d.test", GP_POSTURE_TRUSTED, "cert.name", GP_FINDING_FAIL,
	 "mx2.d.test 20.0.0.1: it is for mx1.d.test"},
	{"mx2.d.test", GP_POSTURE_SELF_SIGNED, "cert.self", GP_FINDING_FAIL,
	 "mx2.d.test 20.0.0.1: it is for mx2.d.test"},
};

static void
each_name_has_its_own_certificate(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(second_looks); i++) {
		struct look l;
		struct gp_posture_host list[3];
		size_t len = 0;
		begin(&l, "{'mx2.d.test':{'A':['20.0.0.1']}}", as_they_are);
		list[len++] = l.seen.hosts[0];
		if (second_looks[i].names) {
			list[len] = l.seen.hosts[0];
			list[len].asked = GP_SLICE("MX2.d.test");
			list[len].chains[0] = good_chain(second_looks[i].names);
			list[len++].chains[0].trust = second_looks[i].trust;
		}
		list[len++] = l.seen.hosts[2];
		l.hosts = (struct gp_posture_hosts){list, len};
		look_again(&l);
		const struct gp_finding *f =
			second_looks[i].id ? gp_finding_of(&l.r.findings, second_looks[i].id)
					   : NULL;
		if (!second_looks[i].id && l.r.findings.len > 0)
			fail_msg("row %zu: %s", i, l.r.findings.items[0].kind->id);
		if (f && (f->state != second_looks[i].state ||
			  !gp_slice_starts(f->evidence, gp_slice_str(second_looks[i].evidence))))
			fail_msg("row %zu: %.*s", i, GP_SLICE_FMT(f->evidence));
		assert_int_equal(f != NULL, second_looks[i].id != NULL);
		end(&l);
	}
}

/* Hosts without an address prove nothing of TLS. */
static void
no_host_is_no_proof(void **state)
{
	struct look l;
	(void)state;
	begin(&l, "{'mx1.d.test':null,'mx2.d.test':null,'mx3.d.test':null}", as_they_are);
	const struct gp_finding *f = gp_finding_of(&l.r.findings, "tls.none");
	assert_true(f && f->state == GP_FINDING_NOT_MEASURED);
	end(&l);
}

/* Nobody looked: the DNS alone speaks, and what needs hosts says so. */
static void
without_hosts_only_the_dns_speaks(void **state)
{
	struct look l;
	(void)state;
	begin(&l, "{}", as_they_are);
	l.query.hosts = NULL;
	l.query.policy = NULL;
	look_again(&l);
	assert_nothing(&l.r.findings, "without hosts");
	assert_null(gp_finding_of(&l.r.findings, "tls.none"));
	assert_int_equal(gp_finding_of(&l.r.findings, "dane.mismatch")->state,
			 GP_FINDING_NOT_MEASURED);
	assert_int_equal(gp_finding_of(&l.r.findings, "sts.policy.fetch")->state,
			 GP_FINDING_NOT_MEASURED);
	end(&l);
}

static void
what_hosts_show_is_planted(void **state)
{
	static const char elsewhere[] = "sts.id.stale"; /* with what was seen earlier */
	(void)state;
	for (size_t i = 0; i < gp_posture_host_ids_len; i++) {
		size_t found = 0;
		for (size_t k = 0; k < GP_ARRAY_LEN(host_plants); k++)
			found += strcmp(host_plants[k].id, gp_posture_host_ids[i]) == 0;
		if (found == 0 && strcmp(gp_posture_host_ids[i], elsewhere) != 0)
			fail_msg("%s is not planted", gp_posture_host_ids[i]);
	}
	for (size_t k = 0; k < GP_ARRAY_LEN(host_plants); k++) {
		size_t found = 0;
		for (size_t i = 0; i < gp_posture_host_ids_len; i++)
			found += strcmp(host_plants[k].id, gp_posture_host_ids[i]) == 0;
		for (size_t i = 0; i < gp_posture_ids_len; i++)
			found += strcmp(host_plants[k].id, gp_posture_ids[i]) == 0;
		if (found != 1)
			fail_msg("%s is in %zu lists", host_plants[k].id, found);
	}
}

/* --- the table of docs/audit.md --- */

static void
put_table(struct gp_buf *out)
{
	gp_buf_put_str(out, TABLE_HEAD);
	for (size_t i = 0; i < GP_ARRAY_LEN(host_plants); i++) {
		struct look l;
		begin(&l, host_plants[i].world, host_plants[i].change);
		const struct gp_finding *f = get(&l.r.findings, host_plants[i].id);
		assert_non_null(f);
		struct gp_slice line =
			gp_arena_printf(&l.arena, "| `%s` | %s | %s | %s |\n", f->kind->id,
					gp_severity_name(f->severity), f->kind->title,
					host_plants[i].flags & SERVED ? "a policy" : mended_by(f));
		if (!gp_slice_ends_nocase(gp_buf_slice(out), line))
			gp_buf_put(out, line);
		end(&l);
	}
}

static void
table_is_that_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	(void)state;
	put_table(&table);
	assert_in_document(&table, "posture_hosts_test");
	gp_buf_free(&table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong_with_good_hosts),
		cmocka_unit_test(first_certificate_to_end_is_known),
		cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(rounds_come_to_the_same),
		cmocka_unit_test(what_is_proposed_mends_and_breaks_nothing),
		cmocka_unit_test(a_policy_that_is_none_is_written_anew),
		cmocka_unit_test(a_lone_key_is_told),
		cmocka_unit_test(keys_of_a_host_have_an_end),
		cmocka_unit_test(what_was_not_seen_is_not_measured),
		cmocka_unit_test(each_name_has_its_own_certificate),
		cmocka_unit_test(no_host_is_no_proof),
		cmocka_unit_test(without_hosts_only_the_dns_speaks),
		cmocka_unit_test(what_hosts_show_is_planted),
		cmocka_unit_test(table_is_that_of_the_document),
	};
	if (printed_table(argc, argv, put_table))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
