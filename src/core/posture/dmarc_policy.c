/* SPDX-License-Identifier: Apache-2.0 */
/* What the DMARC record asks receivers to do with mail that fails (RFC 9989 section 4.7). */
#include "core/posture/dmarc.h"

static const struct gp_finding_kind
	none = {"dmarc.p.none", GP_SEVERITY_HIGH, "the policy is to do nothing",
		"mail that is proven to be forged is delivered all the same"},
	quarantine = {"dmarc.p.quarantine", GP_SEVERITY_LOW, "the policy is quarantine",
		      "forged mail still arrives, in a folder where some look for lost mail"},
	parked = {"dmarc.parked.weak", GP_SEVERITY_HIGH,
		  "it sends no mail, and does not ask for all of it to be refused",
		  "no good mail could be lost, and anybody can send as this domain"},
	sp_weak = {"dmarc.sp.weak", GP_SEVERITY_HIGH, "names below have a weaker policy",
		   "whoever is kept from sending as the domain sends as a name below it"},
	np_weak = {"dmarc.np.weak", GP_SEVERITY_MEDIUM,
		   "names that are not there have a weaker policy",
		   "an attacker makes up a name below the domain, which needs no record"},
	np_wild = {"dmarc.np.wildcard", GP_SEVERITY_MEDIUM, "np speaks of no name",
		   "a wildcard makes all names be there, so the weaker policy of those that are is "
		   "in force for made-up ones, too (RFC 9989 section 4.7)"},
	testing = {"dmarc.t", GP_SEVERITY_INFO, "test mode",
		   "receivers apply the next milder policy (RFC 9989 section 4.7)"},
	psd = {"dmarc.psd", GP_SEVERITY_INFO, "it says that it is a public suffix",
	       "only registries say psd=y: names below become organisations of their own"},
	sp_on_sub = {"dmarc.sp.on.sub", GP_SEVERITY_LOW, "sp or np where it says nothing",
		     "only the organisational domain's record speaks for names below"};

/* Was there no record before, and since *ret_s this policy: has its beginning been seen? */
static bool
has_begun(struct posture_run *run, const struct gp_posture_past *p, uint64_t *ret_s)
{
	const struct gp_posture_past *record = posture_past(run, GP_SLICE("dmarc"));
	bool now = record && gp_slice_eq(record->value, GP_SLICE("none"));
	bool then = record && p && gp_slice_eq(record->before, GP_SLICE("none")) &&
		    p->before.len == 0 && p->since_s == record->since_s;
	*ret_s = now ? run->query->now_s : then ? p->since_s : 0;
	return now || then;
}

/* It is how to begin, for some weeks, and with reports that somebody reads. What was there before
   the first look may be of any age. */
static void
find_none(struct posture_run *run, const struct gp_dmarc_record *record,
	  const struct gp_dmarc_record *r)
{
	const struct gp_posture_past *p = posture_unchanged(
		run, GP_SLICE("dmarc.p"), gp_slice_str(gp_dmarc_policy_name(GP_DMARC_P_NONE)));
	struct posture_mend m = posture_dmarc_climb(run, record, r, "");
	uint64_t since_s;
	bool begun = has_begun(run, p, &since_s);
	uint64_t told_s = posture_sent_none_s(run);
	bool told_old = told_s > 0 && posture_age_s(run, told_s) > GP_POSTURE_POLICY_AGE_S;
	bool young = begun && run->reported && !told_old &&
		     posture_age_s(run, since_s) <= GP_POSTURE_POLICY_AGE_S;
	m.fix = posture_dmarc_stages(run, r, GP_DMARC_P_NONE);
	if (p)
		m.evidence = gp_arena_printf(run->arena, "p=none since %.*s%s: %.*s",
					     GP_SLICE_FMT(posture_day(run, p->since_s)),
					     begun || p->before.len > 0 ? "" : " or longer",
					     GP_SLICE_FMT(m.evidence));
	if (told_old)
		m.evidence = gp_arena_printf(run->arena, "p=none in reports since %.*s: %.*s",
					     GP_SLICE_FMT(posture_day(run, told_s)),
					     GP_SLICE_FMT(m.evidence));
	posture_add(run, &none, young ? GP_SEVERITY_MEDIUM : none.severity, &m);
}

void
posture_judge_dmarc_policy(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	uint8_t class = run->facts->class;
	bool sends_none = class == GP_POSTURE_PARKED || class == GP_POSTURE_RECEIVING;
	if (r.p == GP_DMARC_P_REJECT)
		return;
	r.p = GP_DMARC_P_REJECT;
	r.sp = r.np = GP_DMARC_P_ABSENT;
	if (sends_none && gp_slice_eq(run->facts->dmarc.at, run->facts->domain)) {
		struct posture_mend m = {posture_show_txt(run, &run->dmarc->answer),
					 GP_SLICE("publish the set for domains that send no mail"),
					 NULL, 0};
		m.records = posture_lock_down(run, &m.records_len);
		posture_add(run, &parked, parked.severity, &m);
	} else if (record->p == GP_DMARC_P_QUARANTINE) {
		struct posture_mend m = posture_dmarc_climb(run, record, &r, "");
		m.fix = posture_dmarc_stages(run, &r, GP_DMARC_P_QUARANTINE);
		posture_add(run, &quarantine, quarantine.severity, &m);
	} else {
		find_none(run, record, &r);
	}
}

void
posture_judge_dmarc_below(struct posture_run *run, const struct gp_dmarc_record *record,
			  bool is_org)
{
	struct gp_dmarc_record r = *record;
	bool weak_sp = r.sp != GP_DMARC_P_ABSENT && r.sp < r.p;
	bool weak_np = r.np != GP_DMARC_P_ABSENT && r.np < r.p;
	if (!is_org) {
		r.sp = r.np = GP_DMARC_P_ABSENT;
		if (record->sp != GP_DMARC_P_ABSENT || record->np != GP_DMARC_P_ABSENT)
			posture_dmarc_find(run, &sp_on_sub, &r,
					   "say it at the organisational domain");
		return;
	}
	if (weak_sp) {
		r.sp = GP_DMARC_P_ABSENT;
		posture_dmarc_find_weak(run, &sp_weak, record, &r,
					"without sp the policy is that of the domain");
	}
	r = *record;
	if (weak_np) {
		r.np = GP_DMARC_P_ABSENT;
		r.sp = weak_sp ? GP_DMARC_P_ABSENT : r.sp;
		posture_dmarc_find(run, &np_weak, &r,
				   "without np the policy is that of names that are there");
	}
	r = *record;
	uint8_t sp = r.sp != GP_DMARC_P_ABSENT ? r.sp : r.p;
	if (r.np > sp && posture_is_wild(run, run->facts->dmarc.at)) {
		r.sp = r.np;
		posture_dmarc_find_weak(run, &np_wild, record, &r,
					"let sp be as strict as np, or take the wildcard out");
	}
}

void
posture_judge_dmarc_modes(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	if (r.testing) {
		r.testing = false;
		posture_dmarc_find_weak(run, &testing, record, &r,
					"take t=y out when the reports are clean");
	}
	r = *record;
	if (r.psd == GP_DMARC_PSD_YES) {
		r.psd = GP_DMARC_PSD_UNKNOWN;
		posture_dmarc_find(run, &psd, &r, "take psd=y out");
	}
}
