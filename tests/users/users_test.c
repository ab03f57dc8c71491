/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/users/users.h"

#define ARGON2 "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" HASH
#define HASH "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
#define PASSWORD "{argon2id}" ARGON2
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEYS "{scram-sha-256}4096:c2FsdA==:" KEY ":" KEY

/* A good line, and the line that it is written as; NULL: the same. */
static const struct {
	const char *line, *written;
} good[] = {
	{"a@example.org " PASSWORD, NULL},
	{"a@example.org " KEYS, NULL},
	{"a@example.org", NULL},
	{"a@example.org " PASSWORD " " KEYS " from=b@example.org,@c.example.org hourly=5 daily=9",
	 NULL},
	{"printer " PASSWORD " from=*", NULL},
	{"chief " PASSWORD " dashboard=read", NULL},
	{"a@example.org " PASSWORD " dashboard=admin hourly=5", NULL},
	{"  A@Example.ORG\t" PASSWORD " \r", "a@example.org " PASSWORD},
	{"a@example.org daily=1 from=B@EXAMPLE.org " PASSWORD,
	 "a@example.org " PASSWORD " from=b@example.org daily=1"},
	{"a@example.org from=a@example.org", "a@example.org"},
	{"a@example.org from=\"b\"@example.org", "a@example.org from=b@example.org"},
};

#define NO_PASSWORD \
	"{argon2id} is not followed by $argon2id$v=19$m=...,t=...,p=1$...$... within bounds"
#define NO_KEYS \
	"{scram-sha-256} is not followed by ITERATIONS:SALT:STOREDKEY:SERVERKEY within bounds"
#define NO_FROM "from= takes addresses, @DOMAIN or *, with commas between, 100 at most"
#define NO_LIMIT "hourly= and daily= take a number from 1 on"
#define NO_FIELD \
	"a field is none of {argon2id}, {scram-sha-256}, from=, dashboard=, hourly=, daily="
#define NO_ROLE "dashboard= takes read or admin"
#define NO_NAME "the line does not begin with a user name"

static const struct {
	const char *line, *complaint;
} bad[] = {
	{"{argon2id}x", NO_NAME},
	{"a,b " PASSWORD, NO_NAME},
	{"\xff", NO_NAME},
	{"a@b.test secret", NO_FIELD},
	{"a@b.test {plain}secret", NO_FIELD},
	{"a@b.test:x", NO_NAME},
	{"printer " PASSWORD, "the name is no address, so from= must say what it may send as"},
	{"a@b.test " PASSWORD " " PASSWORD, "two passwords"},
	{"a@b.test " KEYS " " KEYS, "two sets of SCRAM keys"},
	{"a@b.test {argon2id}", NO_PASSWORD},
	{"a@b.test {argon2id}$argon2i$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=16$m=65536,t=2,p=1$c2FsdHNhbHQ$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=262145,t=2,p=1$c2FsdHNhbHQ$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=99999999999999999999,t=2,p=1$c2FsdHNhbHQ$" HASH,
	 NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=65536,t=65,p=1$c2FsdHNhbHQ$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=65536,t=2,p=2$c2FsdHNhbHQ$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=65536,t=2,p=1$$" HASH, NO_PASSWORD},
	{"a@b.test {argon2id}$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$", NO_PASSWORD},
	{"a@b.test " PASSWORD "$", NO_PASSWORD},
	{"a@b.test " PASSWORD HASH HASH, NO_PASSWORD},
	{"a@b.test {scram-sha-256}", NO_KEYS},
	{"a@b.test {scram-sha-256}4095:c2FsdA==:" KEY ":" KEY, NO_KEYS},
	{"a@b.test {scram-sha-256}1000001:c2FsdA==:" KEY ":" KEY, NO_KEYS},
	{"a@b.test {scram-sha-256}4096::" KEY ":" KEY, NO_KEYS},
	{"a@b.test {scram-sha-256}4096:c2FsdA==:" KEY, NO_KEYS},
	{"a@b.test {scram-sha-256}4096:c2FsdA==:" KEY ":AAAA", NO_KEYS},
	{"a@b.test " KEYS ":", NO_KEYS},
	{"a@b.test from=", NO_FROM},
	{"a@b.test from=a@b.test,", NO_FROM},
	{"a@b.test from=nobody", NO_FROM},
	{"a@b.test from=@", NO_FROM},
	{"a@b.test from=@a@b", NO_FROM},
	{"a@b.test from=* from=*", "two lists of from="},
	{"a@b.test hourly=0", NO_LIMIT},
	{"a@b.test daily=-1", NO_LIMIT},
	{"a@b.test daily=1000000001", NO_LIMIT},
	{"a@b.test daily=1 daily=2", "the same limit twice"},
	{"a@b.test dashboard=", NO_ROLE},
	{"a@b.test dashboard=Admin", NO_ROLE},
	{"a@b.test dashboard=read dashboard=admin", "two of dashboard="},
};

static const uint64_t seed[2];

struct parsed {
	struct gp_arena arena;
	struct gp_users users;
	struct gp_complaints complaints;
};

static void
parse(struct parsed *p, struct gp_slice text)
{
	*p = (struct parsed){.arena = GP_ARENA_INIT(GP_USERS_ARENA_MAX)};
	assert_int_equal(
		gp_users_parse(text, GP_SLICE("users"), seed, &p->arena, &p->users, &p->complaints),
		0);
}

static void
parsed_free(struct parsed *p)
{
	gp_users_free(&p->users);
	gp_arena_free(&p->arena);
}

static void
good_lines_are_written_as_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(good); i++) {
		struct parsed p;
		struct gp_buf out = GP_BUF_INIT(4096);
		parse(&p, gp_slice_str(good[i].line));
		if (p.complaints.len > 0)
			fail_msg("%s: %.*s", good[i].line,
				 GP_SLICE_FMT(p.complaints.items[0].text));
		assert_int_equal(p.users.len, 1);
		gp_user_write(&out, &p.users.items[0]);
		gp_buf_truncate(&out, out.len - 1);
		assert_slice(gp_buf_slice(&out), good[i].written ? good[i].written : good[i].line);
		gp_buf_free(&out);
		parsed_free(&p);
	}
}

