/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "core/dns/answers.h"

enum { ARENA_MAX = 1 << 22 };

static const char world[] =
	"{\"example.com\": {\"TXT\": [\"v=spf1 mx -all\", [\"joined \", \"text\"]],"
	"                  \"MX\": [[10, \"MX.example.com\"], [0, \".\"], [1, \"\"]],"
	"                  \"SOA\": \"is not asked for\", \"SPF\": [\"v=spf1\"]},"
	" \"mx.example.com\": {\"A\": [\"192.0.2.1\", \"192.0.2.2\"], \"AAAA\": [], \"secure\": "
	"true},"
	" \"six.example.com\": {\"AAAA\": [\"2001:db8::1\"], \"A\": \"SERVFAIL\", \"MX\": "
	"\"TIMEOUT\"},"
	" \"1.2.0.192.in-addr.arpa\": {\"PTR\": [\"mx.example.com\"]},"
	" \"_25._tcp.mx.example.com\": {\"TLSA\": [[3, 1, 1, \"aBcD\"]]},"
	" \"forged.example\": \"BOGUS\", \"part.example\": {\"A\": \"BOGUS\", \"NS\": "
	"[\"ns.example\"],"
	" \"CAA\": [[128, \"issue\", \"ca.example\"]], \"DS\": [[1, 13, 2, \"6162\"]],"
	" \"DNSKEY\": [[257, 3, 13, \"YWI=\"]]},"
	" \"down.example\": \"SERVFAIL\", \"slow.example\": \"TIMEOUT\", \"empty.example\": {},"
	" \"b\xc3\xbc"
	"cher.example\": {\"A\": [\"192.0.2.3\"]},"
	" \"a.example\": {\"CNAME\": \"B.example\", \"secure\": true},"
	" \"b.example\": {\"CNAME\": [\"mx.example.com\"]},"
	" \"safe.example\": {\"CNAME\": \"mx.example.com\", \"secure\": true},"
	" \"dangling.example\": {\"CNAME\": \"gone.example\"},"
	" \"self.example\": {\"CNAME\": \"self.example\"},"
	" \"todown.example\": {\"CNAME\": \"down.example\"},"
	" \"lame.example\": {\"CNAME\": \"SERVFAIL\"}}";

