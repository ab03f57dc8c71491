/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/dmarc/author.h"

enum { ARENA_MAX = 1 << 20 };

/* A header, and the domain or the state. */
static const struct {
	const char *header, *domain;
	uint8_t state;
} cases[] = {
	{"From: a@d.test\r\n", "d.test", 0},
	{"FROM : Some Body <a@D.Test>\r\n", "d.test", 0},
	{"From:\r\n <a@d.test>\r\n", "d.test", 0},
	{"From: \"a@x.test\" <a@d.test>\r\n", "d.test", 0},
	{"From: (<a@x.test>) a@d.test (b@x.test)\r\n", "d.test", 0},
	{"From: a@b\xc3\xbc"
	 "cher.test\r\n",
	 "xn--bcher-kva.test", 0},
	{"From: a@B\xc3\x9c"
	 "CHER.test\r\n",
	 "xn--bcher-kva.test", 0},
	{"From: a@XN--BCHER-KVA.test\r\n", "xn--bcher-kva.test", 0},
	/* U+3002 is a dot of names */
	{"From: a@d\xe3\x80\x82test\r\n", "d.test", 0},
	{"From: a@test\r\n", "test", 0},
	{"From: a@d.test, b@D.TEST\r\n", "d.test", 0},
	{"From: team: a@d.test, b@d.test;\r\n", "d.test", 0},
	{"From: x@d.test\r\n\r\nFrom: y@e.test\r\n", "d.test", 0},
	{"X: y\r\n From: x@e.test\r\nFrom: a@d.test\r\n", "d.test", 0},

	{"To: a@d.test\r\n", "", GP_DMARC_AUTHOR_MISSING},
	{"", "", GP_DMARC_AUTHOR_MISSING},
	{"Resent-From: a@d.test\r\n", "", GP_DMARC_AUTHOR_MISSING},
	{"From\r\n : a@d.test\r\n", "", GP_DMARC_AUTHOR_MISSING},
	{"From: a@d.test\r\nFrom: a@d.test\r\n", "", GP_DMARC_AUTHOR_SEVERAL_FIELDS},
	{"From: a@d.test\r\nTo: x\r\nfrom : b@e.test\r\n", "", GP_DMARC_AUTHOR_SEVERAL_FIELDS},
	{"From:\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: nobody\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: <a@d.test> <b@e.test>\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: <a@d.test>b@e.test\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: a@d.test\r\n b@e.test\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: <@e.test:a@d.test>\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: a@d.test <b@e.test>\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: =?utf-8?b?PGFAZC50ZXN0Pg==?=, <b@e.test>\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: a@d.test.\r\n", "", GP_DMARC_AUTHOR_MALFORMED},
	{"From: undisclosed:;\r\n", "", GP_DMARC_AUTHOR_NO_MAILBOX},
	{"From: a@d.test, b@e.test\r\n", "", GP_DMARC_AUTHOR_SEVERAL_DOMAINS},
	{"From: a@d.test, b@[192.0.2.1]\r\n", "", GP_DMARC_AUTHOR_SEVERAL_DOMAINS},
	{"From: a@d.test, b@d.test, c@sub.d.test\r\n", "", GP_DMARC_AUTHOR_SEVERAL_DOMAINS},
	{"From: g: a@d.test;, b@e.test\r\n", "", GP_DMARC_AUTHOR_SEVERAL_DOMAINS},
	{"From: a@[192.0.2.1]\r\n", "", GP_DMARC_AUTHOR_LITERAL},
	{"From: a@d_.test!\r\n", "", GP_DMARC_AUTHOR_NO_DOMAIN},
	{"From: a@-d.test\r\n", "", GP_DMARC_AUTHOR_NO_DOMAIN},
	{"From: a@d'e.test\r\n", "", GP_DMARC_AUTHOR_NO_DOMAIN},
};

/* The same, of malformed fields with one address that nobody can mistake. */
static const struct {
	const char *header, *domain;
} broken[] = {
	{"From: Doe, John <a@d.test>\r\n", "d.test"},
	{"From:\r\n Doe,\r\n John <a@D.Test>\r\n", "d.test"},
	{"From: J\xF6hn <a@b\xc3\xbc"
	 "cher.test>\r\n",
	 "xn--bcher-kva.test"},
	{"From: \"Doe <a@d.test>\r\n", "d.test"},
	{"From: Doe, <a@-d.test>\r\n", ""},
	{"From: Doe, <a@[192.0.2.1]>\r\n", ""},
	{"From: x@e.test, Doe, <a@d.test>\r\n", ""},
	{"From: Doe, <a@d.test>\r\nFrom: Doe, <a@d.test>\r\n", ""},
};

static void
broken_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(broken); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_header h;
		struct gp_dmarc_author a;
		assert_int_equal(gp_header_split(gp_slice_str(broken[i].header), &arena, &h), 0);
		assert_int_equal(gp_dmarc_author_find(&h, &arena, &a), 0);
		assert_slice(a.domain, broken[i].domain);
		assert_int_equal(a.broken, a.domain.len > 0);
		assert_int_equal(a.broken, a.state == GP_DMARC_AUTHOR_OK);
		gp_arena_free(&arena);
	}
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_header h;
		struct gp_dmarc_author a;
		assert_int_equal(gp_header_split(gp_slice_str(cases[i].header), &arena, &h), 0);
		assert_int_equal(gp_dmarc_author_find(&h, &arena, &a), 0);
		if (a.state != cases[i].state)
			fail_msg("%s: %s", cases[i].header, gp_dmarc_author_text(a.state));
		assert_slice(a.domain, cases[i].domain);
		assert_false(a.broken);
		gp_arena_free(&arena);
	}
}

static void
find_with_little_memory(struct gp_slice text, uint8_t want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_header h;
	assert_int_equal(gp_header_split(text, &arena, &h), 0);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 0; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_dmarc_author a;
		rc = gp_dmarc_author_find(&h, &small, &a);
		assert_true(rc == -ENOMEM || a.state == want);
		gp_arena_free(&small);
	}
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	find_with_little_memory(GP_SLICE("From: A@D.test, b@B\xc3\xbc.test\r\n"),
				GP_DMARC_AUTHOR_SEVERAL_DOMAINS);
	find_with_little_memory(GP_SLICE("From: Doe, J <A@B\xc3\xbc.test>\r\n"),
				GP_DMARC_AUTHOR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(broken_fields),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
