/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/dane/server_name.h"
#include "core/hello/findings.h"
#include "core/identity/visible.h"
#include "core/message/date.h"
#include "core/mtasts/record.h"

enum {
	DAY_S = 24 * 60 * 60,
	SOON_DAYS = 14,
	RSA_BITS_MIN = 2048, /* RFC 9325 section 4.5 */
	EC_BITS_MIN = 224,
	EXCHANGE_DH_BITS_MIN = 2048, /* RFC 9325 section 4.1 */
};

static const struct gp_finding_kind
	expired = {"cert.expired", GP_SEVERITY_MEDIUM, "the certificate has expired",
		   "whoever checks it sends no mail here; renewal is broken"},
	not_yet = {"cert.not_yet_valid", GP_SEVERITY_MEDIUM, "the certificate is not valid yet",
		   "whoever checks it sends no mail here"},
	soon = {"cert.expires_soon", GP_SEVERITY_LOW, "the certificate expires soon",
		"renewal that works is done by then"},
	other_name = {"cert.name", GP_SEVERITY_LOW, "the certificate is for other names",
		      "whoever checks it, as MTA-STS demands (RFC 8461 section 4.1), sends no mail "
		      "here"},
	untrusted = {"cert.untrusted", GP_SEVERITY_INFO, "no known authority vouches for it",
		     "enough for opportunistic TLS and for DANE, and for nothing else"},
	weak_key = {"cert.weak_key", GP_SEVERITY_MEDIUM, "the certificate's key is too short",
		    "RSA wants 2048 bits, elliptic curves 224 (RFC 9325 section 4.5)"},
	weak_signature = {"cert.weak_signature", GP_SEVERITY_MEDIUM,
			  "the certificate is signed by a broken hash",
			  "another certificate may have the same signature (RFC 9325 section 4.6)"},
	revoked = {"cert.revoked", GP_SEVERITY_HIGH, "the certificate was revoked",
		   "its own staple says so (RFC 6066 section 8)"},
	old_version = {"tls.version_old", GP_SEVERITY_MEDIUM, "it speaks no TLS 1.2",
		       "older versions are broken, and careful clients have left them (RFC 9325 "
		       "section 3.1.1)"},
	weak_cipher = {"tls.cipher_weak", GP_SEVERITY_MEDIUM, "a weak cipher is agreed on",
		       "without ephemeral keys or with a broken cipher, what was recorded can be "
		       "read later (RFC 9325 section 4.1)"},
	weak_exchange = {"tls.exchange_weak", GP_SEVERITY_MEDIUM, "the key exchange is too short",
			 "RFC 9325 section 4.1 wants 2048 bits of Diffie-Hellman"},
	dane_mismatch = {"dane.mismatch", GP_SEVERITY_HIGH, "no TLSA record matches",
			 "senders with DANE deliver nothing (RFC 7672 section 2.2)"},
	dane_unusable = {"dane.unusable", GP_SEVERITY_MEDIUM, "no TLSA record can be used",
			 "they demand TLS and prove nothing (RFC 7672 section 3.1.3)"},
	dane_trouble = {"dane.trouble", GP_SEVERITY_HIGH, "the TLSA records cannot be had",
			"senders with DANE skip this host (RFC 7672 section 2.1.2)"},
	dane_no_tls = {"dane.no_tls", GP_SEVERITY_HIGH, "TLSA records, and no TLS",
		       "senders with DANE deliver nothing (RFC 7672 section 2.2)"};

static const struct gp_finding_kind listed = {
	"dns.blocklist", GP_SEVERITY_MEDIUM, "a block list has the address",
	"receivers that ask it refuse mail from there (RFC 5782); who only receives can do "
	"without"};

static const struct gp_finding_kind
	sts_absent = {"mtasts.absent", GP_SEVERITY_INFO, "the domain has no MTA-STS policy",
		      "who is on the way can keep senders without DANE from TLS (RFC 8461 section "
		      "10.1)"},
	sts_broken = {"mtasts.broken", GP_SEVERITY_MEDIUM, "the MTA-STS policy cannot be had",
		      "its record announces one; senders go on as if there were none (RFC 8461 "
		      "section 3.3)"},
	sts_mx = {"mtasts.mx", GP_SEVERITY_HIGH, "the MTA-STS policy does not name this host",
		  "senders that keep to it do not deliver here (RFC 8461 section 4.1)"},
	sts_certificate = {"mtasts.certificate", GP_SEVERITY_HIGH,
			   "the host does not prove itself as its MTA-STS policy demands",
			   "senders that keep to it do not deliver here (RFC 8461 section 4.2)"};

