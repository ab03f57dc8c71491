/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS and certificates of the MX hosts, as they were met: RFC 3207, 9325. How grave a fault of a
 * certificate is hangs on who looks at it: nobody does who encrypts because he can (RFC 7435
 * section 3); whoever holds to MTA-STS delivers nothing (RFC 8461 section 4.2); and who goes by a
 * TLSA record of the key looks at neither names nor dates (RFC 7672 section 3.1.1).
 */
#include "core/dane/server_name.h"
#include "core/hello/findings.h"
#include "core/message/date.h"
#include "core/posture/met.h"
#include "core/probe/findings.h"

enum {
	DAY_S = 24 * 60 * 60,
	SOON_DAYS = 14,
};

static const struct gp_finding_kind
	none = {"tls.none", GP_SEVERITY_CRITICAL, "an MX host offers no TLS",
		"all mail to it goes in clear, to be read and changed on its way"},
	broken = {"tls.broken", GP_SEVERITY_CRITICAL, "an MX host's TLS does not work",
		  "some senders go on in clear, others deliver nothing"},
	old = {"tls.old", GP_SEVERITY_HIGH, "old versions of TLS are taken",
	       "they are broken, and careful clients have left them (RFC 9325 section 3.1.1)"},
	weak = {"tls.weakcipher", GP_SEVERITY_MEDIUM, "weak suites are taken",
		"with a broken cipher, or without ephemeral keys, what was recorded can be read "
		"later (RFC 9325 section 4.1)"},
	compression = {"tls.compression", GP_SEVERITY_MEDIUM, "TLS compresses",
		       "lengths tell what is inside (RFC 9325 section 3.3)"},
	renegotiation = {"tls.reneg", GP_SEVERITY_LOW, "renegotiation is not secured",
			 "who is on the way may put text before a client's (RFC 5746, RFC 9325 "
			 "section 3.5)"},
	clear = {"auth.clear", GP_SEVERITY_HIGH, "passwords may be sent in clear",
		 "AUTH with a password is offered outside TLS (RFC 4954 section 9)"},
	expired = {"cert.expired", GP_SEVERITY_LOW, "a certificate is out of date",
		   "whoever checks it delivers nothing"},
	soon = {"cert.soon", GP_SEVERITY_LOW, "a certificate expires soon",
		"renewal that works is done by then"},
	other_name = {"cert.name", GP_SEVERITY_LOW, "a certificate is for other names",
		      "whoever checks it, as MTA-STS demands (RFC 8461 section 4.1), delivers "
		      "nothing"},
	chain = {"cert.chain", GP_SEVERITY_LOW, "no known authority vouches for a certificate",
		 "enough for opportunistic TLS and for DANE, and for nothing else"},
	self = {"cert.self", GP_SEVERITY_LOW, "a certificate vouches for itself",
		"enough for opportunistic TLS and for DANE, and for nothing else"},
	key = {"cert.key", GP_SEVERITY_MEDIUM, "a key or a signature is weak",
	       "RSA wants 2048 bits, elliptic curves 224 (RFC 9325 section 4.5), signatures no "
	       "hash that is broken (section 4.6)"};

/* --- who goes by what --- */

static bool
is_proven_by_key(struct posture_run *run, const struct posture_met *m,
		 const struct gp_posture_chain *c)
{
	struct gp_dns_answer tlsa;
	struct gp_slice owner = posture_name(run, "_25._tcp", m->name);
	if (!m->secure || !owner.ptr || !posture_ask(run, owner, GP_DNS_TLSA, &tlsa) ||
	    !tlsa.secure)
		return false;
	for (size_t i = 0; i < tlsa.records_len; i++) {
		const struct gp_dns_record *r = &tlsa.records[i];
		if (r->usage == GP_DANE_EE && gp_dane_record_usable(r) &&
		    gp_dane_matches(r, c->links, c->links_len))
			return true;
	}
	return false;
}

