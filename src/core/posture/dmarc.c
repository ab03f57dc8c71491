/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DMARC record in force, wherever it is: RFC 9989, with what of RFC 7489 no longer counts. A
 * proposal is the record as it was understood, with the one thing mended: it can be published
 * without looking at the other findings.
 */
#include "core/posture/dmarc.h"

static const struct gp_finding_kind
	missing = {"dmarc.missing", GP_SEVERITY_CRITICAL, "no DMARC record",
		   "anybody can send mail with this domain in From, and receivers are told neither "
		   "to refuse it nor to report it"},
	multiple = {"dmarc.multiple", GP_SEVERITY_CRITICAL, "more than one DMARC record",
		    "two count as none (RFC 9989 section 4.10): anybody can send as this domain"},
	syntax =
		{"dmarc.syntax", GP_SEVERITY_HIGH, "the DMARC record is malformed",
		 "what is malformed is passed over, or the whole record is (RFC 9989 section 4.7): "
		 "the policy that was meant is not the one in force"},
	walk_over = {"dmarc.treewalk.over", GP_SEVERITY_INFO, "a name of more than eight labels",
		     "receivers leave out some of its ancestors when they look for its record"};

/* --- reading --- */

static const struct gp_dmarc_step *
step_at(const struct gp_dmarc_walk *w, struct gp_slice name)
{
	for (size_t i = 0; i < w->len; i++) {
		if (w->steps[i].record && gp_slice_eq(w->steps[i].name, name))
			return &w->steps[i];
	}
	return NULL;
}

/* RFC 9989 section 4.10.1: its own, else its organisational domain's, else the suffix's. */
static const struct gp_dmarc_step *
find_step(const struct gp_dmarc_walk *w)
{
	const struct gp_dmarc_step *step = &w->steps[0];
	if (!step->record && w->org.len > 0)
		step = step_at(w, w->org);
	if (!step && w->psd)
		step = w->psd;
	return step && step->record ? step : NULL;
}

/* Its own, or where no record is in force those of a name above. */
static const struct gp_dmarc_step *
find_several(const struct gp_dmarc_walk *w, bool is_any)
{
	for (size_t i = 0; i < (is_any ? 1 : w->len); i++) {
		if (w->steps[i].found == GP_DMARC_FOUND_SEVERAL)
			return &w->steps[i];
	}
	return NULL;
}

static void
note_policy(struct gp_posture_facts *f, const struct gp_dmarc_record *r, bool inherited)
{
	uint8_t sp = r->sp != GP_DMARC_P_ABSENT ? r->sp : r->p;
	f->dmarc.p = inherited ? sp : r->p;
	f->dmarc.sp = sp;
	f->dmarc.np = r->np != GP_DMARC_P_ABSENT ? r->np : sp;
	f->dmarc.testing = r->testing;
	f->dmarc.record = r->text;
	f->dmarc.rua = &r->rua;
}

void
posture_read_dmarc(struct posture_run *run)
{
	struct gp_posture_facts *f = run->facts;
	struct gp_dns_question need[GP_DMARC_WALK_MAX];
	struct gp_dmarc_asking asking = {run->answers, run->arena, need, 0, GP_DMARC_WALK_MAX};
	struct posture_dmarc *d = gp_arena_new(run->arena, struct posture_dmarc);
	if (!d)
		return;
	int rc = gp_dmarc_walk(f->domain, &asking, &d->walk);
	posture_merge(run, need, asking.need_len, GP_DMARC_WALK_MAX);
	if (rc != GP_DMARC_WALKED)
		return;
	const struct gp_dmarc_step *step = find_step(&d->walk);
	const struct gp_dmarc_step *several = find_several(&d->walk, step != NULL);
	d->several = several != NULL;
	d->record = step && !several ? step->record : NULL;
	f->org = d->walk.org;
	f->dmarc.known = d->record || several || !d->walk.broken;
	f->dmarc.present = d->record && d->record->applies;
	f->dmarc.at = several ? several->name : step ? step->name : f->domain;
	if (d->record)
		note_policy(f, d->record, !gp_slice_eq(f->dmarc.at, f->domain));
	d->owner = posture_name(run, "_dmarc", f->dmarc.at);
	if (posture_ask(run, d->owner, GP_DNS_TXT, &d->answer))
		run->dmarc = d;
}

/* --- no record in force --- */

static void
judge_missing(struct posture_run *run)
{
	struct gp_dmarc_record r = {.p = GP_DMARC_P_REJECT, .fo = GP_DMARC_FO_ALL};
	r.rua = posture_dmarc_wanted_uris(run);
	struct posture_mend m = posture_dmarc_mend(run, &r, "");
	m.fix = posture_dmarc_stages(run, &r, GP_DMARC_P_ABSENT);
	m.evidence = gp_arena_printf(run->arena, "%.*s: no record, nor at a name above",
				     GP_SLICE_FMT(run->dmarc->owner));
	if (run->facts->class == GP_POSTURE_PARKED || run->facts->class == GP_POSTURE_RECEIVING) {
		m.fix = GP_SLICE("it sends no mail, so no good mail can be lost: publish all");
		m.records = posture_lock_down(run, &m.records_len);
	}
	posture_add(run, &missing, missing.severity, &m);
}

static bool
looks_like_record(struct gp_slice text)
{
	for (size_t i = 0; i + 6 <= text.len; i++) {
		if (gp_slice_eq_nocase(gp_slice_take(gp_slice_drop(text, i), 6),
				       GP_SLICE("dmarc1")))
			return true;
	}
	return gp_slice_starts_nocase(text, GP_SLICE("p="));
}

