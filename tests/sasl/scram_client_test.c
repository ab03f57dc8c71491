/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM seen from the client: the standard's example, servers that lie, and our own server. */
#include "../unit.h"

#include "base/base64.h"
#include "core/sasl/scram_client.h"
#include "core/sasl/server.h"

/* RFC 7677 section 3. */
#define CNONCE "rOprNGfwEbeRWgbNEkqO"
#define NONCE CNONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" NONCE ",s=" SALT ",i=4096"
#define SERVER_LAST "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static const struct gp_scram_login user = {
	.user = GP_SLICE("user"), .password = GP_SLICE("pencil"), .nonce = GP_SLICE(CNONCE)};

static void
the_standards_example_holds(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
	struct gp_scram_client s;
	struct gp_slice said;
	(void)state;
	assert_int_equal(gp_scram_begin(&s, &user, &arena, &said), 0);
	assert_slice(said, "n,,n=user,r=" CNONCE);
	assert_int_equal(gp_scram_step(&s, GP_SLICE(SERVER_FIRST), &said), 0);
	assert_slice(said, "c=biws,r=" NONCE ",p=" PROOF);
	assert_false(s.trusted);
	assert_int_equal(gp_scram_step(&s, GP_SLICE(SERVER_LAST), &said), 0);
	assert_slice(said, "");
	assert_true(s.trusted);
	/* and nothing more is to be said */
	assert_int_equal(gp_scram_step(&s, GP_SLICE(SERVER_LAST), &said), 1);
	assert_false(s.trusted);
	gp_arena_free(&arena);
}

