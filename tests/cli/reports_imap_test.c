/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server says, URLs of folders, and how far one was read. */
#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/reports/imap_progress.h"
#include "cli/reports/imap_reply.h"

static void
responses_have_kinds(void **state)
{
	static const struct {
		const char *text;
		enum imap_reply_kind kind;
		const char *rest;
	} cases[] = {
		{"* 3 EXISTS", IMAP_REPLY_UNTAGGED, "3 EXISTS"},
		{"*", IMAP_REPLY_UNTAGGED, ""},
		{"g7 OK done", IMAP_REPLY_OK, "done"},
		{"g7 ok", IMAP_REPLY_OK, ""},
		{"g7 NO [TRYCREATE] none", IMAP_REPLY_NO, "[TRYCREATE] none"},
		{"g7 BAD what", IMAP_REPLY_STRANGE, "what"},
		{"g8 OK of another", IMAP_REPLY_STRANGE, "OK of another"},
		{"G7 OK of another", IMAP_REPLY_STRANGE, "OK of another"},
		{"+ go on", IMAP_REPLY_STRANGE, "go on"},
		{"", IMAP_REPLY_STRANGE, ""},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest;
		assert_int_equal(
			imap_reply_kind(gp_slice_str(cases[i].text), GP_SLICE("g7"), &rest),
			cases[i].kind);
		assert_slice(rest, cases[i].rest);
	}
}

static void
numbers_are_read_strictly(void **state)
{
	enum { NONE = -1 };
	static const struct {
		char what;
		const char *text;
		int64_t want;
	} cases[] = {
		{'l', "* 1 FETCH (BODY[] {345}", 345},
		{'l', "{0}", 0},
		{'l', "* 1 FETCH (BODY[] {4294967296}", NONE},
		{'l', "* 1 FETCH (BODY[] {-1}", NONE},
		{'l', "* 1 FETCH (BODY[] {}", NONE},
		{'l', "* 1 FETCH (BODY[] {3} ", NONE},
		{'l', "}", NONE},
		{'l', "", NONE},
		{'c', "OK [UIDNEXT 77] predicted", 77},
		{'c', "ok [uidnext 77]", 77},
		{'c', "OK [UIDNEXT 0] predicted", NONE},
		{'c', "OK [UIDNEXT 7x] predicted", NONE},
		{'c', "OK [UIDVALIDITY 77] valid", NONE},
		{'c', "NO [UIDNEXT 77] predicted", NONE},
		{'c', "OK UIDNEXT 77", NONE},
		{'f', "1 FETCH (UID 5 BODY[]<0> {345})", 5},
		{'f', "1 FETCH (BODY[]<0> {345} UID 5)", 5},
		{'f', "1 FETCH (FLAGS (\\Seen) UID 5)", 5},
		{'f', "1 FETCH (BODY[] \"( UID 6 \\\" UID 7\" UID 5)", 5},
		{'f', "1 FETCH (XUID 6 UID 5)", 5},
		{'f', "1 FETCH (BODY[] \" UID 6", NONE},
		{'f', "1 FETCH (BODY[] \" UID 6\\", NONE},
		{'f', "1 FETCH (UID 0)", NONE},
		{'f', "1 FETCH UID 5", NONE},
		{'f', "1 EXISTS", NONE},
		{'f', "FETCH (UID 5)", NONE},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice text = gp_slice_str(cases[i].text);
		uint32_t n = 0;
		bool good = cases[i].what == 'l'   ? imap_reply_literal(text, &n)
			    : cases[i].what == 'c' ? imap_reply_code(text, GP_SLICE("UIDNEXT"), &n)
						   : imap_reply_fetch(text, &n);
		if ((good ? (int64_t)n : NONE) != cases[i].want)
			fail_msg("'%s' gives %d, %u", cases[i].text, good, n);
	}
}

