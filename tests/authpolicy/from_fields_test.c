/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From fields as people and attackers write them, and what the gateway does with each where DMARC
 * proves a.test, where that asks for nothing, and where it asks for refusal.
 */
#include "../verify/rig.h"

#include "core/authpolicy/authpolicy.h"

/* What a field is judged as. */
enum { FINE, BROKEN, TRICK, KINDS };

/* In each world. */
static const char *const want[KINDS] = {
	[FINE] = "accept / accept / refuse dmarc",
	[BROKEN] = "accept / quarantine from / refuse dmarc",
	[TRICK] = "refuse from / refuse from / refuse from",
};

#define SENDS "\"a.test\": {\"TXT\": [\"v=spf1 +all\"]}"
#define ASKS(policy) "\"_dmarc.a.test\": {\"TXT\": [\"v=DMARC1; p=" policy "\"]}"

static const char *const worlds[] = {
	"{" SENDS ", " ASKS("reject") "}",
	"{" ASKS("none") "}",
	"{" ASKS("reject") "}",
};

static const struct {
	uint8_t kind;
	struct gp_slice header;
} cases[] = {
	/* well formed, however odd */
	{FINE, GP_SLICE("From: me@a.test\r\n")},
	{FINE, GP_SLICE("From: John Doe <me@a.test>\r\n")},
	{FINE, GP_SLICE("from : \"Doe, John\" <me@A.TEST>\r\n")},
	{FINE, GP_SLICE("From:\r\n John Q. Doe\r\n <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: me@a.test (John Doe)\r\n")},
	{FINE, GP_SLICE("From: J\xC3\xB6hn <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: =?utf-8?q?Doe=2C_J=C3=B6hn?= <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: =?iso-2022-jp?b?GyRCJSIbKEI=?= <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: \"ceo@bank.test\" <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: me@a.test <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: [List] John <me@a.test>\r\n")},
	{FINE, GP_SLICE("From: me@a.test, you@a.test\r\n")},

	/* the name is written wrongly, the address is one */
	{BROKEN, GP_SLICE("From: Doe, John <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: Doe,\r\n John\r\n <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: ceo, John <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: , John <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: Doe; John <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: Doe\\, John <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: J\xF6hn Doe <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: \"J\xF6hn\" <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: J\xC3\xB6hn, Doe <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: \"John Doe <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: John \"The Doe <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: John Doe\" <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: John (Doe <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: John) <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: John <me@a.test> (Sales\r\n")},
	{BROKEN, GP_SLICE("From: John <me@a.test>)\r\n")},
	{BROKEN, GP_SLICE("From: John <me@a.test>,\r\n")},
	{BROKEN, GP_SLICE("From: John <me@a.test>;\r\n")},
	{BROKEN, GP_SLICE("From: John <<me@a.test>>\r\n")},
	{BROKEN, GP_SLICE("From: =?utf-8?Q?Doe,_J=C3=B6hn?= <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: Doe, =?utf-8?b?SsO2aG4=?= <me@a.test>\r\n")},
	{BROKEN, GP_SLICE("From: Doe, John <me@a.test>\r\nSender: you@a.test\r\n")},

	/* another address, or none, for some reader */
	{TRICK, GP_SLICE("")},
	{TRICK, GP_SLICE("From:\r\n")},
	{TRICK, GP_SLICE("From: John Doe\r\n")},
	{TRICK, GP_SLICE("From: John Doe me@a.test\r\n")},
	{TRICK, GP_SLICE("From: John Doe <me@a.test\r\n")},
	{TRICK, GP_SLICE("From: Doe, John\r\nSender: me@a.test\r\n")},
	{TRICK, GP_SLICE("From: me@a.test\r\nFrom: me@a.test\r\n")},
	{TRICK, GP_SLICE("From: Doe, John <me@a.test>\r\nFrom: ceo@bank.test\r\n")},
	{TRICK, GP_SLICE("From: me@a.test, ceo@bank.test\r\n")},
	{TRICK, GP_SLICE("From: ceo@bank.test, John <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: ceo@bank.test <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: \"ceo@bank.test <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: (ceo@bank.test <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: <me@a.test>ceo@bank.test\r\n")},
	{TRICK, GP_SLICE("From: <me@a.test>.bank.test\r\n")},
	{TRICK, GP_SLICE("From: <me@a.test> (ceo@bank.test\r\n")},
	{TRICK, GP_SLICE("From: <ceo@bank.test>\\,<me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Doe, <ceo> <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: <@bank.test:me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Doe, <@bank.test:me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Bank: John <me@a.test>;\r\n")},
	{TRICK, GP_SLICE("From: Bank: John <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: undisclosed:;\r\n")},
	{TRICK, GP_SLICE("From: Doe\0, John <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: <ceo@bank.test\0@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Doe, John <me@a.test>\0\r\n")},
	{TRICK, GP_SLICE("From: =?utf-8?b?PGNlb0BiYW5rLnRlc3Q+?=, <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: =?utf-8?q?ceo=40bank.test?=, <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: =?utf-8?q?ceo=40bank.test, <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Doe, =?utf-8@bank.test?q?x?= <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: =?utf-7?q?ceo+AEA-bank.test?=, <me@a.test>\r\n")},
	{TRICK, GP_SLICE("From: <=?utf-8?q?ceo=40bank.test=00?=@a.test>\r\n")},
	{TRICK, GP_SLICE("From: Doe, <=?utf-8?q?ceo=40bank.test=00?=@a.test>\r\n")},
	{TRICK, GP_SLICE("From: \"ceo@bank.test>\"@a.test\r\n")},
	{TRICK, GP_SLICE("From: Doe, <\"ceo@bank.test>\"@a.test>\r\n")},
	{TRICK, GP_SLICE("From: \"John <me@a.test>\"\r\n")},
	{TRICK, GP_SLICE("From: Doe, <me@a.test.>\r\n")},
	{TRICK, GP_SLICE("From: Doe, John <me@a.test>\r\nSender: ceo@bank.test\r\n")},
	{TRICK, GP_SLICE("From\r\n : ceo@bank.test\r\nFrom: Doe, John <me@a.test>\r\n")},
	{TRICK, GP_SLICE(" From: ceo@bank.test\r\nFrom: Doe, John <me@a.test>\r\n")},
};

