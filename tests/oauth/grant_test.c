/* SPDX-License-Identifier: Apache-2.0 */
/* What a token endpoint is asked, and what is believed of its answer. */
#include "../unit.h"

#include <errno.h>

#include "core/oauth/grant.h"

static void
requests_are_forms(void **state)
{
	static const struct {
		struct gp_oauth_client client;
		const char *body;
	} cases[] = {
		{{{"me", 2}, {"secret", 6}, {}},
		 "grant_type=client_credentials&client_id=me&client_secret=secret"},
		{{{"a b", 3}, {"x&y=%+\xc3\xbc", 8}, {"https://mail.test/.default", 26}},
		 "grant_type=client_credentials&client_id=a%20b&client_secret=x%26y%3D%25%2B%C3%BC"
		 "&scope=https%3A%2F%2Fmail.test%2F.default"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(4096);
		gp_oauth_write_request(&out, &cases[i].client);
		assert_slice(gp_buf_slice(&out), cases[i].body);
		gp_buf_free(&out);
	}
}

#define ANSWER(token, type, rest) "{\"access_token\": " token ", \"token_type\": " type rest "}"

static void
answers_are_read(void **state)
{
	static const struct {
		const char *json;
		const char *token; /* or why there is none */
		uint32_t lifetime_s;
	} cases[] = {
		{ANSWER("\"ya29.a-b_c~d+e/f==\"", "\"Bearer\"", ", \"expires_in\": 3599"),
		 "ya29.a-b_c~d+e/f==", 3599},
		{ANSWER("\"x\"", "\"bearer\"", ", \"scope\": \"y\", \"more\": [1, {}]"), "x",
		 GP_OAUTH_LIFETIME_S},
		{ANSWER("\"x\"", "\"bearer\"", ", \"expires_in\": \"60\""), "x",
		 GP_OAUTH_LIFETIME_S},
		{ANSWER("\"x\"", "\"bearer\"", ", \"expires_in\": 99999999999999"), "x",
		 GP_OAUTH_LIFETIME_MAX},
		{ANSWER("\"x\"", "\"bearer\"", ", \"expires_in\": -1"), "x", 0},
		{ANSWER("\"x\"", "\"mac\"", ""), "is not about a bearer token", 0},
		{ANSWER("\"x\"", "1", ""), "is not about a bearer token", 0},
		{"{\"access_token\": \"x\"}", "is not about a bearer token", 0},
		{ANSWER("\"a b\"", "\"Bearer\"", ""), "has no access_token of the form of one", 0},
		{ANSWER("\"a\\u0001\"", "\"Bearer\"", ""), "has no access_token of the form of one",
		 0},
		{ANSWER("\"==\"", "\"Bearer\"", ""), "has no access_token of the form of one", 0},
		{ANSWER("\"\"", "\"Bearer\"", ""), "has no access_token of the form of one", 0},
		{ANSWER("[]", "\"Bearer\"", ""), "has no access_token of the form of one", 0},
		{"{\"token_type\": \"Bearer\"}", "has no access_token of the form of one", 0},
		{"[\"Bearer\"]", "is not a JSON object", 0},
		{"{\"error\": \"invalid_client\"}", "is not about a bearer token", 0},
		{"", "is not a JSON object", 0},
		{"{\"token_type\": \"Bearer\", \"token_type\": \"Bearer\"}", "is not a JSON object",
		 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
		struct gp_oauth_token token;
		const char *why = NULL;
		int r = gp_oauth_read_answer(gp_slice_str(cases[i].json), 7, &arena, &token, &why);
		struct gp_slice told = r == 0 ? token.text : gp_slice_str(why);
		if (!gp_slice_eq(told, gp_slice_str(cases[i].token)) ||
		    token.lifetime_s != cases[i].lifetime_s)
			fail_msg("%s: %.*s, %u s", cases[i].json, GP_SLICE_FMT(told),
				 token.lifetime_s);
		gp_arena_free(&arena);
	}
}

static void
tokens_have_a_limit(void **state)
{
	(void)state;
	for (size_t more = 0; more <= 1; more++) {
		struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
		struct gp_buf json = GP_BUF_INIT(64 * 1024);
		struct gp_oauth_token token;
		const char *why;
		gp_buf_put_str(&json, "{\"token_type\": \"Bearer\", \"access_token\": \"");
		for (size_t i = 0; i < GP_OAUTH_GRANTED_MAX + more; i++)
			gp_buf_put_char(&json, 'x');
		gp_buf_put_str(&json, "\"}");
		int r = gp_oauth_read_answer(gp_buf_slice(&json), 7, &arena, &token, &why);
		assert_int_equal(r, more);
		gp_buf_free(&json);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(0);
	struct gp_oauth_token token;
	const char *why;
	(void)state;
	arena.failed = true;
	assert_int_equal(gp_oauth_read_answer(GP_SLICE(ANSWER("\"x\"", "\"Bearer\"", "")), 7,
					      &arena, &token, &why),
			 -ENOMEM);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_forms),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(tokens_have_a_limit),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