struct judging {
	const struct scan_view *view;
	const struct scan_tls *tls;
	/* The chain at hand, and its name in front of evidences where there is another: "RSA: ". */
	const struct gp_tls_certificate *certificate;
	const struct gp_tls_shown *shown;
	const char *which;
	struct gp_findings *findings;
	bool submission; /* users send passwords here */
};

GP_PRINTF(5, 6)
static void
tell(const struct judging *j, const struct gp_finding_kind *kind, enum gp_finding_state state,
     uint8_t severity, const char *fmt, ...)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int begin = snprintf(text, sizeof(text), "%s", j->which);
	gp_assert(begin >= 0 && begin < (int)sizeof(text));
	int len = begin + vsnprintf(text + begin, sizeof(text) - (size_t)begin, fmt, args);
	va_end(args);
	gp_assert(len >= begin);
	const struct gp_finding f = {
		.kind = kind,
		.state = (uint8_t)state,
		.severity = severity,
		.evidence = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1)),
	};
	gp_finding_put(j->findings, &f);
}

/* Graver where users are. */
static uint8_t
severity_of(const struct judging *j, const struct gp_finding_kind *kind)
{
	return j->submission ? GP_SEVERITY_HIGH : kind->severity;
}

static const char *
shown(const struct judging *j, struct gp_slice text)
{
	struct gp_slice visible = gp_visible(gp_slice_take(text, 200), j->findings->arena);
	return visible.ptr ? visible.ptr : "";
}

/* --- the certificate --- */

static void
judge_dates(const struct judging *j)
{
	const struct gp_tls_certificate *c = j->certificate;
	int64_t now = (int64_t)(j->view->result->time_ms / 1000);
	if (c->until_s == 0)
		return;
	const char *until = gp_arena_str(j->findings->arena,
					 gp_slice_str(gp_date_stamp((uint64_t)c->until_s).s));
	if (!until)
		return;
	if (c->until_s < now)
		tell(j, &expired, GP_FINDING_FAIL, severity_of(j, &expired), "since %s", until);
	else if (c->from_s > now)
		tell(j, &not_yet, GP_FINDING_FAIL, severity_of(j, &not_yet), "from %s on",
		     gp_date_stamp((uint64_t)c->from_s).s);
	else if (c->until_s - now < SOON_DAYS * DAY_S)
		tell(j, &soon, GP_FINDING_FAIL, soon.severity, "on %s", until);
	else
		tell(j, &expired, GP_FINDING_PASS, expired.severity, "valid until %s", until);
}

/* The host's name, or that of the target; an address that nobody named has its own name. */
static struct gp_slice
name_to_check(const struct judging *j)
{
	const struct scan_view *v = j->view;
	if (v->host)
		return v->host->host;
	return v->result->reverse.state == GP_REVERSE_CONFIRMED ? v->result->reverse.name
								: gp_slice("", 0);
}

/* Did another name lead here first, so that the certificate at hand is the one shown to who asks
   for that one (RFC 6066 section 3)? */
static bool
was_asked_otherwise(const struct judging *j)
{
	const struct scan_view *v = j->view;
	return v->host && !gp_slice_eq_nocase(v->host->host, v->result->sni);
}

static void
judge_name(const struct judging *j)
{
	struct gp_slice name = name_to_check(j), names = j->certificate->names;
	bool found = name.len > 0 && gp_server_name_in(name, names);
	if (!found && was_asked_otherwise(j))
		tell(j, &other_name, GP_FINDING_NOT_MEASURED, other_name.severity,
		     "the address was asked for %s, and may have another certificate for %s",
		     shown(j, j->view->result->sni), shown(j, name));
	else if (name.len == 0)
		tell(j, &other_name, GP_FINDING_NOT_MEASURED, other_name.severity,
		     "the address was not named, and has no name of its own");
	else if (found)
		tell(j, &other_name, GP_FINDING_PASS, other_name.severity, "it is for %s",
		     shown(j, name));
	else
		tell(j, &other_name, GP_FINDING_FAIL,
		     !j->view->host ? GP_SEVERITY_INFO : severity_of(j, &other_name),
		     "asked for %s; it is for %s", shown(j, name),
		     names.len > 0 ? shown(j, names) : "nothing");
}

