/* SPDX-License-Identifier: Apache-2.0 */
/* What DNSSEC proves of the domain's answers, and how well: RFC 4035, RFC 8624. */
#include "core/posture/parts.h"

static const struct gp_finding_kind
	none = {"dnssec.none", GP_SEVERITY_LOW, "the domain is not signed by DNSSEC",
		"who forges answers on their way leads its mail elsewhere, and DANE is out of "
		"reach"},
	bogus = {"dnssec.bogus", GP_SEVERITY_CRITICAL, "DNSSEC proves answers to be wrong",
		 "resolvers that validate get nothing (RFC 4035 section 5.5): to their users the "
		 "domain is not there, and its mail comes back"},
	weak = {"dnssec.weakalg", GP_SEVERITY_MEDIUM,
		"DNSSEC by an algorithm that is no longer safe",
		"who can make two texts of one digest has forged answers proven; other resolvers "
		"take the zone for unsigned (RFC 8624 section 3.1)"};

/* --- bogus --- */

/* What is bogus elsewhere, at a host or a provider, harms less: the rest goes on. */
static void
judge_bogus(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_list list = {};
	struct gp_slice org = f->org.len > 0 ? f->org : f->domain;
	bool own = false;
	for (size_t i = 0; i < run->bogus_len; i++) {
		const struct gp_dns_answer *a = &run->bogus[i];
		own |= gp_dmarc_is_within(a->name, org);
		posture_list_add(run, &list, "%.*s %s%s%.*s", GP_SLICE_FMT(a->name),
				 posture_type_name(a->type), a->trouble.len > 0 ? ": " : "",
				 GP_SLICE_FMT(a->trouble));
	}
	const struct posture_mend m = {
		.evidence = list.text,
		.fix = GP_SLICE("sign the zone anew, and let the DS records in the zone above be "
				"those of its keys; or take these out until it is signed well")};
	if (list.len > 0)
		posture_add(run, &bogus, own ? bogus.severity : GP_SEVERITY_HIGH, &m);
}

/* --- algorithms --- */

/* RFC 8624 section 3.1: must not, or should not, be signed with. NULL: good, or not known. */
static const char *
weak_algorithm(uint8_t algorithm)
{
	static const char *const names[] = {
		[1] = "RSAMD5",
		[3] = "DSA",
		[5] = "RSASHA1",
		[6] = "DSA-NSEC3-SHA1",
		[7] = "RSASHA1-NSEC3-SHA1",
		[12] = "ECC-GOST",
	};
	return algorithm < GP_ARRAY_LEN(names) ? names[algorithm] : NULL;
}

/* SHA-1 counts where nothing better stands beside it (RFC 4509 section 3). */
static bool
is_digest_weak(const struct gp_dns_answer *ds)
{
	enum { SHA1 = 1, SHA256 = 2, SHA384 = 4 };
	bool old = false, good = false;
	for (size_t i = 0; i < ds->records_len; i++) {
		uint8_t type = ds->records[i].digest_type;
		old |= type == SHA1;
		good |= type == SHA256 || type == SHA384;
	}
	return old && !good;
}

static void
list_weak(struct posture_run *run, const struct gp_dns_answer *answer, struct posture_list *list)
{
	uint32_t seen = 0; /* one bit an algorithm */
	for (size_t i = 0; i < answer->records_len; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		const char *name = weak_algorithm(r->algorithm);
		if (!name || seen & 1U << r->algorithm)
			continue;
		seen |= 1U << r->algorithm;
		posture_list_add(run, list, "%.*s %s: algorithm %u, %s", GP_SLICE_FMT(answer->name),
				 posture_type_name(answer->type), r->algorithm, name);
	}
}

/* Is it the apex of a zone that has keys? */
static bool
judge_zone(struct posture_run *run, struct gp_slice zone)
{
	struct gp_dns_answer ds, keys;
	struct posture_list list = {};
	bool known = posture_ask(run, zone, GP_DNS_DNSKEY, &keys);
	known &= posture_ask(run, zone, GP_DNS_DS, &ds);
	if (!known)
		return true;
	if (gp_dns_status_temporary(keys.status) || gp_dns_status_temporary(ds.status)) {
		posture_unknown(run, &weak, gp_dns_status_temporary(keys.status) ? &keys : &ds);
		return true;
	}
	list_weak(run, &keys, &list);
	list_weak(run, &ds, &list);
	if (is_digest_weak(&ds))
		posture_list_add(run, &list, "%.*s DS: digests by SHA-1 alone", GP_SLICE_FMT(zone));
	const struct posture_mend m = {
		.evidence = list.text,
		.fix = GP_SLICE("roll over to ECDSAP256SHA256 (13), with a DS record of digest "
				"type 2 (RFC 6781 section 4.1.4)")};
	if (list.len > 0)
		posture_add(run, &weak, weak.severity, &m);
	return keys.records_len > 0;
}

/* A name that is no zone of its own lies in its organisation's. */
static void
judge_algorithms(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	if (!judge_zone(run, f->domain) && f->org.len > 0 && !gp_slice_eq(f->org, f->domain))
		(void)judge_zone(run, f->org);
}

/* --- all of it --- */

/* By its MX answer; one that says that there is none is proven as well. */
void
posture_judge_dnssec(struct posture_run *run)
{
	struct gp_dns_answer mx;
	const struct posture_mend m = {
		.evidence = gp_arena_printf(run->arena, "the MX answer of %.*s is not validated",
					    GP_SLICE_FMT(run->facts->domain)),
		.fix = GP_SLICE("sign the zone, and have its key named in the zone above")};
	if (!posture_ask(run, run->facts->domain, GP_DNS_MX, &mx))
		return;
	if (!run->query->validated)
		posture_not_measured(run, &none,
				     GP_SLICE("the answers were not validated by DNSSEC"));
	else if (!gp_dns_status_temporary(mx.status) && !mx.secure)
		posture_add(run, &none, none.severity, &m);
	else if (mx.secure)
		judge_algorithms(run);
	judge_bogus(run);
}
