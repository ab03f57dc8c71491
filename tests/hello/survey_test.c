/* SPDX-License-Identifier: Apache-2.0 */
/* Whole surveys of servers in memory: OpenSSL's, and ones that do their worst. */
#include "../unit.h"

#include "core/hello/survey.h"
#include "peer.h"

enum { ALL_MAX = 1000 };

/* Asks several questions at once, and answers them in the order of their asking. */
static const struct gp_survey_facts *
run_as(struct gp_arena *arena, struct peer *p, const struct gp_survey_options *o, size_t at_once)
{
	struct gp_survey *s = gp_survey_new(arena, o);
	assert_non_null(s);
	for (;;) {
		struct gp_survey_question q[GP_SURVEY_UNDER_WAY_MAX];
		size_t len = 0;
		enum gp_survey_step step = GP_SURVEY_ASK;
		while (len < at_once && (step = gp_survey_next(s, &q[len])) == GP_SURVEY_ASK)
			len++;
		assert_true(len > 0 || step == GP_SURVEY_DONE);
		if (len == 0)
			return gp_survey_facts(s);
		for (size_t i = 0; i < len; i++) {
			struct gp_flight f;
			peer_answer(p, &q[i].hello, q[i].want, 1000, &f);
			gp_survey_answer(s, q[i].id, &f);
			gp_flight_free(&f);
		}
	}
}

static const struct gp_survey_facts *
run(struct gp_arena *arena, struct peer *p, uint32_t connections_max, size_t at_once)
{
	const struct gp_survey_options o = {GP_SLICE("mx.example.org"), connections_max};
	return run_as(arena, p, &o, at_once);
}

static bool
accepted(const struct gp_survey_version *v, uint16_t cipher)
{
	for (size_t i = 0; i < v->ciphers_len; i++)
		if (v->ciphers[i] == cipher)
			return true;
	return false;
}

/* How many of OpenSSL's suites of this list a server with an RSA certificate has in TLS 1.2. */
static size_t
suites_of(const struct peer *p, bool ecdsa)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(p->ctx);
	size_t n = 0;
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const struct gp_cipher *c =
			gp_cipher_of(SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(all, i)));
		n += gp_cipher_class(c) != GP_CLASS_NONE && c->kx != GP_KX_ANY &&
		     c->by != GP_BY_DSS && (ecdsa || c->by != GP_BY_ECDSA);
	}
	return n;
}

static void
everything(void **state)
{
	(void)state;
	for (size_t at_once = 1; at_once <= 16; at_once += 15) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
		struct peer p = peer_open(TLS1_VERSION, TLS1_3_VERSION, "ALL:COMPLEMENTOFALL");
		peer_certify(&p, false);
		SSL_CTX_set_options(p.ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
		const struct gp_survey_facts *f = run(&arena, &p, ALL_MAX, at_once);
		static const uint8_t spoken[] = {GP_SURVEY_NO,  GP_SURVEY_NO,  GP_SURVEY_YES,
						 GP_SURVEY_YES, GP_SURVEY_YES, GP_SURVEY_YES};
		for (size_t v = 0; v < GP_SURVEY_VERSIONS; v++)
			assert_int_equal(f->versions[v].spoken, spoken[v]);
		assert_false(f->cut);
		assert_int_equal(f->connections, p.connections);
		assert_int_equal(f->versions[4].ciphers_len, suites_of(&p, true));
		assert_true(f->versions[4].listed && f->versions[2].listed);
		assert_true(accepted(&f->versions[4], 0x003b)); /* RSA_WITH_NULL_SHA256 */
		assert_true(accepted(&f->versions[2], 0xc015)); /* ECDH_anon_WITH_NULL_SHA */
		assert_int_equal(f->versions[5].ciphers_len, 3);
		assert_int_equal(f->server_order, GP_SURVEY_YES);
		assert_int_equal(f->fallback, GP_SURVEY_YES);
		assert_int_equal(f->tolerant, GP_SURVEY_YES);
		assert_int_equal(f->renegotiation, GP_SURVEY_YES);
		assert_int_equal(f->master_secret, GP_SURVEY_YES);
		assert_int_equal(f->heartbeat, GP_SURVEY_NO);
		assert_int_equal(f->deflate, GP_SURVEY_NO);
		assert_int_equal(f->rsa.len, 1);
		assert_int_equal(f->ecdsa.len, 1);
		assert_int_equal(f->groups_len, 10);
		assert_true(f->dh_bits >= 1024);
		peer_close(&p);
		gp_arena_free(&arena);
	}
}

