/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLSA records of the MX hosts: RFC 7672. What can be told without the hosts is told without them;
 * where they were met, records are held against their keys, and proposed of them.
 */
#include "core/dane/dane.h"

#include "core/dane/server_name.h"
#include "core/posture/met.h"

static const struct gp_finding_kind
	none = {"dane.none", GP_SEVERITY_INFO, "no TLSA records",
		"by DANE senders know that a host takes TLS, and by which key (RFC 7672)"},
	mismatch = {"dane.mismatch", GP_SEVERITY_CRITICAL, "no TLSA record matches the host",
		    "senders that hold to DANE deliver no mail there (RFC 7672 section 2.2)"},
	usage = {"dane.usage01", GP_SEVERITY_HIGH, "TLSA records of usages 0 and 1",
		 "they count for nothing with SMTP (RFC 7672 section 3.1.3): senders want TLS, and "
		 "prove nothing"},
	insecure = {"dane.insecure", GP_SEVERITY_HIGH, "TLSA records that DNSSEC does not prove",
		    "nobody goes by them (RFC 7672 section 2.2)"},
	rollover = {"dane.rollover.none", GP_SEVERITY_LOW, "one TLSA record alone",
		    "with the next key mail stops, unless the record of that key was there before "
		    "(RFC 7671 section 8.1)"},
	anchor = {"dane.ta.notinchain", GP_SEVERITY_HIGH,
		  "the certificate of a TLSA record is not sent",
		  "usage 2 names one of the chain, which the server has to send, its root too (RFC "
		  "7671 section 5.2)"},
	partial = {"dane.partial", GP_SEVERITY_MEDIUM, "some MX hosts lack TLSA records",
		   "who holds up the others takes the mail through these (RFC 7672 section 2.2.1)"},
	servfail = {"dane.servfail", GP_SEVERITY_HIGH, "the DNS fails for TLSA records",
		    "senders that hold to DANE must not use the host (RFC 7672 section 2.1.2)"};

/* Hosts with one fault, and the records of their keys that would mend it. */
struct fault {
	struct posture_list list;
	struct gp_finding_record *records;
	size_t records_len;
	bool unmended;        /* of some host the key is not known, or has no second record */
	struct gp_slice text; /* of the records, then */
};

struct hosts {
	struct fault none, usage, rollover;
	struct posture_list insecure, servfail;
	struct fault mismatch;
	struct posture_verdict anchor, keys; /* keys: what could not be told of them */
	size_t with;                         /* that have records, usable or not */
	size_t usable;
	bool unknown;
};

/* --- what to publish --- */

/* One record alone ends with its key, so that none is proposed without a second. */
static void
mend(struct posture_run *run, struct fault *f, struct gp_slice host, bool secure)
{
	enum { MAX = 64 };
	struct gp_finding_record live[MET_RECORDS_MAX];
	size_t len = posture_live_tlsa(run, host, live);
	if (!f->records)
		f->records = gp_arena_array(run->arena, MAX, sizeof(*f->records));
	if (len < 2 || !secure || !f->records || f->records_len + len > MAX)
		f->unmended = true;
	for (size_t i = 0; i < len && f->text.len < GP_FINDING_EVIDENCE_MAX; i++)
		f->text =
			gp_arena_printf(run->arena, "%.*s\n%.*s. TLSA %.*s", GP_SLICE_FMT(f->text),
					GP_SLICE_FMT(live[i].name), GP_SLICE_FMT(live[i].value));
	for (size_t i = 0; i < len && !f->unmended; i++)
		f->records[f->records_len++] = live[i];
}

static void
tell(struct posture_run *run, const struct gp_finding_kind *kind, const struct posture_list *list,
     const char *fix)
{
	const struct posture_mend m = {.evidence = list->text, .fix = gp_slice_str(fix)};
	if (list->len > 0)
		posture_add(run, kind, kind->severity, &m);
}

