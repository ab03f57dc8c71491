/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/dmarcrpt/places.h"

static const uint64_t seed[2] = {1, 2};

/* A world; what is found for a.test: the addresses, then how many places do not count and why. */
static const struct {
	const char *zone, *want;
	uint8_t wish;
	size_t refused, unknown;
	uint8_t kind; /* RUA where it is left out */
} cases[] = {
	{"{}", "", GP_DMARCRPT_UNWISHED, 0, 0},
	{"{\"_dmarc.a.test\": \"SERVFAIL\"}", "", GP_DMARCRPT_UNKNOWN, 0, 0},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none\"]}}", "", GP_DMARCRPT_UNWISHED, 0, 0},
	/* two records are none */
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:x@a.test\","
	 " \"v=DMARC1; p=none; rua=mailto:x@a.test\"]}}",
	 "", GP_DMARCRPT_UNWISHED, 0, 0},
	/* that of the domain above is another one's */
	{"{\"_dmarc.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:x@test\"]}}", "",
	 GP_DMARCRPT_UNWISHED, 0, 0},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none;"
	 " rua=mailto:x@a.test,mailto:y@mail.a.test!10m\"]}}",
	 "x@a.test y@mail.a.test ", GP_DMARCRPT_WISHED, 0, 0},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none;"
	 " rua=https://a.test/,mailto:x@a.test,mailto:y@b.test\"]}}",
	 "x@a.test ", GP_DMARCRPT_WISHED, 2, 0},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; "
	 "rua=mailto:y@b.test,mailto:z@c.test\"]},"
	 "\"a.test._report._dmarc.b.test\": {\"TXT\": [\"v=DMARC1\"]},"
	 "\"a.test._report._dmarc.c.test\": \"TIMEOUT\"}",
	 "y@b.test ", GP_DMARCRPT_WISHED, 0, 1},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:y@b.test\"]},"
	 "\"a.test._report._dmarc.b.test\": {\"TXT\": [\"v=DMARC1; rua=mailto:in@b.test\"]}}",
	 "in@b.test ", GP_DMARCRPT_WISHED, 0, 0},
	/* failure reports: their own tag, here and where it is agreed, and none of a suffix */
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:x@a.test\"]}}", "",
	 GP_DMARCRPT_UNWISHED, 0, 0, GP_DMARC_RUF},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:x@a.test;"
	 " ruf=mailto:f@a.test,mailto:y@b.test,mailto:z@c.test\"]},"
	 "\"a.test._report._dmarc.b.test\": {\"TXT\": [\"v=DMARC1; rua=mailto:in@b.test;"
	 " ruf=mailto:fail@b.test\"]}}",
	 "f@a.test fail@b.test ", GP_DMARCRPT_WISHED, 1, 0, GP_DMARC_RUF},
	/* one mailbox in several spellings */
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none;"
	 " ruf=mailto:f@a.test,mailto:%66@a.test,mailto:F@A.test,mailto:g@a.test\"]}}",
	 "f@a.test g@a.test ", GP_DMARCRPT_WISHED, 0, 0, GP_DMARC_RUF},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; psd=y; ruf=mailto:f@a.test\"]}}", "",
	 GP_DMARCRPT_UNWISHED, 0, 0, GP_DMARC_RUF},
	{"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; psd=y; rua=mailto:f@a.test\"]}}",
	 "f@a.test ", GP_DMARCRPT_WISHED, 0, 0},
};

static void
places(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_answers *world;
		struct gp_dmarcrpt_places p;
		struct gp_slice why, found = GP_SLICE("");
		assert_int_equal(gp_answers_from_json(gp_slice_str(cases[i].zone), &arena, seed,
						      &world, &why),
				 0);
		assert_int_equal(gp_dmarcrpt_places_eval(GP_SLICE("a.test"), cases[i].kind, world,
							 &arena, &p),
				 GP_DMARCRPT_PLACES_DONE);
		for (size_t k = 0; k < p.len; k++)
			found = gp_arena_printf(&arena, "%.*s%.*s ", GP_SLICE_FMT(found),
						GP_SLICE_FMT(p.list[k].address));
		assert_slice(found, cases[i].want);
		assert_int_equal(p.wish, cases[i].wish);
		assert_int_equal(p.refused, cases[i].refused);
		assert_int_equal(p.unknown, cases[i].unknown);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

/* Each round makes progress, and no question comes twice. */
static void
it_asks_in_few_rounds(void **state)
{
	static const char zone[] =
		"{\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=none; rua=mailto:y@b.test\"]},"
		"\"a.test._report._dmarc.b.test\": {\"TXT\": [\"v=DMARC1\"]}}";
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *world, *known = gp_answers_new(&arena, 100, seed);
	struct gp_dmarcrpt_places p;
	struct gp_slice why;
	int rounds = 0;
	(void)state;
	assert_int_equal(gp_answers_from_json(gp_slice_str(zone), &arena, seed, &world, &why), 0);
	while (gp_dmarcrpt_places_eval(GP_SLICE("a.test"), GP_DMARC_RUA, known, &arena, &p) ==
	       GP_DMARCRPT_PLACES_NEED) {
		assert_true(++rounds <= 3 && p.need_len > 0);
		for (size_t i = 0; i < p.need_len; i++) {
			const struct gp_dns_question *q = &p.need[i];
			struct gp_dns_answer a;
			assert_false(gp_answers_find(known, q->name, q->type, &a));
			assert_true(gp_answers_find(world, q->name, q->type, &a));
			assert_int_equal(gp_answers_add(known, &a), 0);
		}
	}
	assert_int_equal(rounds, 3);
	assert_int_equal(p.len, 1);
	assert_slice(p.list[0].address, "y@b.test");
	gp_answers_free(world);
	gp_answers_free(known);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(it_asks_in_few_rounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
