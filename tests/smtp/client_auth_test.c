/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH seen from the client (RFC 4954). Base64 here was made by coreutils. */
#include <string.h>

#include "client_dialogue.h"

#define TIM .user = {"tim", 3}
#define PASSWORD .password = {"tanstaaftanstaaf", 16}
#define TOKEN .token = {"vF9dft4qmT", 10}
#define INSIDE(...) .setup = {.tls_implicit = true, .login = {TIM, __VA_ARGS__}}
#define WELCOME "< 235 2.7.0 welcome\n.ready\n"

/* "\0tim\0tanstaaftanstaaf" is RFC 4616's example */
#define TIM_PLAIN "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"

/* RFC 7677 section 3, in base64. */
#define CNONCE "rOprNGfwEbeRWgbNEkqO"
#define SCRAM(...)                                     \
	.setup = {.tls_implicit = true,                \
		  .login = {.user = {"user", 4},       \
			    .password = {"pencil", 6}, \
			    .nonce = {CNONCE, sizeof(CNONCE) - 1} __VA_OPT__(, ) __VA_ARGS__}}
#define SCRAM_FIRST "> AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\n"
#define SCRAM_FINAL                                                                      \
	"< 334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxz" \
	"PVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=\n"                                 \
	"> Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYk" \
	"azAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\n"
#define SCRAM_LAST "< 334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==\n> \n"

static char long_token[600];
static const char too_long[8200] = {[0 ... 8199] = 'x'};