static void
tell_fault(struct posture_run *run, const struct gp_finding_kind *kind, const struct fault *f,
	   const char *fix)
{
	const struct posture_mend m = {
		.evidence = f->list.text,
		.fix = f->unmended && f->text.len > 0
			       ? gp_arena_printf(run->arena, "%s; of the keys as they are now:%.*s",
						 fix, GP_SLICE_FMT(f->text))
			       : gp_slice_str(fix),
		.records = f->records,
		.records_len = f->unmended ? 0 : f->records_len,
	};
	if (f->list.len > 0)
		posture_add(run, kind, kind->severity, &m);
}

/* --- records and keys --- */

/* Of usage 2 the name and the dates count, too (RFC 7672 section 3.1.2). */
static bool
matches(const struct posture_run *run, const struct posture_met *m,
	const struct gp_posture_chain *c, const struct gp_dns_record *r)
{
	if (!gp_dane_matches(r, c->links, c->links_len))
		return false;
	int64_t now = (int64_t)run->query->now_s;
	bool in_date = c->until_s == 0 || (c->from_s <= now && now <= c->until_s);
	return r->usage == GP_DANE_EE || (in_date && gp_server_name_in(m->name, c->names));
}

static void
look_at_chain(struct posture_run *run, struct hosts *h, const struct posture_met *m,
	      const struct gp_posture_chain *c, const struct gp_dns_answer *tlsa)
{
	struct gp_dns_record usable[GP_DANE_RECORDS_MAX];
	size_t len = gp_dane_select(tlsa->records, tlsa->records_len, usable), anchors = 0;
	for (size_t i = 0; i < len; i++) {
		if (matches(run, m, c, &usable[i]))
			return;
		anchors += usable[i].usage == GP_DANE_TA &&
			   !gp_dane_matches(&usable[i], c->links, c->links_len);
	}
	if (posture_met_otherwise(m)) {
		posture_cannot_tell(run, &h->keys, m, posture_other_name);
		return;
	}
	posture_list_add(run, &h->mismatch.list, "%.*s: none of %zu",
			 GP_SLICE_FMT(posture_met_show(run, m)), len);
	if (anchors > 0)
		posture_bad(run, &h->anchor, m, anchor.severity,
			    "%zu of usage 2, and %zu certificates sent", anchors, c->links_len);
}

static void
look_at_keys(struct posture_run *run, struct hosts *h, struct gp_slice host,
	     const struct gp_dns_answer *tlsa)
{
	size_t before = h->mismatch.list.len;
	for (size_t i = 0; i < run->met->len; i++) {
		const struct posture_met *m = &run->met->list[i];
		const char *unknown = posture_tls_unknown(m);
		if (!gp_slice_eq_nocase(m->name, host))
			continue;
		if (unknown)
			posture_cannot_tell(run, &h->keys, m, unknown);
		for (size_t k = 0; !unknown && k < m->host->chains_len; k++)
			look_at_chain(run, h, m, &m->host->chains[k], tlsa);
	}
	if (h->mismatch.list.len > before)
		mend(run, &h->mismatch, host, true);
}

static void
look_at_records(struct posture_run *run, struct hosts *h, struct gp_slice host,
		const struct gp_dns_answer *tlsa)
{
	size_t usable = 0, pkix = 0;
	for (size_t i = 0; i < tlsa->records_len; i++) {
		usable += gp_dane_record_usable(&tlsa->records[i]);
		pkix += tlsa->records[i].usage < GP_DANE_TA;
	}
	h->with++;
	h->usable += usable > 0;
	if (pkix > 0) {
		posture_list_add(run, &h->usage.list, "%.*s: %zu of %zu", GP_SLICE_FMT(host), pkix,
				 tlsa->records_len);
		mend(run, &h->usage, host, true);
	}
	if (usable > 0 && run->met)
		look_at_keys(run, h, host, tlsa);
	if (usable == 1 && tlsa->records_len == 1 && tlsa->records[0].usage == GP_DANE_EE) {
		posture_list_add(run, &h->rollover.list, "%.*s: %u %u %u", GP_SLICE_FMT(host),
				 tlsa->records[0].usage, tlsa->records[0].selector,
				 tlsa->records[0].matching);
		mend(run, &h->rollover, host, true);
	}
}

