/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>

#include "base/buf.h"
#include "core/dmarc/destination.h"

enum { ARENA_MAX = 1 << 22, ROUNDS_MAX = 2 };

#define AT(host, tags) "\"d.test._report._dmarc." host "\": {\"TXT\": [\"v=DMARC1" tags "\"]}"
#define OURS REC("d.test", "p=none")

/* The record of d.test has `uris` in rua. want: for each, what becomes of it, and where to. */
static const struct {
	const char *what, *dns, *uris, *want;
} cases[] = {
	{"the domain itself", "{" OURS "}", "mailto:a@d.test", "internal a@d.test"},
	{"below it", "{" OURS "}", "mailto:a@R.D.TEST", "internal a@r.d.test"},
	{"no mailbox", "{" OURS "}", "https://r.test/", "scheme"},
	{"it says nothing", "{" OURS "}", "mailto:a@r.test", "refused"},
	{"it says yes", "{" OURS "," AT("r.test", ";") "}", "mailto:a@r.test",
	 "authorised a@r.test"},
	{"without a semicolon", "{" OURS "," AT("r.test", "") "}", "mailto:a@r.test",
	 "authorised a@r.test"},
	{"with tags that matter elsewhere",
	 "{" OURS "," AT("r.test", "; p=x; ruf=mailto:b@e.test") "}", "mailto:a@r.test",
	 "authorised a@r.test"},
	{"by a record that is none", "{" OURS "," AT("r.test", "0") "}", "mailto:a@r.test",
	 "refused"},
	{"several records are fine",
	 "{" OURS ", \"d.test._report._dmarc.r.test\": {\"TXT\": [\"v=DMARC1\", \"x\", "
	 "\"v=DMARC1\"]}}",
	 "mailto:a@r.test", "authorised a@r.test"},
	{"another place at the same host",
	 "{" OURS "," AT("r.test", "; rua=mailto:b@r.test,mailto:c@R.test!1m") "}",
	 "mailto:a@r.test", "replaced b@r.test c@r.test"},
	{"another place, in the second record",
	 "{" OURS ", \"d.test._report._dmarc.r.test\": {\"TXT\": [\"v=DMARC1\", \"v=DMARC1; "
	 "rua=mailto:b@r.test\"]}}",
	 "mailto:a@r.test", "replaced b@r.test"},
	{"another host: neither", "{" OURS "," AT("r.test", "; rua=mailto:b@e.test") "}",
	 "mailto:a@r.test", "refused"},
	{"another host, even below: neither",
	 "{" OURS "," AT("r.test", "; rua=mailto:b@x.r.test") "}", "mailto:a@r.test", "refused"},
	{"what is not at the host goes",
	 "{" OURS "," AT("r.test", "; rua=mailto:b@e.test,mailto:c@r.test") "}", "mailto:a@r.test",
	 "replaced c@r.test"},
	{"the DNS does not say", "{" OURS ", \"d.test._report._dmarc.r.test\": \"SERVFAIL\"}",
	 "mailto:a@r.test", "unknown"},
	{"each for itself", "{" OURS "," AT("r.test", "") "}",
	 "mailto:a@e.test,mailto:b@r.test,mailto:c@d.test",
	 "refused; authorised b@r.test; internal c@d.test"},
	{"a sibling is of the same organisation", "{" REC("test", "p=none") "}", "mailto:a@r.test",
	 "internal a@r.test"},
	{"unless the suffix is public", "{" REC("test", "p=none; psd=y") "}", "mailto:a@r.test",
	 "refused"},
	{"an organisation of its own below", "{" OURS "," REC("r.d.test", "psd=n") "}",
	 "mailto:a@r.d.test", "refused"},
	{"whose host it is, is not known", "{" OURS ", \"_dmarc.r.test\": \"TIMEOUT\"}",
	 "mailto:a@r.test", "unknown"},
	{"whose host it is, is not known, but it says yes",
	 "{" OURS ", \"_dmarc.r.test\": \"TIMEOUT\"," AT("r.test", "") "}", "mailto:a@r.test",
	 "authorised a@r.test"},
};

static void
read_uris(const char *uris, struct gp_arena *arena, struct gp_dmarc_record *ret)
{
	struct gp_slice text = gp_arena_printf(arena, "v=DMARC1; rua=%s", uris);
	assert_int_equal(gp_dmarc_record_parse(text, arena, ret), 0);
}

