/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/config/config.h"
#include "procs/web/signin.h"
#include "sys/password.h"

#define VERSION_A GP_SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
#define VERSION_B GP_SLICE("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

static const struct gp_dashboard_user chief = {GP_SLICE("chief"), GP_WEB_ADMIN, VERSION_A};
static const struct gp_dashboard_user reader = {GP_SLICE("reader"), GP_WEB_READ, VERSION_A};

static struct signin *
new_signin(void)
{
	assert_int_equal(gp_password_setup(), 0);
	struct signin *s = signin_new();
	assert_non_null(s);
	return s;
}

static void
assert_is(struct signin *s, const char *id, uint64_t now_ms, const char *user, uint8_t role)
{
	struct gp_slice found;
	assert_int_equal(signin_find(s, gp_slice_str(id), now_ms, &found), role);
	assert_slice(found, user);
}

static void
a_session_is_found_by_its_id(void **state)
{
	char a[SIGNIN_ID_SIZE], b[SIGNIN_ID_SIZE];
	struct signin *s = new_signin();
	(void)state;
	assert_false(signin_possible(s));
	assert_int_equal(signin_open(s, GP_SLICE("chief"), 0, a), 1);
	signin_know(s, (struct gp_dashboard_user[]){chief, reader}, 2);
	assert_true(signin_possible(s));
	assert_int_equal(signin_open(s, GP_SLICE("chief"), 0, a), 0);
	assert_int_equal(signin_open(s, GP_SLICE("reader"), 0, b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 32);
	assert_is(s, a, 1, "chief", GP_WEB_ADMIN);
	assert_is(s, b, 1, "reader", GP_WEB_READ);
	for (const char *const *id =
		     (const char *const[]){"", "0", "x", a + 1, "00000000000000000000000000000000",
					   NULL};
	     *id; id++)
		assert_is(s, *id, 1, "", GP_WEB_NOBODY);
	signin_close(s, gp_slice_str(a));
	assert_is(s, a, 1, "", GP_WEB_NOBODY);
	assert_is(s, b, 1, "reader", GP_WEB_READ);
	assert_int_equal(signin_count(s), 1);
	signin_free(s);
}

static void
a_session_ends(void **state)
{
	char id[SIGNIN_ID_SIZE];
	struct signin *s = new_signin();
	(void)state;
	signin_know(s, &chief, 1);
	assert_int_equal(signin_open(s, GP_SLICE("chief"), 1000, id), 0);
	assert_is(s, id, 1000 + SIGNIN_IDLE_MS - 1, "chief", GP_WEB_ADMIN);
	assert_is(s, id, 1000 + 2 * SIGNIN_IDLE_MS - 1, "", GP_WEB_NOBODY);
	assert_int_equal(signin_open(s, GP_SLICE("chief"), 1000, id), 0);
	for (uint64_t t = 0; t < SIGNIN_LIFETIME_MS; t += SIGNIN_IDLE_MS / 2)
		assert_is(s, id, 1000 + t, "chief", GP_WEB_ADMIN);
	assert_is(s, id, 1000 + SIGNIN_LIFETIME_MS, "", GP_WEB_NOBODY);
	signin_free(s);
}

static void
a_session_is_its_users(void **state)
{
	static const struct gp_dashboard_user others[] = {
		{GP_SLICE("chief"), GP_WEB_READ, VERSION_A},
		{GP_SLICE("chief"), GP_WEB_ADMIN, VERSION_B},
		{GP_SLICE("chie"), GP_WEB_ADMIN, VERSION_A},
		{GP_SLICE("chief"), 3, VERSION_A},
		{GP_SLICE("chief"), GP_WEB_ADMIN, GP_SLICE("a")},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		char id[SIGNIN_ID_SIZE];
		struct signin *s = new_signin();
		signin_know(s, &chief, 1);
		assert_int_equal(signin_open(s, GP_SLICE("chief"), 0, id), 0);
		signin_know(s, (struct gp_dashboard_user[]){reader, chief}, 2);
		assert_is(s, id, 0, "chief", GP_WEB_ADMIN);
		signin_know(s, &others[i], 1);
		assert_is(s, id, 0, "", GP_WEB_NOBODY);
		signin_know(s, &chief, 1);
		assert_is(s, id, 0, "", GP_WEB_NOBODY);
		signin_free(s);
	}
}

static void
the_one_used_longest_ago_gives_way(void **state)
{
	char ids[SIGNIN_SESSIONS_MAX][SIGNIN_ID_SIZE], one_more[SIGNIN_ID_SIZE];
	struct signin *s = new_signin();
	(void)state;
	signin_know(s, &chief, 1);
	for (uint64_t i = 0; i < SIGNIN_SESSIONS_MAX; i++)
		assert_int_equal(signin_open(s, GP_SLICE("chief"), i, ids[i]), 0);
	assert_is(s, ids[0], 1000, "chief", GP_WEB_ADMIN);
	assert_int_equal(signin_open(s, GP_SLICE("chief"), 1001, one_more), 0);
	assert_is(s, ids[0], 1001, "chief", GP_WEB_ADMIN);
	assert_is(s, ids[1], 1001, "", GP_WEB_NOBODY);
	assert_int_equal(signin_count(s), SIGNIN_SESSIONS_MAX);
	signin_free(s);
}

static void
tokens_are_of_one(void **state)
{
	char a[SIGNIN_ID_SIZE], b[SIGNIN_ID_SIZE];
	struct signin *s = new_signin(), *other = new_signin();
	(void)state;
	assert_int_equal(signin_token(s, GP_SLICE("x"), a), 0);
	assert_int_equal(signin_token(s, GP_SLICE("x"), b), 0);
	assert_string_equal(a, b);
	assert_int_equal(signin_token(s, GP_SLICE("y"), b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(signin_token(other, GP_SLICE("x"), b), 0);
	assert_string_not_equal(a, b);
	signin_free(s);
	signin_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_found_by_its_id),
		cmocka_unit_test(a_session_ends),
		cmocka_unit_test(a_session_is_its_users),
		cmocka_unit_test(the_one_used_longest_ago_gives_way),
		cmocka_unit_test(tokens_are_of_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
