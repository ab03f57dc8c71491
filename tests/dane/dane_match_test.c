/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dane/match.h"

#include "../unit.h"

enum { LINKS = 3 };

/* Digests are all one octet: that of the link's place, and of the selector. */
static void
make_chain(struct gp_dane_link ret[LINKS])
{
	for (size_t i = 0; i < LINKS; i++) {
		ret[i].signed_by_next = true;
		memset(&ret[i].certificate, 'a' + (int)i, sizeof(ret[i].certificate));
		memset(&ret[i].spki, 'k' + (int)i, sizeof(ret[i].spki));
	}
}

static void
records_match_what_they_name(void **state)
{
	static const struct {
		uint8_t usage, selector, matching;
		char octet;
		size_t len; /* of the data */
		size_t cut; /* links from here on are not signed by the next; LINKS: all are */
		bool matches;
	} cases[] = {
		{3, 1, 1, 'k', 32, LINKS, true},
		{3, 0, 1, 'a', 32, LINKS, true},
		{3, 1, 2, 'k', 64, LINKS, true},
		{3, 1, 1, 'a', 32, LINKS, false},
		{3, 1, 1, 'l', 32, LINKS, false},
		{3, 1, 1, 'k', 31, LINKS, false},
		{3, 1, 2, 'k', 32, LINKS, false},
		/* usage 2 is for what stands behind the first, and is led to by signatures */
		{2, 1, 1, 'k', 32, LINKS, false},
		{2, 1, 1, 'l', 32, LINKS, true},
		{2, 0, 1, 'c', 32, LINKS, true},
		{2, 1, 1, 'l', 32, 0, false},
		{2, 1, 1, 'l', 32, 1, true},
		{2, 1, 1, 'm', 32, 1, false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_dane_link chain[LINKS];
		char data[64];
		make_chain(chain);
		for (size_t k = cases[i].cut; k < LINKS; k++)
			chain[k].signed_by_next = false;
		memset(data, cases[i].octet, sizeof(data));
		const struct gp_dns_record r = {.usage = cases[i].usage,
						.selector = cases[i].selector,
						.matching = cases[i].matching,
						.data = gp_slice(data, cases[i].len)};
		if (gp_dane_matches(&r, chain, LINKS) != cases[i].matches)
			fail_msg("case %zu", i);
		assert_false(gp_dane_matches(&r, chain, 0));
	}
}

/* The whole key in a record matches by its digest: that of "key" here. */
static void
data_in_full_matches_by_its_digest(void **state)
{
	static const uint8_t digest[32] =
		"\x2c\x70\xe1\x2b\x7a\x06\x46\xf9\x22\x79\xf4\x27\xc7\xb3\x8e\x73"
		"\x34\xd8\xe5\x38\x9c\xff\x16\x7a\x1d\xc3\x0e\x73\xf8\x26\xb6\x83";
	struct gp_dane_link link = {};
	const struct gp_dns_record r = {.usage = 3, .selector = 1, .data = GP_SLICE("key")};
	(void)state;
	assert_false(gp_dane_matches(&r, &link, 1));
	memcpy(link.spki.sha256, digest, sizeof(digest));
	assert_true(gp_dane_matches(&r, &link, 1));
}

static void
texts_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = {"",         "3 1 1",      "3 1 1 ",   "3 1 1 0",
					  "3 1 1 0g", "256 1 1 00", "x 1 1 00", "3 1 1 00 00"};
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_dns_record r = {
		.usage = 3, .selector = 1, .matching = 2, .data = GP_SLICE("\x00\xff\x10")};
	(void)state;
	struct gp_slice text = gp_dane_record_text(&r, &arena);
	assert_slice(text, "3 1 2 00ff10");
	r = (struct gp_dns_record){};
	assert_true(gp_dane_record_read(text, &arena, &r));
	assert_int_equal(r.type, GP_DNS_TLSA);
	assert_int_equal(r.usage * 100 + r.selector * 10 + r.matching, 312);
	assert_true(gp_slice_eq(r.data, GP_SLICE("\x00\xff\x10")));
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++)
		assert_false(gp_dane_record_read(gp_slice_str(bad[i]), &arena, &r));
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_match_what_they_name),
		cmocka_unit_test(data_in_full_matches_by_its_digest),
		cmocka_unit_test(texts_are_read_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
