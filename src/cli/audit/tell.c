/* SPDX-License-Identifier: Apache-2.0 */
/* A run's results, as they are told and kept. */
#include <errno.h>
#include <stdio.h>

#include "cli/audit/octodns.h"
#include "cli/audit/report.h"
#include "cli/audit/run.h"

/* Octets, to tell of a domain in, beside what it was evaluated in. */
enum { TELLING_MAX = 64 << 20 };

void
audit_count(struct audit *a, const struct gp_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++) {
		const struct gp_finding *f = &findings->items[i];
		if (f->state != GP_FINDING_FAIL)
			continue;
		a->bad |= f->severity >= a->o.fail_on;
		a->progress.findings[f->severity]++;
	}
}

int
audit_write_text(struct audit *a)
{
	struct gp_slice text = gp_buf_slice(&a->text);
	if (a->text.failed)
		return -ENOMEM;
	if (a->shared && text.len > 0)
		gp_progress_line_hide(&a->progress.shown);
	bool good = fwrite(text.ptr, 1, text.len, a->out) == text.len && fflush(a->out) == 0;
	int r = good ? 0 : -errno;
	gp_buf_clear(&a->text);
	return r;
}

/* The first that a receiver would take: what is wrong with several is a finding. */
static struct gp_slice
spf_record_of(const struct audit_job *job)
{
	struct gp_dns_answer answer;
	struct gp_slice domain = job->result.facts.domain;
	if (!gp_answers_find(job->answers, domain, GP_DNS_TXT, &answer))
		return GP_SLICE("");
	for (size_t i = 0; i < answer.records_len; i++) {
		if (gp_slice_starts_nocase(answer.records[i].data, GP_SLICE("v=spf1")))
			return answer.records[i].data;
	}
	return GP_SLICE("");
}

static int
tell_findings(struct audit *a, struct audit_job *job)
{
	struct audit_judged judged;
	int r = audit_baselines_judge(&a->baselines, &job->query, &job->result, &job->arena,
				      &judged);
	if (r < 0)
		return r;
	a->bad |= judged.failed;
	if (a->evidence &&
	    !(audit_evidence_answers(a->evidence, job->query.domain, &job->seen) &&
	      audit_evidence_domain(a->evidence, &job->result, &judged, &job->arena)))
		return AUDIT_SAID;
	if (a->o.pdf)
		r = audit_copy_domain(&a->pdf.copy, &job->result, &judged, &job->arena);
	if (r < 0)
		return r;
	if (a->o.summary != AUDIT_SUMMARY_NONE)
		r = audit_summary_add(&a->summary, &job->result, spf_record_of(job));
	if (r < 0 || a->o.summary == AUDIT_SUMMARY_ALONE)
		return r;
	return audit_report_write(&a->writer, &job->result, &judged, &job->arena);
}

/* For block lists, which are asked when all domains are done. */
static int
note_addresses(struct audit *a, struct audit_job *job)
{
	const struct gp_posture_facts *f = &job->result.facts;
	int r = 0;
	for (size_t i = 0; i < f->own.len && r == 0; i++)
		r = audit_listed_add(a->listed, f->own.list[i].octets, f->own.list[i].len,
				     job->query.domain);
	audit_listed_note(&job->result.findings, f->own.left_out);
	return r;
}

int
audit_tell(struct audit *a, struct audit_job *job)
{
	/* A file's answers are a whole world, not a domain's. */
	const struct gp_answers *raw = a->dns.lookup.network ? job->answers : NULL;
	int r = 0;
	/* Whoever owns a domain chooses how much is left of the evaluation's memory: that is not to
	   end the run, which has others' domains to tell of. */
	job->arena.max += TELLING_MAX;
	a->unknown += job->result.facts.class == GP_POSTURE_UNKNOWN;
	if (a->listed)
		r = note_addresses(a, job);
	if (r < 0)
		return r;
	if (a->store && !audit_store_add(a->store, &job->result, raw, &job->arena))
		return AUDIT_SAID;
	if (a->o.zone && a->o.patch_form == AUDIT_PATCH_OCTODNS)
		audit_octodns_write(&job->patch, job->answers, &job->result, &job->arena, &a->text);
	else if (a->o.zone)
		audit_patch_write(&job->patch, a->o.patch_form, job->answers, &job->result,
				  &job->arena, &a->text);
	else
		r = tell_findings(a, job);
	return r < 0 ? r : audit_write_text(a);
}

/* --- block lists --- */

static void
see_list(void *context, const struct gp_ask_seen *seen)
{
	struct audit *a = context;
	audit_seen_add(&a->lists_seen, seen);
}

static bool
put_evidence(struct audit *a, struct gp_slice address, const struct gp_findings *findings,
	     struct gp_arena *arena)
{
	bool good = audit_evidence_answers(a->evidence, GP_SLICE("block lists"), &a->lists_seen) &&
		    audit_evidence_address(a->evidence, address, findings, arena);
	audit_seen_free(&a->lists_seen);
	a->lists_seen = audit_seen();
	return good;
}

static int
tell_address(void *context, struct gp_slice address, const struct gp_findings *findings,
	     struct gp_arena *arena)
{
	struct audit *a = context;
	const char *key = a->writer.key;
	audit_count(a, findings);
	if (a->evidence && !put_evidence(a, address, findings, arena))
		return AUDIT_SAID;
	if (a->o.pdf && audit_copy_address(&a->pdf.copy, address, findings, arena) < 0)
		return -EIO;
	if (a->store && !audit_store_add_address(a->store, address, findings, arena))
		return AUDIT_SAID;
	a->writer.key = "address";
	int r = findings_write(&a->writer, address, findings, arena);
	a->writer.key = key;
	return r < 0 ? r : audit_write_text(a);
}

int
audit_tell_lists(struct audit *a)
{
	int r = 0;
	for (size_t i = 0; i < a->o.addresses_len && r == 0; i++)
		r = audit_listed_add(a->listed, a->o.addresses[i].octets, a->o.addresses[i].len,
				     GP_SLICE(""));
	if (audit_listed_left_out(a->listed) > 0)
		fprintf(stderr, "gatepost audit: %zu addresses are over %d, and not asked about\n",
			audit_listed_left_out(a->listed), AUDIT_LISTED_MAX);
	const struct audit_listed_reader reader = {
		.context = a, .tell = tell_address, .seen = a->evidence ? see_list : NULL};
	a->lists_seen = audit_seen();
	if (r == 0)
		r = audit_listed_ask(a->listed, &a->dns, &reader);
	audit_seen_free(&a->lists_seen);
	return r;
}

/* --- the summary --- */

int
audit_tell_summary(struct audit *a)
{
	if (a->o.summary == AUDIT_SUMMARY_NONE)
		return 0;
	audit_summary_sort(&a->summary);
	if (a->o.format == FINDINGS_JSON)
		return audit_summary_json(&a->summary, &a->text);
	if (a->o.format == FINDINGS_HTML) {
		audit_summary_html(&a->summary, &a->text);
		return 0;
	}
	gp_buf_put_str(&a->text, a->o.summary == AUDIT_SUMMARY_TOO ? "\n" : "");
	audit_summary_text(&a->summary, &a->text);
	return 0;
}
