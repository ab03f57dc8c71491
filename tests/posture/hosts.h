/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of the clean world as they would be met, with nothing wrong; and faults planted in them. */
#pragma once

#include "world.h"

enum {
	NOW_S = 1'700'000'000,
	DAY_S = 24 * 60 * 60,
	HOSTS = 4, /* those of the three MX records, and one address more that mx3 may have */
};

struct seen {
	struct gp_posture_host hosts[HOSTS];
	struct gp_posture_file policy;
	const struct gp_posture_past *past;
	size_t past_len;
};

#define POLICY(mode, mx, age) "version: STSv1\nmode: " mode "\n" mx "max_age: " age "\n"
#define ENFORCE POLICY("enforce", "mx: *.d.test\n", "2419200")
#define TESTING POLICY("testing", "mx: *.d.test\n", "604800")

/* The digests of clean_world's records. */
static inline void
fill_digest(uint8_t ret[32], const char *hex)
{
	for (size_t i = 0; i < 32; i++)
		ret[i] = (uint8_t)(gp_ascii_hex(hex[2 * i]) << 4 | gp_ascii_hex(hex[2 * i + 1]));
}

static inline struct gp_posture_chain
good_chain(const char *names)
{
	struct gp_posture_chain c = {
		.names = gp_slice_str(names),
		.from_s = NOW_S - 30 * DAY_S,
		.until_s = NOW_S + 60 * DAY_S,
		.trust = GP_POSTURE_TRUSTED,
		.links_len = 2,
	};
	fill_digest(c.links[0].spki.sha256, D32);
	memset(c.links[1].spki.sha256, 0x77, 32);
	c.links[0].signed_by_next = true;
	return c;
}

static inline void
make_seen(struct seen *ret)
{
	static const char *const names[HOSTS] = {"mx1.d.test", "mx2.d.test", "mx3.d.test",
						 "mx3.d.test"};
	*ret = (struct seen){.policy = {.outcome = GP_POSTURE_FETCHED, .text = GP_SLICE(ENFORCE)}};
	for (size_t i = 0; i < HOSTS; i++)
		ret->hosts[i] = (struct gp_posture_host){
			.address = {20, 0, 0, (uint8_t)(i + 1)},
			.address_len = 4,
			.reach = GP_POSTURE_MET,
			.asked = gp_slice_str(names[i]),
			.says = gp_slice_str(names[i]),
			.software = "Postfix",
			.auth_clear = GP_POSTURE_NO,
			.tls = GP_POSTURE_TLS_SPOKEN,
			.old_known = true,
			.weak_known = true,
			.compression = GP_POSTURE_NO,
			.renegotiation = GP_POSTURE_YES,
			.chains = {good_chain(names[i])},
			.chains_len = 1,
		};
}

/* --- what may be wrong with them --- */

typedef void
change(struct seen *s);

#define CHANGE(name, ...)                       \
	static inline void name(struct seen *s) \
	{                                       \
		__VA_ARGS__;                    \
	}

