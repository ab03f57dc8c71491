/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/failrpt/redact.h"

static const struct gp_slice key = {"0123456789abcdef", 16};

static struct gp_slice
token(struct gp_arena *arena, const char *text)
{
	struct gp_buf b = GP_BUF_INIT(1024);
	gp_redact_token(&b, key, gp_slice_str(text));
	assert_int_equal(b.len, GP_REDACT_TOKEN_LEN);
	struct gp_slice s = gp_arena_dup(arena, gp_buf_slice(&b));
	gp_buf_free(&b);
	return s;
}

/* "To: {alice}@example.com" with tokens in place of braces. */
static struct gp_slice
expand(struct gp_arena *arena, const char *text)
{
	struct gp_slice all = GP_SLICE(""), rest = gp_slice_str(text);
	while (rest.len > 0) {
		struct gp_slice before = gp_slice_cut(&rest, '{');
		struct gp_slice hidden = gp_slice_cut(&rest, '}');
		all = gp_arena_printf(arena, "%.*s%.*s", GP_SLICE_FMT(all), GP_SLICE_FMT(before));
		if (hidden.len > 0)
			all = gp_arena_printf(
				arena, "%.*s%.*s", GP_SLICE_FMT(all),
				GP_SLICE_FMT(token(arena, gp_arena_str(arena, hidden))));
	}
	return all;
}

static struct gp_slice
redact(struct gp_arena *arena, struct gp_slice with, struct gp_slice header, size_t max)
{
	struct gp_buf b = GP_BUF_INIT(max);
	assert_int_equal(gp_redact_header(&b, with, header, arena), 0);
	struct gp_slice s = gp_arena_dup(arena, gp_buf_slice(&b));
	gp_buf_free(&b);
	return s;
}

static const struct {
	const char *header, *want;
} cases[] = {
	/* shown */
	{"From: Boss <ceo@bank.test>\r\n", "From: Boss <ceo@bank.test>\r\n"},
	{"Message-Id: <1@a.test>\r\nDATE:  x\r\n", "Message-Id: <1@a.test>\r\nDATE: x\r\n"},
	/* hidden */
	{"Subject: hello you\r\n", "Subject: {hello you}\r\n"},
	{"Subject: hello\r\n you\r\n", "Subject: {hello you}\r\n"},
	{"X-Anything: alice\r\n", "X-Anything: {alice}\r\n"},
	{"Subject:\r\n", "Subject:\r\n"},
	/* mailboxes: no names, no comments, whatever the spelling */
	{"To: Alice Smith <alice@example.com>\r\n", "To: {alice}@example.com\r\n"},
	{"to: alice@example.com, (Bob) bob@example.net\r\n",
	 "to: {alice}@example.com, {bob}@example.net\r\n"},
	{"Cc: team: a@x.test, b@x.test;\r\n", "Cc: {a}@x.test, {b}@x.test\r\n"},
	{"To: \"alice smith\"@x.test\r\n", "To: {\"alice smith\"}@x.test\r\n"},
	{"To: \"a\\\"b\" <\"c@d\"@x.test>\r\n", "To: {\"c@d\"}@x.test\r\n"},
	{"To: \"unended <alice@x.test>\r\n", "To: {\"unended <alice}@x.test\r\n"},
	{"To: alice@[192.0.2.1]\r\n", "To: {alice}@\r\n"},
	{"To: alice@x.test\x01z\r\n", "To: {alice}@x.test\r\n"},
	{"To: undisclosed-recipients:;\r\n", "To: {undisclosed-recipients:;}\r\n"},
	{"Return-Path: <bounce+alice=example.com@list.test>\r\n",
	 "Return-Path: {bounce+alice=example.com}@list.test\r\n"},
	/* trace */
	{"Received: from a (b [192.0.2.1])\r\n\tby c with ESMTP id 1\r\n\tfor <alice@x.test>; "
	 "Mon\r\n",
	 "Received: from a (b [192.0.2.1]) by c with ESMTP id 1 for\r\n <{alice}@x.test>; Mon\r\n"},
	{"Received: by c for alice; Mon\r\n", "Received: by c for {alice}; Mon\r\n"},
	{"Received: by c (Authenticated sender: alice); Mon\r\n",
	 "Received: by c (Authenticated sender: {alice}); Mon\r\n"},
	{"Received: by c (Authenticated as alice); Mon\r\n",
	 "Received: by c (Authenticated as {alice}); Mon\r\n"},
	{"Received: by c (Auth-User: alice); Mon\r\n",
	 "Received: by c (Auth-User: {alice}); Mon\r\n"},
	{"Received: by c FOR \"alice smith\"@x.test; Mon\r\n",
	 "Received: by c FOR {\"alice smith\"}@x.test; Mon\r\n"},
	{"Received: by c (envelope-from <a=b@y.test>); Mon\r\n",
	 "Received: by c (envelope-from <{a=b}@y.test>); Mon\r\n"},
	/* signatures, but not what they copy */
	{"DKIM-Signature: v=1; d=a.test; b=AA==\r\n", "DKIM-Signature: v=1; d=a.test; b=AA==\r\n"},
	{"DKIM-Signature: v=1; z=Subject:x\r\n", "DKIM-Signature: {v=1; z=Subject:x}\r\n"},
	{"DKIM-Signature: what\r\n", "DKIM-Signature: {what}\r\n"},
	{"DKIM-Signature: v=1; z=Subject:x; z=\r\n", "DKIM-Signature: {v=1; z=Subject:x; z=}\r\n"},
	{"DKIM-Signature: v=1; i=@a.test\r\n", "DKIM-Signature: v=1; i=@a.test\r\n"},
	{"DKIM-Signature: v=1; i=al@a.test\r\n", "DKIM-Signature: {v=1; i=al@a.test}\r\n"},
	/* links that nobody should follow */
	{"From: http://a.test <a@b.test>\r\n", "From: hxxp://a.test <a@b.test>\r\n"},
	{"List-Id: <HTTPS://a.test> xhttp:httphttp:\r\n",
	 "List-Id: <hxxpS://a.test> xhxxp:httphxxp:\r\n"},
	{"X-Mailer: http https httpd: htt\r\n", "X-Mailer: http https httpd: htt\r\n"},
	/* what is no field of ours */
	{"--=_abc: x\r\nFrom: a@b.test\r\n", "From: a@b.test\r\n"},
	{"--=_abc--\r\nDate: x\r\n", "Date: x\r\n"},
	{"From: \xe4\x00z\r\n", "From: ?\r\n"},
	{"From:\r\n \r\n x\r\n", "From: x\r\n"},
	{"From: a\r\n\r\n--=_abc\r\n", "From: a\r\n"},
};