static uint8_t
severity_of(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c)
{
	const struct gp_mtasts_policy *policy = run->met->policy;
	if (policy && policy->mode == GP_MTASTS_ENFORCE)
		return GP_SEVERITY_CRITICAL;
	if (policy && policy->mode == GP_MTASTS_TESTING)
		return GP_SEVERITY_MEDIUM;
	return is_proven_by_key(run, m, c) ? GP_SEVERITY_INFO : GP_SEVERITY_LOW;
}

/* --- the session --- */

typedef void
look(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v);

static void
look_none(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	if (m->host->tls == GP_POSTURE_TLS_NONE)
		posture_bad(run, v, m, none.severity, "EHLO's answer has no STARTTLS");
}

static void
look_broken(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	if (m->host->tls == GP_POSTURE_TLS_BROKEN)
		posture_bad(run, v, m, broken.severity, "%s", m->host->tls_why);
}

static const char no_survey[] = "what else it takes is not known without a survey of its TLS";

static void
look_old(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	const struct gp_posture_host *h = m->host;
	if (h->tls != GP_POSTURE_TLS_SPOKEN)
		return;
	if (h->old.len > 0)
		posture_bad(run, v, m, h->old_ssl ? GP_SEVERITY_HIGH : GP_SEVERITY_MEDIUM, "%.*s",
			    GP_SLICE_FMT(h->old));
	else if (!h->old_known)
		posture_cannot_tell(run, v, m, no_survey);
}

static void
look_weak(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	const struct gp_posture_host *h = m->host;
	if (h->tls != GP_POSTURE_TLS_SPOKEN)
		return;
	if (h->weak.len > 0)
		posture_bad(run, v, m, weak.severity, "%.*s", GP_SLICE_FMT(h->weak));
	else if (!h->weak_known)
		posture_cannot_tell(run, v, m, no_survey);
}

static void
look_compression(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	const struct gp_posture_host *h = m->host;
	if (h->tls != GP_POSTURE_TLS_SPOKEN)
		return;
	if (h->compression == GP_POSTURE_YES)
		posture_bad(run, v, m, compression.severity, "DEFLATE is taken");
	else if (h->compression == GP_POSTURE_ASK_NOT)
		posture_cannot_tell(run, v, m, no_survey);
}

static void
look_renegotiation(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	const struct gp_posture_host *h = m->host;
	if (h->tls != GP_POSTURE_TLS_SPOKEN)
		return;
	if (h->renegotiation == GP_POSTURE_NO)
		posture_bad(run, v, m, renegotiation.severity, "no renegotiation_info");
	else if (h->renegotiation == GP_POSTURE_ASK_NOT)
		posture_cannot_tell(run, v, m, no_survey);
}

static void
look_clear(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	if (m->host->auth_clear == GP_POSTURE_YES)
		posture_bad(run, v, m, clear.severity, "AUTH before STARTTLS");
	else if (m->host->auth_clear == GP_POSTURE_ASK_NOT)
		posture_cannot_tell(run, v, m, "EHLO was not answered in clear");
}

/* --- certificates --- */

typedef void
chain_look(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	   struct posture_verdict *v);

static void
look_expired(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	     struct posture_verdict *v)
{
	int64_t now = (int64_t)run->query->now_s;
	if (c->until_s != 0 && c->until_s < now)
		posture_bad(run, v, m, severity_of(run, m, c), "since %s",
			    gp_date_stamp((uint64_t)c->until_s).s);
	else if (c->until_s != 0 && c->from_s > now)
		posture_bad(run, v, m, severity_of(run, m, c), "not valid before %s",
			    gp_date_stamp((uint64_t)c->from_s).s);
}

static void
look_soon(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	  struct posture_verdict *v)
{
	int64_t left = c->until_s - (int64_t)run->query->now_s;
	if (c->until_s != 0 && left >= 0 && left < SOON_DAYS * DAY_S)
		posture_bad(run, v, m, GP_MIN(severity_of(run, m, c), GP_SEVERITY_HIGH), "on %s",
			    gp_date_stamp((uint64_t)c->until_s).s);
}