/* The first text that somebody may have meant for a record; empty: none. */
static struct gp_slice
find_meant(const struct gp_dns_answer *answer)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice text = answer->records[i].data;
		if (!gp_dmarc_is_record(text) && looks_like_record(text))
			return text;
	}
	return GP_SLICE("");
}

/* *ret: what was meant, to be read on. False: nothing that can be understood. */
static bool
judge_meant(struct posture_run *run, struct gp_slice text, struct gp_dmarc_record *ret)
{
	text = posture_dmarc_respace(run, gp_slice_take(text, GP_FINDING_EVIDENCE_MAX));
	if (gp_dmarc_record_parse(text, run->arena, ret) != 0)
		return false;
	posture_dmarc_complete(run, ret);
	struct posture_mend m =
		posture_dmarc_mend(run, ret,
				   "a record begins with v=DMARC1 exactly, and has a semicolon "
				   "between its tags");
	posture_add(run, &syntax, GP_SEVERITY_CRITICAL, &m);
	return true;
}

/* Of several the strictest one stays, in *ret. */
static void
judge_multiple(struct posture_run *run, struct gp_dmarc_record *ret)
{
	const struct gp_dns_answer *answer = &run->dmarc->answer;
	struct gp_dmarc_record r;
	*ret = (struct gp_dmarc_record){.fo = GP_DMARC_FO_ALL};
	for (size_t i = 0; i < answer->records_len; i++) {
		if (gp_dmarc_record_parse(answer->records[i].data, run->arena, &r) == 0 &&
		    r.p > ret->p)
			*ret = r;
	}
	posture_dmarc_complete(run, ret);
	posture_dmarc_find(run, &multiple, ret, "keep one of them");
}

/* --- the record --- */

/* *record becomes what it was meant to be, where it is of no use as it is. */
static void
judge_syntax(struct posture_run *run, struct gp_dmarc_record *record)
{
	struct posture_list flaws = {};
	struct gp_dmarc_record r = *record;
	for (size_t i = 0; i < record->flaws_len; i++) {
		if (posture_dmarc_is_whole_tag(record->text, record->flaws[i]))
			posture_list_add(run, &flaws, "passed over: %.*s",
					 GP_SLICE_FMT(record->flaws[i]));
	}
	if (!record->applies || record->monitors)
		posture_list_add(run, &flaws, "%s",
				 record->applies ? "it counts as p=none" : "it does nothing");
	if (flaws.len == 0)
		return;
	posture_dmarc_complete(run, &r);
	struct posture_mend m = posture_dmarc_mend(run, &r, "correct it");
	m.evidence = gp_arena_printf(run->arena, "%.*s: %.*s", GP_SLICE_FMT(flaws.text),
				     GP_SLICE_FMT(m.evidence));
	posture_add(run, &syntax, record->applies ? syntax.severity : GP_SEVERITY_CRITICAL, &m);
	if (!record->applies)
		*record = r;
}

static void
judge_record(struct posture_run *run, const struct gp_dmarc_record *record)
{
	const struct posture_dmarc *d = run->dmarc;
	bool is_org = d->walk.broken || gp_slice_eq(run->facts->dmarc.at, d->walk.org);
	posture_judge_dmarc_policy(run, record);
	posture_judge_dmarc_below(run, record, is_org);
	posture_judge_dmarc_tags(run, record);
	posture_judge_dmarc_modes(run, record);
	posture_judge_dmarc_reports(run, record);
}

/* What the domain itself meant for a record is none, and there is one above, or are several: that
   is easily missed. Whether it wants one of its own is for the domain to say. */
static void
judge_passed_over(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct gp_slice name = posture_name(run, "_dmarc", f->domain);
	struct gp_dns_answer own;
	bool any = run->dmarc->record || run->dmarc->several;
	if (!any || gp_slice_eq(f->dmarc.at, f->domain) ||
	    !posture_ask(run, name, GP_DNS_TXT, &own) || find_meant(&own).len == 0)
		return;
	const struct posture_mend m = {
		posture_show_txt(run, &own),
		gp_arena_printf(run->arena, "correct it, or take it out: what %.*s has counts",
				GP_SLICE_FMT(f->dmarc.at)),
		NULL, 0};
	posture_add(run, &syntax, syntax.severity, &m);
}

/* What is wrong with its form does not hide what else is: it is read on as it was meant. */
static void
judge_form(struct posture_run *run)
{
	const struct posture_dmarc *d = run->dmarc;
	struct gp_slice meant = find_meant(&d->answer);
	struct gp_dmarc_record r;
	if (d->several) {
		judge_multiple(run, &r);
		judge_record(run, &r);
	} else if (d->record) {
		r = *d->record;
		judge_syntax(run, &r);
		judge_record(run, &r);
	} else if (meant.len > 0) {
		if (judge_meant(run, meant, &r))
			judge_record(run, &r);
	} else if (run->facts->dmarc.known) {
		judge_missing(run);
	} else {
		posture_unknown(run, &missing, &d->answer);
	}
}

static size_t
count_labels(struct gp_slice name)
{
	size_t n = 0;
	for (; name.ptr; n++)
		(void)gp_slice_cut(&name, '.');
	return n;
}

void
posture_judge_dmarc(struct posture_run *run)
{
	const struct gp_dmarc_record *in_force =
		run->facts->dmarc.present ? run->dmarc->record : NULL;
	run->reported = in_force && posture_dmarc_living_uris(run, &in_force->rua).len > 0;
	posture_dmarc_find_stage(run, in_force);
	if (!run->dmarc)
		return;
	judge_form(run);
	judge_passed_over(run);
	const struct posture_mend m = {.evidence = run->facts->domain};
	if (count_labels(run->facts->domain) > GP_DMARC_WALK_MAX)
		posture_add(run, &walk_over, walk_over.severity, &m);
}