/* "quarantine from" */
static struct gp_slice
judge(struct drive *d, struct gp_slice header)
{
	static const struct gp_authentication_config cfg = {};
	struct gp_authpolicy *policy = gp_authpolicy_new(&cfg, rig_seed);
	struct gp_authpolicy_decision decision;
	struct gp_buf message = GP_BUF_INIT(4096);
	gp_buf_put(&message, header);
	gp_buf_put_str(&message, "\r\nhello\r\n");
	drive_through(d, gp_buf_slice(&message), WAY_AT_ONCE);
	assert_int_equal(d->outcome, GP_VERIFY_DONE);
	const struct gp_verify_facts facts = gp_verify_facts(d->v);
	assert_int_equal(gp_authpolicy_decide(policy, &facts, &d->arena, &decision), 0);
	gp_buf_free(&message);
	gp_authpolicy_free(policy);
	return gp_arena_printf(&d->arena, "%s%s%s", gp_authpolicy_action_name(decision.action),
			       decision.by[0] ? " " : "", decision.by);
}

static void
each_field(void **state)
{
	struct drive d[GP_ARRAY_LEN(worlds)];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(worlds); i++) {
		drive_open(&d[i], worlds[i]);
		d[i].query.sender = GP_SLICE("me@a.test");
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice got = gp_arena_printf(&d[0].arena, "%.*s / %.*s / %.*s",
						      GP_SLICE_FMT(judge(&d[0], cases[i].header)),
						      GP_SLICE_FMT(judge(&d[1], cases[i].header)),
						      GP_SLICE_FMT(judge(&d[2], cases[i].header)));
		if (!gp_slice_eq(got, gp_slice_str(want[cases[i].kind])))
			fail_msg("%.*s: %.*s", GP_SLICE_FMT(cases[i].header), GP_SLICE_FMT(got));
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(worlds); i++)
		drive_close(&d[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_field)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