static void
look_name(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	  struct posture_verdict *v)
{
	if (gp_server_name_in(m->name, c->names))
		return;
	if (posture_met_otherwise(m))
		posture_cannot_tell(run, v, m, posture_other_name);
	else
		posture_bad(run, v, m, severity_of(run, m, c), "it is for %.*s",
			    GP_SLICE_FMT(c->names));
}

static void
look_chain(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	   struct posture_verdict *v)
{
	if (c->trust == GP_POSTURE_UNTRUSTED)
		posture_bad(run, v, m, severity_of(run, m, c), "%s", c->trust_why);
}

static void
look_self(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	  struct posture_verdict *v)
{
	if (c->trust == GP_POSTURE_SELF_SIGNED)
		posture_bad(run, v, m, severity_of(run, m, c), "it is for %.*s",
			    GP_SLICE_FMT(c->names));
}

static void
look_key(struct posture_run *run, const struct posture_met *m, const struct gp_posture_chain *c,
	 struct posture_verdict *v)
{
	if (c->weak.len > 0)
		posture_bad(run, v, m, key.severity, "%.*s", GP_SLICE_FMT(c->weak));
}

/* --- all of them --- */

static const struct row {
	const struct gp_finding_kind *kind;
	look *at_host;                                                    /* either this */
	chain_look *at_chain;                                             /* or that */
	const char *(*fix_of)(const char *kind_id, const char *software); /* NULL: `fix` */
	const char *fix; /* or the id that it has there */
} rows[] = {
	{&none, look_none, NULL, gp_probe_fix, "tls.absent"},
	{&broken, look_broken, NULL, gp_probe_fix, "tls.broken"},
	{&old, look_old, NULL, gp_survey_fix, "tls.version.tls1_0"},
	{&weak, look_weak, NULL, gp_survey_fix, "tls.cipher.weak"},
	{&compression, look_compression, NULL, gp_survey_fix, "tls.compression"},
	{&renegotiation, look_renegotiation, NULL, gp_survey_fix, "tls.renegotiation"},
	{&clear, look_clear, NULL, gp_probe_fix, "auth.in_clear"},
	{&expired, NULL, look_expired, NULL, "renew it, and find out why that did not happen"},
	{&soon, NULL, look_soon, NULL, "renew it"},
	{&other_name, NULL, look_name, NULL, "get one for the name in the MX record"},
	{&chain, NULL, look_chain, NULL,
	 "get one of a public authority, and let the server send those between, too"},
	{&self, NULL, look_self, NULL, "get one of a public authority, or publish TLSA records"},
	{&key, NULL, look_key, NULL, "make a new key: ECDSA with P-256, or RSA with 2048 bits"},
};

static void
look_at(struct posture_run *run, const struct row *row, const struct posture_met *m,
	struct posture_verdict *v)
{
	const char *unknown = posture_tls_unknown(m);
	bool met = m->host->reach == GP_POSTURE_MET;
	/* What is said in clear is known without TLS. */
	if (unknown && !(met && row->at_host == look_clear)) {
		posture_cannot_tell(run, v, m, unknown);
		return;
	}
	if (row->at_host) {
		row->at_host(run, m, v);
		return;
	}
	for (size_t i = 0; i < m->host->chains_len; i++)
		row->at_chain(run, m, &m->host->chains[i], v);
}

void
posture_judge_tls(struct posture_run *run)
{
	if (!run->query->hosts || !run->met || !posture_takes_mail(run))
		return;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct posture_verdict v = {};
		for (size_t k = 0; k < run->met->len; k++)
			look_at(run, row, &run->met->list[k], &v);
		const char *fix = row->fix_of ? row->fix_of(row->fix, v.software) : row->fix;
		posture_tell(run, row->kind, &v, gp_slice_str(fix));
	}
}
