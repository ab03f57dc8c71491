/* SPDX-License-Identifier: Apache-2.0 */
/* The way to p=reject, a policy at a time, so that no good mail is lost on it. */
#include "core/posture/dmarc.h"

/* --- when --- */

/* Since when reports tell of the policy in force; 0: they do not tell. */
static uint64_t
reported_since_s(const struct posture_run *run, uint8_t policy)
{
	return policy == GP_DMARC_P_NONE ? posture_sent_none_s(run) : 0;
}

/* Did no look before this one see a policy, nor that there was none, and no reporter either? */
static bool
is_age_unknown(struct posture_run *run, uint8_t policy)
{
	return !posture_past(run, GP_SLICE("dmarc")) && !posture_past(run, GP_SLICE("dmarc.p")) &&
	       reported_since_s(run, policy) == 0;
}

/* When the next step may be taken at the earliest: the policy in force has had its time. */
static uint64_t
next_step_s(struct posture_run *run, uint8_t policy)
{
	uint64_t now_s = run->query->now_s, since_s = reported_since_s(run, policy);
	if (policy == GP_DMARC_P_ABSENT)
		return now_s;
	if (!run->reported || posture_sent_fails(run))
		return now_s + GP_POSTURE_STAGE_S;
	if (is_age_unknown(run, policy))
		return now_s;
	const struct gp_posture_past *past = posture_unchanged(
		run, GP_SLICE("dmarc.p"), gp_slice_str(gp_dmarc_policy_name(policy)));
	if (past)
		since_s = since_s == 0 ? past->since_s : GP_MIN(since_s, past->since_s);
	uint64_t served_s = since_s == 0 ? 0 : posture_age_s(run, since_s);
	return now_s + GP_POSTURE_STAGE_S - GP_MIN(served_s, (uint64_t)GP_POSTURE_STAGE_S);
}

/* --- which --- */

/* A record above the domain speaks for others, too. */
static bool
loses_nothing(const struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	return (f->class == GP_POSTURE_PARKED || f->class == GP_POSTURE_RECEIVING) &&
	       gp_slice_eq(f->dmarc.at, f->domain);
}

static uint8_t
above(uint8_t policy)
{
	return policy == GP_DMARC_P_REJECT ? policy : (uint8_t)(policy + 1);
}

/* Out of the test mode is a step of its own: receivers apply the next milder policy in it (RFC 9989
   section 4.7). */
static struct gp_posture_stage
one_step_up(const struct gp_posture_stage *from)
{
	struct gp_posture_stage to = *from;
	to.testing = false;
	if (from->testing && from->p > GP_DMARC_P_NONE)
		return to;
	to.p = above(from->p);
	to.sp = above(from->sp);
	return to;
}

void
posture_dmarc_find_stage(struct posture_run *run, const struct gp_dmarc_record *in_force)
{
	const struct gp_posture_query *q = run->query;
	struct gp_posture_stage *stage = &run->facts->dmarc.stage;
	*stage = (struct gp_posture_stage){};
	if (in_force)
		*stage = (struct gp_posture_stage){
			.p = in_force->p,
			.sp = in_force->sp != GP_DMARC_P_ABSENT ? in_force->sp : in_force->p,
			.testing = in_force->testing};
	if (q->stage) {
		*stage = *q->stage;
	} else if (loses_nothing(run)) {
		stage->p = stage->sp = GP_DMARC_P_REJECT;
		stage->testing = false;
	} else if (q->policy_wanted != GP_DMARC_P_ABSENT) {
		stage->testing &= stage->p > q->policy_wanted;
		stage->p = GP_MAX(stage->p, q->policy_wanted);
		stage->sp = GP_MAX(stage->sp, q->policy_wanted);
	} else if (next_step_s(run, stage->p) <= q->now_s) {
		*stage = one_step_up(stage);
	}
	stage->class = run->facts->class;
}

/* Below the organisational domain sp says nothing (RFC 9989 section 4.10.1): none is added. */
static bool
has_names_below(const struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	return f->org.len == 0 || gp_slice_eq(f->dmarc.at, f->org);
}

bool
posture_dmarc_limit(const struct posture_run *run, struct gp_dmarc_record *record)
{
	const struct gp_posture_stage *stage = &run->facts->dmarc.stage;
	uint8_t sp = record->sp != GP_DMARC_P_ABSENT ? record->sp : record->p;
	bool testing = record->testing || (stage->testing && record->p >= stage->p);
	if (record->p <= stage->p && sp <= stage->sp && testing == record->testing)
		return false;
	record->testing = testing;
	record->p = GP_MIN(record->p, stage->p);
	sp = has_names_below(run) ? GP_MIN(sp, stage->sp) : record->p;
	record->sp = sp == record->p ? GP_DMARC_P_ABSENT : sp;
	return true;
}

/* --- for people --- */

/* The day of the step that is proposed, or of a later one, and on what condition. */
static struct gp_slice
show_day(struct posture_run *run, uint8_t policy, uint64_t when_s, bool proposed)
{
	bool waits = when_s > run->query->now_s;
	bool asks = proposed && policy != GP_DMARC_P_ABSENT && is_age_unknown(run, policy);
	return gp_arena_printf(run->arena, "%s %.*s%s%s%s", waits ? "not before" : "from",
			       GP_SLICE_FMT(posture_day(run, when_s)), asks ? ", if p=" : "",
			       asks ? gp_dmarc_policy_name(policy) : "",
			       asks ? " has had its 30 days" : "");
}

struct gp_slice
posture_dmarc_stages(struct posture_run *run, const struct gp_dmarc_record *wanted, uint8_t policy)
{
	struct gp_slice text =
		GP_SLICE("a policy at a time, by the reports of 30 days in which all "
			 "mail of your own passes\n(mend what does not, and begin the "
			 "30 days again):");
	const struct gp_posture_stage *stage = &run->facts->dmarc.stage;
	struct gp_slice hit = posture_sent_hit(run);
	bool proposed = stage->p > policy;
	uint64_t when_s = proposed ? run->query->now_s : next_step_s(run, policy);
	struct gp_dmarc_record r = *wanted;
	text = gp_arena_printf(run->arena, "%.*s%.*s", GP_SLICE_FMT(text), GP_SLICE_FMT(hit));
	for (unsigned p = proposed ? stage->p : policy + 1u; p <= GP_DMARC_P_REJECT; p++) {
		r = *wanted;
		r.p = (uint8_t)p;
		if (proposed && p == stage->p)
			(void)posture_dmarc_limit(run, &r);
		text = gp_arena_printf(
			run->arena, "%.*s\n%.*s: %.*s", GP_SLICE_FMT(text),
			GP_SLICE_FMT(show_day(run, policy, when_s, proposed && p == stage->p)),
			GP_SLICE_FMT(posture_dmarc_text(run, &r)));
		when_s += GP_POSTURE_STAGE_S;
	}
	return text;
}