/* As Postfix with Debian's OpenSSL has it: 1.2 and 1.3, anonymous suites too. */
static void
usual_server(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
	struct peer p = peer_open(TLS1_2_VERSION, TLS1_3_VERSION, "aNULL:-aNULL:HIGH:@STRENGTH");
	const struct gp_survey_facts *f = run(&arena, &p, 0, 8);
	assert_true(f->connections <= GP_SURVEY_CONNECTIONS);
	bool class[GP_CLASS_NONE] = {};
	for (size_t i = 0; i < f->versions[4].ciphers_len; i++)
		class[gp_cipher_class(gp_cipher_of(f->versions[4].ciphers[i]))] = true;
	assert_true(class[GP_CLASS_ECDHE] && class[GP_CLASS_DHE] && class[GP_CLASS_STATIC]);
	assert_true(class[GP_CLASS_ANON] && !class[GP_CLASS_BROKEN]);
	assert_int_equal(f->server_order, GP_SURVEY_NO);
	assert_int_equal(f->fallback, GP_SURVEY_YES);
	assert_true(f->rsa.len == 1 && f->ecdsa.len == 0 && f->dh_bits > 0);
	assert_true(f->cut && f->curves_len > 1 && f->groups_len > 1);
	peer_close(&p);

	/* What a careful server has is known to the last. */
	p = peer_open(TLS1_2_VERSION, TLS1_3_VERSION, "ECDHE+AESGCM:ECDHE+CHACHA20");
	f = run(&arena, &p, 0, 8);
	assert_false(f->cut);
	assert_true(f->versions[4].listed && f->versions[5].listed);
	assert_int_equal(f->versions[4].ciphers_len, 3);
	assert_true(f->connections < 45);
	peer_close(&p);
	gp_arena_free(&arena);
}

/* Nobody is there: a few tries, no more. */
static void
lost_connections(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
	struct gp_survey_options o = {.connections_max = ALL_MAX};
	struct gp_survey *s = gp_survey_new(&arena, &o);
	struct gp_survey_question q;
	assert_non_null(s);
	while (gp_survey_next(s, &q) == GP_SURVEY_ASK)
		gp_survey_answer(s, q.id, NULL);
	assert_int_equal(gp_survey_facts(s)->lost, GP_SURVEY_LOST_MAX);
	assert_true(gp_survey_facts(s)->cut);
	gp_arena_free(&arena);
}

/* One that agrees to whatever comes first, for ever, or hangs up: the survey ends by itself. */
static void
agrees_to_all(void **state)
{
	(void)state;
	for (int mode = 0; mode < 3; mode++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
		struct gp_survey_options o = {.connections_max = 100'000};
		struct gp_survey *s = gp_survey_new(&arena, &o);
		struct gp_survey_question q;
		assert_non_null(s);
		while (gp_survey_next(s, &q) == GP_SURVEY_ASK) {
			struct gp_flight f = {.hello = mode < 2, .version = q.hello.version};
			if (q.hello.ciphers_len > 0)
				f.cipher = mode == 0 ? q.hello.ciphers[0] : 0xc02f;
			if (q.hello.groups_len > 0)
				f.group = mode == 0 ? q.hello.groups[0] : 29;
			gp_survey_answer(s, q.id, &f);
		}
		const struct gp_survey_facts *f = gp_survey_facts(s);
		assert_false(f->cut);
		assert_true(f->connections < (mode == 0 ? 1500 : 80));
		assert_int_equal(f->versions[5].ciphers_len, mode == 0 ? 5 : 0);
		gp_arena_free(&arena);
	}
}

/* --- brief ones --- */

/* spoken: of SSLv2 to TLS 1.3, "+", "-", or "?" where nobody knows. */
static void
assert_spoken(const struct gp_survey_facts *f, const char *spoken)
{
	static const char known[] = {
		[GP_SURVEY_UNKNOWN] = '?', [GP_SURVEY_NO] = '-', [GP_SURVEY_YES] = '+'};
	for (size_t v = 0; v < GP_SURVEY_VERSIONS; v++)
		if (known[f->versions[v].spoken] != spoken[v])
			fail_msg("%s: %s", spoken, gp_tls_version_name(f->versions[v].version));
}

static void
versions_by_few_connections(void **state)
{
	static const struct {
		int low, high;
		const char *spoken;
		uint32_t connections;
	} cases[] = {
		{TLS1_2_VERSION, TLS1_3_VERSION, "----+?", 4},
		{TLS1_2_VERSION, TLS1_2_VERSION, "----+?", 4},
		{TLS1_1_VERSION, TLS1_3_VERSION, "---++?", 6},
		{TLS1_VERSION, TLS1_3_VERSION, "--+++?", 8},
		{TLS1_VERSION, TLS1_VERSION, "--+---", 7},
		{TLS1_3_VERSION, TLS1_3_VERSION, "-----+", 4},
	};
	const struct gp_survey_options o = {.brief = true};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		for (size_t at_once = 1; at_once <= 4; at_once += 3) {
			struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
			struct peer p = peer_open(cases[i].low, cases[i].high, "ALL");
			const struct gp_survey_facts *f = run_as(&arena, &p, &o, at_once);
			assert_spoken(f, cases[i].spoken);
			assert_int_equal(f->connections, cases[i].connections);
			assert_int_equal(f->connections, p.connections);
			assert_false(f->cut || f->versions[4].listed);
			for (size_t v = 1; v < GP_SURVEY_VERSIONS; v++)
				assert_int_equal(f->versions[v].broken_listed,
						 f->versions[v].spoken == GP_SURVEY_YES);
			peer_close(&p);
			gp_arena_free(&arena);
		}
	}
}

