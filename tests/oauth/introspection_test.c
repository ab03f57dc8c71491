/* SPDX-License-Identifier: Apache-2.0 */
/* What an issuer is asked about a token, and what is believed of its answer. */
#include "../unit.h"

#include <errno.h>

#include "core/oauth/introspection.h"

static const struct gp_oauth_demand demand = {.issuer = GP_SLICE("https://i.test"),
					      .audience = GP_SLICE("mail"),
					      .user_claim = GP_SLICE("email"),
					      .now_s = 1000};

static void
questions_are_forms(void **state)
{
	const struct gp_oauth_client client = {
		.id = GP_SLICE("mail gate"), .secret = GP_SLICE("a&b=c"), .scope = GP_SLICE("x")};
	struct gp_buf out = GP_BUF_INIT(4096);
	(void)state;
	gp_oauth_write_question(&out, &client, GP_SLICE("ya29.a/b+c~=="));
	assert_slice(gp_buf_slice(&out),
		     "token=ya29.a%2Fb%2Bc%7E%3D%3D&token_type_hint=access_token"
		     "&client_id=mail%20gate&client_secret=a%26b%3Dc");
	gp_buf_free(&out);
}

#define OURS "\"iss\": \"https://i.test\", \"aud\": \"mail\", \"email\": \"a@b.test\""
#define ACTIVE "{\"active\": true, "

static const char none[] = "the answer does not say whether it is active";

static void
answers_are_read(void **state)
{
	static const struct {
		const char *json;
		int result;
		const char *told; /* the user, or what is wrong */
		uint64_t expires_s;
	} cases[] = {
		{ACTIVE OURS "}", 0, "a@b.test", UINT64_MAX},
		{ACTIVE OURS ", \"exp\": 1001}", 0, "a@b.test", 1001},
		{ACTIVE OURS ", \"exp\": 1000.5, \"nbf\": 1000, \"scope\": [\"x\"]}", 0, "a@b.test",
		 1000},
		{ACTIVE "\"iss\": \"https://i.test\", \"aud\": [1, \"web\", \"mail\"], \"email\": "
			"\"x\"}",
		 0, "x", UINT64_MAX},
		/* section 2.2: what is not active may say nothing more */
		{"{\"active\": false}", GP_OAUTH_REFUSED, "it is not active", 0},
		{"{\"active\": false, " OURS "}", GP_OAUTH_REFUSED, "it is not active", 0},
		{ACTIVE OURS ", \"exp\": 940}", GP_OAUTH_REFUSED, "it has expired", 0},
		{ACTIVE OURS ", \"exp\": \"2000\"}", GP_OAUTH_REFUSED, "it has expired", 0},
		{ACTIVE OURS ", \"exp\": -1}", GP_OAUTH_REFUSED, "it has expired", 0},
		{ACTIVE OURS ", \"nbf\": 1061}", GP_OAUTH_REFUSED, "it is not valid yet", 0},
		{ACTIVE OURS ", \"cnf\": {\"jkt\": \"x\"}}", GP_OAUTH_REFUSED,
		 "it is bound to a key", 0},
		{ACTIVE "\"iss\": \"https://i.test/\", \"aud\": \"mail\", \"email\": \"x\"}",
		 GP_OAUTH_REFUSED, "it is another issuer's", 0},
		{ACTIVE "\"aud\": \"mail\", \"email\": \"x\"}", GP_OAUTH_REFUSED,
		 "it is another issuer's", 0},
		{ACTIVE "\"iss\": \"https://i.test\", \"aud\": [\"web\"], \"email\": \"x\"}",
		 GP_OAUTH_REFUSED, "it is for another server", 0},
		{ACTIVE "\"iss\": \"https://i.test\", \"email\": \"x\"}", GP_OAUTH_REFUSED,
		 "it is for another server", 0},
		{ACTIVE "\"iss\": \"https://i.test\", \"aud\": \"mail\"}", GP_OAUTH_REFUSED,
		 "it names no user", 0},
		{ACTIVE "\"iss\": \"https://i.test\", \"aud\": \"mail\", \"email\": \"\"}",
		 GP_OAUTH_REFUSED, "it names no user", 0},
		{ACTIVE "\"iss\": \"https://i.test\", \"aud\": \"mail\", \"email\": [\"x\"]}",
		 GP_OAUTH_REFUSED, "it names no user", 0},
		/* nobody knows */
		{"{" OURS "}", GP_OAUTH_SENSELESS, none, 0},
		{"{\"active\": \"true\", " OURS "}", GP_OAUTH_SENSELESS, none, 0},
		{"{\"active\": 1, " OURS "}", GP_OAUTH_SENSELESS, none, 0},
		{"{\"active\": false, \"active\": true, " OURS "}", GP_OAUTH_SENSELESS, none, 0},
		{"[{\"active\": true}]", GP_OAUTH_SENSELESS, none, 0},
		{ACTIVE OURS, GP_OAUTH_SENSELESS, none, 0},
		{"{\"error\": \"invalid_client\"}", GP_OAUTH_SENSELESS, none, 0},
		{"true", GP_OAUTH_SENSELESS, none, 0},
		{"", GP_OAUTH_SENSELESS, none, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
		struct gp_oauth_word word;
		const char *why = NULL;
		int r = gp_oauth_read_word(gp_slice_str(cases[i].json), &demand, 7, &arena, &word,
					   &why);
		struct gp_slice told = r == 0 ? word.user : gp_slice_str(why);
		if (r != cases[i].result || !gp_slice_eq(told, gp_slice_str(cases[i].told)) ||
		    (r == 0 && word.expires_s != cases[i].expires_s))
			fail_msg("%s: %d, %.*s", cases[i].json, r, GP_SLICE_FMT(told));
		gp_arena_free(&arena);
	}
}

static void
what_is_not_demanded_need_not_be_there(void **state)
{
	const struct gp_oauth_demand less = {.user_claim = GP_SLICE("username"), .now_s = 1000};
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
	struct gp_oauth_word word;
	const char *why;
	(void)state;
	assert_int_equal(gp_oauth_read_word(GP_SLICE(ACTIVE "\"username\": \"x\"}"), &less, 7,
					    &arena, &word, &why),
			 0);
	assert_slice(word.user, "x");
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(0);
	struct gp_oauth_word word;
	const char *why;
	(void)state;
	arena.failed = true;
	assert_int_equal(
		gp_oauth_read_word(GP_SLICE(ACTIVE OURS "}"), &demand, 7, &arena, &word, &why),
		-ENOMEM);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_forms),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(what_is_not_demanded_need_not_be_there),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
