/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each thing that was asked, versions before suites before the rest. */
#include "core/hello/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	LISTED_MAX = 6,     /* names of suites in an evidence */
	DH_BITS_MIN = 2048, /* RFC 9325 section 4.4 */
	CURVE_BITS_MIN = 224,
	SMTP_PORT = 25,
};

#define BETTER_THAN_CLEAR                                                                  \
	"; to a server on port 25 it is still better than clear (RFC 7435), so switch it " \
	"off only where all who write have something newer"

static const struct gp_finding_kind
	no_survey = {"tls.survey", GP_SEVERITY_INFO, "TLS could not be surveyed",
		     "no version was agreed on in any connection, so the rest is not known"},
	incomplete = {"tls.survey_cut", GP_SEVERITY_INFO, "the survey is not complete",
		      "more suites may be accepted, of the kinds that were found"},
	versions[GP_SURVEY_VERSIONS] =
		{
			{"tls.version.ssl2", GP_SEVERITY_HIGH, "SSLv2 is spoken",
			 "who records TLS can have an SSLv2 server with the same key decrypt it "
			 "(DROWN, "
			 "CVE-2016-0800); RFC 9325 section 3.1.1 forbids it"},
			{"tls.version.ssl3", GP_SEVERITY_HIGH, "SSLv3 is spoken",
			 "its padding gives text away (POODLE, CVE-2014-3566; RFC 9325 section "
			 "3.1.1)" BETTER_THAN_CLEAR},
			{"tls.version.tls1_0", GP_SEVERITY_MEDIUM, "TLS 1.0 is spoken",
			 "RFC 9325 section 3.1.1 forbids it" BETTER_THAN_CLEAR},
			{"tls.version.tls1_1", GP_SEVERITY_MEDIUM, "TLS 1.1 is spoken",
			 "RFC 9325 section 3.1.1 forbids it" BETTER_THAN_CLEAR},
			{"tls.version.no_tls1_2", GP_SEVERITY_HIGH, "TLS 1.2 is not spoken",
			 "RFC 9325 section 3.1.1 wants it of everybody who has not TLS 1.3"},
			{"tls.version.no_tls1_3", GP_SEVERITY_INFO, "TLS 1.3 is not spoken",
			 "it is quicker, and has no poor suites (RFC 9325 section 3.1.1)"},
},
	null_cipher = {"tls.cipher.null", GP_SEVERITY_HIGH, "suites that encrypt nothing",
		       "it looks like TLS and is clear text (RFC 9325 section 4.1)"},
	export_cipher = {"tls.cipher.export", GP_SEVERITY_HIGH, "suites made weak for export",
			 "they are broken in hours, and who is on the way can bring others down to "
			 "them (FREAK, Logjam; RFC 9325 section 4.1)"},
	rc4 = {"tls.cipher.rc4", GP_SEVERITY_MEDIUM, "RC4",
	       "its output has a bias (RFC 7465, RFC 9325 section 4.1)" BETTER_THAN_CLEAR},
	block64 = {"tls.cipher.block64", GP_SEVERITY_MEDIUM, "DES, 3DES, RC2 or IDEA",
		   "blocks of 64 bits repeat within a long connection (Sweet32, CVE-2016-2183), "
		   "and DES is short of key (RFC 9325 section 4.1)" BETTER_THAN_CLEAR},
	md5 = {"tls.cipher.md5", GP_SEVERITY_LOW, "suites with MD5",
	       "nobody needs them any more" BETTER_THAN_CLEAR},
	anonymous = {"tls.cipher.anon", GP_SEVERITY_HIGH, "suites without a certificate",
		     "who is on the way can be the server; between servers, most of which verify "
		     "nothing, it costs no security that there was (RFC 7435 section 3)"},
	no_secrecy = {"tls.cipher.no_forward_secrecy", GP_SEVERITY_LOW,
		      "suites without forward secrecy",
		      "who gets the key later reads what was recorded before (RFC 9325 section "
		      "4.1)" BETTER_THAN_CLEAR},
	no_aead = {"tls.cipher.no_aead", GP_SEVERITY_MEDIUM, "no suite with AEAD",
		   "RFC 9325 section 4.2 recommends only such"},
	small_dh =
		{"tls.dh.small", GP_SEVERITY_MEDIUM, "a small Diffie-Hellman group",
		 "groups under 2048 bits are not to be had (RFC 9325 section 4.4); those of 1024 "
		 "and less may have been broken for all who share them"},
	weak_curve = {"tls.curve.weak", GP_SEVERITY_MEDIUM, "a curve under 224 bits",
		      "RFC 9325 section 4.4 wants more"},
	compression = {"tls.compression", GP_SEVERITY_MEDIUM, "TLS compresses",
		       "lengths tell what is inside (CRIME, CVE-2012-4929; RFC 9325 section 3.3)"},
	heartbeat = {"tls.heartbeat", GP_SEVERITY_INFO, "heartbeats are offered",
		     "nobody needs them over TCP; whether it bleeds (CVE-2014-0160) was not tried"},
	renegotiation = {"tls.renegotiation", GP_SEVERITY_MEDIUM, "no renegotiation_info",
			 "who is on the way may put text before a client's (RFC 5746, RFC 9325 "
			 "section 3.5)"},
	fallback = {"tls.fallback", GP_SEVERITY_LOW, "downgrades go unnoticed",
		    "a client that was talked into an older version is not told (RFC 7507)"},
	order = {"tls.order", GP_SEVERITY_INFO, "the client's order of suites counts",
		 "a server whose suites are of unequal worth should choose itself (RFC 9325 "
		 "section "
		 "4.2.1)"},
	intolerant = {"tls.intolerant", GP_SEVERITY_MEDIUM, "it fails at what it does not know",
		      "newer clients will be refused (RFC 8701)"};

