/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/posture.h"

#include <errno.h>

#include "core/identity/visible.h"
#include "core/posture/parts.h"

/* --- what the parts share --- */

static bool
is_needed(const struct posture_run *run, struct gp_slice name, uint16_t type)
{
	for (size_t i = 0; i < run->need_len; i++)
		if (run->need[i].type == type && gp_slice_eq_nocase(run->need[i].name, name))
			return true;
	return false;
}

bool
posture_ask(struct posture_run *run, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	if (gp_answers_find(run->answers, name, type, ret))
		return true;
	if (run->need_len < GP_POSTURE_NEED_MAX && !is_needed(run, name, type))
		run->need[run->need_len++] = (struct gp_dns_question){name, type};
	return false;
}

struct gp_slice
posture_name(struct posture_run *run, const char *label, struct gp_slice domain)
{
	return gp_arena_printf(run->arena, "%s.%.*s", label, GP_SLICE_FMT(domain));
}

void
posture_add(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
	    const struct posture_mend *mend)
{
	const struct gp_finding f = {
		.kind = kind,
		.state = GP_FINDING_FAIL,
		.severity = severity,
		.evidence = gp_visible(mend->evidence, run->arena),
		.fix = mend->fix,
		.records = mend->records,
		.records_len = mend->records_len,
	};
	gp_finding_put(run->findings, &f);
}

void
posture_unknown(struct posture_run *run, const struct gp_finding_kind *kind,
		const struct gp_dns_answer *answer)
{
	const char *what = answer->status == GP_DNS_TIMEOUT ? "no answer in time" : "SERVFAIL";
	const struct gp_finding f = {
		.kind = kind,
		.state = GP_FINDING_NOT_MEASURED,
		.severity = kind->severity,
		.evidence = gp_arena_printf(run->arena, "%.*s: %s", GP_SLICE_FMT(answer->name),
					    what),
	};
	gp_finding_put(run->findings, &f);
}

struct gp_finding_record *
posture_txt(struct posture_run *run, struct gp_slice name, struct gp_slice value)
{
	struct gp_finding_record *r = gp_arena_new(run->arena, struct gp_finding_record);
	if (r)
		*r = (struct gp_finding_record){name, "TXT", value};
	return r;
}

/* --- the evaluation --- */

static void (*const parts[])(struct posture_run *run) = {
	posture_mx,
};

int
gp_posture_eval(const struct gp_posture_query *query, const struct gp_answers *answers,
		struct gp_arena *arena, struct gp_posture_result *ret)
{
	*ret = (struct gp_posture_result){.findings = gp_findings(arena)};
	struct posture_run run = {
		.query = query,
		.answers = answers,
		.arena = arena,
		.ret = ret,
		.facts = &ret->facts,
		.findings = &ret->findings,
		.need = gp_arena_array(arena, GP_POSTURE_NEED_MAX, sizeof(*run.need)),
	};
	int r = gp_dmarc_domain(query->domain, arena, &ret->facts.domain);
	if (r > 0)
		return GP_POSTURE_NO_NAME;
	if (r < 0 || !run.need)
		return -ENOMEM;
	for (size_t i = 0; i < GP_ARRAY_LEN(parts); i++)
		parts[i](&run);
	ret->need = run.need;
	ret->need_len = run.need_len;
	if (arena->failed)
		return -ENOMEM;
	return run.need_len > 0 ? GP_POSTURE_NEED : GP_POSTURE_DONE;
}
