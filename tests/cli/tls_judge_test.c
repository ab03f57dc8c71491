/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a reported failure is there still, by what its server shows. */
#include "../unit.h"

#include <stdlib.h>

#include "cli/reports/tls_judge.h"

enum { NOW_S = 1'800'000'000, DAY_S = 86400, YEAR_S = 365 * DAY_S };

#define MX "mx.a.test"
/*
 * What a server shows, as words that say what differs from one that has all it should:
 *
 *     until=DAYS from=DAYS     of its certificate, from now
 *     name=NAME trust=N        of enum gp_posture_trust
 *     tls=N reach=N            of their enums
 *     asked=NAME               in place of its own
 *     +                        another certificate follows
 *     /                        the same address follows, as it was asked once more
 */
struct servers {
	struct gp_posture_host list[2];
	size_t len;
};

static struct gp_posture_chain *
add_chain(struct gp_posture_host *h)
{
	struct gp_posture_chain *c = &h->chains[h->chains_len++];
	*c = (struct gp_posture_chain){
		.names = GP_SLICE(MX),
		.until_s = NOW_S + YEAR_S,
		.trust = GP_POSTURE_TRUSTED,
		.links = {{.certificate.sha256 = {1}, .spki.sha256 = {1}}},
		.links_len = 1,
	};
	return c;
}

static struct gp_posture_host *
add_host(struct servers *s)
{
	struct gp_posture_host *h = &s->list[s->len++];
	*h = (struct gp_posture_host){.address = {192, 0, 2, 1},
				      .address_len = 4,
				      .reach = GP_POSTURE_MET,
				      .why = "no connection in time",
				      .asked = GP_SLICE(MX),
				      .tls = GP_POSTURE_TLS_SPOKEN,
				      .tls_why = "no shared cipher"};
	add_chain(h);
	return h;
}

static void
read_word(struct servers *s, struct gp_slice word)
{
	struct gp_posture_host *h = &s->list[s->len - 1];
	struct gp_posture_chain *c = &h->chains[h->chains_len - 1];
	struct gp_slice value = word, name = gp_slice_cut(&value, '=');
	long n = value.ptr ? strtol(value.ptr, NULL, 10) : 0;
	if (gp_slice_eq(name, GP_SLICE("+")))
		add_chain(h);
	else if (gp_slice_eq(name, GP_SLICE("/")))
		add_host(s);
	else if (gp_slice_eq(name, GP_SLICE("until")))
		c->until_s = NOW_S + n * DAY_S;
	else if (gp_slice_eq(name, GP_SLICE("from")))
		c->from_s = NOW_S + n * DAY_S;
	else if (gp_slice_eq(name, GP_SLICE("name")))
		c->names = value;
	else if (gp_slice_eq(name, GP_SLICE("trust")))
		c->trust = (uint8_t)n;
	else if (gp_slice_eq(name, GP_SLICE("tls")))
		h->tls = (uint8_t)n;
	else if (gp_slice_eq(name, GP_SLICE("reach")))
		h->reach = (uint8_t)n;
	else if (gp_slice_eq(name, GP_SLICE("asked")))
		h->asked = value;
	else
		fail_msg("%.*s", GP_SLICE_FMT(word));
}

/* NULL: nobody looked. */
static struct servers
read_servers(const char *text)
{
	struct servers s = {};
	struct gp_slice rest = gp_slice_str(text ? text : "");
	if (text)
		add_host(&s);
	while (rest.len > 0)
		read_word(&s, gp_slice_cut(&rest, ' '));
	return s;
}

/* A digest of 32 octets that begins so. */
#define TLSA(first_) \
	"[3, 1, 1, \"" first_ "00000000000000000000000000000000000000000000000000000000000000\"]"
#define DNS(tlsa_)                                         \
	"{\"a.test\": {\"MX\": [[10, \"" MX "\"]]}, \"" MX \
	"\": {\"A\": [\"192.0.2.1\"], \"secure\": true}, " \
	"\"_25._tcp." MX "\": " tlsa_ "}"
#define PLAIN DNS("{}")
#define SIGNED(first_) DNS("{\"TLSA\": [" TLSA(first_) "], \"secure\": true}")

static const struct {
	const char *what, *dns, *result, *mx, *servers;
	uint8_t now;
	const char *words;
} cases[] = {
	{"a certificate that was renewed", PLAIN, "certificate-expired", MX, "", TLS_NOW_MENDED,
	 "the certificate of 192.0.2.1 is valid until 2028-01-15"},
	{"as it was reported, with a dot and in capitals", PLAIN, "certificate-expired",
	 "MX.A.test.", "", TLS_NOW_MENDED,
	 "the certificate of 192.0.2.1 is valid until 2028-01-15"},
	{"one that was not", PLAIN, "certificate-expired", MX, "until=-365", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 ended on 2026-01-15"},
	{"one that begins later", PLAIN, "certificate-expired", MX, "from=1", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 begins on 2027-01-16"},
	{"of two certificates one", PLAIN, "certificate-expired", MX, "+ until=-365", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 ended on 2026-01-15"},
	{"another name", PLAIN, "certificate-host-mismatch", MX, "name=x.a.test", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 is not of mx.a.test"},
	{"its name", PLAIN, "certificate-host-mismatch", MX, "", TLS_NOW_MENDED,
	 "the certificate of 192.0.2.1 is of mx.a.test"},
	{"no authority", PLAIN, "certificate-not-trusted", MX, "trust=3", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 is not trusted: self-signed"},
	{"nobody held it against any", PLAIN, "certificate-not-trusted", MX, "trust=0",
	 TLS_NOW_UNKNOWN, "nobody held 192.0.2.1 against authorities"},
	{"an authority", PLAIN, "certificate-not-trusted", MX, "", TLS_NOW_MENDED,
	 "the certificate of 192.0.2.1 is of an authority"},
	{"any of it", PLAIN, "validation-failure", MX, "name=x.test", TLS_NOW_STILL,
	 "the certificate of 192.0.2.1 is not of mx.a.test"},
	{"STARTTLS", PLAIN, "starttls-not-supported", MX, "tls=1", TLS_NOW_STILL,
	 "192.0.2.1 does not offer STARTTLS"},
	{"STARTTLS that breaks", PLAIN, "certificate-expired", MX, "tls=2", TLS_NOW_STILL,
	 "192.0.2.1 offers STARTTLS, and no TLS comes of it: no shared cipher"},
	{"nobody knows", PLAIN, "starttls-not-supported", MX, "tls=0", TLS_NOW_UNKNOWN,
	 "192.0.2.1: no shared cipher"},
	{"STARTTLS is there", PLAIN, "starttls-not-supported", MX, "", TLS_NOW_MENDED,
	 "192.0.2.1 speaks TLS"},
	{"one that is silent", PLAIN, "starttls-not-supported", MX, "reach=0", TLS_NOW_UNKNOWN,
	 "192.0.2.1: no connection in time"},
	{"one that refuses", PLAIN, "certificate-expired", MX, "reach=1", TLS_NOW_UNKNOWN,
	 "192.0.2.1 refuses connections"},
	{"asked in another name", PLAIN, "certificate-host-mismatch", MX, "asked=z.test",
	 TLS_NOW_UNKNOWN, "192.0.2.1 was asked in another name"},
	{"and in this one", PLAIN, "certificate-host-mismatch", MX, "asked=z.test name=z.test /",
	 TLS_NOW_MENDED, "the certificate of 192.0.2.1 is of mx.a.test"},
	{"nobody met it", PLAIN, "certificate-expired", MX, NULL, TLS_NOW_UNKNOWN,
	 "nobody looked at it"},

	{"a key that matches", SIGNED("01"), "tlsa-invalid", MX, "", TLS_NOW_MENDED,
	 "a TLSA record matches 192.0.2.1"},
	{"one that does not", SIGNED("02"), "tlsa-invalid", MX, "", TLS_NOW_STILL,
	 "none of 1 TLSA records matches 192.0.2.1"},
	{"records that are gone", PLAIN, "tlsa-invalid", MX, "", TLS_NOW_MENDED,
	 "it has no TLSA record that DNSSEC proves"},
	{"and were wanted", PLAIN, "dane-required", MX, "", TLS_NOW_STILL,
	 "it has no TLSA record that DNSSEC proves"},
	{"the DNS fails", DNS("\"SERVFAIL\""), "dnssec-invalid", MX, "", TLS_NOW_STILL,
	 "the DNS fails for its TLSA records"},
	{"and does not", SIGNED("01"), "dnssec-invalid", MX, "", TLS_NOW_MENDED, "the DNS answers"},

	/* A stranger's word is no reason to say anything of a host. */
	{"a server that is none of ours", PLAIN, "certificate-expired", "mx.victim.test", "",
	 TLS_NOW_GONE, "it is no MX host of the domain"},
	{"and when the DNS is silent", "{\"a.test\": \"SERVFAIL\"}", "certificate-expired", MX, "",
	 TLS_NOW_UNKNOWN, "the DNS does not tell its MX hosts"},
	{"a result that nobody knows", PLAIN, "made-up", MX, "", TLS_NOW_UNKNOWN,
	 "a look does not tell"},
};

static const uint64_t seed[2] = {3, 4};

static void
check(const char *what, const struct tls_verdict *v, uint8_t now, const char *words)
{
	if (v->now != now || !gp_slice_eq(v->words, gp_slice_str(words)))
		fail_msg("%s: %s: %.*s", what, tls_now_name(v->now), GP_SLICE_FMT(v->words));
}

static void
failures_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_answers *answers;
		struct gp_slice why;
		struct servers servers = read_servers(cases[i].servers);
		struct tls_seen seen = {.domain = GP_SLICE("a.test"),
					.validated = true,
					.hosts = {servers.list, servers.len},
					.now_s = NOW_S};
		assert_int_equal(gp_answers_from_json(gp_slice_str(cases[i].dns), &arena, seed,
						      &answers, &why),
				 0);
		seen.answers = answers;
		struct tls_verdict v = tls_judge(&seen, gp_slice_str(cases[i].result),
						 gp_slice_str(cases[i].mx), &arena);
		check(cases[i].what, &v, cases[i].now, cases[i].words);
		gp_answers_free(answers);
		gp_arena_free(&arena);
	}
}

static void
policies_are_judged(void **state)
{
	(void)state;
	static const struct {
		const char *result;
		struct gp_posture_file policy;
		bool none;
		uint8_t now;
		const char *words;
	} policies[] = {
		{"sts-policy-fetch-error",
		 {GP_POSTURE_FETCH_TLS, GP_SLICE("expired"), {}},
		 false,
		 TLS_NOW_STILL,
		 "the policy cannot be fetched: expired"},
		{"sts-policy-fetch-error",
		 {GP_POSTURE_FETCHED, {}, GP_SLICE("nonsense")},
		 false,
		 TLS_NOW_MENDED,
		 "the policy can be fetched"},
		{"sts-policy-fetch-error", {}, true, TLS_NOW_UNKNOWN, "no policy was asked for"},
		{"sts-policy-invalid",
		 {GP_POSTURE_FETCHED,
		  {},
		  GP_SLICE("version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: 86400\n")},
		 false,
		 TLS_NOW_MENDED,
		 "the policy can be read"},
		{"sts-policy-invalid",
		 {GP_POSTURE_FETCHED,
		  {},
		  GP_SLICE("version: STSv1\nmode: enforce\nmx: b.test\nmax_age: 86400\n")},
		 false,
		 TLS_NOW_STILL,
		 "the policy does not name mx.a.test"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(policies); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_answers *answers = gp_answers_new(&arena, 4, seed);
		const struct tls_seen seen = {.domain = GP_SLICE("a.test"),
					      .answers = answers,
					      .policy = policies[i].none ? NULL
									 : &policies[i].policy};
		struct tls_verdict v =
			tls_judge(&seen, gp_slice_str(policies[i].result), GP_SLICE(MX), &arena);
		check(policies[i].result, &v, policies[i].now, policies[i].words);
		gp_answers_free(answers);
		gp_arena_free(&arena);
	}
}

/* Without anybody who validates, what DNSSEC says is no ground for a verdict. */
static void
who_does_not_validate_cannot_tell(void **state)
{
	(void)state;
	static const char *const results[] = {"tlsa-invalid", "dane-required", "dnssec-invalid"};
	for (size_t i = 0; i < GP_ARRAY_LEN(results); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_answers *answers;
		struct gp_slice why;
		assert_int_equal(gp_answers_from_json(gp_slice_str(SIGNED("02")), &arena, seed,
						      &answers, &why),
				 0);
		const struct tls_seen seen = {.domain = GP_SLICE("a.test"), .answers = answers};
		struct tls_verdict v =
			tls_judge(&seen, gp_slice_str(results[i]), GP_SLICE(MX), &arena);
		check(results[i], &v, TLS_NOW_UNKNOWN, "the resolver does not validate DNSSEC");
		gp_answers_free(answers);
		gp_arena_free(&arena);
	}
}

/* Two rounds, of which each makes progress; nothing is asked but what the DNS names. */
static void
what_is_asked(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *answers = gp_answers_new(&arena, 64, seed);
	struct gp_dns_record mx[TLS_HOSTS_MAX + 5];
	struct gp_dns_answer answer = {.name = GP_SLICE("a.test"),
				       .canonical = GP_SLICE("a.test"),
				       .type = GP_DNS_MX,
				       .records = mx,
				       .records_len = GP_ARRAY_LEN(mx)};
	struct gp_dns_question *list;
	size_t len;
	for (size_t i = 0; i < GP_ARRAY_LEN(mx); i++)
		mx[i] = (struct gp_dns_record){.type = GP_DNS_MX,
					       .name = gp_arena_printf(&arena, "mx%zu.test", i)};
	assert_int_equal(tls_questions(GP_SLICE("a.test"), answers, &arena, &list, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(list[0].type, GP_DNS_MX);
	assert_int_equal(gp_answers_add(answers, &answer), 0);
	assert_int_equal(tls_questions(GP_SLICE("a.test"), answers, &arena, &list, &len), 0);
	assert_int_equal(len, 3 * TLS_HOSTS_MAX);
	assert_true(gp_slice_eq(list[2].name, GP_SLICE("_25._tcp.mx0.test")));
	gp_answers_free(answers);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_judged),
		cmocka_unit_test(policies_are_judged),
		cmocka_unit_test(who_does_not_validate_cannot_tell),
		cmocka_unit_test(what_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