static void
searches_and_capabilities_are_lists(void **state)
{
	static const struct {
		const char *text;
		int sum; /* -1: no numbers */
	} cases[] = {
		{"SEARCH", 0},          {"SEARCH 1 2 39", 42}, {"search 1 ", 1},
		{"SEARCH 1 two 3", -1}, {"SEARCH 0", -1},      {"SEARCH 4294967296", -1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice rest = gp_slice_str(cases[i].text);
		uint32_t n;
		int sum = 0, r;
		while ((r = imap_reply_search(&rest, &n)) > 0)
			sum += (int)n;
		assert_int_equal(r < 0 ? -1 : sum, cases[i].sum);
	}
	struct gp_slice known = GP_SLICE("CAPABILITY IMAP4rev1 UIDPLUS MOVE");
	assert_true(imap_reply_capable(known, GP_SLICE("move")));
	assert_true(imap_reply_capable(known, GP_SLICE("UIDPLUS")));
	assert_false(imap_reply_capable(known, GP_SLICE("UID")));
	assert_false(imap_reply_capable(GP_SLICE("OK MOVE"), GP_SLICE("MOVE")));
}

static void
urls_name_a_folder_and_no_password(void **state)
{
	static const struct {
		const char *text, *server, *user, *folder; /* server NULL: refused */
	} cases[] = {
		{"imaps://me@mx.example/Reports", "imaps://mx.example/", "me", "Reports"},
		{"imaps://me%40here.example@mx.example:1993/A/B%20C", "imaps://mx.example:1993/",
		 "me@here.example", "A/B C"},
		{"imap://me@[::1]:143/", "imap://[::1]:143/", "me", "INBOX"},
		{"imap://me@mx.example", "imap://mx.example/", "me", "INBOX"},
		{"imaps://me:secret@mx.example/Reports", NULL, NULL, NULL},
		{"imaps://mx.example/Reports", NULL, NULL, NULL},
		{"https://me@mx.example/Reports", NULL, NULL, NULL},
		{"imaps://me@mx.example/Reports?UNSEEN", NULL, NULL, NULL},
		{"imaps://me@mx.example/a%0D%0Ag9%20LOGOUT", NULL, NULL, NULL},
		{"imaps://me%0D@mx.example/a", NULL, NULL, NULL},
		{"imaps://me@mx.example/%C3%BC", NULL, NULL, NULL},
		{"Reports", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct imap_url url = {};
		const char *wrong = imap_url_read(cases[i].text, &url);
		if (!!wrong == !!cases[i].server)
			fail_msg("'%s' %s", cases[i].text, wrong ? wrong : "was taken");
		if (wrong)
			continue;
		assert_string_equal(url.server, cases[i].server);
		assert_string_equal(url.user, cases[i].user);
		assert_string_equal(url.folder, cases[i].folder);
	}
}

static void
progress_is_of_one_folder(void **state)
{
	char folder[] = "/tmp/gatepost-imap-XXXXXX", path[64];
	struct imap_url url, other;
	struct imap_progress p = {7, 42}, back;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/progress", folder);
	assert_null(imap_url_read("imaps://me@mx.example/A%20B", &url));
	assert_null(imap_url_read("imaps://me@mx.example/A", &other));
	assert_int_equal(imap_progress_read(path, &url, &back), 0);
	assert_int_equal(back.validity + back.last, 0);
	assert_int_equal(imap_progress_write(path, &url, &p), 0);
	assert_int_equal(imap_progress_read(path, &url, &back), 0);
	assert_int_equal(back.validity, 7);
	assert_int_equal(back.last, 42);
	assert_int_equal(imap_progress_read(path, &other, &back), 1);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("something else\n", f);
	fclose(f);
	assert_int_equal(imap_progress_read(path, &url, &back), 1);
	assert_int_equal(imap_progress_write("/nowhere/at/all", &url, &p), -ENOENT);
	unlink(path);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_have_kinds),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(searches_and_capabilities_are_lists),
		cmocka_unit_test(urls_name_a_folder_and_no_password),
		cmocka_unit_test(progress_is_of_one_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