struct judging {
	const struct gp_survey_facts *facts;
	struct gp_findings *findings;
	const char *software;
	uint16_t port;
};

/* --- telling --- */

GP_PRINTF(4, 5)
static void
tell(const struct judging *j, const struct gp_finding_kind *kind, enum gp_finding_state state,
     const char *fmt, ...)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	uint8_t worst = j->port == SMTP_PORT ? GP_SEVERITY_MEDIUM : GP_SEVERITY_CRITICAL;
	/* These two endanger connections of others, too. */
	if (kind == &versions[0] || kind == &export_cipher)
		worst = GP_SEVERITY_HIGH;
	else if (j->port == SMTP_PORT && kind == &anonymous)
		worst = GP_SEVERITY_INFO;
	const char *fix = state == GP_FINDING_FAIL ? gp_survey_fix(kind->id, j->software) : NULL;
	const struct gp_finding f = {
		.kind = kind,
		.state = (uint8_t)state,
		.severity = GP_MIN(kind->severity, worst),
		.evidence = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1)),
		.fix = gp_slice_str(fix),
	};
	gp_finding_put(j->findings, &f);
}

/* What is a fault when the fact is `fault`. */
static void
tell_known(const struct judging *j, const struct gp_finding_kind *kind, uint8_t fact,
	   enum gp_survey_known fault, const char *why_not)
{
	if (fact == GP_SURVEY_UNKNOWN)
		tell(j, kind, GP_FINDING_NOT_MEASURED, "%s", why_not);
	else
		tell(j, kind, fact == fault ? GP_FINDING_FAIL : GP_FINDING_PASS, "%s", "");
}

/* --- versions --- */

static void
judge_versions(const struct judging *j)
{
	const struct gp_survey_version *v = j->facts->versions;
	for (size_t i = 0; i < 4; i++)
		tell_known(j, &versions[i], v[i].spoken, GP_SURVEY_YES, "no answer");
	bool newest = v[5].spoken == GP_SURVEY_YES;
	tell_known(j, &versions[4], newest ? GP_SURVEY_YES : v[4].spoken, GP_SURVEY_NO,
		   "no answer");
	tell_known(j, &versions[5], v[5].spoken, GP_SURVEY_NO, "no answer");
}

/* --- suites --- */

typedef bool
cipher_test(const struct gp_cipher *c);

static bool
is_null(const struct gp_cipher *c)
{
	return c->flags & GP_CIPHER_NULL;
}

static bool
is_export(const struct gp_cipher *c)
{
	return c->flags & GP_CIPHER_EXPORT;
}

static bool
is_rc4(const struct gp_cipher *c)
{
	return c->flags & GP_CIPHER_RC4;
}

static bool
is_block64(const struct gp_cipher *c)
{
	return c->flags & GP_CIPHER_BLOCK64;
}

static bool
is_md5(const struct gp_cipher *c)
{
	return c->flags & GP_CIPHER_MD5;
}

static bool
is_anonymous(const struct gp_cipher *c)
{
	return c->by == GP_BY_ANON;
}

static bool
is_static(const struct gp_cipher *c)
{
	return !gp_cipher_forward_secret(c);
}

/* May a suite of the kind have gone unseen? Not when every list is whole. */
static bool
all_listed(const struct gp_survey_facts *f)
{
	for (size_t i = 1; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &f->versions[i];
		if (v->spoken == GP_SURVEY_UNKNOWN || (v->spoken == GP_SURVEY_YES && !v->listed))
			return false;
	}
	return true;
}

