/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/mtasts/record.h"

static enum gp_mtasts_record
read_all(const char *const *texts, size_t len, struct gp_slice *ret_id)
{
	struct gp_dns_record records[4] = {0};
	for (size_t i = 0; i < len; i++) {
		records[i].type = GP_DNS_TXT;
		records[i].data = gp_slice_str(texts[i]);
	}
	struct gp_dns_answer a = {.type = GP_DNS_TXT,
				  .status = len > 0 ? GP_DNS_OK : GP_DNS_NODATA,
				  .records = records,
				  .records_len = len};
	return gp_mtasts_record_read(&a, ret_id);
}

#define ID32 "abcdefghijklmnopqrstuvwxyz012345"

static const struct {
	const char *text;
	enum gp_mtasts_record want;
	const char *id;
} cases[] = {
	{"v=STSv1; id=20160831085700Z;", GP_MTASTS_RECORD_OK, "20160831085700Z"},
	{"v=STSv1;id=a", GP_MTASTS_RECORD_OK, "a"},
	{"v=STSv1 \t;\t id=a \t; \t", GP_MTASTS_RECORD_OK, "a"},
	{"v=STSv1; x.y-z_9=!; id=a; more=1", GP_MTASTS_RECORD_OK, "a"},
	{"v=STSv1; id=first; id=second", GP_MTASTS_RECORD_OK, "first"},
	{"v=STSv1; id=" ID32, GP_MTASTS_RECORD_OK, ID32},
	{"v=STSv1; a" ID32 "=1; id=a", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=" ID32 "6", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=first; id=bad-one", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1;", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; ID=a", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=a b", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=a; x=", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=a; x=\xc3\xa4", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=a; -x=1", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1; id=a;;", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1;; id=a", GP_MTASTS_RECORD_INVALID, ""},
	{"v=STSv1", GP_MTASTS_RECORD_NONE, ""},
	{"V=STSv1; id=a", GP_MTASTS_RECORD_NONE, ""},
	{" v=STSv1; id=a", GP_MTASTS_RECORD_NONE, ""},
	{"v=STSv10; id=a", GP_MTASTS_RECORD_NONE, ""},
	{"v=spf1 -all", GP_MTASTS_RECORD_NONE, ""},
	{"", GP_MTASTS_RECORD_NONE, ""},
};

static void
one_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice id;
		if (read_all(&cases[i].text, 1, &id) != cases[i].want)
			fail_msg("\"%s\"", cases[i].text);
		assert_slice(id, cases[i].id);
	}
}

static void
among_others(void **state)
{
	(void)state;
	struct gp_slice id;
	const char *const one[] = {"hello", "v=STSv1; id=a", "v=STSv2; id=b"};
	assert_int_equal(read_all(one, 3, &id), GP_MTASTS_RECORD_OK);
	assert_slice(id, "a");
	/* Not exactly one is none, even when only one is well formed (RFC 8461 section 3.1). */
	const char *const two[] = {"v=STSv1; id=a", "v=STSv1; rubbish"};
	assert_int_equal(read_all(two, 2, &id), GP_MTASTS_RECORD_SEVERAL);
	assert_slice(id, "");
	assert_int_equal(read_all(NULL, 0, &id), GP_MTASTS_RECORD_NONE);
}

static void
no_answer(void **state)
{
	(void)state;
	struct gp_slice id;
	static const uint8_t silent[] = {GP_DNS_SERVFAIL, GP_DNS_TIMEOUT};
	for (size_t i = 0; i < GP_ARRAY_LEN(silent); i++) {
		struct gp_dns_answer a = {.type = GP_DNS_TXT, .status = silent[i]};
		assert_int_equal(gp_mtasts_record_read(&a, &id), GP_MTASTS_RECORD_UNKNOWN);
	}
	struct gp_dns_answer gone = {.type = GP_DNS_TXT, .status = GP_DNS_NXDOMAIN};
	assert_int_equal(gp_mtasts_record_read(&gone, &id), GP_MTASTS_RECORD_NONE);
}

static void
where_to_ask(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_dns_question q = gp_mtasts_question(GP_SLICE("example.com"), &arena);
	assert_slice(q.name, "_mta-sts.example.com");
	assert_int_equal(q.type, GP_DNS_TXT);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record),
		cmocka_unit_test(among_others),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(where_to_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