static const struct {
	const char *name;
	uint16_t type;
	uint8_t status;
	bool secure;
	const char *canonical;
	const char *shown; /* first record */
} lookups[] = {
	{"example.com", GP_DNS_TXT, GP_DNS_OK, false, "example.com", "v=spf1 mx -all"},
	{"example.com", GP_DNS_SPF, GP_DNS_OK, false, "example.com", "v=spf1"},
	{"EXAMPLE.com.", GP_DNS_MX, GP_DNS_OK, false, "EXAMPLE.com.", "mx.example.com"},
	{"example.com", GP_DNS_A, GP_DNS_NODATA, false, "example.com", NULL},
	{"mx.example.com", GP_DNS_A, GP_DNS_OK, true, "mx.example.com", "192.0.2.1"},
	{"mx.example.com", GP_DNS_AAAA, GP_DNS_NODATA, true, "mx.example.com", NULL},
	{"six.example.com", GP_DNS_AAAA, GP_DNS_OK, false, "six.example.com", "2001:db8::1"},
	{"six.example.com", GP_DNS_A, GP_DNS_SERVFAIL, false, "six.example.com", NULL},
	{"six.example.com", GP_DNS_MX, GP_DNS_TIMEOUT, false, "six.example.com", NULL},
	{"1.2.0.192.in-addr.arpa", GP_DNS_PTR, GP_DNS_OK, false, "1.2.0.192.in-addr.arpa",
	 "mx.example.com"},
	{"_25._tcp.mx.example.com", GP_DNS_TLSA, GP_DNS_OK, false, "_25._tcp.mx.example.com",
	 "\xab\xcd"},
	{"down.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "down.example", NULL},
	{"slow.example", GP_DNS_MX, GP_DNS_TIMEOUT, false, "slow.example", NULL},
	{"forged.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "forged.example", NULL},
	{"part.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "part.example", NULL},
	{"part.example", GP_DNS_NS, GP_DNS_OK, false, "part.example", "ns.example"},
	{"part.example", GP_DNS_CAA, GP_DNS_OK, false, "part.example", "ca.example"},
	{"part.example", GP_DNS_DS, GP_DNS_OK, false, "part.example", "ab"},
	{"part.example", GP_DNS_DNSKEY, GP_DNS_OK, false, "part.example", "ab"},
	{"empty.example", GP_DNS_MX, GP_DNS_NODATA, false, "empty.example", NULL},
	{"gone.example", GP_DNS_MX, GP_DNS_NXDOMAIN, false, "gone.example", NULL},
	{"xn--bcher-kva.example", GP_DNS_A, GP_DNS_OK, false, "xn--bcher-kva.example", "192.0.2.3"},
	{"a.example", GP_DNS_A, GP_DNS_OK, false, "mx.example.com", "192.0.2.1"},
	{"safe.example", GP_DNS_A, GP_DNS_OK, true, "mx.example.com", "192.0.2.1"},
	{"a.example", GP_DNS_CNAME, GP_DNS_OK, true, "a.example", "b.example"},
	{"dangling.example", GP_DNS_A, GP_DNS_NXDOMAIN, false, "gone.example", NULL},
	{"self.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "self.example", NULL},
	{"todown.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "down.example", NULL},
	{"lame.example", GP_DNS_A, GP_DNS_SERVFAIL, false, "lame.example", NULL},
	{"no..name", GP_DNS_A, GP_DNS_NXDOMAIN, false, "no..name", NULL},
};

static struct gp_slice
show(const struct gp_dns_record *r, struct gp_arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	if (r->type == GP_DNS_A)
		inet_ntop(AF_INET, r->address, text, sizeof(text));
	else if (r->type == GP_DNS_AAAA)
		inet_ntop(AF_INET6, r->address, text, sizeof(text));
	else
		return r->name.len > 0 ? r->name : r->data;
	return gp_arena_dup(arena, gp_slice_str(text));
}

static void
check_lookup(size_t i, const struct gp_dns_answer *answer, struct gp_arena *arena)
{
	if (answer->status != lookups[i].status || answer->secure != lookups[i].secure)
		fail_msg("%s, type %d: status %d, secure %d", lookups[i].name, lookups[i].type,
			 answer->status, answer->secure);
	assert_slice(answer->name, lookups[i].name);
	assert_slice(answer->canonical, lookups[i].canonical);
	assert_int_equal(answer->records_len > 0, lookups[i].shown != NULL);
	if (lookups[i].shown)
		assert_slice(show(&answer->records[0], arena), lookups[i].shown);
}

static struct gp_answers *
load(struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(world), arena, test_seed, &set, &why);
	if (rc != 0)
		fail_msg("%.*s", GP_SLICE_FMT(why));
	return set;
}

static void
a_file_is_a_world(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = load(&arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(lookups); i++) {
		struct gp_dns_answer answer;
		assert_true(gp_answers_find(set, gp_slice_str(lookups[i].name), lookups[i].type,
					    &answer));
		check_lookup(i, &answer, &arena);
	}
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static void
values_are_read_whole(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = load(&arena);
	struct gp_dns_answer a;
	assert_true(gp_answers_find(set, GP_SLICE("example.com"), GP_DNS_MX, &a));
	assert_int_equal(a.records_len, 3);
	assert_int_equal(a.records[0].preference, 10);
	assert_slice(a.records[1].name, ".");
	assert_slice(a.records[2].name, ".");
	assert_true(gp_answers_find(set, GP_SLICE("example.com"), GP_DNS_TXT, &a));
	assert_int_equal(a.records_len, 2);
	assert_slice(a.records[1].data, "joined text");
	assert_true(gp_answers_find(set, GP_SLICE("_25._tcp.mx.example.com"), GP_DNS_TLSA, &a));
	assert_int_equal(a.records[0].usage, 3);
	assert_int_equal(a.records[0].selector, 1);
	assert_int_equal(a.records[0].matching, 1);
	assert_true(gp_answers_find(set, GP_SLICE("part.example"), GP_DNS_CAA, &a));
	assert_int_equal(a.records[0].flags, 128);
	assert_slice(a.records[0].tag, "issue");
	assert_true(gp_answers_find(set, GP_SLICE("part.example"), GP_DNS_DS, &a));
	assert_int_equal(a.records[0].key_tag, 1);
	assert_int_equal(a.records[0].algorithm, 13);
	assert_int_equal(a.records[0].digest_type, 2);
	assert_true(gp_answers_find(set, GP_SLICE("part.example"), GP_DNS_DNSKEY, &a));
	assert_int_equal(a.records[0].key_flags, 257);
	assert_int_equal(a.records[0].algorithm, 13);
	assert_true(gp_answers_find(set, GP_SLICE("part.example"), GP_DNS_A, &a) && a.bogus);
	assert_true(gp_answers_find(set, GP_SLICE("forged.example"), GP_DNS_CAA, &a) && a.bogus);
	assert_true(gp_answers_find(set, GP_SLICE("down.example"), GP_DNS_A, &a) && !a.bogus);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static const struct {
	const char *json, *why; /* how the complaint begins */
} refused[] = {
	{"", "line 1, column 0: "},
	{"{\"a\": {},\n \"b\" {}}", "line 2, column "},
	{"{\"a\": {}, \"a\": {}}", "line 1, column "},
	{"[]", "answers: expected an object of names"},
	{"{\"a..b\": {}}", "a..b: not a domain name"},
	{"{\"a\xc3\x9f\xe2\x80\x8d\": {}}", "a\xc3\x9f\xe2\x80\x8d: not a domain name"},
	{"{\"a\": []}", "a: expected an object"},
	{"{\"a\": \"NXDOMAIN\"}", "a: expected an object"},
	{"{\"a\": {\"Mx\": []}}", "a Mx: not a record type"},
	{"{\"a\": {\"\": []}}", "a : not a record type"},
	{"{\"a\": {\"secure\": 1}}", "a secure: expected true or false"},
	{"{\"a\": {\"A\": \"192.0.2.1\"}}", "a A: expected a list"},
	{"{\"a\": {\"A\": [\"192.0.2\"]}}", "a A: not an address"},
	{"{\"a\": {\"A\": [\"2001:db8::1\"]}}", "a A: not an address"},
	{"{\"a\": {\"AAAA\": [1]}}", "a AAAA: not an address"},
	{"{\"a\": {\"MX\": [\"b\"]}}", "a MX: expected [preference"},
	{"{\"a\": {\"MX\": [[65536, \"b\"]]}}", "a MX: expected [preference"},
	{"{\"a\": {\"MX\": [[-1, \"b\"]]}}", "a MX: expected [preference"},
	{"{\"a\": {\"MX\": [[1, 2]]}}", "a MX: a name is a string"},
	{"{\"a\": {\"MX\": [[1, \"b c\"]]}}", "a MX: not a domain name"},
	{"{\"a\": {\"CNAME\": 1}}", "a CNAME: a name is a string"},
	{"{\"a\": {\"TXT\": [1]}}", "a TXT: expected a string"},
	{"{\"a\": {\"TXT\": [[]]}}", "a TXT: expected a string"},
	{"{\"a\": {\"TLSA\": [[3, 1, 1]]}}", "a TLSA: expected [usage"},
	{"{\"a\": {\"TLSA\": [[256, 1, 1, \"\"]]}}", "a TLSA: expected [usage"},
	{"{\"a\": {\"TLSA\": [[3, 1, 1, \"abc\"]]}}", "a TLSA: not hexadecimal"},
	{"{\"a\": {\"TLSA\": [[3, 1, 1, \"xy\"]]}}", "a TLSA: not hexadecimal"},
	{"{\"a\": {\"DS\": [[1, 13, 256, \"\"]]}}", "a DS: expected [key tag"},
	{"{\"a\": {\"DS\": [[1, 13, 2, 3]]}}", "a DS: not hexadecimal"},
	{"{\"a\": {\"DNSKEY\": [[257, 2, 13, \"\"]]}}", "a DNSKEY: expected [flags"},
	{"{\"a\": {\"DNSKEY\": [[257, 3, 13, \"?\"]]}}", "a DNSKEY: not base64"},
	{"{\"a\": {\"CAA\": [[0, \"issue\"]]}}", "a CAA: expected [flags"},
	{"{\"a\": {\"CAA\": [[0, \"is sue\", \"\"]]}}", "a CAA: expected [flags"},
};

static void
mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(refused); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *set = NULL;
		struct gp_slice why;
		int rc = gp_answers_from_json(gp_slice_str(refused[i].json), &arena, test_seed,
					      &set, &why);
		if (rc != 1 || !gp_slice_starts(why, gp_slice_str(refused[i].why)))
			fail_msg("%s: %d, %.*s", refused[i].json, rc, GP_SLICE_FMT(why));
		assert_null(set);
		gp_arena_free(&arena);
	}
}

static void
mistakes_have_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		int rc;
		uint32_t line, column;
		const char *why; /* how the complaint begins */
	} cases[] = {
		{"{\"a\": {}}", 0, 1, 1, ""},
		{"", 1, 1, 1, "'[' or '{' expected near end of file"},
		{"{\"a\": {},\n \"b\" {}}", 1, 2, 6, "':' expected near '{'"},
		{"{\n\"a\": {\"A\": [1]}}", 1, 1, 1, "a A: not an address"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_slice why = {};
		uint32_t line, column;
		int rc = gp_answers_check(gp_slice_str(cases[i].json), &arena, test_seed, &line,
					  &column, &why);
		assert_int_equal(rc, cases[i].rc);
		assert_int_equal(line, cases[i].line);
		assert_int_equal(column, cases[i].column);
		assert_true(gp_slice_starts(why, gp_slice_str(cases[i].why)));
		gp_arena_free(&arena);
	}
}

/* What is asked of a file, added to an open set, is found there just so. */
static void
an_open_set_knows_what_was_added(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *file = load(&arena);
	struct gp_answers *set = gp_answers_new(&arena, GP_ANSWERS_MAX, test_seed);
	for (size_t i = 0; i + 1 < GP_ARRAY_LEN(lookups); i++) {
		struct gp_slice name = gp_slice_str(lookups[i].name);
		struct gp_dns_answer answer;
		assert_false(gp_answers_find(set, name, lookups[i].type, &answer));
		assert_true(gp_answers_find(file, name, lookups[i].type, &answer));
		assert_int_equal(gp_answers_add(set, &answer), 0);
		assert_true(gp_answers_find(set, name, lookups[i].type, &answer));
		check_lookup(i, &answer, &arena);
	}
	gp_answers_free(set);
	gp_answers_free(file);
	gp_arena_free(&arena);
}

static void
a_set_has_a_cap(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, 2, test_seed);
	struct gp_dns_answer a = {.type = GP_DNS_A, .status = GP_DNS_NODATA};
	a.name = GP_SLICE("a");
	assert_int_equal(gp_answers_add(set, &a), 0);
	a.name = GP_SLICE("b");
	assert_int_equal(gp_answers_add(set, &a), 0);
	a.name = GP_SLICE("c");
	assert_int_equal(gp_answers_add(set, &a), 1);
	a.name = GP_SLICE("B.");
	a.status = GP_DNS_TIMEOUT;
	assert_int_equal(gp_answers_add(set, &a), 0);
	assert_true(gp_answers_find(set, GP_SLICE("b"), GP_DNS_A, &a));
	assert_int_equal(a.status, GP_DNS_TIMEOUT);
	a.name = GP_SLICE("no..name");
	assert_int_equal(gp_answers_add(set, &a), -EINVAL);
	assert_null(gp_answers_free(set));
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 0; max += 256) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_answers *set = NULL;
		struct gp_slice why;
		rc = gp_answers_from_json(gp_slice_str(world), &arena, test_seed, &set, &why);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_answers_free(set);
		gp_arena_free(&arena);
	}
}

