/* SPDX-License-Identifier: Apache-2.0 */
/* TLSA records of the MX hosts, as far as they can be judged without the hosts: RFC 7672. */
#include "core/dane/dane.h"

#include "core/posture/parts.h"

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
	partial = {"dane.partial", GP_SEVERITY_MEDIUM, "some MX hosts lack TLSA records",
		   "who holds up the others takes the mail through these (RFC 7672 section 2.2.1)"},
	servfail = {"dane.servfail", GP_SEVERITY_HIGH, "the DNS fails for TLSA records",
		    "senders that hold to DANE must not use the host (RFC 7672 section 2.1.2)"};

struct hosts {
	struct posture_list none, usage, insecure, rollover, servfail;
	size_t with; /* that have records, usable or not */
	size_t usable;
	bool unknown;
};

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
	if (pkix > 0)
		posture_list_add(run, &h->usage, "%.*s: %zu of %zu", GP_SLICE_FMT(host), pkix,
				 tlsa->records_len);
	if (usable == 1 && tlsa->records_len == 1 && tlsa->records[0].usage == GP_DANE_EE)
		posture_list_add(run, &h->rollover, "%.*s: %u %u %u", GP_SLICE_FMT(host),
				 tlsa->records[0].usage, tlsa->records[0].selector,
				 tlsa->records[0].matching);
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
		posture_list_add(run, &h->none, "%.*s", GP_SLICE_FMT(name));
	} else if (!tlsa.secure) {
		h->with++;
		posture_list_add(run, &h->insecure, "%.*s", GP_SLICE_FMT(name));
	} else {
		look_at_records(run, h, host, &tlsa);
	}
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
judge_absent(struct posture_run *run, const struct hosts *h)
{
	if (h->with > 0)
		tell(run, &partial, &h->none, "publish TLSA records for all MX hosts");
	else if (h->unknown)
		posture_not_measured(run, &none, GP_SLICE("the DNS did not say"));
	else
		tell(run, &none, &h->none,
		     "sign the zone, and publish 3 1 1 records of each host's key");
}

void
posture_judge_dane(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct hosts h = {};
	for (size_t i = 0; i < GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX); i++)
		look_at_host(run, &h, f->mx.records[i].name);
	judge_absent(run, &h);
	tell(run, &servfail, &h.servfail, "let the name servers answer for this name");
	if (run->query->validated)
		tell(run, &insecure, &h.insecure, "sign the zone, or take the records out");
	else if (h.insecure.len > 0)
		posture_not_measured(run, &insecure,
				     GP_SLICE("the answers were not validated by DNSSEC"));
	tell(run, &usage, &h.usage, "publish 3 1 1, or 2 1 1, instead");
	tell(run, &rollover, &h.rollover, "publish the next key's record beside it, or 2 1 1");
	if (h.usable > 0)
		posture_not_measured(run, &mismatch, GP_SLICE("the hosts were not looked at"));
}
