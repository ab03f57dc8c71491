/* SPDX-License-Identifier: Apache-2.0 */
/* The way to p=reject, a policy at a time, so that no good mail is lost on it. */
#include "core/posture/parts.h"

/* When the next step may be taken at the earliest: the policy in force has had its time. */
static uint64_t
next_step_s(struct posture_run *run, uint8_t policy)
{
	uint64_t now_s = run->query->now_s, served_s = 0;
	if (policy == GP_DMARC_P_ABSENT)
		return now_s;
	const struct gp_posture_past *past = posture_unchanged(
		run, GP_SLICE("dmarc.p"), gp_slice_str(gp_dmarc_policy_name(policy)));
	if (past)
		served_s = GP_MIN(posture_age_s(run, past->since_s), (uint64_t)GP_POSTURE_STAGE_S);
	return now_s + GP_POSTURE_STAGE_S - served_s;
}

struct gp_slice
posture_dmarc_stages(struct posture_run *run, const struct gp_dmarc_record *wanted, uint8_t policy)
{
	struct gp_slice text =
		GP_SLICE("a policy at a time, by the reports of 30 days in which all "
			 "mail of your own passes\n(mend what does not, and begin the "
			 "30 days again):");
	struct gp_slice hit = posture_sent_hit(run);
	uint64_t when_s = next_step_s(run, policy);
	struct gp_dmarc_record r = *wanted;
	text = gp_arena_printf(run->arena, "%.*s%.*s", GP_SLICE_FMT(text), GP_SLICE_FMT(hit));
	for (uint8_t p = policy + 1; p <= GP_DMARC_P_REJECT; p++) {
		r.p = p;
		text = gp_arena_printf(run->arena, "%.*s\n%s %.*s: %.*s", GP_SLICE_FMT(text),
				       when_s > run->query->now_s ? "not before" : "from",
				       GP_SLICE_FMT(posture_day(run, when_s)),
				       GP_SLICE_FMT(posture_dmarc_text(run, &r)));
		when_s += GP_POSTURE_STAGE_S;
	}
	return text;
}