static void
judge_trust(const struct judging *j)
{
	uint8_t trust = j->tls->trust;
	if (trust == GP_TLS_TRUSTED)
		tell(j, &untrusted, GP_FINDING_PASS, untrusted.severity, "the chain is good");
	else if (trust != GP_TLS_OUT_OF_DATE)
		tell(j, &untrusted, GP_FINDING_FAIL,
		     j->submission ? GP_SEVERITY_MEDIUM : untrusted.severity, "%s",
		     j->tls->trust_text);
}

bool
scan_key_is_short(const struct gp_tls_link *l)
{
	return (strcmp(l->key, "RSA") == 0 && l->key_bits < RSA_BITS_MIN) ||
	       (strcmp(l->key, "EC") == 0 && l->key_bits < EC_BITS_MIN);
}

static void
judge_strength(const struct judging *j)
{
	const struct gp_tls_shown *s = j->shown;
	for (size_t i = 0; i < s->links_len; i++) {
		const struct gp_tls_link *l = &s->links[i];
		if (scan_key_is_short(l))
			tell(j, &weak_key, GP_FINDING_FAIL, severity_of(j, &weak_key),
			     "%s of %u bits: %s", l->key, l->key_bits, shown(j, l->subject));
		if (l->weak_signature && !l->self_issued)
			tell(j, &weak_signature, GP_FINDING_FAIL, severity_of(j, &weak_signature),
			     "%s: %s", l->signature, shown(j, l->subject));
	}
	if (s->staple == GP_TLS_STAPLE_REVOKED)
		tell(j, &revoked, GP_FINDING_FAIL, revoked.severity, "OCSP: revoked");
}

static void
judge_certificate(const struct judging *j)
{
	if (j->shown->links_len == 0)
		return;
	judge_dates(j);
	judge_name(j);
	if (j->shown == &j->tls->shown)
		judge_trust(j);
	judge_strength(j);
}

/* --- the session --- */

bool
scan_cipher_is_weak(const char *cipher)
{
	static const char *const bad[] = {"RC4", "DES", "NULL", "EXP", "MD5", "ADH", "AECDH"};
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		if (strstr(cipher, bad[i]))
			return true;
	}
	/* Those of TLS 1.3 and all with ephemeral keys say so in front. */
	return strncmp(cipher, "TLS_", 4) != 0 && strncmp(cipher, "ECDHE-", 6) != 0 &&
	       strncmp(cipher, "DHE-", 4) != 0;
}

static void
judge_session(const struct judging *j)
{
	const struct scan_tls *t = j->tls;
	bool old = strcmp(t->version, "TLSv1") == 0 || strcmp(t->version, "TLSv1.1") == 0 ||
		   strcmp(t->version, "SSLv3") == 0;
	bool dh = strncmp(t->cipher, "DHE-", 4) == 0;
	tell(j, &old_version, old ? GP_FINDING_FAIL : GP_FINDING_PASS,
	     old ? severity_of(j, &old_version) : old_version.severity,
	     "%s is the best that it takes", t->version);
	bool weak = scan_cipher_is_weak(t->cipher);
	tell(j, &weak_cipher, weak ? GP_FINDING_FAIL : GP_FINDING_PASS,
	     weak ? severity_of(j, &weak_cipher) : weak_cipher.severity, "%s", t->cipher);
	if (dh && t->shown.exchange_bits > 0 && t->shown.exchange_bits < EXCHANGE_DH_BITS_MIN)
		tell(j, &weak_exchange, GP_FINDING_FAIL, severity_of(j, &weak_exchange),
		     "Diffie-Hellman of %u bits", t->shown.exchange_bits);
}

const char *
scan_tls_unknown(const struct scan_result *result)
{
	const struct gp_probe_record *r = gp_probe_record(result->probe);
	const char *none = r->replies[GP_PROBE_STARTTLS].none;
	if (r->tls_tried || r->starttls == GP_PROBE_STARTTLS_ABSENT ||
	    r->starttls == GP_PROBE_STARTTLS_BROKEN)
		return NULL;
	return r->mode != GP_PROBE_MODE_TLS && none ? none : r->end_why;
}

static const char in_other_name[] =
	"the address was asked in another name, and may have another certificate for this one";

/* --- DANE --- */

