/* SPDX-License-Identifier: Apache-2.0 */
/* A client's TLS: what a server's certificate proves, and by what. */
#include "tls_rig.h"

#include "sys/tls_certificate.h"

static struct made authority, good, expired, self_signed;
static char authorities[] = "/tmp/gp-tls-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as roles do */
	authority = make((struct wanted){.authority = true});
	good = make((struct wanted){.names = "DNS:mx.example,DNS:*.mail.example",
				    .issuer = &authority});
	expired = make(
		(struct wanted){.names = "DNS:mx.example", .issuer = &authority, .expired = true});
	self_signed = make((struct wanted){.rsa = true, .names = "DNS:mx.example"});
	/* Shown with their chain, as usage 2 of TLSA wants it. */
	gp_buf_put(&good.pem, gp_buf_slice(&authority.pem));
	int fd = mkstemp(authorities);
	struct gp_slice pem = gp_buf_slice(&authority.pem);
	assert_int_equal(write(fd, pem.ptr, pem.len), pem.len);
	close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(authorities);
	unmake(&authority);
	unmake(&good);
	unmake(&expired);
	unmake(&self_signed);
	return 0;
}

/* What the client makes of this certificate. */
static struct gp_tls_facts
look(const struct made *shown, const char *trusted, const struct gp_tls_goal *goal,
     size_t *ret_usable)
{
	struct rig r = {.client = gp_tls_client_new(trusted)};
	struct ends e;
	assert_non_null(r.client);
	rig_serve(&r, &shown, 1);
	ends_open(&e, &r, "a", goal);
	assert_int_equal(ends_shake(&e, &r), 0);
	ends_talk(&e);
	struct gp_tls_facts facts = gp_tls_facts(e.client);
	if (ret_usable)
		*ret_usable = gp_tls_tlsa_usable(e.client);
	ends_free(&e);
	rig_free(&r);
	return facts;
}

static void
the_verdict_is_told_and_nothing_fails(void **state)
{
	static const struct {
		const struct made *shown;
		bool trusted;
		const char *name; /* "": any */
		enum gp_tls_trust trust;
	} rows[] = {
		{&good, true, "mx.example", GP_TLS_TRUSTED},
		{&good, true, "MX.Example", GP_TLS_TRUSTED},
		{&good, true, "", GP_TLS_TRUSTED},
		{&good, true, "a.mail.example", GP_TLS_TRUSTED},
		{&good, true, "a.b.mail.example", GP_TLS_OTHER_NAME},
		{&good, true, "mail.example", GP_TLS_OTHER_NAME},
		{&good, true, "mx.example.org", GP_TLS_OTHER_NAME},
		{&good, false, "mx.example", GP_TLS_NO_AUTHORITY},
		{&expired, true, "mx.example", GP_TLS_OUT_OF_DATE},
		{&self_signed, true, "mx.example", GP_TLS_NO_AUTHORITY},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_slice name = gp_slice_str(rows[i].name);
		struct gp_tls_goal goal = {.name = name, .names = &name, .names_len = name.len > 0};
		struct gp_tls_facts facts =
			look(rows[i].shown, rows[i].trusted ? authorities : NULL, &goal, NULL);
		if (facts.trust != rows[i].trust)
			fail_msg("row %zu: %s", i, facts.trust_text);
		assert_true(facts.has_certificate);
		assert_int_equal(facts.dane_usage, -1);
	}
}

static void
any_of_the_names_will_do(void **state)
{
	struct gp_slice names[] = {GP_SLICE("a.test"), GP_SLICE("mx.example")};
	struct gp_tls_goal goal = {.name = GP_SLICE("a.test"), .names = names, .names_len = 2};
	(void)state;
	assert_int_equal(look(&good, authorities, &goal, NULL).trust, GP_TLS_TRUSTED);
	goal.names_len = 1;
	assert_int_equal(look(&good, authorities, &goal, NULL).trust, GP_TLS_OTHER_NAME);
}