/* What each hello of a brief survey is answered with: "y" agrees, "l" agrees to the next older
   version, "o" says that it is too old, "n" says no otherwise, "-" hangs up; of SSLv2 to TLS 1.3.
 */
static void
answer(struct gp_survey *s, const struct gp_survey_question *q, const char *script)
{
	const uint16_t version = q->hello.version;
	char does = script[version == GP_SSL_2 ? 0 : version - GP_SSL_3 + 1];
	if (!(q->hello.flags & GP_HELLO_STATUS))
		does = 'n'; /* it is asked for broken suites */
	struct gp_flight f = {.version = version};
	f.hello = does == 'y' || does == 'l';
	f.version = does == 'l' ? version - 1 : version;
	f.alert = does == 'o' || does == 'n';
	f.description = does == 'o' ? 70 : 40;
	f.took = GP_TOOK_DEFLATE;
	if (q->hello.ciphers_len > 0)
		f.cipher = q->hello.ciphers[0];
	gp_survey_answer(s, q->id, &f);
}

static void
only_who_calls_it_too_old_is_believed(void **state)
{
	static const struct {
		const char *script, *spoken;
		uint32_t connections;
		uint8_t deflate;
	} cases[] = {
		{"noooyy", "----+?", 4, GP_SURVEY_YES},
		{"nnnnyy", "----+?", 6, GP_SURVEY_YES},
		{"nynnyy", "-+--+?", 7, GP_SURVEY_YES},
		{"nyolyy", "----+?", 5, GP_SURVEY_YES},
		{"nyllyy", "-+--+?", 7, GP_SURVEY_YES},
		{"yyoooo", "+-----", 4, GP_SURVEY_UNKNOWN},
		{"nooony", "-----+", 4, GP_SURVEY_UNKNOWN},
		/* hangs up, so each is asked twice */
		{"------", "------", 11, GP_SURVEY_UNKNOWN},
	};
	const struct gp_survey_options o = {.brief = true};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
		struct gp_survey *s = gp_survey_new(&arena, &o);
		struct gp_survey_question q;
		assert_non_null(s);
		while (gp_survey_next(s, &q) == GP_SURVEY_ASK)
			answer(s, &q, cases[i].script);
		const struct gp_survey_facts *f = gp_survey_facts(s);
		assert_spoken(f, cases[i].spoken);
		assert_int_equal(f->connections, cases[i].connections);
		assert_int_equal(f->deflate, cases[i].deflate);
		gp_arena_free(&arena);
	}
}

/* One that has all broken suites is not asked for each. */
static void
broken_suites_have_an_end(void **state)
{
	const struct gp_survey_options o = {.brief = true};
	struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
	struct gp_survey *s = gp_survey_new(&arena, &o);
	struct gp_survey_question q;
	(void)state;
	assert_non_null(s);
	while (gp_survey_next(s, &q) == GP_SURVEY_ASK) {
		const struct gp_flight f = {
			.hello = true, .version = q.hello.version, .cipher = q.hello.ciphers[0]};
		gp_survey_answer(s, q.id, &f);
	}
	const struct gp_survey_facts *f = gp_survey_facts(s);
	assert_int_equal(f->connections, GP_SURVEY_BRIEF_CONNECTIONS);
	assert_true(f->cut && f->versions[4].ciphers_len > 1);
	assert_false(f->versions[4].broken_listed);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(usual_server),
		cmocka_unit_test(lost_connections),
		cmocka_unit_test(agrees_to_all),
		cmocka_unit_test(versions_by_few_connections),
		cmocka_unit_test(only_who_calls_it_too_old_is_believed),
		cmocka_unit_test(broken_suites_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
