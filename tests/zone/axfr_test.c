/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers of zones: the question, and answers in one message or in many, whole and not. */
#include "../unit.h"

#include "core/dns/message.h"
#include "core/zone/axfr.h"

enum { ID = 0x1234, CLASS_IN = 1, SOA = 6, RESPONSE = 0x8400, OCTETS_MAX = 4096 };

static struct gp_buf message = GP_BUF_INIT(OCTETS_MAX);

static void
put_u16(unsigned v)
{
	gp_buf_put_char(&message, (char)(v >> 8));
	gp_buf_put_char(&message, (char)v);
}

static void
put_name(const char *text)
{
	struct gp_name name;
	assert_true(gp_name_from_text(gp_slice_str(text), &name));
	gp_buf_put(&message, gp_name_wire(&name));
}

static void
begin(unsigned id, unsigned flags, unsigned questions, unsigned answers)
{
	gp_buf_clear(&message);
	put_u16(id);
	put_u16(flags);
	put_u16(questions);
	put_u16(answers);
	put_u16(0);
	put_u16(0);
	for (unsigned i = 0; i < questions; i++) {
		put_name("z.test");
		put_u16(252);
		put_u16(CLASS_IN);
	}
}

static void
put_head(const char *owner, unsigned type, unsigned len)
{
	put_name(owner);
	put_u16(type);
	put_u16(CLASS_IN);
	put_u16(0);
	put_u16(60);
	put_u16(len);
}

static void
put_a(const char *owner)
{
	put_head(owner, GP_DNS_A, 4);
	gp_buf_put(&message, gp_slice("\xc0\0\2\1", 4));
}

static void
put_soa(const char *owner, unsigned serial)
{
	put_head(owner, SOA, 1 + 1 + 20);
	put_name(".");
	put_name(".");
	put_u16(0);
	put_u16(serial);
	for (int i = 0; i < 8; i++)
		put_u16(0);
}

static struct gp_axfr transfer;
static struct gp_buf owners = GP_BUF_INIT(OCTETS_MAX);

static void
start(void)
{
	struct gp_name zone;
	assert_true(gp_name_from_text(GP_SLICE("z.test"), &zone));
	gp_axfr_init(&transfer, &zone, ID);
	gp_buf_clear(&owners);
}

/* Reads the message; the names of its records go to `owners`, a space behind each. */
static int
take(void)
{
	struct gp_axfr_record record;
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	int r = gp_axfr_message(&transfer, gp_buf_slice(&message));
	while (r == 0 && (r = gp_axfr_next(&transfer, &record)) == GP_AXFR_RECORD) {
		struct gp_slice text;
		assert_int_equal(gp_name_to_text(&record.owner, &arena, &text), 0);
		assert_true(record.at + record.len <= message.len);
		gp_buf_printf(&owners, "%.*s ", GP_SLICE_FMT(text));
	}
	gp_arena_free(&arena);
	return r;
}

static void
assert_wrong(const char *why)
{
	assert_int_equal(take(), GP_AXFR_WRONG);
	assert_string_equal(transfer.why, why);
}

static void
test_the_question(void **state)
{
	(void)state;
	start();
	gp_buf_clear(&message);
	assert_true(gp_axfr_query(&transfer, &message));
	static const char wanted[] = "\0\x18\x12\x34\0\0\0\1\0\0\0\0\0\0"
				     "\1z\4test\0\0\xfc\0\1";
	assert_true(gp_slice_eq(gp_buf_slice(&message), gp_slice(wanted, sizeof(wanted) - 1)));
}

static void
test_a_zone_in_one_message(void **state)
{
	(void)state;
	start();
	begin(ID, RESPONSE, 1, 4);
	put_soa("z.test", 7);
	put_a("a.z.test");
	put_a("A.B.Z.Test");
	put_soa("z.test", 7);
	assert_int_equal(take(), GP_AXFR_END);
	assert_slice(gp_buf_slice(&owners), "z.test a.z.test a.b.z.test ");
}

/* RFC 5936 section 2.2.2: later messages may come without the question. */
static void
test_a_zone_in_many_messages(void **state)
{
	(void)state;
	start();
	begin(ID, RESPONSE, 1, 1);
	put_soa("z.test", 7);
	assert_int_equal(take(), GP_AXFR_MORE);
	begin(ID, RESPONSE, 0, 2);
	put_a("a.z.test");
	put_a("b.z.test");
	assert_int_equal(take(), GP_AXFR_MORE);
	begin(ID, RESPONSE, 1, 1);
	put_soa("z.test", 7);
	assert_int_equal(take(), GP_AXFR_END);
	assert_slice(gp_buf_slice(&owners), "z.test a.z.test b.z.test ");
}

