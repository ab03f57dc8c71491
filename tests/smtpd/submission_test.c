/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that users submit: what is refused, and what is added to which. */
#include "../unit.h"

#include <string.h>

#include "core/message/header.h"
#include "procs/smtpd/submission.h"

enum { ARENA_MAX = 2 << 20 };

#define DATED "Date: x\r\nMessage-ID: <x@y>\r\n"
#define ADDED_DATE "Date: Sun, 9 Sep 2001 01:46:40 +0000\r\n"
#define ADDED_ID "Message-ID: <QUEUEID.e8d4a51000@mx.example.org>\r\n"

static const struct gp_slice own[] = {GP_SLICE("alice@example.org"), GP_SLICE("@office.test")};
static const struct gp_slice any[] = {GP_SLICE("*")};

static struct submission
from_list(const struct gp_slice *from, size_t from_len)
{
	return (struct submission){.from = from,
				   .from_len = from_len,
				   .hostname = GP_SLICE("mx.example.org"),
				   .id = GP_SLICE("QUEUEID"),
				   .now_ms = 1000000000000};
}

/* What is added, or the refusal as "CODE TEXT". */
static void
check_one(const struct submission *s, struct gp_slice message, const char *want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf head = GP_BUF_INIT(4096);
	struct gp_reply r = submission_take(s, message, &arena, &head);
	if (r.code != 0) {
		assert_int_equal(head.len, 0);
		gp_buf_printf(&head, "%u %u.%u.%u %.*s", r.code, r.enhanced_class,
			      r.enhanced_subject, r.enhanced_detail, GP_SLICE_FMT(r.text));
	}
	assert_slice(gp_buf_slice(&head), want);
	gp_buf_free(&head);
	gp_arena_free(&arena);
}

static void
check(const char *message, const char *want)
{
	const struct submission s = from_list(own, GP_ARRAY_LEN(own));
	check_one(&s, gp_slice_str(message), want);
}

static void
what_is_missing_is_added(void **state)
{
	(void)state;
	check(DATED "From: alice@example.org\r\n\r\nhello\r\n", "");
	check("From: alice@example.org\r\n\r\nDate: x\r\n", ADDED_DATE ADDED_ID);
	check("From: alice@example.org\r\nDate:\r\n\r\n", ADDED_ID);
	check("From: alice@example.org\r\nmessage-id: <>\r\n\r\n", ADDED_DATE);
	check("From: alice@example.org", ADDED_DATE ADDED_ID);
	check("From: alice@example.org\r\nBcc: secret@example.net\r\n" DATED "\r\n", "");
}

static void
from_is_ones_own(void **state)
{
#define NOT_YOURS "is not an address that you may send as"
	static const char *const cases[][2] = {
		{"From: Alice <ALICE@Example.ORG>\r\n", ""},
		{"From: anybody@office.test, alice@example.org\r\n", ""},
		{"From: Us: alice@example.org;\r\n", ""},
		{"From: =?utf-8?q?bob=40example=2Eorg?= <alice@example.org>\r\n", ""},
		{"From: \"bob@example.org\"\r\n <alice@example.org>\r\n", ""},
		{"From: bob@example.org\r\n", "550 5.7.1 From: bob@example.org " NOT_YOURS},
		{"fRoM : bob@example.org\r\n", "550 5.7.1 From: bob@example.org " NOT_YOURS},
		{"From: alice@example.org,\r\n\tbob@example.org\r\n",
		 "550 5.7.1 From: bob@example.org " NOT_YOURS},
		{"From: alice@example.org (<alice@example.org>) , Us: bob@example.org;\r\n",
		 "550 5.7.1 From: bob@example.org " NOT_YOURS},
		{"From: alice@office.test.evil.example\r\n",
		 "550 5.7.1 From: alice@office.test.evil.example " NOT_YOURS},
		{"From: j\xC3\xB8@example.org\r\n", "550 5.7.1 From: this " NOT_YOURS},
		{"From: alice@example.org\r\nSender: alice@example.org\r\n", ""},
		{"From: alice@example.org\r\nSender: bob@example.org\r\n",
		 "550 5.7.1 Sender: bob@example.org " NOT_YOURS},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char message[512];
		snprintf(message, sizeof(message), DATED "%s\r\n", cases[i][0]);
		check(message, cases[i][1]);
	}
}

