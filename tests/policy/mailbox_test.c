/* SPDX-License-Identifier: Apache-2.0 */
/* No local part leaves its mail root, and no two share a mailbox. */
#include "policy_test.h"

#include "base/map.h"
#include "core/policy/mailbox.h"

#define ROOT "/var/mail/example.org/"

/* One name of a path: plain characters only, neither hidden nor too long. */
static bool
is_safe_name(struct gp_slice name)
{
	if (name.len == 0 || name.len > GP_MAILBOX_NAME_MAX || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !gp_ascii_is_digit(c) &&
		    gp_slice_find(GP_SLICE("-_+.="), c) < 0)
			return false;
	}
	return true;
}

/* The encoding, undone as mailbox.h describes it. */
static size_t
decode(struct gp_slice name, char *to)
{
	size_t len = 0;
	if (gp_slice_eq(name, GP_SLICE("=")))
		return 0;
	while (name.len > 0) {
		if (name.ptr[0] != '=') {
			to[len++] = name.ptr[0];
			name = gp_slice_drop(name, 1);
			continue;
		}
		assert_true(name.len >= 3);
		to[len++] = (char)(gp_ascii_hex(name.ptr[1]) * 16 + gp_ascii_hex(name.ptr[2]));
		name = gp_slice_drop(name, 3);
	}
	return len;
}

/* The name that a local part gets below ROOT, checked: safe, and decoding to what it was. */
static void
check_local(struct gp_slice local, struct gp_arena *arena)
{
	struct gp_slice path;
	char back[GP_MAILBOX_NAME_MAX];
	assert_int_equal(gp_mailbox_path(GP_SLICE("/var/mail/{domain}/{local}"),
					 GP_SLICE("example.org"), local, arena, &path),
			 0);
	assert_true(gp_slice_starts(path, GP_SLICE(ROOT)));
	struct gp_slice name = gp_slice_drop(path, sizeof(ROOT) - 1);
	if (!is_safe_name(name))
		fail_msg("'%.*s' of '%.*s'", GP_SLICE_FMT(name), GP_SLICE_FMT(local));
	/* Decoding gives the local part back: so no two have the same name. */
	size_t len = decode(name, back);
	assert_true(gp_slice_eq(gp_slice(back, len), local));
}

static void
all_short_local_parts_stay_below(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	(void)state;
	check_local(gp_slice("", 0), &arena);
	for (int a = 0; a < 256; a++) {
		char text[2] = {(char)a};
		check_local(gp_slice(text, 1), &arena);
		for (int b = 0; b < 256; b++) {
			text[1] = (char)b;
			check_local(gp_slice(text, 2), &arena);
			gp_arena_reset(&arena);
		}
	}
	gp_arena_free(&arena);
}

static void
long_local_parts_stay_below(void **state)
{
	static const char *const words[] = {"../",   "..",   "./", "/", "=2e",
					    "a/../", "\xff", "A",  ".", "x"};
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	(void)state;
	for (size_t w = 0; w < GP_ARRAY_LEN(words); w++) {
		char text[GP_LOCAL_MAX];
		struct gp_slice word = gp_slice_str(words[w]);
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = word.ptr[i % word.len];
		for (size_t len = 1; len <= sizeof(text); len++) {
			check_local(gp_slice(text, len), &arena);
			gp_arena_reset(&arena);
		}
	}
	gp_arena_free(&arena);
}

static void
over_long_local_parts_have_none(void **state)
{
	static const char text[GP_LOCAL_MAX + 1];
	struct gp_arena arena = GP_ARENA_INIT(1 << 16), none = GP_ARENA_INIT(0);
	struct gp_slice path;
	(void)state;
	assert_int_equal(gp_mailbox_path(GP_SLICE("/m/{local}"), GP_SLICE("d"),
					 gp_slice(text, sizeof(text)), &arena, &path),
			 1);
	assert_int_equal(
		gp_mailbox_path(GP_SLICE("/m/{local}"), GP_SLICE("d"), GP_SLICE("a"), &none, &path),
		-ENOMEM);
	gp_arena_free(&arena);
}

/* Through the whole way, from what a stranger says in RCPT: every octet in quotes, and as it is. */
static void
addresses_stay_below(void **state)
{
	static const char *const locals[] = {
		"../../etc/passwd",
		"\"../../etc/passwd\"",
		"\"..\"",
		"\".\"",
		"\"\"",
		"\"a/b\"",
		"/etc/passwd",
		"a/../b",
		"\"/\"",
		"A.B",
		"\"a\\\\b\"",
		"\"a\\\"b\"",
		"..",
		"\u00fcber",
		"\".hidden\"",
		"\"new\"",
		"a=2fb",
		"-rf",
		"~root",
		"$(id)",
	};
	struct asked a;
	(void)state;
	ask_setup(&a, BASE "domains: {example.org: {recipients: any, deliver: {maildir: "
			   "\"/var/mail/{domain}/{local}\"}}}\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(locals); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		struct gp_slice address = gp_arena_printf(&arena, "%s@example.org", locals[i]);
		struct gp_route route;
		struct gp_reply reply;
		int rc = gp_policy_route(a.policy, address, &arena, &route, &reply);
		assert_true(rc == 0 || rc == 1);
		if (rc == 0) {
			assert_true(gp_slice_starts(route.mailbox, GP_SLICE(ROOT)));
			assert_true(is_safe_name(gp_slice_drop(route.mailbox, sizeof(ROOT) - 1)));
		}
		gp_arena_free(&arena);
	}
	ask_teardown(&a);
}

static void
templates_are_checked(void **state)
{
	static char long_name[300];
	static const struct {
		const char *template, *domain;
		bool good;
	} cases[] = {
		{"/var/mail/{domain}/{local}", "example.org", true},
		{"/var/mail/{domain}/{local}/Maildir", "example.org", true},
		{"/var/mail/all", "example.org", true},
		{"/m/{local}-x", "d", true},
		{"/m/{local}@{domain}", "example.org", true},
		{"", "d", false},
		{"m/{local}", "d", false},
		{"/", "d", false},
		{"/{local}", "d", false},
		{"/x{local}/y", "d", false},
		{"/{domain}/{local}", "d", false},
		{"/m/../{local}", "d", false},
		{"/m/./{local}", "d", false},
		{"/m//{local}", "d", false},
		{"/m/{local}/", "d", false},
		{"/m/{user}", "d", false},
		{"/m/{Local}", "d", false},
		{"/m/{local", "d", false},
		{"/m/local}", "d", false},
		{"/m/{}", "d", false},
		{"/m/{{local}}", "d", false},
		{"/m/\n{local}", "d", false},
		{"/m/{local}{local}", "d", false},
		{"/m/{local}-{domain}", long_name, false},
	};
	(void)state;
	memset(long_name, 'd', 63);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char *why = gp_mailbox_template_check(gp_slice_str(cases[i].template),
							    gp_slice_str(cases[i].domain));
		if ((why == NULL) != cases[i].good)
			fail_msg("'%s': %s", cases[i].template, why ? why : "good");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_short_local_parts_stay_below),
		cmocka_unit_test(long_local_parts_stay_below),
		cmocka_unit_test(over_long_local_parts_have_none),
		cmocka_unit_test(addresses_stay_below),
		cmocka_unit_test(templates_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