/* A server of one zone is no authority for others. */
static void
test_names_of_others_are_passed_over(void **state)
{
	(void)state;
	start();
	begin(ID, RESPONSE, 1, 5);
	put_soa("z.test", 7);
	put_a("bank.test");
	put_a("az.test");
	put_a("test");
	put_soa("z.test", 7);
	assert_int_equal(take(), GP_AXFR_END);
	assert_slice(gp_buf_slice(&owners), "z.test ");
}

static void
test_answers_that_are_none(void **state)
{
	(void)state;
	static const struct {
		unsigned id, flags, questions, answers;
		const char *why;
	} cases[] = {
		{ID + 1, RESPONSE, 1, 1, "the answer is to another question"},
		{ID, 0, 1, 1, "the answer is no DNS message"},
		{ID, RESPONSE | 0x0800, 1, 1, "the answer is no DNS message"},
		{ID, RESPONSE | 0x0200, 1, 1, "the answer is malformed"},
		{ID, RESPONSE | 5, 1, 0, "the server refuses to transfer it"},
		{ID, RESPONSE | 9, 1, 0, "the server does not have the zone"},
		{ID, RESPONSE | 2, 1, 0, "the server fails to transfer it"},
		{ID, RESPONSE, 1, 0, "the answer has no records"},
		{ID, RESPONSE, 0, 1, "the answer is malformed"},
		{ID, RESPONSE, 2, 1, "the answer is malformed"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		start();
		begin(cases[i].id, cases[i].flags, cases[i].questions, cases[i].answers);
		put_soa("z.test", 7);
		assert_wrong(cases[i].why);
	}
	start();
	gp_buf_clear(&message);
	assert_wrong("the answer is no DNS message");
}

static void
test_zones_that_are_not_whole(void **state)
{
	(void)state;
	start();
	begin(ID, RESPONSE, 1, 1);
	put_a("a.z.test");
	assert_wrong("it does not begin with its SOA record");

	start();
	begin(ID, RESPONSE, 1, 1);
	put_soa("other.test", 7);
	assert_wrong("its SOA record is malformed");

	start();
	begin(ID, RESPONSE, 1, 2);
	put_soa("z.test", 7);
	put_soa("z.test", 8);
	assert_wrong("the zone changed while it was transferred");

	start();
	begin(ID, RESPONSE, 1, 3);
	put_soa("z.test", 7);
	put_soa("z.test", 7);
	put_a("a.z.test");
	assert_wrong("there are records behind its end");
}

/* Each way to cut a message: never past its end, and never a whole zone. */
static void
test_messages_that_are_cut(void **state)
{
	(void)state;
	begin(ID, RESPONSE, 1, 3);
	put_soa("z.test", 7);
	put_a("a.z.test");
	put_soa("z.test", 7);
	for (size_t len = 0; len < message.len; len++) {
		struct gp_axfr_record record;
		start();
		int r = gp_axfr_message(&transfer, gp_slice_take(gp_buf_slice(&message), len));
		while (r == 0)
			r = gp_axfr_next(&transfer, &record);
		assert_int_equal(r, GP_AXFR_WRONG);
		assert_non_null(transfer.why);
	}
}

static void
test_limits(void **state)
{
	(void)state;
	start();
	transfer.records = GP_AXFR_RECORDS_MAX - 1;
	begin(ID, RESPONSE, 1, 2);
	put_soa("z.test", 7);
	put_a("a.z.test");
	assert_wrong("the zone has more records than are read");
	start();
	transfer.octets = GP_AXFR_OCTETS_MAX;
	begin(ID, RESPONSE, 1, 1);
	put_soa("z.test", 7);
	assert_wrong("the zone is larger than is read");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_question),
		cmocka_unit_test(test_a_zone_in_one_message),
		cmocka_unit_test(test_a_zone_in_many_messages),
		cmocka_unit_test(test_names_of_others_are_passed_over),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_zones_that_are_not_whole),
		cmocka_unit_test(test_messages_that_are_cut),
		cmocka_unit_test(test_limits),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	gp_buf_free(&message);
	gp_buf_free(&owners);
	return failed;
}
