/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones made to cost: every name that is asked for exists and leads to more, at random. Whatever
 * they hold, the questions stay within their limit, and so do the rounds and the octets read.
 */
#include "world.h"

#include "../prng.h"
#include "base/buf.h"

enum {
	WALKS = 3000,
	ARENA_MAX = 64 << 20,
	RECORDS_MAX = 12,
	TERMS_MAX = 14,
	TEXT_MAX = 1 << 16,
};

struct zone {
	struct prng random;
	struct gp_arena *arena;
	unsigned names;  /* made so far: each one is new */
	unsigned wealth; /* of 8: how often there is something to find */
};

static struct gp_slice
new_name(struct zone *z)
{
	return gp_arena_printf(z->arena, "n%u.d.test", z->names++);
}

static void
put_term(struct zone *z, struct gp_buf *out)
{
	static const char *const starts[] = {
		"include:", "include:", "a:", "mx:", "mx:", "exists:", "ptr:", "?exists:%{p}."};
	struct gp_slice name = new_name(z);
	gp_buf_printf(out, " %s%.*s", starts[prng_below(&z->random, GP_ARRAY_LEN(starts))],
		      GP_SLICE_FMT(name));
}

static struct gp_slice
new_record(struct zone *z)
{
	struct gp_buf text = GP_BUF_INIT(TEXT_MAX);
	gp_buf_put_str(&text, "v=spf1");
	for (size_t n = prng_below(&z->random, TERMS_MAX + 1); n > 0; n--)
		put_term(z, &text);
	if (prng_below(&z->random, 2) == 0)
		gp_buf_printf(&text, " redirect=%.*s", GP_SLICE_FMT(new_name(z)));
	else
		gp_buf_put_str(&text, " -all exp=%{p}.x.test");
	struct gp_slice copy = gp_arena_dup(z->arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return copy;
}

static void
answer(struct zone *z, const struct gp_dns_question *q, struct gp_answers *set)
{
	struct gp_dns_record records[RECORDS_MAX] = {0};
	struct gp_dns_answer a = {.name = q->name,
				  .canonical = q->name,
				  .type = q->type,
				  .status = GP_DNS_OK,
				  .records = records};
	size_t len = q->type == GP_DNS_TXT ? 1 : 1 + prng_below(&z->random, RECORDS_MAX);
	if (q->type != GP_DNS_TXT && prng_below(&z->random, 8) >= z->wealth)
		len = 0;
	if (q->type == GP_DNS_MX && len > GP_SPF_HOSTS_MAX && prng_below(&z->random, 8) > 0)
		len = GP_SPF_HOSTS_MAX;
	a.records_len = len;
	a.status = len > 0 ? GP_DNS_OK : GP_DNS_NODATA;
	for (size_t i = 0; i < len; i++) {
		records[i].type = q->type;
		records[i].name = new_name(z);
		records[i].data = q->type == GP_DNS_TXT ? new_record(z) : GP_SLICE("");
	}
	assert_int_equal(gp_answers_add(set, &a), 0);
}

static struct asking
walk(uint64_t seed, struct gp_spf_result *r)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct zone z = {.random = {seed}, .arena = &arena, .wealth = 5 + (unsigned)(seed % 4)};
	struct gp_answers *set = gp_answers_new(&arena, GP_ANSWERS_MAX, test_seed);
	struct gp_spf_query q = {
		.sender = GP_SLICE("a@d.test"), .helo = GP_SLICE("d.test"), .explain = true};
	struct asking a = {0};
	set_client(&q, GP_SLICE("192.0.2.1"));
	while (gp_spf_eval(&q, set, &arena, r) == GP_SPF_NEED) {
		a.questions += r->need_len;
		a.rounds++;
		for (size_t i = 0; i < r->need_len; i++) {
			struct gp_dns_answer known;
			assert_false(
				gp_answers_find(set, r->need[i].name, r->need[i].type, &known));
			answer(&z, &r->need[i], set);
		}
	}
	gp_answers_free(set);
	gp_arena_free(&arena);
	return a;
}