/* What the resolver said, and whose servers it asked. */
static void
list_failure(struct posture_run *run, struct hosts *h, const struct gp_dns_answer *tlsa)
{
	struct gp_slice servers = posture_servers(run, tlsa->name);
	posture_list_add(run, &h->servfail, "%.*s: %.*s%s%.*s", GP_SLICE_FMT(tlsa->name),
			 GP_SLICE_FMT(posture_failure(run, tlsa)),
			 servers.len > 0 ? "; its name servers: " : "", GP_SLICE_FMT(servers));
}

/* A failure matters where senders would ask: where the host's address is proven. */
static void
look_at_host(struct posture_run *run, struct hosts *h, struct gp_slice host)
{
	struct gp_dns_answer a, tlsa;
	struct gp_slice name = posture_name(run, "_25._tcp", host);
	bool known = posture_ask(run, host, GP_DNS_A, &a);
	known = known && name.ptr && posture_ask(run, name, GP_DNS_TLSA, &tlsa);
	if (!known)
		return;
	if (gp_dns_status_temporary(tlsa.status)) {
		h->unknown = true;
		if (a.secure)
			list_failure(run, h, &tlsa);
	} else if (tlsa.records_len == 0) {
		posture_list_add(run, &h->none.list, "%.*s", GP_SLICE_FMT(name));
		mend(run, &h->none, host, a.secure);
	} else if (!tlsa.secure) {
		h->with++;
		posture_list_add(run, &h->insecure, "%.*s", GP_SLICE_FMT(name));
	} else {
		look_at_records(run, h, host, &tlsa);
	}
}

/* --- all hosts --- */

static void
judge_absent(struct posture_run *run, const struct hosts *h)
{
	if (h->with > 0)
		tell_fault(run, &partial, &h->none, "publish TLSA records for all MX hosts");
	else if (h->unknown)
		posture_not_measured(run, &none, GP_SLICE("the DNS did not say"));
	else
		tell_fault(run, &none, &h->none,
			   "sign the zone, and publish 3 1 1 records of each host's key");
}

static void
judge_keys(struct posture_run *run, const struct hosts *h)
{
	if (h->usable == 0)
		return;
	if (!run->query->hosts) {
		posture_not_measured(run, &mismatch, GP_SLICE("the hosts were not looked at"));
		return;
	}
	tell_fault(run, &mismatch, &h->mismatch,
		   "publish those of the key that is shown; next time publish the new key's "
		   "records first, wait until the old answers are forgotten, and then change the "
		   "key (RFC 7671 section 8.1)");
	if (h->mismatch.list.len == 0 && h->keys.unknown.len > 0)
		posture_not_measured(run, &mismatch, h->keys.unknown.text);
	if (h->anchor.bad.len > 0)
		posture_tell(run, &anchor, &h->anchor,
			     GP_SLICE("let the server send that certificate behind its own"));
}

void
posture_judge_dane(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct hosts h = {};
	for (size_t i = 0; run->met && i < GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX); i++)
		look_at_host(run, &h, f->mx.records[i].name);
	judge_absent(run, &h);
	tell(run, &servfail, &h.servfail, "let the name servers answer for this name");
	if (run->query->validated)
		tell(run, &insecure, &h.insecure, "sign the zone, or take the records out");
	else if (h.insecure.len > 0)
		posture_not_measured(run, &insecure,
				     GP_SLICE("the answers were not validated by DNSSEC"));
	tell_fault(run, &usage, &h.usage, "publish 3 1 1, or 2 1 1, instead");
	tell_fault(run, &rollover, &h.rollover,
		   "publish the next key's record beside it, or 2 1 1");
	judge_keys(run, &h);
}