CHANGE(as_they_are, (void)s)
CHANGE(last_closed, s->hosts[2].reach = GP_POSTURE_CLOSED)
CHANGE(one_address_closed, s->hosts[3].reach = GP_POSTURE_CLOSED)
CHANGE(short_name, s->hosts[0].says = GP_SLICE("localhost"))
CHANGE(absent_name, s->hosts[0].says = GP_SLICE("gone.d.test"))
CHANGE(no_name, s->hosts[0].says = GP_SLICE(""))
CHANGE(no_tls, s->hosts[0].tls = GP_POSTURE_TLS_NONE)
CHANGE(broken_tls, s->hosts[0].tls = GP_POSTURE_TLS_BROKEN, s->hosts[0].tls_why = "no cipher")
CHANGE(ssl3, s->hosts[0].old = GP_SLICE("SSL 3"), s->hosts[0].old_ssl = true)
CHANGE(tls1, s->hosts[0].old = GP_SLICE("TLS 1.0"))
CHANGE(rc4, s->hosts[0].weak = GP_SLICE("RC4"))
CHANGE(deflate, s->hosts[0].compression = GP_POSTURE_YES)
CHANGE(unsecured, s->hosts[0].renegotiation = GP_POSTURE_NO)
CHANGE(clear_auth, s->hosts[0].auth_clear = GP_POSTURE_YES)
CHANGE(expired, s->hosts[0].chains[0].until_s = NOW_S - DAY_S)
CHANGE(expired_in_test, expired(s), s->policy.text = GP_SLICE(TESTING))
CHANGE(not_yet, s->hosts[0].chains[0].from_s = NOW_S + DAY_S)
CHANGE(soon, s->hosts[0].chains[0].until_s = NOW_S + 3 * DAY_S)
CHANGE(for_others, s->hosts[0].chains[0].names = GP_SLICE("a.test *.b.test"))
CHANGE(too_wild, s->hosts[0].chains[0].names = GP_SLICE("*.test"))
CHANGE(untrusted, s->hosts[0].chains[0].trust = GP_POSTURE_UNTRUSTED,
       s->hosts[0].chains[0].trust_why = "no issuer")
CHANGE(self_signed, s->hosts[0].chains[0].trust = GP_POSTURE_SELF_SIGNED)
CHANGE(self_signed_last, s->hosts[2].chains[0].trust = GP_POSTURE_SELF_SIGNED)
CHANGE(short_key, s->hosts[0].chains[0].weak = GP_SLICE("RSA of 1024 bits"))
CHANGE(other_key, s->hosts[0].chains[0].links[0].spki.sha256[0] ^= 1)
CHANGE(other_key_of_two, s->hosts[0].chains[1] = s->hosts[0].chains[0], s->hosts[0].chains_len = 2,
       s->hosts[0].chains[1].links[0].spki.sha256[0] ^= 1)
CHANGE(root_unsent, s->hosts[0].chains[0].links_len = 1)
CHANGE(cannot_connect, s->policy.outcome = GP_POSTURE_FETCH_CONNECT)
CHANGE(bad_web_tls, s->policy.outcome = GP_POSTURE_FETCH_TLS)
CHANGE(redirected, s->policy.outcome = GP_POSTURE_FETCH_REDIRECT)
CHANGE(not_found, s->policy.outcome = GP_POSTURE_FETCH_STATUS)
CHANGE(as_html, s->policy.outcome = GP_POSTURE_FETCH_TYPE)
CHANGE(too_large, s->policy.outcome = GP_POSTURE_FETCH_TOO_LARGE)
CHANGE(no_http, s->policy.outcome = GP_POSTURE_FETCH_BROKEN)
static const struct gp_posture_past policy_before[] = {
	{GP_SLICE("sts.id"), GP_SLICE("1"), GP_SLICE(""), NOW_S - 9 * DAY_S},
	{GP_SLICE("sts.policy"), GP_SLICE("00"), GP_SLICE(""), NOW_S - 9 * DAY_S}};
CHANGE(another_policy, s->past = policy_before; s->past_len = 2)
#define SERVES(name, text_) CHANGE(name, s->policy.text = GP_SLICE(text_))
SERVES(unknown_key, POLICY("enforce", "nmx: a.test\nmx: *.d.test\n", "2419200"))
SERVES(key_again, POLICY("enforce", "mx: *.d.test\nmode: none\n", "2419200"))
SERVES(no_mx, POLICY("enforce", "", "2419200"))
SERVES(bad_mode, POLICY("enforced", "mx: *.d.test\n", "2419200"))
SERVES(in_test, TESTING)
SERVES(mode_none, POLICY("none", "", "86400"))
SERVES(short_age, POLICY("enforce", "mx: *.d.test\n", "86400"))
SERVES(short_age_in_test, POLICY("testing", "mx: *.d.test\n", "3600"))
SERVES(one_unnamed, POLICY("enforce", "mx: mx1.d.test\nmx: mx2.d.test\n", "2419200"))
SERVES(one_unnamed_in_test, POLICY("testing", "mx: mx1.d.test\nmx: mx2.d.test\n", "604800"))

