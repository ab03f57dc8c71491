/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's TLSA cases, as far as they are about the record: what a certificate matched there is
 * usable here, full data too; its usages 0 and 1 are none for mail.
 */
#include "../suite.h"

#include "core/dane/dane.h"

enum { ARENA_MAX = 4 << 20, OCTETS_MAX = 4096 };

static uint8_t
number(struct gp_slice *line)
{
	uint64_t n = 0;
	assert_true(gp_slice_u64(gp_slice_cut(line, ' '), UINT8_MAX, &n));
	return (uint8_t)n;
}

/* "3 1 1 HEX" */
static struct gp_dns_record
read_record(struct gp_slice line, struct gp_arena *arena)
{
	struct gp_dns_record r = {.type = GP_DNS_TLSA};
	r.usage = number(&line);
	r.selector = number(&line);
	r.matching = number(&line);
	char *octets = gp_arena_alloc(arena, line.len / 2);
	for (size_t i = 0; i + 1 < line.len; i += 2)
		octets[i / 2] =
			(char)(gp_ascii_hex(line.ptr[i]) << 4 | gp_ascii_hex(line.ptr[i + 1]));
	r.data = gp_slice(octets, line.len / 2);
	return r;
}

/* "TLSA-count cert-count nonamechecks result depth": the first line of a case has five numbers. */
static bool
read_head(struct gp_slice line, uint64_t *ret_records, bool *ret_matched)
{
	struct gp_slice words[5];
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (!line.ptr)
			return false;
		words[i] = gp_slice_cut(&line, ' ');
	}
	*ret_matched =
		gp_slice_eq(words[3], GP_SLICE("0")) && words[4].len > 0 && words[4].ptr[0] != '-';
	return line.len == 0 && gp_slice_u64(words[0], 100, ret_records);
}

static size_t
judge_case(struct gp_slice *text, uint64_t records, bool matched, struct gp_arena *arena)
{
	struct gp_dns_record all[100] = {0}, usable[GP_DANE_RECORDS_MAX];
	bool of_dane = records > 0;
	for (uint64_t i = 0; i < records; i++) {
		all[i] = read_record(gp_slice_cut(text, '\n'), arena);
		of_dane &= all[i].usage >= GP_DANE_TA;
	}
	size_t len = gp_dane_select(all, records, usable);
	if (matched && of_dane)
		assert_true(len > 0);
	return len;
}

static void
records_of_openssl(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("dane-openssl/danetest.in", &arena);
	size_t cases = 0, usable = 0;
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		uint64_t records;
		bool matched;
		if (gp_slice_starts(line, GP_SLICE("#")) || !read_head(line, &records, &matched))
			continue;
		usable += judge_case(&text, records, matched, &arena);
		cases++;
	}
	assert_true(cases > 40);
	assert_true(usable > 30);
	gp_suite_tell("dane-openssl", "records", cases, cases);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_openssl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