static void
show(struct gp_buf *out, const struct gp_dmarc_destinations *all)
{
	static const char *const states[] = {"internal", "authorised", "replaced",
					     "refused",  "unknown",    "scheme"};
	for (size_t i = 0; i < all->len; i++) {
		const struct gp_dmarc_destination *d = &all->list[i];
		gp_buf_printf(out, "%s%s", i > 0 ? "; " : "", states[d->state]);
		for (size_t j = 0; j < d->to_len; j++)
			gp_buf_printf(out, " %.*s", GP_SLICE_FMT(d->to[j].address));
	}
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf out = GP_BUF_INIT(4096);
		struct gp_answers *world = load_world(cases[i].dns, &arena);
		struct gp_answers *set = gp_answers_new(&arena, 1024, test_seed);
		struct gp_dmarc_record record;
		struct gp_dmarc_destinations all;
		read_uris(cases[i].uris, &arena, &record);
		int rc, rounds = 0;
		while ((rc = gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua,
							GP_DMARC_RUA, set, &arena, &all)) ==
		       GP_DMARC_DESTINATION_NEED) {
			answer_needs(world, all.need, all.need_len, set);
			assert_true(++rounds <= ROUNDS_MAX);
		}
		assert_int_equal(rc, GP_DMARC_DESTINATION_DONE);
		show(&out, &all);
		if (!gp_slice_eq(gp_buf_slice(&out), gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s, not %s", cases[i].what,
				 GP_SLICE_FMT(gp_buf_slice(&out)), cases[i].want);
		gp_buf_free(&out);
		gp_answers_free(set);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

static void
failure_reports_have_their_own_places(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world(
		"{" AT("r.test", "; rua=mailto:b@r.test; ruf=mailto:c@r.test") "}", &arena);
	struct gp_dmarc_record record;
	struct gp_dmarc_destinations all;
	read_uris("mailto:a@r.test", &arena, &record);
	assert_int_equal(gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua, GP_DMARC_RUF,
						    world, &arena, &all),
			 GP_DMARC_DESTINATION_DONE);
	assert_int_equal(all.list[0].to_len, 1);
	assert_slice(all.list[0].to[0].address, "c@r.test");
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
what_is_asked(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load_world("{" OURS "}", &arena);
	struct gp_answers *set = gp_answers_new(&arena, 1024, test_seed);
	struct gp_dmarc_record record;
	struct gp_dmarc_destinations all;
	static const char *const rounds[] = {
		"_dmarc.d.test _dmarc.test _dmarc.r.test _dmarc.s.r.test ",
		"d.test._report._dmarc.r.test d.test._report._dmarc.s.r.test ",
	};
	read_uris(
		"mailto:a@d.test,mailto:b@r.test,mailto:c@r.test,https://e.test/,mailto:d@s.r.test",
		&arena, &record);
	for (size_t round = 0; round < GP_ARRAY_LEN(rounds); round++) {
		struct gp_buf out = GP_BUF_INIT(4096);
		assert_int_equal(gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua,
							    GP_DMARC_RUA, set, &arena, &all),
				 GP_DMARC_DESTINATION_NEED);
		for (size_t i = 0; i < all.need_len; i++)
			gp_buf_printf(&out, "%.*s ", GP_SLICE_FMT(all.need[i].name));
		assert_slice(gp_buf_slice(&out), rounds[round]);
		answer_needs(world, all.need, all.need_len, set);
		gp_buf_free(&out);
	}
	assert_int_equal(gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua, GP_DMARC_RUA,
						    set, &arena, &all),
			 GP_DMARC_DESTINATION_DONE);
	gp_answers_free(set);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* A name that the DNS cannot have has nobody who could agree. */
static void
a_name_that_is_too_long(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, 1024, test_seed);
	struct gp_answers *world = load_world("{}", &arena);
	struct gp_buf domain = GP_BUF_INIT(256);
	struct gp_dmarc_record record;
	struct gp_dmarc_destinations all;
	for (int i = 0; i < 62; i++)
		gp_buf_put_str(&domain, "aaa.");
	gp_buf_put_str(&domain, "test");
	read_uris("mailto:a@r.example", &arena, &record);
	while (gp_dmarc_destinations_eval(gp_buf_slice(&domain), &record.rua, GP_DMARC_RUA, set,
					  &arena, &all) == GP_DMARC_DESTINATION_NEED)
		answer_needs(world, all.need, all.need_len, set);
	assert_int_equal(all.list[0].state, GP_DMARC_DESTINATION_REFUSED);
	gp_buf_free(&domain);
	gp_answers_free(world);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world =
		load_world("{" OURS "," AT("r.test", "; rua=mailto:b@r.test") "}", &arena);
	struct gp_dmarc_record record;
	read_uris("mailto:a@r.test", &arena, &record);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_DMARC_DESTINATION_DONE; max += 64) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_dmarc_destinations all;
		rc = gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua, GP_DMARC_RUA,
						world, &small, &all);
		assert_true(rc == GP_DMARC_DESTINATION_DONE || rc == -ENOMEM);
		gp_arena_free(&small);
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(failure_reports_have_their_own_places),
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(a_name_that_is_too_long),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