CHANGE(
	not_surveyed, for (size_t i = 0; i < HOSTS; i++) {
		s->hosts[i].old_known = s->hosts[i].weak_known = false;
		s->hosts[i].compression = s->hosts[i].renegotiation = GP_POSTURE_ASK_NOT;
	})

#define NONE_OF_THREE \
	"'_25._tcp.mx1.d.test':null,'_25._tcp.mx2.d.test':null,'_25._tcp.mx3.d.test':null}"
#define NO_TLSA "{" NONE_OF_THREE
#define NO_STS "{'_mta-sts.d.test':null}"
#define NEITHER                                                                          \
	"{'_mta-sts.d.test':null,'_25._tcp.mx1.d.test':null,'_25._tcp.mx2.d.test':null," \
	"'_25._tcp.mx3.d.test':null}"
#define TWO_ADDRESSES                                  \
	"{'mx3.d.test':{'A':['20.0.0.3','20.0.0.4']}," \
	"'4.0.0.20.in-addr.arpa':{'PTR':['mx3.d.test']}}"
#define TLSA_OF_MX1(records) "{'_25._tcp.mx1.d.test':{'TLSA':[" records "],'secure':true}}"

/* The issuer's record, whose digests are those of good_chain(). */
#define D32_ISSUER "7777777777777777777777777777777777777777777777777777777777777777"
#define BY_ISSUER TLSA_OF_MX1("[2,1,1,'" D32_ISSUER "'],[3,1,1,'" D32_NEXT "']")

#define RECORDS 1 /* has records that mend it */
#define SERVED 2  /* has a policy that mends it */