static void
from_is_there_once_and_has_a_reading(void **state)
{
	static const char *const cases[][2] = {
		{"\r\nFrom: alice@example.org\r\n", "554 5.6.0 From: there is no such field"},
		{"X: y\r\n", "554 5.6.0 From: there is no such field"},
		{"From: alice@example.org\r\nFrom: alice@example.org\r\n",
		 "554 5.6.0 From: there is more than one such field"},
		{"From:\r\n", "554 5.6.0 From: not an address"},
		{"From: alice@example.org\r\nFrom\r\n : bob@example.org\r\n",
		 "554 5.6.0 A line of the header is no field"},
		{" From: bob@example.org\r\nFrom: alice@example.org\r\n",
		 "554 5.6.0 A line of the header is no field"},
		{"From: alice@example.org\r\nhello\r\n",
		 "554 5.6.0 A line of the header is no field"},
		{"From: undisclosed:;\r\n", "554 5.6.0 From: it names nobody"},
		{"From: alice@example.org bob@example.org\r\n",
		 "554 5.6.0 From: something behind an address"},
		{"From: alice@exa_mple..org\r\n", "554 5.6.0 From: not an address"},
		{"From: a@-\r\n", "554 5.6.0 From: label of the domain begins or ends in a hyphen"},
		{"From: alice@example.org\r\nSender: a@office.test, b@office.test\r\n",
		 "554 5.6.0 Sender: more than one address"},
		{"From: alice@example.org\r\nSender: x\r\nsender: y\r\n",
		 "554 5.6.0 Sender: there is more than one such field"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char message[512];
		snprintf(message, sizeof(message), "%s" DATED "\r\n", cases[i][0]);
		check(message, cases[i][1]);
	}
}

static void
who_may_be_anybody_still_has_a_from(void **state)
{
	const struct submission s = from_list(any, GP_ARRAY_LEN(any));
	(void)state;
	check_one(&s, GP_SLICE(DATED "From: bob@example.org\r\n\r\n"), "");
	check_one(&s, GP_SLICE(DATED "\r\n"), "554 5.6.0 From: there is no such field");
}

/* A header of `size` octets, the fields of check() and one that is long. */
static struct gp_slice
long_header(struct gp_arena *arena, size_t size)
{
	static const char begin[] = DATED "From: alice@example.org\r\nX: ";
	size_t len = strlen(begin);
	char *text = gp_arena_alloc(arena, size + 4);
	memset(text, 'x', size);
	memcpy(text, begin, len);
	memcpy(text + size - 2, "\r\n\r\nb", 5);
	return gp_slice(text, size + 3);
}

static void
a_header_has_an_end(void **state)
{
	const struct submission s = from_list(own, GP_ARRAY_LEN(own));
	struct gp_arena arena = GP_ARENA_INIT(4 << 20);
	(void)state;
	check_one(&s, long_header(&arena, GP_HEADER_SIZE_MAX), "");
	check_one(&s, long_header(&arena, GP_HEADER_SIZE_MAX + 1),
		  "554 5.6.0 The header is too long");
	gp_arena_free(&arena);
}

static void
memory_ends(void **state)
{
	const struct submission s = from_list(own, GP_ARRAY_LEN(own));
	(void)state;
	for (size_t max = 0; max < 4096; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_buf head = GP_BUF_INIT(4096);
		struct gp_reply r = submission_take(&s, GP_SLICE("From: alice@example.org\r\n\r\n"),
						    &arena, &head);
		assert_true(r.code == 0 || r.code == 451);
		gp_buf_free(&head);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_added),
		cmocka_unit_test(from_is_ones_own),
		cmocka_unit_test(from_is_there_once_and_has_a_reading),
		cmocka_unit_test(who_may_be_anybody_still_has_a_from),
		cmocka_unit_test(a_header_has_an_end),
		cmocka_unit_test(memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
