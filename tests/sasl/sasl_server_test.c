/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges as dialogues. The password of `user` is "pencil", its token "to.ken", which is also the
 * token of user@example.org; everybody else is unknown.
 */
#include "../unit.h"

#include "base/base64.h"
#include "core/sasl/server.h"

/* --- a line of a dialogue --- */

enum who {
	END,
	NONE,      /* the client begins without an initial response */
	CLIENT,    /* it says */
	SERVER,    /* the challenge */
	DONE,      /* as this user */
	WRONG,     /* failed: it is not who it says it is */
	MALFORMED, /* failed: that is no such exchange */
};

struct line {
	enum who who;
	struct gp_slice text;
};

#define TEXT(lit)                       \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}
#define C(lit)                    \
	{                         \
		CLIENT, TEXT(lit) \
	}
#define S(lit)                    \
	{                         \
		SERVER, TEXT(lit) \
	}
#define DONE(lit)               \
	{                       \
		DONE, TEXT(lit) \
	}
#define NOTHING      \
	{            \
		NONE \
	}
#define WRONG(lit)               \
	{                        \
		WRONG, TEXT(lit) \
	}
#define BAD(lit)                     \
	{                            \
		MALFORMED, TEXT(lit) \
	}

/* What the channel is bound by. */
enum binding { NO_TLS, EXPORTER };

struct dialogue {
	const char *name;
	enum gp_sasl_mechanism mechanism;
	enum binding binding;
	struct line lines[8];
};

/* RFC 7677 section 3. */
#define CNONCE "rOprNGfwEbeRWgbNEkqO"
#define SNONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" CNONCE SNONCE ",s=" SALT ",i=4096"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define FIRST "n,,n=user,r=" CNONCE
#define FINAL "c=biws,r=" CNONCE SNONCE ",p=" PROOF

#define BEARER "{\"status\":\"invalid_token\"}"
#define XBEARER "{\"status\":\"400\",\"schemes\":\"Bearer\"}"