/* A fault for each row: what is found, and what else may be. */
static const struct {
	const char *id;
	uint8_t severity;
	uint8_t flags;
	change *change;
	const char *world;
	const char *also; /* ids with spaces around each */
} host_plants[] = {
	{"mx.unreachable", GP_SEVERITY_HIGH, 0, last_closed, "{}"},
	{"mx.unreachable", GP_SEVERITY_MEDIUM, 0, one_address_closed, TWO_ADDRESSES},
	{"mx.helo", GP_SEVERITY_MEDIUM, 0, short_name, "{}"},
	{"mx.helo", GP_SEVERITY_MEDIUM, 0, absent_name, "{}"},
	{"mx.helo", GP_SEVERITY_MEDIUM, 0, no_name, "{}"},
	{"mx.backup.weaker", GP_SEVERITY_MEDIUM, 0, self_signed_last, "{}",
	 " cert.self sts.mx.tls "},
	{"tls.none", GP_SEVERITY_CRITICAL, 0, no_tls, "{}", " sts.mx.tls "},
	{"tls.broken", GP_SEVERITY_CRITICAL, 0, broken_tls, "{}", " sts.mx.tls "},
	{"tls.old", GP_SEVERITY_HIGH, 0, ssl3, "{}"},
	{"tls.old", GP_SEVERITY_MEDIUM, 0, tls1, "{}"},
	{"tls.weakcipher", GP_SEVERITY_MEDIUM, 0, rc4, "{}"},
	{"tls.compression", GP_SEVERITY_MEDIUM, 0, deflate, "{}"},
	{"tls.reneg", GP_SEVERITY_LOW, 0, unsecured, "{}"},
	{"auth.clear", GP_SEVERITY_HIGH, 0, clear_auth, "{}"},
	/* who looks at it decides how grave it is */
	{"cert.expired", GP_SEVERITY_CRITICAL, 0, expired, "{}", " sts.mx.tls "},
	{"cert.expired", GP_SEVERITY_MEDIUM, 0, expired_in_test, "{}",
	 " sts.mx.tls sts.mode.testing "},
	{"cert.expired", GP_SEVERITY_INFO, 0, expired, NO_STS, " sts.missing "},
	{"cert.expired", GP_SEVERITY_LOW, 0, expired, NEITHER, " sts.missing dane.none "},
	{"cert.expired", GP_SEVERITY_CRITICAL, 0, not_yet, "{}", " sts.mx.tls "},
	{"cert.soon", GP_SEVERITY_HIGH, 0, soon, "{}"},
	{"cert.soon", GP_SEVERITY_LOW, 0, soon, NEITHER, " sts.missing dane.none "},
	{"cert.name", GP_SEVERITY_CRITICAL, 0, for_others, "{}", " sts.mx.tls "},
	{"cert.name", GP_SEVERITY_LOW, 0, too_wild, NEITHER, " sts.missing dane.none "},
	{"cert.chain", GP_SEVERITY_CRITICAL, 0, untrusted, "{}", " sts.mx.tls "},
	{"cert.self", GP_SEVERITY_CRITICAL, 0, self_signed, "{}", " sts.mx.tls "},
	{"cert.self", GP_SEVERITY_INFO, 0, self_signed, NO_STS, " sts.missing "},
	{"cert.key", GP_SEVERITY_MEDIUM, 0, short_key, "{}"},

	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, cannot_connect, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, bad_web_tls, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, redirected, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, not_found, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, as_html, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, too_large, "{}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, 0, no_http, "{}"},
	{"sts.id.stale", GP_SEVERITY_MEDIUM, RECORDS, another_policy, "{}"},
	{"sts.policy.syntax", GP_SEVERITY_LOW, SERVED, unknown_key, "{}"},
	{"sts.policy.syntax", GP_SEVERITY_LOW, SERVED, key_again, "{}"},
	{"sts.policy.syntax", GP_SEVERITY_HIGH, 0, no_mx, "{}"},
	{"sts.policy.syntax", GP_SEVERITY_HIGH, 0, bad_mode, "{}"},
	{"sts.mode.testing", GP_SEVERITY_LOW, SERVED, in_test, "{}"},
	{"sts.mode.none", GP_SEVERITY_LOW, 0, mode_none, "{}"},
	{"sts.maxage", GP_SEVERITY_LOW, SERVED, short_age, "{}"},
	{"sts.maxage", GP_SEVERITY_LOW, SERVED, short_age_in_test, "{}", " sts.mode.testing "},
	{"sts.mx.uncovered", GP_SEVERITY_CRITICAL, SERVED, one_unnamed, "{}"},
	{"sts.mx.uncovered", GP_SEVERITY_MEDIUM, SERVED, one_unnamed_in_test, "{}",
	 " sts.mode.testing "},
	{"sts.mx.tls", GP_SEVERITY_CRITICAL, 0, for_others, "{}", " cert.name "},

	{"dane.mismatch", GP_SEVERITY_CRITICAL, RECORDS, other_key, "{}"},
	{"dane.mismatch", GP_SEVERITY_CRITICAL, RECORDS, other_key_of_two, "{}"},
	{"dane.ta.notinchain", GP_SEVERITY_HIGH, 0, root_unsent,
	 TLSA_OF_MX1("[2,1,1,'" D32_NEXT "'],[2,0,1,'" D32_NEXT "']"), " dane.mismatch "},
	/* usage 2 wants the name and the dates, too */
	{"dane.mismatch", GP_SEVERITY_CRITICAL, 0, for_others, BY_ISSUER, " cert.name sts.mx.tls "},
	{"dane.mismatch", GP_SEVERITY_CRITICAL, 0, expired, BY_ISSUER, " cert.expired sts.mx.tls "},
	{"dane.none", GP_SEVERITY_INFO, RECORDS, as_they_are, NO_TLSA},
	{"dane.partial", GP_SEVERITY_MEDIUM, RECORDS, as_they_are, "{'_25._tcp.mx2.d.test':null}"},
	{"dane.usage01", GP_SEVERITY_HIGH, RECORDS, as_they_are,
	 TLSA_OF_MX1("[1,1,1,'" D32 "'],[0,0,1,'" D32 "']")},
	{"dane.rollover.none", GP_SEVERITY_LOW, RECORDS, as_they_are,
	 TLSA_OF_MX1("[3,1,1,'" D32 "']")},
};