static const struct dialogue dialogues[] = {
	{"PLAIN, and then mail",
	 HELLO "< 250 AUTH LOGIN PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n" WELCOME ONE_STEPS BODY_SENT
	       "< 250 ok\n.done\n.ready\n",
	 "relayed *250 2.0.0 ok", INSIDE(PASSWORD)},
	{"LOGIN, whatever it is asked by",
	 HELLO "< 250 AUTH LOGIN\n> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> dGlt\n< 334 what else?\n"
	       "> dGFuc3RhYWZ0YW5zdGFhZg==\n" WELCOME,
	 NULL, INSIDE(PASSWORD)},
	{"LOGIN although PLAIN is offered", HELLO "< 250 AUTH PLAIN LOGIN\n> AUTH LOGIN\n", NULL,
	 INSIDE(PASSWORD, .mechanisms = GP_EHLO_LOGIN)},
	{"OAUTHBEARER",
	 HELLO "< 250 AUTH PLAIN XOAUTH2 OAUTHBEARER\n"
	       "> AUTH OAUTHBEARER bixhPXRpbSwBYXV0aD1CZWFyZXIgdkY5ZGZ0NHFtVAEB\n" WELCOME,
	 NULL, INSIDE(TOKEN)},
	{"OAUTHBEARER with a name that must be escaped",
	 HELLO "< 250 AUTH OAUTHBEARER\n"
	       "> AUTH OAUTHBEARER bixhPWE9M0RiPTJDYywBYXV0aD1CZWFyZXIgdkY5ZGZ0NHFtVAEB\n" WELCOME,
	 NULL, .setup = {.tls_implicit = true, .login = {.user = {"a=b,c", 5}, TOKEN}}},
	{"OAUTHBEARER refused: its error is acknowledged",
	 HELLO "< 250 AUTH OAUTHBEARER\n"
	       "> AUTH OAUTHBEARER bixhPXRpbSwBYXV0aD1CZWFyZXIgdkY5ZGZ0NHFtVAEB\n"
	       "< 334 eyJzdGF0dXMiOiI0MDEifQ==\n> AQ==\n< 535 5.7.8 expired\n> QUIT\n.close\n",
	 NULL, "deferred *535 5.7.8 expired", INSIDE(TOKEN)},
	{"XOAUTH2, the same",
	 HELLO "< 250 AUTH XOAUTH2\n"
	       "> AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdkY5ZGZ0NHFtVAEB\n"
	       "< 334 eyJzdGF0dXMiOiI0MDEifQ==\n> \n< 535 5.7.8 expired\n> QUIT\n.close\n",
	 NULL, "deferred *535 5.7.8 expired", INSIDE(TOKEN)},
	{"inside STARTTLS, where alone it is offered",
	 HELLO "< 250-AUTH LOGIN\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n.starttls\n!tls\n"
	       "> EHLO gate.example.org\n< 250-mx\n< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN
	       "\n" WELCOME,
	 NULL, .setup = {.tls = GP_CLIENT_TLS_REQUIRED, .login = {TIM, PASSWORD}}},
	{"SCRAM-SHA-256, as the standard has it",
	 HELLO "< 250 AUTH PLAIN SCRAM-SHA-256\n" SCRAM_FIRST SCRAM_FINAL SCRAM_LAST WELCOME, NULL,
	 SCRAM()},
	{"without -PLUS where the channel is not bound",
	 HELLO "< 250 AUTH PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256\n" SCRAM_FIRST, NULL, SCRAM()},
	{"not for a password that would have to be prepared",
	 HELLO "< 250 AUTH PLAIN SCRAM-SHA-256\n> AUTH PLAIN AHVzZXIAw7w=\n" WELCOME, NULL,
	 .setup = {.tls_implicit = true,
		   .login = {.user = {"user", 4},
			     .password = {"\xc3\xbc", 2},
			     .nonce = {CNONCE, sizeof(CNONCE) - 1}}}},
	{"not without a nonce",
	 HELLO "< 250 AUTH PLAIN SCRAM-SHA-256\n> AUTH PLAIN " TIM_PLAIN "\n", NULL,
	 INSIDE(PASSWORD)},
	{"in clear by choice", HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n" WELCOME, NULL,
	 .setup = {.login = {TIM, PASSWORD, .in_clear = true}}},
	{"LMTP", LHLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n" WELCOME, NULL,
	 .setup = {.lmtp = true, .login = {TIM, PASSWORD, .in_clear = true}}},

	/* it is not said */
	{"in clear", HELLO "< 250 AUTH PLAIN\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.11 AUTH is for inside TLS, at EHLO",
	 .setup = {.login = {TIM, PASSWORD}}},
	{"STARTTLS refused",
	 HELLO "< 250-STARTTLS\n< 250 AUTH PLAIN\n> STARTTLS\n< 454 no\n"
	       "> QUIT\n.close\n",
	 NULL, "deferred 451 4.7.11 AUTH is for inside TLS, at STARTTLS", GP_CLIENT_TLS_REFUSED,
	 .setup = {.tls = GP_CLIENT_TLS_IF_OFFERED, .login = {TIM, PASSWORD}}},
	{"not offered", HELLO "< 250 HELP\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.4 AUTH is wanted, and no mechanism fits, at EHLO", INSIDE(PASSWORD)},
	{"no password for what is offered", HELLO "< 250 AUTH PLAIN LOGIN\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.4 AUTH is wanted, and no mechanism fits, at EHLO", INSIDE(TOKEN)},
	{"HELO has no AUTH",
	 "< 220 mx\n> EHLO gate.example.org\n< 500 what?\n> HELO gate.example.org\n< 250 mx\n"
	 "> QUIT\n.close\n",
	 NULL, "deferred 451 4.7.4 AUTH is wanted, and no mechanism fits, at HELO",
	 INSIDE(PASSWORD)},
	{"a token that would be a second field", HELLO "< 250 AUTH XOAUTH2\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.8 the login for AUTH cannot be said, at EHLO",
	 INSIDE(.token = {"a\001auth=b", 8})},
	{"a password that would be two", HELLO "< 250 AUTH PLAIN\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.8 the login for AUTH cannot be said, at EHLO",
	 INSIDE(.password = {"a\0b", 3})},

	{"a token that no server need take", HELLO "< 250 AUTH XOAUTH2\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.8 the login for AUTH cannot be said, at EHLO",
	 INSIDE(.token = {too_long, sizeof(too_long)})},

	{"nothing but SCRAM, where that is demanded",
	 HELLO "< 250 AUTH PLAIN LOGIN\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.4 AUTH is wanted, and no mechanism fits, at EHLO",
	 SCRAM(.mechanisms = GP_EHLO_SCRAM_SHA_256)},
	{"nothing but a channel that is bound, where that is demanded",
	 HELLO "< 250 AUTH PLAIN SCRAM-SHA-256\n> QUIT\n.close\n", NULL,
	 "deferred 451 4.7.4 AUTH is wanted, and no mechanism fits, at EHLO",
	 SCRAM(.mechanisms = GP_EHLO_SCRAM_SHA_256_PLUS)},

	/* SCRAM with a server that does not know the password */
	{"235 instead of its proof",
	 HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST SCRAM_FINAL "< 235 welcome\n.close\n", NULL,
	 "deferred 451 4.7.8 the server has not proven that it knows us, at AUTH", SCRAM()},
	{"235 at once", HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST "< 235 welcome\n.close\n",
	 NULL, "deferred 451 4.7.8 the server has not proven that it knows us, at AUTH", SCRAM()},
	{"a wrong proof",
	 HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST SCRAM_FINAL
	       "< 334 dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPQ==\n.close\n",
	 NULL, "deferred 451 4.5.0 the server does not know the password, at AUTH", SCRAM()},
	{"no base64", HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST "< 334 !?\n.close\n", NULL,
	 "deferred 451 4.5.0 a challenge that is not base64, at AUTH", SCRAM()},
	{"a challenge behind its proof",
	 HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST SCRAM_FINAL SCRAM_LAST "< 334 \n.close\n",
	 NULL, "deferred 451 4.5.0 a challenge too many, at AUTH", SCRAM()},
	{"a wrong password by SCRAM is like any other",
	 HELLO "< 250 AUTH SCRAM-SHA-256\n" SCRAM_FIRST SCRAM_FINAL "< 535 5.7.8 wrong\n> QUIT\n"
	       ".close\n",
	 NULL, "deferred *535 5.7.8 wrong", SCRAM()},

	/* it is not taken */
	{"a wrong password bounces nothing",
	 HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n< 535 5.7.8 wrong\n> QUIT\n.close\n",
	 NULL, "deferred *535 5.7.8 wrong", INSIDE(PASSWORD)},
	{"nor does a server in trouble",
	 HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n< 454 4.7.0 later\n> QUIT\n.close\n",
	 NULL, "deferred *454 4.7.0 later", INSIDE(PASSWORD)},
	{"421", HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n< 421 bye\n.close\n", NULL,
	 "deferred *421 4.0.0 bye", INSIDE(PASSWORD)},
	{"250 is not 235", HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n< 250 ok\n.close\n",
	 NULL, "deferred 451 4.5.0 a reply that makes no sense, at AUTH", INSIDE(PASSWORD)},
	{"a challenge to PLAIN",
	 HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n< 334 more?\n.close\n", NULL,
	 "deferred 451 4.5.0 a challenge too many, at AUTH", INSIDE(PASSWORD)},
	{"a third challenge to LOGIN",
	 HELLO "< 250 AUTH LOGIN\n> AUTH LOGIN\n< 334 a\n> dGlt\n< 334 b\n"
	       "> dGFuc3RhYWZ0YW5zdGFhZg==\n< 334 c\n.close\n",
	 NULL, "deferred 451 4.5.0 a challenge too many, at AUTH", INSIDE(PASSWORD)},
	{"235 before AUTH", HELLO "< 250 AUTH PLAIN\n< 235 injected\n.close\n", NULL,
	 "deferred 451 4.5.0 a reply before its command, at AUTH", INSIDE(PASSWORD),
	 .whole_only = true},
	{"no answer in five minutes",
	 HELLO "< 250 AUTH PLAIN\n> AUTH PLAIN " TIM_PLAIN "\n!+299\n!+1\n.close\n", NULL,
	 "deferred 451 4.4.2 timed out, at AUTH", INSIDE(PASSWORD)},
};