/* --- kept, and read back --- */

static struct gp_answers *
open_world(struct gp_arena *arena)
{
	static const struct gp_dns_record txt[] = {
		{.type = GP_DNS_TXT, .data = GP_SLICE("v=spf1 -all\0\xff")},
		{.type = GP_DNS_TXT, .data = GP_SLICE("")},
	};
	static const struct gp_dns_record mx[] = {
		{.type = GP_DNS_MX, .preference = 7, .name = GP_SLICE("mx.example.com")}};
	static const struct gp_dns_record caa[] = {{.type = GP_DNS_CAA,
						    .flags = 128,
						    .tag = GP_SLICE("issue"),
						    .data = GP_SLICE(";")}};
	static const struct gp_dns_record ds[] = {{.type = GP_DNS_DS,
						   .key_tag = 515,
						   .algorithm = 13,
						   .digest_type = 2,
						   .data = GP_SLICE("digest")}};
	static const struct gp_dns_record key[] = {{.type = GP_DNS_DNSKEY,
						    .key_flags = 257,
						    .algorithm = 13,
						    .data = GP_SLICE("key")}};
	static const struct gp_dns_answer answers[] = {
		{GP_SLICE("example.com"), GP_SLICE("real.example"), GP_DNS_TXT, GP_DNS_OK, true,
		 txt, GP_ARRAY_LEN(txt)},
		{GP_SLICE("example.com"), GP_SLICE("example.com"), GP_DNS_MX, GP_DNS_OK, false, mx,
		 GP_ARRAY_LEN(mx)},
		{GP_SLICE("gone.example"), GP_SLICE("gone.example"), GP_DNS_A, GP_DNS_NXDOMAIN},
		{GP_SLICE("slow.example"), GP_SLICE("slow.example"), GP_DNS_A, GP_DNS_TIMEOUT},
		{GP_SLICE("forged.example"), GP_SLICE("forged.example"), GP_DNS_A, GP_DNS_SERVFAIL,
		 .bogus = true},
		{GP_SLICE("example.com"), GP_SLICE("example.com"), GP_DNS_CAA, GP_DNS_OK, false,
		 caa, GP_ARRAY_LEN(caa)},
		{GP_SLICE("example.com"), GP_SLICE("example.com"), GP_DNS_DS, GP_DNS_OK, true, ds,
		 GP_ARRAY_LEN(ds)},
		{GP_SLICE("example.com"), GP_SLICE("example.com"), GP_DNS_DNSKEY, GP_DNS_OK, true,
		 key, GP_ARRAY_LEN(key)},
	};
	struct gp_answers *set = gp_answers_new(arena, GP_ANSWERS_MAX, test_seed);
	for (size_t i = 0; i < GP_ARRAY_LEN(answers); i++)
		assert_int_equal(gp_answers_add(set, &answers[i]), 0);
	return set;
}