size_t
scan_dane_links(const struct gp_tls_shown *s, struct gp_dane_link ret[GP_TLS_LINKS_MAX])
{
	for (size_t i = 0; i < s->links_len; i++)
		ret[i] = (struct gp_dane_link){s->links[i].certificate, s->links[i].spki,
					       s->links[i].signed_by_next};
	return s->links_len;
}

bool
scan_dane_matches(const struct gp_dane_result *dane, const struct gp_tls_shown *s)
{
	struct gp_dane_link links[GP_TLS_LINKS_MAX];
	size_t len = scan_dane_links(s, links);
	for (size_t i = 0; i < dane->records_len; i++) {
		if (gp_dane_matches(&dane->records[i], links, len))
			return true;
	}
	return false;
}

static void
judge_dane(const struct judging *j)
{
	const struct scan_view *v = j->view;
	if (!v->dane || v->dane_outcome == GP_DANE_ABSENT)
		return;
	const char *base = shown(j, v->dane->base);
	const char *unknown = scan_tls_unknown(j->view->result);
	if (v->dane_outcome == GP_DANE_TROUBLE)
		tell(j, &dane_trouble, GP_FINDING_FAIL, dane_trouble.severity, "of %s", base);
	else if (v->dane_outcome == GP_DANE_UNUSABLE)
		tell(j, &dane_unusable, GP_FINDING_FAIL, dane_unusable.severity, "of %s", base);
	else if (unknown)
		tell(j, &dane_mismatch, GP_FINDING_NOT_MEASURED, dane_mismatch.severity, "%s",
		     unknown);
	else if (!j->tls->ok)
		tell(j, &dane_no_tls, GP_FINDING_FAIL, dane_no_tls.severity, "of %s", base);
	else if (!scan_dane_matches(v->dane, j->shown) && was_asked_otherwise(j))
		tell(j, &dane_mismatch, GP_FINDING_NOT_MEASURED, dane_mismatch.severity, "%s",
		     in_other_name);
	else if (!scan_dane_matches(v->dane, j->shown))
		tell(j, &dane_mismatch, GP_FINDING_FAIL, dane_mismatch.severity,
		     "none of %zu of %s", v->dane->records_len, base);
	else
		tell(j, &dane_mismatch, GP_FINDING_PASS, dane_mismatch.severity, "one of %zu of %s",
		     v->dane->records_len, base);
}

/* --- MTA-STS --- */

/* Only those who enforce a policy are harmed. */
static uint8_t
sts_severity(const struct gp_mtasts_policy *policy)
{
	return policy->mode == GP_MTASTS_ENFORCE ? GP_SEVERITY_HIGH : GP_SEVERITY_LOW;
}

static void
judge_sts_host(const struct judging *j, const struct gp_mtasts_policy *policy)
{
	uint8_t severity = sts_severity(policy);
	const char *mode = gp_mtasts_mode_name(policy->mode);
	struct gp_slice host = j->view->host->host;
	bool named = gp_mtasts_policy_names(policy, host);
	tell(j, &sts_mx, named ? GP_FINDING_PASS : GP_FINDING_FAIL, severity,
	     "%zu patterns, in mode %s", policy->mx_len, mode);
	const char *wrong = !j->tls->ok                       ? "no TLS"
			    : j->tls->trust != GP_TLS_TRUSTED ? j->tls->trust_text
			    : !gp_server_name_in(host, j->tls->certificate.names)
				    ? "it is for other names"
				    : NULL;
	const char *unknown = scan_tls_unknown(j->view->result);
	if (!unknown && wrong && j->tls->ok && was_asked_otherwise(j))
		unknown = in_other_name;
	if (unknown) {
		tell(j, &sts_certificate, GP_FINDING_NOT_MEASURED, severity, "%s", unknown);
		return;
	}
	tell(j, &sts_certificate, wrong ? GP_FINDING_FAIL : GP_FINDING_PASS, severity,
	     "in mode %s: %s", mode, wrong ? wrong : "trusted, and for this host");
}

