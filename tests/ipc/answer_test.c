/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "ipc/answer.h"

enum { ARENA_MAX = 1 << 20 };

static const struct gp_dns_question question = {{"q.test", 6}, GP_DNS_TXT};

/* Through the message and its octets, and back. */
static void
carry(const struct gp_dns_answer *answer, struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct gp_dns_question q = {answer->name, answer->type};
	struct gp_buf octets = GP_BUF_INIT(ARENA_MAX);
	struct gp_message in = {.type = GP_MSG_ANSWER, .fd = -1}, out = {.fd = -1};
	assert_int_equal(gp_answer_pack(answer, 7, arena, &in.answer), 0);
	assert_true(gp_message_encode(&octets, &in));
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&octets));
	gp_buf_free(&octets);
	assert_true(gp_message_decode(GP_MSG_ANSWER, copy, -1, arena, &out));
	assert_int_equal(out.answer.ticket, 7);
	assert_int_equal(gp_answer_unpack(&out.answer, &q, arena, ret), 0);
}

static const struct gp_dns_record records[] = {
	{.type = GP_DNS_A, .address = {192, 0, 2, 1}},
	{.type = GP_DNS_AAAA, .address = {0x20, 1, 0x0d, 0xb8, [15] = 1}},
	{.type = GP_DNS_MX, .preference = 258, .name = {"mx.test", 7}},
	{.type = GP_DNS_MX, .name = {".", 1}},
	{.type = GP_DNS_CNAME, .name = {"a\\.b.test", 9}},
	{.type = GP_DNS_PTR, .name = {"host.test", 9}},
	{.type = GP_DNS_TXT, .data = {"v=spf1 -all", 11}},
	{.type = GP_DNS_TXT, .data = {"", 0}},
	{.type = GP_DNS_TLSA, .usage = 3, .selector = 1, .matching = 2, .data = {"\xab\0", 2}},
};

static void
records_of_each_type_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(records); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		const struct gp_dns_record *want = &records[i];
		struct gp_dns_answer got, answer = {.name = GP_SLICE("q.test"),
						    .canonical = GP_SLICE("c.test"),
						    .type = want->type,
						    .status = GP_DNS_OK,
						    .secure = true,
						    .records = want,
						    .records_len = 1};
		carry(&answer, &arena, &got);
		assert_int_equal(got.status, GP_DNS_OK);
		assert_true(got.secure);
		assert_slice(got.name, "q.test");
		assert_slice(got.canonical, "c.test");
		assert_int_equal(got.records_len, 1);
		const struct gp_dns_record *r = got.records;
		assert_int_equal(r->type, want->type);
		assert_int_equal(r->preference, want->preference);
		assert_memory_equal(r->address, want->address, sizeof(r->address));
		assert_int_equal(r->usage << 16 | r->selector << 8 | r->matching,
				 want->usage << 16 | want->selector << 8 | want->matching);
		assert_true(gp_slice_eq(r->name, want->name));
		assert_true(gp_slice_eq(r->data, want->data));
		gp_arena_free(&arena);
	}
}

static void
long_text_arrives(void **state)
{
	(void)state;
	static const size_t sizes[] = {254, 255, 256, 510, 511, 60000};
	static char text[60000];
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dns_record r = {.type = GP_DNS_TXT, .data = gp_slice(text, sizes[i])};
		struct gp_dns_answer got, answer = {.name = question.name,
						    .canonical = question.name,
						    .type = GP_DNS_TXT,
						    .status = GP_DNS_OK,
						    .records = &r,
						    .records_len = 1};
		carry(&answer, &arena, &got);
		assert_true(gp_slice_eq(got.records[0].data, r.data));
		gp_arena_free(&arena);
	}
}

static const struct gp_rdata good[] = {{{"\1a", 2}}}, bad[] = {{{"\1a", 2}}, {{"\2a", 2}}};

static const struct {
	const char *what;
	struct gp_msg_answer message;
	uint8_t status; /* 0: refused */
} messages[] = {
	{"no data", {0, GP_DNS_NODATA, false, {"q.test", 6}, NULL, 0}, GP_DNS_NODATA},
	{"a timeout", {0, GP_DNS_TIMEOUT, false, {"q.test", 6}, NULL, 0}, GP_DNS_TIMEOUT},
	{"a record", {0, GP_DNS_OK, true, {"q.test", 6}, good, 1}, GP_DNS_OK},
	{"a malformed record", {0, GP_DNS_OK, true, {"q.test", 6}, bad, 2}, 0},
	{"no record", {0, GP_DNS_OK, true, {"q.test", 6}, NULL, 0}, 0},
	{"a record of nothing", {0, GP_DNS_NXDOMAIN, true, {"q.test", 6}, good, 1}, 0},
	{"no status", {0, 0, true, {"q.test", 6}, NULL, 0}, 0},
	{"an unheard-of status", {0, 6, true, {"q.test", 6}, NULL, 0}, 0},
	{"no name", {0, GP_DNS_NODATA, true, {"", 0}, NULL, 0}, 0},
	{"a bad name", {0, GP_DNS_NODATA, true, {"q..test", 7}, NULL, 0}, 0},
};

static void
the_reader_trusts_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(messages); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dns_answer got;
		int rc = gp_answer_unpack(&messages[i].message, &question, &arena, &got);
		uint8_t want = messages[i].status ? messages[i].status : GP_DNS_SERVFAIL;
		if (rc != (messages[i].status ? 0 : 1) || got.status != want)
			fail_msg("%s: %d, status %d", messages[i].what, rc, got.status);
		if (rc == 1) {
			assert_false(got.secure);
			assert_int_equal(got.records_len, 0);
			assert_slice(got.canonical, "q.test");
		}
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 0; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dns_answer got;
		rc = gp_answer_unpack(&messages[2].message, &question, &arena, &got);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_each_type_arrive),
		cmocka_unit_test(long_text_arrives),
		cmocka_unit_test(the_reader_trusts_nobody),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