/* Names those that are of the kind, each once a version; a few, and how many more. */
static void
judge_kind(const struct judging *j, const struct gp_finding_kind *kind, cipher_test *is)
{
	struct gp_buf text = GP_BUF_INIT(GP_FINDING_EVIDENCE_MAX);
	size_t found = 0;
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &j->facts->versions[i];
		for (size_t k = 0; k < v->ciphers_len; k++) {
			const struct gp_cipher *c = gp_cipher_of(v->ciphers[k]);
			if (!is(c) || found++ >= LISTED_MAX)
				continue;
			gp_buf_printf(&text, "%s%s in %s", found > 1 ? ", " : "", c->name,
				      gp_tls_version_name(v->version));
		}
	}
	if (found > LISTED_MAX)
		gp_buf_printf(&text, " and %zu more", found - LISTED_MAX);
	if (found > 0)
		tell(j, kind, GP_FINDING_FAIL, "%.*s", GP_SLICE_FMT(gp_buf_slice(&text)));
	else if (all_listed(j->facts))
		tell(j, kind, GP_FINDING_PASS, "%s", "");
	else
		tell(j, kind, GP_FINDING_NOT_MEASURED,
		     "none was found, but not all suites were asked for");
	gp_buf_free(&text);
}

static void
judge_suites(const struct judging *j)
{
	judge_kind(j, &null_cipher, is_null);
	judge_kind(j, &export_cipher, is_export);
	judge_kind(j, &rc4, is_rc4);
	judge_kind(j, &block64, is_block64);
	judge_kind(j, &md5, is_md5);
	judge_kind(j, &anonymous, is_anonymous);
	judge_kind(j, &no_secrecy, is_static);
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
		for (size_t k = 0; k < j->facts->versions[i].ciphers_len; k++)
			if (gp_cipher_of(j->facts->versions[i].ciphers[k])->flags &
			    GP_CIPHER_AEAD) {
				tell(j, &no_aead, GP_FINDING_PASS, "%s", "");
				return;
			}
	bool all = all_listed(j->facts);
	tell(j, &no_aead, all ? GP_FINDING_FAIL : GP_FINDING_NOT_MEASURED, "%s",
	     all ? "" : "not all suites were asked for");
}

/* --- the rest --- */

static void
judge_groups(const struct judging *j)
{
	const struct gp_survey_facts *f = j->facts;
	if (f->dh_bits == 0)
		tell(j, &small_dh, GP_FINDING_NOT_MEASURED, "no Diffie-Hellman group was seen");
	else
		tell(j, &small_dh, f->dh_bits < DH_BITS_MIN ? GP_FINDING_FAIL : GP_FINDING_PASS,
		     "%u bits, %s", f->dh_bits, f->dh_prime ? f->dh_prime : "a prime of its own");
	if (f->curves_len == 0) {
		tell(j, &weak_curve, GP_FINDING_NOT_MEASURED, "no curve was seen before TLS 1.3");
		return;
	}
	for (size_t i = 0; i < f->curves_len; i++)
		if (gp_tls_group_bits(f->curves[i]) < CURVE_BITS_MIN) {
			tell(j, &weak_curve, GP_FINDING_FAIL, "%s",
			     gp_tls_group_name(f->curves[i]));
			return;
		}
	tell(j, &weak_curve, GP_FINDING_PASS, "%zu curves", f->curves_len);
}

static void
judge_manners(const struct judging *j)
{
	static const char *const only_new = "no version from TLS 1.0 to TLS 1.2 was agreed on";
	const struct gp_survey_facts *f = j->facts;
	tell_known(j, &compression, f->deflate, GP_SURVEY_YES, only_new);
	tell_known(j, &heartbeat, f->heartbeat, GP_SURVEY_YES, only_new);
	tell_known(j, &renegotiation, f->renegotiation, GP_SURVEY_NO, only_new);
	tell_known(j, &fallback, f->fallback, GP_SURVEY_NO, "it takes two versions to fall back");
	tell_known(j, &order, f->server_order, GP_SURVEY_NO, only_new);
	tell_known(j, &intolerant, f->tolerant, GP_SURVEY_NO, "it was not asked");
}

static void
judge_whole(const struct judging *j)
{
	const struct gp_survey_facts *f = j->facts;
	if (!f->cut)
		tell(j, &incomplete, GP_FINDING_PASS, "%u connections, of which %u failed",
		     f->connections, f->lost);
	else
		tell(j, &incomplete, GP_FINDING_NOT_MEASURED,
		     "%s: %u connections, of which %u failed", f->cut_why, f->connections, f->lost);
}

bool
gp_survey_agreed(const struct gp_survey_facts *facts)
{
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
		if (facts->versions[i].spoken == GP_SURVEY_YES)
			return true;
	return false;
}

int
gp_survey_findings(const struct gp_survey_facts *facts, uint16_t port, const char *software,
		   struct gp_findings *findings)
{
	const struct judging j = {facts, findings, software, port};
	if (gp_survey_agreed(facts)) {
		judge_versions(&j);
		judge_suites(&j);
		judge_groups(&j);
		judge_manners(&j);
		judge_whole(&j);
	} else {
		tell(&j, &no_survey, GP_FINDING_NOT_MEASURED, "%u connections, of which %u failed",
		     facts->connections, facts->lost);
	}
	return findings->arena->failed ? -ENOMEM : 0;
}
