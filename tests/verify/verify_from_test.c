/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/verify/from.h"

#define GROUP "the From field names a group"
#define HIDDEN "the From field hides an address in a local part"
#define SENDER "the From field is malformed, and Sender names somebody else"
#define SENDERS "the From field is malformed, and there is more than one Sender field"
#define NEARLY "a line of the header is nearly a From field"

/* A header, and what is wrong with it. */
static const struct {
	const char *header, *want;
} cases[] = {
	{"From: a@a.test\r\n", NULL},
	{"From: \"x; y\" <a@a.test> (c; d)\r\n", NULL},
	{"From: \"a;\\\"b\" (c\\) ;) <a@a.test>\r\n", NULL},
	{"From: =?utf-8?q?b=40b.test?= <a@a.test>\r\n", NULL},
	{"From: \"b@b.test\" <a@a.test>\r\n", NULL},
	{"From: a@a.test <a@A.test>\r\n", NULL},
	{"From: a@a.test, b@a.test\r\n", NULL},
	{"From: a@[192.0.2.1]\r\n", NULL},
	{"From x@y Thu Jan  1 00:00:00 1970\r\nFrom: a@a.test\r\n", NULL},
	{"From: a@a.test\r\nFromage: x\r\nX-From: y\r\n", NULL},
	{"From: a@a.test\r\n\r\n From: b@b.test\r\n", NULL},
	{"From: Doe, John <a@a.test>\r\n", NULL},
	{"From: Doe, John <a@a.test>\r\nSender: b@A.test\r\nReply-To: b@b.test\r\n", NULL},
	{"From: John Doe <a@a.test>\r\nSender: b@b.test\r\n", NULL},

	{"To: a@a.test\r\n", "there is no From field"},
	{"From: a@a.test\r\nFrom: a@a.test\r\n", "there is more than one From field"},
	{"From: a@a.test b\r\n", "the From field is malformed"},
	{"From: b@b.test <a@a.test>\r\n", "the From field is malformed"},
	{"From: a@a.test, b@b.test\r\n", "the From field names more than one domain"},
	{"From: a@-.test\r\n", "what From has for a domain cannot be one"},
	{"From: undisclosed:;\r\n", "the From field names nobody"},

	{"From: Bank:a@a.test;\r\n", GROUP},
	{"From: \"Bank\" (c) : \"x;\" <a@a.test>, b@a.test ;\r\n", GROUP},
	{"From: <=?utf-8?q?b=40b.test=00?=@a.test>\r\n", HIDDEN},
	{"From: \"b@b.test\"@a.test\r\n", HIDDEN},
	{"From: a@a.test, \"b@b.test>,\"@a.test\r\n", HIDDEN},
	{" From: b@b.test\r\nFrom: a@a.test\r\n", NEARLY},
	{"\t FROM \t:b@b.test\r\nFrom: a@a.test\r\n", NEARLY},
	{"From: a@a.test\r\nfrom\r\n : b@b.test\r\n", NEARLY},
	{"\x01"
	 "From: b@b.test\r\nFrom: a@a.test\r\n",
	 NEARLY},
	{"\x01"
	 "From: b@b.test\r\nFrom: Doe, John <a@a.test>\r\n",
	 NEARLY},
	{"From: Doe, John <a@a.test>\r\nSender: b@b.test\r\n", SENDER},
	{"Sender: a@a.test\r\nFrom: Doe, John <a@a.test>\r\nsender: b@b.test\r\n", SENDERS},
	{"Sender: a@a.test\r\nFrom: Doe, John <a@a.test>\r\nSender: a@a.test\r\n", SENDERS},
	{"From: Doe, John <a@a.test>\r\nSender: a@a.test, b@a.test\r\n", SENDER},
	{"From: Doe, John <a@a.test>\r\nSender: Doe, <b@b.test>\r\n", SENDER},
	{"From: Doe, John <a@a.test>\r\nSender:\r\n", SENDER},
	{"From: Doe, John <a@a.test>\r\nSender: a@[192.0.2.1]\r\n", SENDER},
	{"From\x7f: b@b.test\r\nFrom: a@a.test\r\n", NEARLY},
	{"\xef\xbb\xbf"
	 "From: b@b.test\r\nFrom: a@a.test\r\n",
	 NEARLY},
	{"From\xc2\xa0: b@b.test\r\nFrom: a@a.test\r\n", NEARLY},
};

static void
tricks(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_header h;
		struct gp_dmarc_author author;
		const char *got;
		assert_int_equal(gp_header_split(gp_slice_str(cases[i].header), &arena, &h), 0);
		assert_int_equal(gp_dmarc_author_find(&h, &arena, &author), 0);
		assert_int_equal(gp_verify_from(&h, &author, &arena, &got), 0);
		assert_slice(gp_slice_str(got ? got : "-"), cases[i].want ? cases[i].want : "-");
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tricks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