static void
fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_slice got = redact(&arena, key, gp_slice_str(cases[i].header), 1 << 16);
		struct gp_slice want = expand(&arena, cases[i].want);
		if (!gp_slice_eq(got, want))
			fail_msg("case %zu: got '%.*s', wanted '%.*s'", i, GP_SLICE_FMT(got),
				 GP_SLICE_FMT(want));
		gp_arena_free(&arena);
	}
}

static void
without_a_key_nothing_is_hidden(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice header =
		GP_SLICE("Subject: http://x\r\nTo: Alice <alice@x.test>\r\nX: \x80\r\n");
	(void)state;
	assert_slice(redact(&arena, GP_SLICE(""), header, 1 << 16),
		     "Subject: hxxp://x\r\nTo: Alice <alice@x.test>\r\nX: ?\r\n");
	gp_arena_free(&arena);
}

/* The same text is the same token, by another key another one. */
static void
tokens(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_buf other = GP_BUF_INIT(100);
	(void)state;
	struct gp_slice one = token(&arena, "alice");
	assert_true(gp_slice_eq(one, token(&arena, "alice")));
	assert_false(gp_slice_eq(one, token(&arena, "alicf")));
	gp_redact_token(&other, GP_SLICE("0123456789abcdeg"), GP_SLICE("alice"));
	assert_false(gp_slice_eq(one, gp_buf_slice(&other)));
	gp_buf_clear(&other);
	gp_redact_address(&other, key, GP_SLICE("alice"));
	assert_true(gp_slice_eq(one, gp_buf_slice(&other)));
	gp_buf_free(&other);
	gp_arena_free(&arena);
}

/* Who is told cannot compare what others sent with what he sends. */
static void
each_domain_and_client_has_a_key(void **state)
{
	static const struct {
		const char *master, *domain, *source;
	} of[] = {
		{"m", "a.test", "192.0.2.1"}, {"n", "a.test", "192.0.2.1"},
		{"m", "b.test", "192.0.2.1"}, {"m", "a.test", "192.0.2.2"},
		{"m", "a.test1", "92.0.2.1"},
	};
	struct gp_sha256 keys[GP_ARRAY_LEN(of)], again;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(of); i++) {
		const struct gp_slice master = gp_slice_str(of[i].master),
				      domain = gp_slice_str(of[i].domain),
				      source = gp_slice_str(of[i].source);
		assert_int_equal(gp_redact_key(master, domain, source, &keys[i]), 0);
		assert_int_equal(gp_redact_key(master, domain, source, &again), 0);
		assert_memory_equal(&keys[i], &again, sizeof(again));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(&keys[i], &keys[k], sizeof(again));
	}
}

/* Every line is short enough, and begins as a field or a continuation does. */
static void
check_lines(struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		assert_true(line.len > 2 && line.len <= 998 + 1);
		assert_true(line.ptr[line.len - 1] == '\r');
		assert_true(gp_ascii_is_alnum(line.ptr[0]) ||
			    (line.ptr[0] == ' ' && line.ptr[1] > ' '));
	}
}

/* Words, spaces and addresses without end keep below the cap, whatever it is. */
static void
large_fields_are_folded_or_left_out(void **state)
{
	static const char *const fill[] = {"x", "x ", "@ ", "a@b,", "\"", "\\", "\t "};
	static const char *const names[] = {"From: ", "Received: ", "To: ", "Subject: "};
	static char text[GP_REDACT_HEADER_MAX];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(fill) * GP_ARRAY_LEN(names); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		const char *what = fill[i / GP_ARRAY_LEN(names)];
		const char *name = names[i % GP_ARRAY_LEN(names)];
		memcpy(text, name, strlen(name));
		for (size_t k = strlen(name); k < sizeof(text); k++)
			text[k] = what[k % strlen(what)];
		memcpy(text + sizeof(text) - 11, "\r\nDate: z\r\n", 11);
		struct gp_slice all = gp_slice(text, sizeof(text));
		struct gp_slice got = redact(&arena, key, all, 1 << 20);
		check_lines(got);
		assert_true(gp_slice_ends_nocase(got, GP_SLICE("\r\nDate: z\r\n")));
		check_lines(redact(&arena, GP_SLICE(""), all, 1 << 20));
		/* What does not fit is left out, and what is behind it is not. */
		got = redact(&arena, GP_SLICE(""), all, 40);
		assert_true(gp_slice_ends_nocase(got, GP_SLICE("Date: z\r\n")));
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(without_a_key_nothing_is_hidden),
		cmocka_unit_test(tokens),
		cmocka_unit_test(each_domain_and_client_has_a_key),
		cmocka_unit_test(large_fields_are_folded_or_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