static void
the_first_message_says_what_the_channel_can(void **state)
{
	static const struct {
		struct gp_scram_login login;
		const char *first;
	} cases[] = {
		{{.user = {"a=b,c", 5}, .nonce = {"x", 1}}, "n,,n=a=3Db=2Cc,r=x"},
		{{.user = {"u", 1},
		  .nonce = {"x", 1},
		  .binding_type = {"tls-exporter", 12},
		  .binding = {"\0\1", 2}},
		 "y,,n=u,r=x"},
		{{.user = {"u", 1},
		  .nonce = {"x", 1},
		  .binding_type = {"tls-exporter", 12},
		  .binding = {"\0\1", 2},
		  .plus = true},
		 "p=tls-exporter,,n=u,r=x"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
		struct gp_scram_client s;
		struct gp_slice said;
		assert_int_equal(gp_scram_begin(&s, &cases[i].login, &arena, &said), 0);
		assert_slice(said, cases[i].first);
		gp_arena_free(&arena);
	}
}

#define REST ",s=" SALT ",i=4096"
/* 63 octets; with AA== behind they are 64, with AAA= 65. */
#define SALT21 "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SALT63 SALT21 SALT21 SALT21

static void
a_server_that_lies_is_not_answered(void **state)
{
	static const struct {
		const char *first, *last; /* last NULL: the first one is refused */
		const char *why;
	} cases[] = {
		{"", NULL, "not a server's first message"},
		{SERVER_LAST, NULL, "not a server's first message"},
		{"r=" NONCE, NULL, "not a server's first message"},
		{"r=" NONCE ",s=" SALT, NULL, "not a server's first message"},
		{"r=" NONCE ",s=" SALT ",i=", NULL, "not a server's first message"},
		{"r=" NONCE ",s=" SALT ",i=-4096", NULL, "not a server's first message"},
		{"r=" NONCE ",s=" SALT ",i=4096x", NULL, "not a server's first message"},
		{"r=" NONCE ",s=" SALT ",i=99999999999", NULL, "not a server's first message"},
		{"m=x,r=" NONCE REST, NULL, "not a server's first message"},
		{"r=" NONCE REST ",m=x", NULL, "not a server's first message"},
		{"r=" NONCE "\x7f" REST, NULL, "not a server's first message"},
		/* RFC 5802 section 5.1: ours, and something of its own behind */
		{"r=" CNONCE REST, NULL, "another exchange's nonce"},
		{"r=x" NONCE REST, NULL, "another exchange's nonce"},
		{"r=sOprNGfwEbeRWgbNEkqOxxxx" REST, NULL, "another exchange's nonce"},
		{"r=" NONCE ",s=" SALT ",i=4095", NULL, "too few or too many iterations"},
		{"r=" NONCE ",s=" SALT ",i=1000001", NULL, "too few or too many iterations"},
		{"r=" NONCE ",s=,i=4096", NULL, "no salt"},
		{"r=" NONCE ",s=%%%%,i=4096", NULL, "no salt"},
		{"r=" NONCE ",s=" SALT63 "AAA=,i=4096", NULL, "no salt"},
		/* it does not know the password */
		{SERVER_FIRST, "", "not a server's last message"},
		{SERVER_FIRST, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
		 "the server does not know the password"},
		{SERVER_FIRST, "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		 "the server does not know the password"},
		{SERVER_FIRST, "v=", "the server does not know the password"},
		{SERVER_FIRST, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,m=x",
		 "not a server's last message"},
		{SERVER_FIRST, "e=invalid-proof", "the server refuses"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
		struct gp_scram_client s;
		struct gp_slice said;
		assert_int_equal(gp_scram_begin(&s, &user, &arena, &said), 0);
		int r = gp_scram_step(&s, gp_slice_str(cases[i].first), &said);
		if (r == 0 && cases[i].last)
			r = gp_scram_step(&s, gp_slice_str(cases[i].last), &said);
		if (r != 1 || !gp_slice_eq(gp_slice_str(s.why), gp_slice_str(cases[i].why)))
			fail_msg("%zu: %d, %s", i, r, s.why ? s.why : "(nothing)");
		assert_false(s.trusted);
		/* and it is over */
		assert_int_equal(gp_scram_step(&s, GP_SLICE(SERVER_LAST), &said), 1);
		assert_false(s.trusted);
		gp_arena_free(&arena);
	}
}

static void
extensions_are_passed_over(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024);
	struct gp_scram_client s;
	struct gp_slice said;
	(void)state;
	assert_int_equal(gp_scram_begin(&s, &user, &arena, &said), 0);
	assert_int_equal(gp_scram_step(&s, GP_SLICE(SERVER_FIRST ",x=y"), &said), 0);
	gp_arena_free(&arena);
}

/* --- against our own server --- */

struct channel {
	const char *name;
	struct gp_slice client, server; /* tls-exporter's data at either end */
	bool plus, agreed;
};

/* Whether the two agree. */
static bool
agree(const struct channel *channel, struct gp_slice password)
{
	struct gp_arena arena = GP_ARENA_INIT(256 * 1024);
	struct gp_scram_keys keys;
	struct gp_scram_client c;
	struct gp_scram_login login = user;
	struct gp_sasl server;
	struct gp_slice said = {};
	const struct gp_sasl_setup setup = {.mechanism = channel->plus ? GP_SASL_SCRAM_SHA_256_PLUS
								       : GP_SASL_SCRAM_SHA_256,
					    .nonce = GP_SLICE("theServersOwnShare"),
					    .tls_exporter = channel->server};
	login.binding_type = GP_SLICE("tls-exporter");
	login.binding = channel->client;
	login.plus = channel->plus;
	assert_int_equal(gp_scram_derive(password, GP_SLICE("salt"), 4096, &keys), 0);
	assert_int_equal(gp_scram_begin(&c, &login, &arena, &said), 0);
	int event = gp_sasl_begin(&server, &setup, &said, &arena);
	if (event == GP_SASL_FETCH_KEYS)
		event = gp_sasl_use_keys(&server, &keys);
	while (event == GP_SASL_CHALLENGE && gp_scram_step(&c, server.challenge, &said) == 0)
		event = gp_sasl_step(&server, said);
	gp_arena_free(&arena);
	assert_true(event != GP_SASL_DONE || c.trusted);
	return event == GP_SASL_DONE;
}

static void
our_own_server_agrees(void **state)
{
	static const struct channel channels[] = {
		{"in clear", {}, {}, false, true},
		{"bound", {"one", 3}, {"one", 3}, true, true},
		{"somebody in between", {"one", 3}, {"two", 3}, true, false},
		{"only the client can bind", {"one", 3}, {}, false, true},
		{"somebody took -PLUS out of the offer", {"one", 3}, {"one", 3}, false, false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(channels); i++) {
		if (agree(&channels[i], GP_SLICE("pencil")) != channels[i].agreed)
			fail_msg("%s", channels[i].name);
		assert_false(agree(&channels[i], GP_SLICE("pencils")));
	}
}

static void
only_what_need_not_be_prepared_is_possible(void **state)
{
	(void)state;
	assert_true(gp_scram_is_possible(GP_SLICE("a b@c.test"), GP_SLICE("pass word")));
	assert_false(gp_scram_is_possible(GP_SLICE(""), GP_SLICE("x")));
	assert_false(gp_scram_is_possible(GP_SLICE("x"), GP_SLICE("")));
	assert_false(gp_scram_is_possible(GP_SLICE("\xc3\xbc"), GP_SLICE("x")));
	assert_false(gp_scram_is_possible(GP_SLICE("x"), GP_SLICE("\xc3\xbc")));
	assert_false(gp_scram_is_possible(GP_SLICE("a\tb"), GP_SLICE("x")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_example_holds),
		cmocka_unit_test(the_first_message_says_what_the_channel_can),
		cmocka_unit_test(a_server_that_lies_is_not_answered),
		cmocka_unit_test(extensions_are_passed_over),
		cmocka_unit_test(our_own_server_agrees),
		cmocka_unit_test(only_what_need_not_be_prepared_is_possible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