static void
endless_zones(void **state)
{
	(void)state;
	struct asking most = {0};
	size_t verdicts[GP_SPF_PERMERROR + 1] = {0};
	for (uint64_t seed = 0; seed < WALKS; seed++) {
		struct gp_spf_result r;
		struct asking a = walk(seed, &r);
		most.questions = GP_MAX(most.questions, a.questions);
		most.rounds = GP_MAX(most.rounds, a.rounds);
		verdicts[r.verdict]++;
		assert_true(a.questions <= GP_SPF_QUESTIONS_MAX);
		assert_true(a.rounds <= GP_SPF_ROUNDS_MAX);
		assert_true(r.lookups <= GP_SPF_LOOKUPS_MAX + 1);
		assert_true(r.void_lookups <= GP_SPF_VOID_MAX + 1);
	}
	print_message("at most %zu questions in %zu rounds\n", most.questions, most.rounds);
	/* the limit was met, and not only ever it */
	assert_true(most.questions > GP_SPF_QUESTIONS_MAX - 8);
	assert_true(verdicts[GP_SPF_PERMERROR] > 0 && verdicts[GP_SPF_FAIL] > 0);
}

static void
judge(struct gp_slice json, uint8_t verdict, const char *reason)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(json, &arena);
	struct gp_spf_query q = {.sender = GP_SLICE("a@d.test"), .helo = GP_SLICE("d.test")};
	struct gp_spf_result r;
	set_client(&q, GP_SLICE("192.0.2.1"));
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, verdict);
	assert_non_null(memmem(r.reason.ptr, r.reason.len, reason, strlen(reason)));
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* An mx for each number, of so many hosts, none of which is the client; then `tail`. */
static void
judge_hosts(const char *numbers, const char *tail, uint8_t verdict, const char *reason)
{
	struct gp_buf json = GP_BUF_INIT(TEXT_MAX);
	gp_buf_put_str(&json, "{\"d.test\": {\"TXT\": [\"v=spf1");
	for (size_t i = 0; numbers[i]; i++)
		gp_buf_printf(&json, " mx:m%zu.test", i);
	gp_buf_printf(&json, "%s -all\"]}", tail);
	for (size_t i = 0; numbers[i]; i++) {
		int hosts = numbers[i] == 'X' ? 10 : numbers[i] - '0';
		gp_buf_printf(&json, ", \"m%zu.test\": {\"MX\": [", i);
		for (int n = 0; n < hosts; n++)
			gp_buf_printf(&json, "%s[1, \"h%d.m%zu.test\"]", n > 0 ? ", " : "", n, i);
		gp_buf_put_str(&json, "]}");
		for (int n = 0; n < hosts; n++)
			gp_buf_printf(&json, ", \"h%d.m%zu.test\": {\"A\": [\"192.0.2.9\"]}", n, i);
	}
	gp_buf_put_str(&json, "}");
	judge(gp_buf_slice(&json), verdict, reason);
	gp_buf_free(&json);
}

/*
 * Every limit of section 4.6.4 is kept to, ours is not: 63 questions, of which the record is one,
 * and one more is left for an explanation. %{p} is charged with eleven.
 */
static void
too_many_questions(void **state)
{
	(void)state;
	judge_hosts("XXXXXXXXXX", "", GP_SPF_PERMERROR, "more than 64 questions");
	judge_hosts("XXXXX6", "", GP_SPF_FAIL, "match");
	judge_hosts("XXXXX7", "", GP_SPF_PERMERROR, "mx:m5.test: more than 64 questions");
	judge_hosts("XXXXX5", " exists:x.test", GP_SPF_FAIL, "match");
	judge_hosts("XXXXX6", " exists:x.test", GP_SPF_PERMERROR, "mx:m5.test: more than 64");
	judge_hosts("XXXX5", " exists:%{p}.test", GP_SPF_FAIL, "match");
	judge_hosts("XXXX6", " exists:%{p}.test", GP_SPF_PERMERROR, "more than 64 questions");
}