static void
an_open_set_can_be_kept(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf kept = GP_BUF_INIT(ARENA_MAX);
	struct gp_answers *set = open_world(&arena), *back;
	struct gp_dns_answer a;
	assert_true(gp_answers_write(set, &kept));
	assert_int_equal(gp_answers_read(gp_buf_slice(&kept), &arena, test_seed, &back), 0);
	assert_true(gp_answers_find(back, GP_SLICE("Example.com"), GP_DNS_TXT, &a));
	assert_int_equal(a.records_len, 2);
	assert_true(a.secure);
	assert_true(gp_slice_eq(a.canonical, GP_SLICE("real.example")));
	assert_true(gp_slice_eq(a.records[0].data, GP_SLICE("v=spf1 -all\0\xff")));
	assert_true(gp_answers_find(back, GP_SLICE("example.com"), GP_DNS_MX, &a));
	assert_int_equal(a.records[0].preference, 7);
	assert_true(gp_answers_find(back, GP_SLICE("gone.example"), GP_DNS_A, &a));
	assert_int_equal(a.status, GP_DNS_NXDOMAIN);
	assert_true(gp_answers_find(back, GP_SLICE("slow.example"), GP_DNS_A, &a));
	assert_int_equal(a.status, GP_DNS_TIMEOUT);
	assert_false(gp_answers_find(back, GP_SLICE("slow.example"), GP_DNS_AAAA, &a));
	assert_true(gp_answers_find(back, GP_SLICE("forged.example"), GP_DNS_A, &a) && a.bogus);
	assert_true(gp_answers_find(back, GP_SLICE("example.com"), GP_DNS_CAA, &a));
	assert_int_equal(a.records[0].flags, 128);
	assert_slice(a.records[0].tag, "issue");
	assert_slice(a.records[0].data, ";");
	assert_true(gp_answers_find(back, GP_SLICE("example.com"), GP_DNS_DS, &a));
	assert_int_equal(a.records[0].key_tag, 515);
	assert_int_equal(a.records[0].digest_type, 2);
	assert_true(gp_answers_find(back, GP_SLICE("example.com"), GP_DNS_DNSKEY, &a));
	assert_int_equal(a.records[0].key_flags, 257);
	assert_slice(a.records[0].data, "key");
	gp_answers_free(back);
	gp_answers_free(set);
	gp_buf_free(&kept);
	gp_arena_free(&arena);
}

static void
what_is_kept_is_whole_or_nothing(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf kept = GP_BUF_INIT(ARENA_MAX), small = GP_BUF_INIT(50);
	struct gp_answers *set = open_world(&arena), *back;
	assert_false(gp_answers_write(set, &small));
	assert_true(gp_answers_write(set, &kept));
	for (size_t len = 0; len < kept.len; len++) {
		struct gp_slice part = gp_slice_take(gp_buf_slice(&kept), len);
		assert_int_equal(gp_answers_read(part, &arena, test_seed, &back), 1);
		assert_null(back);
	}
	assert_true(gp_buf_put_char(&kept, 'x'));
	assert_int_equal(gp_answers_read(gp_buf_slice(&kept), &arena, test_seed, &back), 1);
	gp_answers_free(set);
	gp_buf_free(&kept);
	gp_buf_free(&small);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_a_world),
		cmocka_unit_test(values_are_read_whole),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(mistakes_have_their_place),
		cmocka_unit_test(an_open_set_knows_what_was_added),
		cmocka_unit_test(a_set_has_a_cap),
		cmocka_unit_test(memory_may_run_out),
		cmocka_unit_test(an_open_set_can_be_kept),
		cmocka_unit_test(what_is_kept_is_whole_or_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