static void
mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		struct parsed p;
		parse(&p, gp_slice_str(bad[i].line));
		if (p.users.len != 0 || p.complaints.len != 1)
			fail_msg("%s: %zu users, %zu complaints", bad[i].line, p.users.len,
				 p.complaints.len);
		assert_slice(p.complaints.items[0].text, bad[i].complaint);
		parsed_free(&p);
	}
}

static void
the_others_count(void **state)
{
	struct parsed p;
	(void)state;
	parse(&p, GP_SLICE("# users\n\na@b.test\nwrong\nc@b.test daily=7\nA@B.test\n"));
	assert_int_equal(p.users.len, 2);
	assert_int_equal(p.complaints.len, 2);
	assert_int_equal(p.complaints.items[0].place.line, 4);
	assert_slice(p.complaints.items[0].place.file, "users");
	assert_int_equal(p.complaints.items[1].place.line, 6);
	assert_slice(p.complaints.items[1].text, "this name was given above already");
	assert_int_equal(gp_users_find(&p.users, GP_SLICE("c@b.test"))->daily, 7);
	assert_int_equal(gp_users_find(&p.users, GP_SLICE("c@b.test"))->line, 5);
	assert_null(gp_users_find(&p.users, GP_SLICE("wrong")));
	assert_null(gp_users_find(&p.users, GP_SLICE("C@b.test")));
	parsed_free(&p);
	parse(&p, gp_slice("", 0));
	assert_null(gp_users_find(&p.users, GP_SLICE("c@b.test")));
	parsed_free(&p);
}

static void
complaints_have_an_end(void **state)
{
	struct parsed p;
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	(void)state;
	for (int i = 0; i < 1000; i++)
		gp_buf_put_str(&text, "wrong\n");
	parse(&p, gp_buf_slice(&text));
	assert_int_equal(p.complaints.len, GP_CONFIG_COMPLAINTS_MAX);
	gp_buf_free(&text);
	parsed_free(&p);
}

static void
a_line_is_replaced(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", "b@b.test daily=3\n"},
		{"a@b.test\n", "a@b.test\nb@b.test daily=3\n"},
		{"a@b.test", "a@b.test\nb@b.test daily=3\n"},
		{"# x\r\n\n B@b.test x y\nc@b.test  z\n",
		 "# x\r\n\nb@b.test daily=3\nc@b.test  z\n"},
		{"b@b.test\nb@b.test\n", "b@b.test daily=3\n"},
		{"#b@b.test\n", "#b@b.test\nb@b.test daily=3\n"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice own = GP_SLICE("b@b.test");
		const struct gp_user user = {.name = own, .from = &own, .from_len = 1, .daily = 3};
		struct gp_buf out = GP_BUF_INIT(4096);
		gp_users_write_with(&out, gp_slice_str(cases[i].before), &user);
		assert_slice(gp_buf_slice(&out), cases[i].after);
		gp_buf_free(&out);
	}
}

static void
users_send_as_what_is_theirs(void **state)
{
	static const struct {
		const char *list, *address;
		bool may;
	} cases[] = {
		{"a@b.test", "a@b.test", true},
		{"a@b.test", "A@B.TEST", true},
		{"a@b.test", "aa@b.test", false},
		{"a@b.test", "a@b.test.test", false},
		{"a@b.test", "", false},
		{"@b.test", "x@b.test", true},
		{"@b.test", "x@c.b.test", false},
		{"@b.test", "x@bb.test", false},
		{"a@b.test,@c.test", "x@c.test", true},
		{"*", "x@d.test", true},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(65536);
		const struct gp_slice *from;
		size_t len;
		assert_null(gp_user_parse_from(gp_slice_str(cases[i].list), &arena, &from, &len));
		if (gp_user_may_send_as(from, len, gp_slice_str(cases[i].address)) != cases[i].may)
			fail_msg("%s as %s", cases[i].list, cases[i].address);
		gp_arena_free(&arena);
	}
}

static void
memory_may_end_anywhere(void **state)
{
	const struct gp_slice text =
		GP_SLICE("a@b.test " PASSWORD " " KEYS " from=c@b.test\nwrong\nd@b.test\n");
	(void)state;
	for (size_t max = 0; max < 16384; max += 16) {
		struct parsed p = {.arena = GP_ARENA_INIT(max)};
		int r = gp_users_parse(text, GP_SLICE("users"), seed, &p.arena, &p.users,
				       &p.complaints);
		assert_true(r == (p.arena.failed ? -ENOMEM : 0));
		assert_true(r < 0 || p.users.len == 2);
		parsed_free(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines_are_written_as_read),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(the_others_count),
		cmocka_unit_test(complaints_have_an_end),
		cmocka_unit_test(a_line_is_replaced),
		cmocka_unit_test(users_send_as_what_is_theirs),
		cmocka_unit_test(memory_may_end_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