/* What is asked in each round, after the records of d.test and e.test. */
static void
judge_rounds(const char *third_record, const size_t *needs, size_t len)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_arena_printf(
		&arena,
		"d.test TXT v=spf1 include:e.test a:1.d.test a:2.d.test a:3.d.test a:4.d.test "
		"a:5.d.test a:6.d.test a:7.d.test a:8.d.test a:9.d.test a:10.d.test | "
		"e.test TXT v=spf1 include:f.test a:1.e.test a:2.e.test a:3.e.test a:4.e.test "
		"a:5.e.test a:6.e.test a:7.e.test a:8.e.test a:9.e.test | "
		"f.test TXT v=spf1 %s | 1.f.test A 192.0.2.9 | 2.f.test A 192.0.2.1",
		third_record);
	struct gp_answers *world = make_world(text.ptr, &arena);
	struct gp_answers *set = gp_answers_new(&arena, GP_ANSWERS_MAX, test_seed);
	struct gp_spf_query q = {.sender = GP_SLICE("a@d.test"), .helo = GP_SLICE("d.test")};
	struct gp_spf_result r;
	set_client(&q, GP_SLICE("192.0.2.1"));
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_NEED);
		assert_int_equal(r.need_len, needs[i]);
		answer_needs(&r, world, set);
	}
	assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_DONE);
	assert_int_equal(r.verdict, GP_SPF_PASS);
	gp_answers_free(set);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/*
 * What later terms would ask is asked with the first of them, until that is 24. The first record
 * has ten, the second nine: a third one with five is asked at once, with six one by one.
 */
static void
not_too_much_is_asked_ahead(void **state)
{
	(void)state;
	static const size_t at_once[] = {1, 10, 9, 5}, one_by_one[] = {1, 10, 9, 1, 1};
	judge_rounds("a:1.f.test a:2.f.test a:3.f.test a:4.f.test a:5.f.test", at_once,
		     GP_ARRAY_LEN(at_once));
	judge_rounds("a:1.f.test a:2.f.test a:3.f.test a:4.f.test a:5.f.test a:6.f.test",
		     one_by_one, GP_ARRAY_LEN(one_by_one));
}

static void
put_repeated(struct gp_buf *out, const char *head, const char *text, size_t n, const char *tail)
{
	gp_buf_put_str(out, head);
	for (size_t i = 0; i < n; i++)
		gp_buf_put_str(out, text);
	gp_buf_put_str(out, tail);
}

/* Records, and the names that macros make, have a limit that they share. */
static void
too_many_octets(void **state)
{
	(void)state;
	static const struct {
		const char *head, *text;
		size_t n;
		const char *tail;
		uint8_t verdict;
		const char *reason;
	} cases[] = {
		{"{\"d.test\": {\"TXT\": [\"v=spf1", " x=y", 16'000, " -all\"]}}", GP_SPF_FAIL,
		 "match"},
		{"{\"d.test\": {\"TXT\": [\"v=spf1 include:d.test", " x=y", 8'000, " -all\"]}}",
		 GP_SPF_PERMERROR, "octets of records"},
		{"{\"d.test\": {\"TXT\": [\"v=spf1 exists:", "%{s}", 5'000, " -all\"]}}",
		 GP_SPF_FAIL, "match"},
		{"{\"d.test\": {\"TXT\": [\"v=spf1 exists:", "%{s}", 7'000, " -all\"]}}",
		 GP_SPF_PERMERROR, "macros make"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf json = GP_BUF_INIT(1 << 20);
		put_repeated(&json, cases[i].head, cases[i].text, cases[i].n, cases[i].tail);
		judge(gp_buf_slice(&json), cases[i].verdict, cases[i].reason);
		gp_buf_free(&json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endless_zones),
		cmocka_unit_test(too_many_questions),
		cmocka_unit_test(not_too_much_is_asked_ahead),
		cmocka_unit_test(too_many_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