static void
fingerprints_are_told(void **state)
{
	uint8_t certificate[GP_TLS_DIGEST], key[GP_TLS_DIGEST];
	struct gp_tls_facts facts = look(&self_signed, NULL, NULL, NULL);
	(void)state;
	assert_true(X509_digest(self_signed.x, EVP_sha256(), certificate, NULL));
	assert_memory_equal(facts.certificate_sha256, certificate, sizeof(certificate));
	assert_int_equal(gp_tls_certificate_key(gp_buf_slice(&self_signed.pem), key), 0);
	assert_memory_equal(facts.key_sha256, key, sizeof(key));
}

static void
a_certificate_is_told_to_people(void **state)
{
	struct made shown = make((struct wanted){.names = "DNS:mx.example,IP:192.0.2.1,email:me@mx."
							  "example,IP:2001:db8::1,DNS:*.example"});
	const struct made *one = &shown;
	struct rig r = {.client = gp_tls_client_new(NULL)};
	struct ends e;
	struct gp_arena arena = GP_ARENA_INIT(16 * 1024), full = GP_ARENA_INIT(8);
	struct gp_tls_certificate c;
	int64_t now = time(NULL);
	(void)state;
	rig_serve(&r, &one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_false(gp_tls_certificate(e.client, &arena, &c)); /* there is none yet */
	assert_int_equal(ends_shake(&e, &r), 0);
	assert_true(gp_tls_certificate(e.client, &arena, &c));
	assert_true(gp_slice_starts(c.subject, GP_SLICE("CN = ")));
	assert_true(gp_slice_eq(c.subject, c.issuer));
	assert_true(gp_slice_eq(c.names, GP_SLICE("mx.example 192.0.2.1 2001:db8::1 *.example")));
	assert_true(c.from_s <= now && now < c.until_s);
	assert_false(gp_tls_certificate(e.client, &full, &c));
	ends_free(&e);
	rig_free(&r);
	gp_arena_free(&arena);
	gp_arena_free(&full);
	unmake(&shown);
}

/* SHA-256 of the public key: what TLSA records of mail servers have (RFC 7672 section 3.1). */
static struct gp_slice
spki_digest(const struct made *m, uint8_t digest[GP_TLS_DIGEST])
{
	assert_int_equal(gp_tls_certificate_key(gp_buf_slice(&m->pem), digest), 0);
	return gp_slice((char *)digest, GP_TLS_DIGEST);
}

static void
tlsa_proves_what_it_names(void **state)
{
	uint8_t digests[4][GP_TLS_DIGEST];
	struct gp_slice of_good = spki_digest(&good, digests[0]),
			of_self = spki_digest(&self_signed, digests[1]),
			of_expired = spki_digest(&expired, digests[2]),
			of_authority = spki_digest(&authority, digests[3]);
	const struct {
		const struct made *shown;
		struct gp_tls_tlsa tlsa;
		const char *name;
		size_t usable;
		bool proven;
		int usage;
	} rows[] = {
		{&self_signed, {3, 1, 1, of_self}, "mx.example", 1, true, 3},
		/* RFC 7672 section 3.1.1: names and dates count for nothing. */
		{&self_signed, {3, 1, 1, of_self}, "other.example", 1, true, 3},
		{&expired, {3, 1, 1, of_expired}, "mx.example", 1, true, 3},
		{&self_signed, {3, 1, 1, of_good}, "mx.example", 1, false, -1},
		{&self_signed, {3, 0, 1, of_self}, "mx.example", 1, false, -1},
		/* section 3.1.2: the authority's, and the name is looked at */
		{&good, {2, 1, 1, of_authority}, "mx.example", 1, true, 2},
		{&good, {2, 1, 1, of_authority}, "other.example", 1, false, -1},
		{&self_signed, {2, 1, 1, of_authority}, "mx.example", 1, false, -1},
		/* section 3.1.3: 0 and 1 are not for mail */
		{&good, {0, 1, 1, of_authority}, "mx.example", 0, false, -1},
		{&good, {1, 1, 1, of_good}, "mx.example", 0, false, -1},
		/* what cannot be a record */
		{&good, {3, 1, 1, gp_slice_take(of_good, 31)}, "mx.example", 0, false, -1},
		{&good, {3, 1, 1, GP_SLICE("")}, "mx.example", 0, false, -1},
		{&good, {3, 1, 9, of_good}, "mx.example", 0, false, -1},
		{&good, {3, 9, 1, of_good}, "mx.example", 0, false, -1},
		{&good, {3, 0, 0, GP_SLICE("no certificate")}, "mx.example", 0, false, -1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_slice name = gp_slice_str(rows[i].name);
		size_t usable;
		struct gp_tls_goal goal = {.name = name,
					   .names = &name,
					   .names_len = 1,
					   .tlsa = &rows[i].tlsa,
					   .tlsa_len = 1};
		struct gp_tls_facts facts = look(rows[i].shown, NULL, &goal, &usable);
		if (usable != rows[i].usable || (facts.trust == GP_TLS_TRUSTED) != rows[i].proven ||
		    facts.dane_usage != rows[i].usage)
			fail_msg("row %zu: %zu usable, %s, usage %d", i, usable, facts.trust_text,
				 facts.dane_usage);
	}
}

/* Beside DANE, for those who are to be told of both; of a resumed session too. */
static void
authorities_can_be_asked_all_the_same(void **state)
{
	static const uint8_t secret[GP_TLS_TICKET_SECRET] = {1};
	uint8_t digests[3][GP_TLS_DIGEST];
	const struct {
		const struct made *shown;
		struct gp_slice pin;
		const char *name;
		enum gp_tls_trust trust;
	} rows[] = {
		{&good, spki_digest(&good, digests[0]), "mx.example", GP_TLS_TRUSTED},
		{&good, spki_digest(&good, digests[0]), "other.example", GP_TLS_OTHER_NAME},
		{&expired, spki_digest(&expired, digests[1]), "mx.example", GP_TLS_OUT_OF_DATE},
		{&self_signed, spki_digest(&self_signed, digests[2]), "mx.example",
		 GP_TLS_NO_AUTHORITY},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct rig r = {.client = gp_tls_client_new(authorities)};
		struct gp_tls_tlsa tlsa = {3, 1, 1, rows[i].pin};
		struct gp_tls_goal goal = {
			.name = GP_SLICE("mx.example"), .tlsa = &tlsa, .tlsa_len = 1};
		struct gp_tls_session *session = NULL;
		assert_non_null(r.client);
		rig_serve(&r, (const struct made *[]){rows[i].shown}, 1);
		gp_tls_server_set_tickets(r.server, secret, NULL);
		for (int again = 0; again < 2; again++) {
			struct ends e;
			goal.session = session;
			ends_open(&e, &r, "a", &goal);
			assert_int_equal(ends_shake(&e, &r), 0);
			ends_talk(&e);
			assert_int_equal(gp_tls_facts(e.client).resumed, again);
			assert_int_equal(gp_tls_facts(e.client).trust, GP_TLS_TRUSTED);
			assert_int_equal(
				gp_tls_by_authorities(e.client, gp_slice_str(rows[i].name)),
				rows[i].trust);
			session = again ? session : gp_tls_session(e.client);
			ends_free(&e);
		}
		gp_tls_session_free(session);
		rig_free(&r);
	}
}

static void
one_tlsa_record_that_matches_is_enough(void **state)
{
	uint8_t digests[2][GP_TLS_DIGEST];
	struct gp_tls_tlsa tlsa[] = {{1, 1, 1, GP_SLICE("x")},
				     {3, 1, 1, spki_digest(&good, digests[0])},
				     {3, 1, 1, spki_digest(&self_signed, digests[1])}};
	struct gp_tls_goal goal = {
		.name = GP_SLICE("mx.example"), .tlsa = tlsa, .tlsa_len = GP_ARRAY_LEN(tlsa)};
	size_t usable;
	(void)state;
	assert_int_equal(look(&self_signed, NULL, &goal, &usable).trust, GP_TLS_TRUSTED);
	assert_int_equal(usable, 2);
	/* Where none counts the authorities are asked, and for the names given alone. */
	struct gp_slice other = GP_SLICE("other.example");
	goal.tlsa_len = 1;
	assert_int_equal(look(&good, authorities, &goal, &usable).trust, GP_TLS_TRUSTED);
	assert_int_equal(usable, 0);
	goal.names = &other;
	goal.names_len = 1;
	assert_int_equal(look(&good, authorities, &goal, &usable).trust, GP_TLS_OTHER_NAME);
	goal.names_len = 0;
	goal.tlsa_len = GP_ARRAY_LEN(tlsa);
	/* Records that count take the place of authorities. */
	assert_int_equal(look(&expired, authorities, &goal, &usable).trust, GP_TLS_NO_MATCH);
}

static void
a_resumed_session_keeps_its_verdict(void **state)
{
	static const uint8_t secret[GP_TLS_TICKET_SECRET] = {1};
	static const struct made *const shown[] = {&good};
	struct rig r = {.client = gp_tls_client_new(authorities)};
	struct gp_slice names[] = {GP_SLICE("mx.example"), GP_SLICE("other.example")};
	(void)state;
	rig_serve(&r, shown, 1);
	gp_tls_server_set_tickets(r.server, secret, NULL);
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct gp_tls_goal goal = {.name = names[i], .names = &names[i], .names_len = 1};
		struct gp_tls_session *s = NULL;
		enum gp_tls_trust verdicts[2];
		for (size_t round = 0; round < 2; round++) {
			struct ends e;
			goal.session = s;
			ends_open(&e, &r, "a", &goal);
			assert_int_equal(ends_shake(&e, &r), 0);
			struct gp_tls_facts facts = gp_tls_facts(e.client);
			assert_int_equal(facts.resumed, round == 1);
			assert_true(facts.has_certificate);
			verdicts[round] = facts.trust;
			gp_tls_session_free(s);
			s = gp_tls_session(e.client);
			ends_free(&e);
		}
		gp_tls_session_free(s);
		assert_int_equal(verdicts[0], verdicts[1]);
		assert_int_equal(verdicts[0], i == 0 ? GP_TLS_TRUSTED : GP_TLS_OTHER_NAME);
	}
	rig_free(&r);
}

static void
goals_that_make_no_sense_are_refused(void **state)
{
	static char long_name[300];
	memset(long_name, 'a', sizeof(long_name));
	struct gp_slice names[] = {GP_SLICE("a\0b"), gp_slice(long_name, sizeof(long_name))};
	struct gp_tls_tlsa tlsa = {3, 1, 1, GP_SLICE("x")};
	struct gp_tls_client *c = gp_tls_client_new(NULL);
	const struct gp_tls_goal goals[] = {
		{.name = names[0]},
		{.name = names[1]},
		{.names = &names[0], .names_len = 1},
		{.tlsa = &tlsa, .tlsa_len = 1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(goals); i++)
		assert_null(gp_tls_connect(c, 0, &goals[i]));
	gp_tls_client_free(c);
	assert_null(gp_tls_client_new("/nowhere/at/all.pem"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_is_told_and_nothing_fails),
		cmocka_unit_test(any_of_the_names_will_do),
		cmocka_unit_test(fingerprints_are_told),
		cmocka_unit_test(a_certificate_is_told_to_people),
		cmocka_unit_test(tlsa_proves_what_it_names),
		cmocka_unit_test(authorities_can_be_asked_all_the_same),
		cmocka_unit_test(one_tlsa_record_that_matches_is_enough),
		cmocka_unit_test(a_resumed_session_keeps_its_verdict),
		cmocka_unit_test(goals_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
