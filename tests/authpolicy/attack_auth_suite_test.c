/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to write a message that is taken for one of legit.example, which lets nobody else send in
 * its name: each of them is refused, or is not from that domain for anybody.
 */
#include "../suite.h"

#include <jansson.h>
#include <string.h>

#include "core/authpolicy/authpolicy.h"

static const uint64_t seed[2] = {1, 2};

/* The attacker may do as it likes with its own name. */
static const char zone[] = "{\"legit.example\": {\"TXT\": [\"v=spf1 -all\"]},"
			   "\"_dmarc.legit.example\": {\"TXT\": [\"v=DMARC1; p=reject\"]},"
			   "\"_dmarc.a.legit.co.example\": {\"TXT\": [\"v=DMARC1; p=reject\"]},"
			   "\"attack.example\": {\"TXT\": [\"v=spf1 +all\"]},"
			   "\"33.attack.example\": {\"TXT\": [\"v=spf1 +all\"]}}";

static const char *
text_of(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

/* What stands between the brackets, if it can be said at all. */
static struct gp_slice
path_of(const char *mail_from)
{
	struct gp_slice rest = gp_slice_str(mail_from);
	gp_slice_cut(&rest, '<');
	return gp_slice_cut(&rest, '>');
}

static void
ask_world(struct gp_verify *v, const struct gp_answers *world)
{
	struct gp_verify_need need;
	int outcome;
	while ((outcome = gp_verify_run(v, &need)) == GP_VERIFY_WAITS) {
		assert_true(need.len > 0);
		for (size_t i = 0; i < need.len; i++) {
			struct gp_dns_answer a;
			assert_true(gp_answers_find(world, need.questions[i].name,
						    need.questions[i].type, &a));
			gp_verify_answer(v, &a);
		}
	}
	assert_int_equal(outcome, GP_VERIFY_DONE);
}

/* Taken as a mail of the domain that is attacked? */
static bool
succeeds(const json_t *one, const struct gp_answers *world, struct gp_arena *arena)
{
	static const struct gp_authentication_config cfg = {};
	struct gp_authpolicy *policy = gp_authpolicy_new(&cfg, seed);
	struct gp_authpolicy_decision decision;
	const struct gp_verify_query q = {
		.address = {192, 0, 2, 1},
		.address_len = 4,
		.dmarc = true,
		.helo = gp_slice_str(text_of(one, "helo")),
		.sender = path_of(text_of(one, "mail_from")),
	};
	struct gp_verify *v = gp_verify_new(&q, seed);
	struct gp_slice message =
		gp_arena_printf(arena, "%s%s\r\nhello\r\n", text_of(one, "extra_header"),
				text_of(one, "from_fields"));
	gp_verify_feed(v, message);
	gp_verify_end(v);
	ask_world(v, world);
	struct gp_verify_facts f = gp_verify_facts(v);
	assert_int_equal(gp_authpolicy_decide(policy, &f, arena, &decision), 0);
	bool theirs = f.author.state != GP_DMARC_AUTHOR_OK ||
		      memmem(f.author.domain.ptr, f.author.domain.len, "legit", 5);
	bool literal = f.author.state == GP_DMARC_AUTHOR_LITERAL;
	/* A name of two labels and no records is nobody's that is known. */
	bool unknown = gp_slice_eq(f.author.domain, GP_SLICE("xn--legit-.example"));
	bool taken = decision.action != GP_AUTHPOLICY_REFUSE && theirs && !literal && !unknown;
	gp_verify_free(v);
	gp_authpolicy_free(policy);
	return taken;
}

static void
nobody_is_taken_for_another(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_slice text = gp_suite_read("attack-auth/cases.json", &arena), why;
	struct gp_answers *world;
	size_t ran = 0;
	(void)state;
	assert_int_equal(gp_answers_from_json(gp_slice_str(zone), &arena, seed, &world, &why), 0);
	json_t *cases = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	assert_non_null(cases);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *one = json_array_get(cases, i);
		/* Those are submission's, and the door's: a bare LF. */
		bool elsewhere = strstr(text_of(one, "mail_from"), "authenticated") ||
				 strcmp(text_of(one, "id"), "XA-23") == 0;
		if (elsewhere)
			continue;
		ran++;
		if (succeeds(one, world, &arena))
			fail_msg("%s: %s", text_of(one, "id"), text_of(one, "what"));
	}
	gp_suite_tell("attack-auth", "what the gateway does", ran, json_array_size(cases));
	assert_true(ran >= 30);
	json_decref(cases);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_is_taken_for_another)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
