/* SPDX-License-Identifier: Apache-2.0 */
/* Zones that make whoever reads them ask, keep and tell without end. */
#include "asked.h"
#include "published.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_has_an_end),
		cmocka_unit_test(questions_have_an_end),
		cmocka_unit_test(findings_have_an_end),
		cmocka_unit_test(bogus_answers_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
