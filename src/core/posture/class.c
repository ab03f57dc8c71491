/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of domain it is, by what it publishes; what one that sends no mail should publish. */
#include "core/posture/parts.h"

static bool
is_absent(struct posture_run *run)
{
	struct gp_dns_answer mx, a;
	bool known = posture_ask(run, run->facts->domain, GP_DNS_MX, &mx);
	known &= posture_ask(run, run->facts->domain, GP_DNS_A, &a);
	return known && mx.status == GP_DNS_NXDOMAIN && a.status == GP_DNS_NXDOMAIN;
}

/*
 * Who has DKIM keys sends, whatever SPF says of the envelope; so does a domain whose mail passes,
 * by the reports. Who has MX hosts and no SPF record may well send.
 */
void
posture_classify(struct posture_run *run)
{
	struct gp_posture_facts *f = run->facts;
	bool says_nobody = f->spf.present && f->spf.nobody;
	bool keys = f->dkim.keys > f->dkim.revoked;
	f->class = run->query->stage ? run->query->stage->class : GP_POSTURE_UNKNOWN;
	if (run->query->stage || !f->mx.known || !f->spf.known)
		return;
	if (is_absent(run))
		f->class = GP_POSTURE_ABSENT;
	else if (keys || posture_sent_passes(run))
		f->class = GP_POSTURE_SENDING;
	else if (says_nobody)
		f->class = f->mx.len > 0 ? GP_POSTURE_RECEIVING : GP_POSTURE_PARKED;
	else if (f->spf.present || f->mx.len > 0)
		f->class = GP_POSTURE_SENDING;
	else
		f->class = GP_POSTURE_PARKED;
}

const char *
gp_posture_class_name(uint8_t value)
{
	static const char *const names[] = {
		[GP_POSTURE_UNKNOWN] = "unknown",     [GP_POSTURE_SENDING] = "sending",
		[GP_POSTURE_RECEIVING] = "receiving", [GP_POSTURE_PARKED] = "parked",
		[GP_POSTURE_ABSENT] = "absent",
	};
	gp_assert(value < GP_ARRAY_LEN(names));
	return names[value];
}

/*
 * NCSC's and M3AAWG's set for parked domains, with np of RFC 9989. One that takes mail keeps its MX
 * records.
 */
const struct gp_finding_record *
posture_lock_down(struct posture_run *run, size_t *ret_len)
{
	enum { MAX = 5 };
	struct gp_slice d = run->facts->domain;
	struct gp_finding_record *set = gp_arena_array(run->arena, MAX, sizeof(*set));
	const struct gp_finding_record *agreement = posture_rua_agreement(run);
	size_t len = 0;
	*ret_len = 0;
	if (!set)
		return NULL;
	struct gp_slice dmarc = gp_arena_printf(
		run->arena, "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s%.*s",
		GP_SLICE_FMT(posture_rua(run)));
	set[len++] = (struct gp_finding_record){d, "TXT", GP_SLICE("v=spf1 -all")};
	set[len++] = (struct gp_finding_record){posture_name(run, "_dmarc", d), "TXT", dmarc};
	set[len++] = (struct gp_finding_record){posture_name(run, "*._domainkey", d), "TXT",
						GP_SLICE("v=DKIM1; p=")};
	if (run->facts->mx.len == 0)
		set[len++] = (struct gp_finding_record){d, "MX", GP_SLICE("0 .")};
	if (agreement)
		set[len++] = *agreement;
	*ret_len = len;
	return set;
}