static void
test_dialogues(void **state)
{
	(void)state;
	run_dialogues(dialogues, GP_ARRAY_LEN(dialogues));
}

/* What the client has said is sent, then it gets the reply. */
static void
feed(struct gp_smtp_client *c, const char *reply)
{
	struct gp_slice input = gp_slice_str(reply);
	gp_smtp_client_output_sent(c, gp_smtp_client_output(c).len, 0);
	(void)gp_smtp_client_next(c, &input, 0);
	assert_int_equal(input.len, 0);
}

/* The channel's binding goes into the exchange, and a server that can bind hears of its offer. */
static void
test_bound_channel(void **state)
{
	static const struct {
		const char *offer;
		const char *said;
		uint32_t mechanisms;
	} cases[] = {
		/* "p=tls-exporter,,n=user,r=x", "y,,n=user,r=x", "n,,n=user,r=x" */
		{"250 AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n",
		 "AUTH SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsLG49dXNlcixyPXg=\r\n"},
		{"250 AUTH PLAIN SCRAM-SHA-256\r\n", "AUTH SCRAM-SHA-256 eSwsbj11c2VyLHI9eA==\r\n"},
		{"250 AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n",
		 "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9eA==\r\n", GP_EHLO_SCRAM_SHA_256},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_smtp_client_setup setup = {
			.hostname = GP_SLICE("a.example"),
			.tls_implicit = true,
			.login = {.user = GP_SLICE("user"),
				  .password = GP_SLICE("pencil"),
				  .nonce = GP_SLICE("x"),
				  .mechanisms = cases[i].mechanisms},
		};
		struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
		gp_smtp_client_bind(c, "tls-exporter", GP_SLICE("data"));
		feed(c, "220 mx\r\n");
		feed(c, "250-mx\r\n");
		feed(c, cases[i].offer);
		assert_slice(gp_smtp_client_output(c), cases[i].said);
		gp_smtp_client_free(c);
	}
}

/* RFC 4954 section 4: a response that makes AUTH longer than a command waits for a challenge. */
static void
test_long_token(void **state)
{
	(void)state;
	static const struct {
		size_t token_len;
		bool waits;
	} cases[] = {{100, false}, {349, false}, {350, true}, {sizeof(long_token), true}};
	memset(long_token, 'x', sizeof(long_token));
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_smtp_client_setup setup = {
			.hostname = GP_SLICE("a.example"),
			.tls_implicit = true,
			.login = {TIM, .token = {long_token, cases[i].token_len}},
		};
		struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
		feed(c, "220 mx\r\n");
		feed(c, "250-mx\r\n250 AUTH XOAUTH2\r\n");
		size_t len = gp_smtp_client_output(c).len;
		assert_true(len <= 512);
		assert_int_equal(cases[i].waits, len == strlen("AUTH XOAUTH2\r\n"));
		if (cases[i].waits) {
			feed(c, "334 \r\n");
			assert_true(gp_smtp_client_output(c).len > 484);
			assert_true(gp_slice_starts(gp_smtp_client_output(c),
						    GP_SLICE("dXNlcj10aW0BYXV0aD1CZWFyZXIg")));
		}
		gp_smtp_client_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_bound_channel),
		cmocka_unit_test(test_long_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