static const struct dialogue dialogues[] = {
	/* RFC 4616 */
	{"plain", GP_SASL_PLAIN, NO_TLS, {C("\0user\0pencil"), DONE("user")}},
	{"plain in two",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {NOTHING, S(""), C("\0USER\0pencil"), DONE("user")}},
	{"plain for itself", GP_SASL_PLAIN, NO_TLS, {C("user\0user\0pencil"), DONE("user")}},
	{"plain for another",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("root\0user\0pencil"), WRONG("nobody may act for another")}},
	{"plain, wrong",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("\0user\0pencils"), WRONG("wrong user name or password")}},
	{"plain, unknown",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("\0nobody\0pencil"), WRONG("wrong user name or password")}},
	{"plain, nothing", GP_SASL_PLAIN, NO_TLS, {C(""), BAD("not a user name")}},
	{"plain, no password", GP_SASL_PLAIN, NO_TLS, {C("\0user\0"), BAD("not a password")}},
	{"plain, one part", GP_SASL_PLAIN, NO_TLS, {C("user"), BAD("not a user name")}},
	{"plain, two parts", GP_SASL_PLAIN, NO_TLS, {C("\0user"), BAD("not a password")}},
	{"plain, a further NUL",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("\0user\0pencil\0"), BAD("not a password")}},
	{"plain, line feed in the name",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("\0us\ner\0pencil"), BAD("not a user name")}},
	{"plain, line feed in the password",
	 GP_SASL_PLAIN,
	 NO_TLS,
	 {C("\0user\0pen\ncil"), BAD("not a password")}},
	{"plain, not UTF-8", GP_SASL_PLAIN, NO_TLS, {C("\0user\0\xff"), BAD("not a password")}},

	{"login",
	 GP_SASL_LOGIN,
	 NO_TLS,
	 {NOTHING, S("Username:"), C("user"), S("Password:"), C("pencil"), DONE("user")}},
	{"login with a name",
	 GP_SASL_LOGIN,
	 NO_TLS,
	 {C("user"), S("Password:"), C("pencil"), DONE("user")}},
	{"login, wrong",
	 GP_SASL_LOGIN,
	 NO_TLS,
	 {C("user"), S("Password:"), C("x"), WRONG("wrong user name or password")}},
	{"login, no name",
	 GP_SASL_LOGIN,
	 NO_TLS,
	 {NOTHING, S("Username:"), C(""), BAD("not a user name")}},
	{"login, NUL", GP_SASL_LOGIN, NO_TLS, {C("us\0er"), BAD("not a user name")}},
	{"login, NUL in the password",
	 GP_SASL_LOGIN,
	 NO_TLS,
	 {C("user"), S("Password:"), C("pencil\0"), BAD("not a password")}},

	{"scram",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C(FINAL), S(SERVER_FINAL), C(""), DONE("user")}},
	{"scram in two",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {NOTHING, S(""), C(FIRST), S(SERVER_FIRST), C(FINAL), S(SERVER_FINAL), C(""),
	  DONE("user")}},
	{"scram, more to say",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C(FINAL), S(SERVER_FINAL), C("x"), BAD("nothing was asked")}},
	{"scram, another proof",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST),
	  C("c=biws,r=" CNONCE SNONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR="),
	  BAD("the proof is not base64")}},
	{"scram, a wrong proof",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST),
	  C("c=biws,r=" CNONCE SNONCE ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	  WRONG("wrong user name or password")}},
	{"scram, a short proof",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=biws,r=" CNONCE SNONCE ",p=dHzb"),
	  WRONG("wrong user name or password")}},
	{"scram, an empty proof",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=biws,r=" CNONCE SNONCE ",p="),
	  WRONG("wrong user name or password")}},
	{"scram, no proof",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=biws,r=" CNONCE SNONCE),
	  BAD("not a client's final message")}},
	{"scram, another nonce",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=biws,r=" CNONCE ",p=" PROOF), BAD("another nonce")}},
	{"scram, another header",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=eSws,r=" CNONCE SNONCE ",p=" PROOF),
	  WRONG("the channel is another than the client's")}},
	{"scram, header and more",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST), S(SERVER_FIRST), C("c=biwsAA==,r=" CNONCE SNONCE ",p=" PROOF),
	  WRONG("the channel is another than the client's")}},
	{"scram, unknown",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=nobody,r=" CNONCE), S(SERVER_FIRST), C(FINAL),
	  WRONG("wrong user name or password")}},
	{"scram for another",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,a=root,n=user,r=" CNONCE), WRONG("nobody may act for another")}},
	{"scram, a demand",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,m=x,n=user,r=" CNONCE), BAD("not a client's first message")}},
	{"scram, a late demand",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C(FIRST ",m=x"), BAD("not a client's first message")}},
	{"scram, no nonce",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=user"), BAD("not a client's first message")}},
	{"scram, an empty nonce",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=user,r="), BAD("not a client's first message")}},
	{"scram, a nonce with a space",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=user,r=a b"), BAD("not a client's first message")}},
	{"scram, an escaped comma",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=us=2Cer,r=" CNONCE), BAD("not a user name")}},
	{"scram, half an escape",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=user=,r=" CNONCE), BAD("not a user name")}},
	{"scram, no header",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n=user,r=" CNONCE), BAD("not a GS2 header")}},
	{"scram, nothing", GP_SASL_SCRAM_SHA_256, NO_TLS, {C(""), BAD("not a GS2 header")}},
	{"scram, a NUL",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("n,,n=us\0er,r=" CNONCE), BAD("not a user name")}},

	/* RFC 5802 section 6. */
	{"it could bind and we cannot",
	 GP_SASL_SCRAM_SHA_256,
	 NO_TLS,
	 {C("y,,n=user,r=" CNONCE), S(SERVER_FIRST), C("c=eSws,r=" CNONCE SNONCE ",p=" PROOF),
	  WRONG("wrong user name or password")}}, /* the proof is of another header */
	{"-PLUS was taken out of the offer",
	 GP_SASL_SCRAM_SHA_256,
	 EXPORTER,
	 {C("y,,n=user,r=" CNONCE), WRONG("somebody took -PLUS out of our offer")}},
	{"it cannot bind",
	 GP_SASL_SCRAM_SHA_256,
	 EXPORTER,
	 {C(FIRST), S(SERVER_FIRST), C(FINAL), S(SERVER_FINAL), C(""), DONE("user")}},
	{"binding without -PLUS",
	 GP_SASL_SCRAM_SHA_256,
	 EXPORTER,
	 {C("p=tls-exporter,,n=user,r=" CNONCE), BAD("channel binding goes with -PLUS")}},
	{"-PLUS without binding",
	 GP_SASL_SCRAM_SHA_256_PLUS,
	 EXPORTER,
	 {C(FIRST), BAD("-PLUS goes with channel binding")}},
	{"-PLUS without TLS",
	 GP_SASL_SCRAM_SHA_256_PLUS,
	 NO_TLS,
	 {C("p=tls-exporter,,n=user,r=" CNONCE), WRONG("no such channel binding")}},
	{"an unknown binding",
	 GP_SASL_SCRAM_SHA_256_PLUS,
	 EXPORTER,
	 {C("p=tls-unique,,n=user,r=" CNONCE), WRONG("no such channel binding")}},
	{"the binding of another channel",
	 GP_SASL_SCRAM_SHA_256_PLUS,
	 EXPORTER,
	 {C("p=tls-exporter,,n=user,r=" CNONCE), S(SERVER_FIRST),
	  C("c=cD10bHMtZXhwb3J0ZXIsLHg=,r=" CNONCE SNONCE ",p=" PROOF),
	  WRONG("the channel is another than the client's")}},

	/* RFC 7628 section 4. */
	{"bearer",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,a=user@example.org,\1host=h\1port=587\1auth=Bearer to.ken\1\1"),
	  DONE("user@example.org")}},
	{"bearer without a name",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {NOTHING, S(""), C("n,,\1auth=bearer  to.ken\1\1"), DONE("user@example.org")}},
	{"bearer, a wrong token",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer other\1\1"), S(BEARER), C("\1"), WRONG("the token is not valid")}},
	{"bearer, of another user",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,a=root,\1auth=Bearer to.ken\1\1"), S(BEARER), C("\1"),
	  WRONG("the token is not valid")}},
	{"bearer, an escape",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,a=us=3Der,\1auth=Bearer to.ken\1\1"), S(BEARER), C("\1"),
	  WRONG("the token is not valid")}},
	{"bearer, half an escape",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,a=us=er,\1auth=Bearer to.ken\1\1"), BAD("not a user name")}},
	{"bearer, no token", GP_SASL_OAUTHBEARER, NO_TLS, {C("n,,\1host=h\1\1"), BAD("no token")}},
	{"bearer, empty",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer \1\1"), BAD("not a bearer token")}},
	{"bearer, another scheme",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Basic to.ken\1\1"), BAD("not a bearer token")}},
	{"bearer, two tokens",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer a\1auth=Bearer b\1\1"), BAD("two tokens")}},
	{"bearer, no end",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer to.ken\1"), BAD("no end")}},
	{"bearer, more behind the end",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer to.ken\1\1x"), BAD("no end")}},
	{"bearer, no pair",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth\1\1"), BAD("not key=value")}},
	{"bearer, a line feed",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,,\1auth=Bearer to\nken\1\1"), BAD("not a bearer token")}},
	{"bearer, bound",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("p=tls-exporter,,\1auth=Bearer to.ken\1\1"), BAD("no channel binding is possible")}},
	{"bearer, no header",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("auth=Bearer to.ken\1\1"), BAD("no channel binding is possible")}},
	{"bearer, half a header",
	 GP_SASL_OAUTHBEARER,
	 NO_TLS,
	 {C("n,a=user"), BAD("not a GS2 header")}},
	{"xoauth2",
	 GP_SASL_XOAUTH2,
	 NO_TLS,
	 {C("user=user@example.org\1auth=Bearer to.ken\1\1"), DONE("user@example.org")}},
	{"xoauth2, a wrong token",
	 GP_SASL_XOAUTH2,
	 NO_TLS,
	 {C("user=user@example.org\1auth=Bearer x\1\1"), S(XBEARER), C(""),
	  WRONG("the token is not valid")}},
	{"xoauth2, of another user",
	 GP_SASL_XOAUTH2,
	 NO_TLS,
	 {C("user=root\1auth=Bearer to.ken\1\1"), S(XBEARER), C(""),
	  WRONG("the token is not valid")}},
	{"xoauth2, no user",
	 GP_SASL_XOAUTH2,
	 NO_TLS,
	 {C("auth=Bearer to.ken\1\1"), BAD("no user")}},
};

/* --- the owner of the session --- */

static int
answer(struct gp_sasl *s, int event)
{
	struct gp_slice user = GP_SLICE("user"), mail = GP_SLICE("user@example.org");
	if (event == GP_SASL_CHECK_PASSWORD) {
		bool good =
			gp_slice_eq(s->user, user) && gp_slice_eq(s->secret, GP_SLICE("pencil"));
		return gp_sasl_verdict(s, good ? &s->user : NULL);
	}
	if (event == GP_SASL_CHECK_TOKEN) {
		bool good = gp_slice_eq(s->secret, GP_SLICE("to.ken"));
		return gp_sasl_verdict(s, good ? &mail : NULL);
	}
	if (event == GP_SASL_FETCH_KEYS) {
		struct gp_scram_keys keys;
		struct gp_slice salt, password = gp_slice_eq(s->user, user) ? GP_SLICE("pencil")
									    : GP_SLICE("made up");
		assert_int_equal(gp_base64_decode(GP_SLICE(SALT), GP_BASE64, s->arena, &salt), 0);
		assert_int_equal(gp_scram_derive(password, salt, 4096, &keys), 0);
		return gp_sasl_use_keys(s, &keys);
	}
	return event;
}

static void
check(const struct dialogue *d, const struct line *want, const struct gp_sasl *s, int event)
{
	static const int events[] = {
		[SERVER] = GP_SASL_CHALLENGE,
		[DONE] = GP_SASL_DONE,
		[WRONG] = GP_SASL_FAILED,
		[MALFORMED] = GP_SASL_FAILED,
	};
	struct gp_slice got = event == GP_SASL_CHALLENGE ? s->challenge
			      : event == GP_SASL_DONE    ? s->user
							 : gp_slice_str(s->reason);
	bool malformed = event == GP_SASL_FAILED && s->malformed;
	if (event != events[want->who] || malformed != (want->who == MALFORMED) ||
	    !gp_slice_eq(got, want->text))
		fail_msg("%s: event %d, malformed %d: '%.*s'; wanted '%.*s'", d->name, event,
			 malformed, GP_SLICE_FMT(got), GP_SLICE_FMT(want->text));
}

static int
begin(struct gp_sasl *s, const struct dialogue *d, struct gp_arena *arena)
{
	const struct gp_sasl_setup setup = {
		.mechanism = d->mechanism,
		.nonce = GP_SLICE(SNONCE),
		.tls_exporter =
			d->binding == EXPORTER ? GP_SLICE("0123456789abcdef") : gp_slice(NULL, 0),
	};
	const struct gp_slice *initial = d->lines[0].who == NONE ? NULL : &d->lines[0].text;
	return gp_sasl_begin(s, &setup, initial, arena);
}

static void
play(const struct dialogue *d, struct gp_arena *arena)
{
	struct gp_sasl s;
	int event = answer(&s, begin(&s, d, arena));
	for (size_t i = 1; i < GP_ARRAY_LEN(d->lines) && d->lines[i].who != END; i++) {
		if (d->lines[i].who == CLIENT)
			event = answer(&s, gp_sasl_step(&s, d->lines[i].text));
		else
			check(d, &d->lines[i], &s, event);
	}
}

static void
dialogues_go_as_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SASL_ARENA_MAX);
		play(&dialogues[i], &arena);
		gp_arena_free(&arena);
	}
}

/* A client's final message as the standard has it; header: of GS2; bound: the channel's data. */
static void
write_final(struct gp_buf *out, const char *header, struct gp_slice bound, struct gp_arena *arena)
{
	struct gp_sha256 salted, client, stored, signature;
	struct gp_slice salt, message;
	assert_int_equal(gp_base64_decode(GP_SLICE(SALT), GP_BASE64, arena, &salt), 0);
	gp_buf_put_str(out, "c=");
	gp_base64_put(out, gp_arena_printf(arena, "%s%.*s", header, GP_SLICE_FMT(bound)));
	gp_buf_printf(out, ",r=%s", CNONCE SNONCE);
	message = gp_arena_printf(arena, "n=user,r=%s,%s,%.*s", CNONCE, SERVER_FIRST,
				  GP_SLICE_FMT(gp_buf_slice(out)));
	int r = gp_pbkdf2_sha256(GP_SLICE("pencil"), salt, 4096, &salted);
	r |= gp_hmac_sha256(gp_sha256_slice(&salted), GP_SLICE("Client Key"), &client);
	r |= gp_sha256(gp_sha256_slice(&client), &stored);
	r |= gp_hmac_sha256(gp_sha256_slice(&stored), message, &signature);
	assert_int_equal(r, 0);
	for (size_t k = 0; k < sizeof(client.octets); k++)
		client.octets[k] ^= signature.octets[k];
	gp_buf_put_str(out, ",p=");
	gp_base64_put(out, gp_sha256_slice(&client));
}

static void
binding_is_proven(void **state)
{
	static const char *const headers[] = {"p=tls-exporter,,", "p=tls-server-end-point,,"};
	const struct gp_slice data = GP_SLICE("0123456789abcdef"), other = GP_SLICE("fedcba");
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SASL_ARENA_MAX);
		struct gp_buf final = GP_BUF_INIT(1024);
		const char *header = headers[i % 2];
		bool right = i < 2;
		struct gp_sasl s;
		const struct gp_sasl_setup setup = {.mechanism = GP_SASL_SCRAM_SHA_256_PLUS,
						    .nonce = GP_SLICE(SNONCE),
						    .tls_exporter = i % 2 == 0 ? data : other,
						    .tls_server_end_point = i % 2 ? data : other};
		struct gp_slice first = gp_arena_printf(&arena, "%sn=user,r=" CNONCE, header);
		assert_int_equal(answer(&s, gp_sasl_begin(&s, &setup, &first, &arena)),
				 GP_SASL_CHALLENGE);
		write_final(&final, header, right ? data : other, &arena);
		assert_int_equal(gp_sasl_step(&s, gp_buf_slice(&final)),
				 right ? GP_SASL_CHALLENGE : GP_SASL_FAILED);
		if (right) {
			assert_int_equal(gp_sasl_step(&s, gp_slice("", 0)), GP_SASL_DONE);
			assert_slice(s.user, "user");
		}
		gp_buf_free(&final);
		gp_arena_free(&arena);
	}
}

static void
mechanisms_have_names(void **state)
{
	(void)state;
	for (uint8_t m = GP_SASL_PLAIN; m <= GP_SASL_XOAUTH2; m++)
		assert_int_equal(gp_sasl_mechanism(gp_slice_str(gp_sasl_mechanism_name(m))), m);
	assert_int_equal(gp_sasl_mechanism(GP_SLICE("scram-sha-256-plus")),
			 GP_SASL_SCRAM_SHA_256_PLUS);
	assert_int_equal(gp_sasl_mechanism(GP_SLICE("PLAIN ")), 0);
	assert_int_equal(gp_sasl_mechanism(gp_slice("", 0)), 0);
}

static void
long_responses_are_refused(void **state)
{
	static const char octets[GP_SASL_RESPONSE_MAX + 1];
	(void)state;
	for (uint8_t m = GP_SASL_PLAIN; m <= GP_SASL_XOAUTH2; m++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SASL_ARENA_MAX);
		struct gp_sasl s;
		const struct gp_sasl_setup setup = {.mechanism = m, .nonce = GP_SLICE(SNONCE)};
		struct gp_slice text = gp_slice(octets, sizeof(octets));
		assert_int_equal(gp_sasl_begin(&s, &setup, &text, &arena), GP_SASL_FAILED);
		assert_true(s.malformed);
		assert_string_equal(s.reason, "the response is too long");
		gp_arena_free(&arena);
	}
}

/* Wherever memory ends, the answer is -ENOMEM and nothing worse. */
static void
memory_may_end_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(dialogues); i++) {
		for (size_t max = 0; max < 2048; max += 8) {
			const struct dialogue *d = &dialogues[i];
			struct gp_arena arena = GP_ARENA_INIT(max);
			struct gp_sasl s;
			int event = begin(&s, d, &arena);
			assert_true(event > 0 || arena.failed);
			for (size_t k = 1; event == GP_SASL_CHALLENGE && d->lines[k].who != END;
			     k++) {
				if (d->lines[k].who == CLIENT)
					event = gp_sasl_step(&s, d->lines[k].text);
			}
			gp_arena_free(&arena);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_they_should),
		cmocka_unit_test(binding_is_proven),
		cmocka_unit_test(mechanisms_have_names),
		cmocka_unit_test(long_responses_are_refused),
		cmocka_unit_test(memory_may_end_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