static void
judge_sts(const struct judging *j)
{
	const struct scan_policy *p = j->view->policy;
	if (!p || !j->view->host)
		return;
	if (p->record == GP_MTASTS_RECORD_UNKNOWN)
		tell(j, &sts_absent, GP_FINDING_NOT_MEASURED, sts_absent.severity,
		     "the DNS did not answer");
	else if (p->record == GP_MTASTS_RECORD_NONE)
		tell(j, &sts_absent, GP_FINDING_FAIL, sts_absent.severity, "no record");
	else if (p->record != GP_MTASTS_RECORD_OK)
		tell(j, &sts_broken, GP_FINDING_FAIL, sts_broken.severity,
		     "several records, or one that is malformed");
	else if (!p->policy)
		tell(j, &sts_broken, GP_FINDING_FAIL, sts_broken.severity, "%s",
		     shown(j, p->reason));
	else
		tell(j, &sts_broken, GP_FINDING_PASS, sts_broken.severity, "in mode %s",
		     gp_mtasts_mode_name(p->policy->mode));
	if (p->policy && p->policy->mode != GP_MTASTS_NONE)
		judge_sts_host(j, p->policy);
}

/* --- block lists --- */

static void
judge_listing(const struct judging *j, const struct gp_listing *l)
{
	const char *zone = shown(j, l->zone);
	const uint8_t *c = l->code;
	switch (l->state) {
	case GP_LISTING_YES:
		tell(j, &listed, GP_FINDING_FAIL, listed.severity, "%s: 127.%u.%u.%u %s", zone,
		     c[1], c[2], c[3], shown(j, l->reason));
		break;
	case GP_LISTING_NO:
		tell(j, &listed, GP_FINDING_PASS, listed.severity, "not in %s", zone);
		break;
	case GP_LISTING_REFUSED:
		tell(j, &listed, GP_FINDING_NOT_MEASURED, listed.severity,
		     "%s does not answer who asks by this resolver: 127.%u.%u.%u", zone, c[1], c[2],
		     c[3]);
		break;
	case GP_LISTING_ODD:
		tell(j, &listed, GP_FINDING_NOT_MEASURED, listed.severity,
		     "%s is no block list: it answers %u.%u.%u.%u", zone, c[0], c[1], c[2], c[3]);
		break;
	default:
		tell(j, &listed, GP_FINDING_NOT_MEASURED, listed.severity, "no answer of %s", zone);
	}
}

/* --- the other chain, which clients with other wishes are shown --- */

const struct scan_certificates *
scan_other_chain(const struct scan_result *r)
{
	const struct gp_tls_link *first = &r->tls.shown.links[0];
	for (size_t i = 0; r->survey && r->tls.shown.links_len > 0 && i < SCAN_CHAINS; i++) {
		const struct gp_tls_shown *s = &r->survey->chains[i].shown;
		if (s->links_len > 0 &&
		    memcmp(s->links[0].certificate.sha256, first->certificate.sha256,
			   sizeof(first->certificate.sha256)) != 0)
			return &r->survey->chains[i];
	}
	return NULL;
}

static const char *
key_of(const struct gp_tls_shown *s)
{
	return strcmp(s->links[0].key, "RSA") == 0 ? "RSA: " : "ECDSA: ";
}

static void
judge_other(const struct judging *j, const struct scan_certificates *other)
{
	struct judging its = *j;
	its.certificate = &other->certificate;
	its.shown = &other->shown;
	its.which = key_of(its.shown);
	judge_certificate(&its);
	if (j->view->dane_outcome == GP_DANE_USABLE)
		judge_dane(&its);
}

/* What a survey found out says the same of all that is taken, not of what was taken once. */
static int
judge_tls(const struct judging *j, const char *software)
{
	const struct scan_surveyed *s = j->view->result->survey;
	if (j->tls->ok && !(s && gp_survey_agreed(&s->facts)))
		judge_session(j);
	return s ? gp_survey_findings(&s->facts, j->view->port, software, j->findings) : 0;
}

int
scan_findings(const struct scan_view *view, const char *software, struct gp_findings *findings)
{
	struct judging j = {
		.view = view,
		.tls = &view->result->tls,
		.findings = findings,
		.submission = view->port == 587 || view->port == 465,
		.certificate = &view->result->tls.certificate,
		.shown = &view->result->tls.shown,
		.which = "",
	};
	const struct scan_certificates *other = scan_other_chain(view->result);
	if (other)
		j.which = key_of(j.shown);
	if (j.tls->ok)
		judge_certificate(&j);
	judge_dane(&j);
	if (other)
		judge_other(&j, other);
	j.which = "";
	judge_sts(&j);
	for (size_t i = 0; i < view->result->listings.len; i++)
		judge_listing(&j, &view->result->listings.items[i]);
	int r = judge_tls(&j, software);
	return findings->arena->failed ? -ENOMEM : r;
}
