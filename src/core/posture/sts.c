/* SPDX-License-Identifier: Apache-2.0 */
/* The records by which a domain asks for secured mail, and for reports about it: RFC 8461 section
 * 3.1, RFC 8460 section 3. They are of use to who takes mail. */
#include "core/mtasts/record.h"
#include "core/posture/met.h"
#include "core/tlsrpt/record.h"

enum { FIRST_AGE_S = 7 * 24 * 60 * 60 }; /* of a policy in test */

static const struct gp_finding_kind
	sts_missing =
		{"sts.missing", GP_SEVERITY_MEDIUM, "no MTA-STS record",
		 "who sits between two servers can turn TLS off, and read or change the mail"},
	sts_multiple = {"sts.record.multiple", GP_SEVERITY_HIGH, "more than one MTA-STS record",
			"two count as none (RFC 8461 section 3.1)"},
	sts_syntax = {"sts.record.syntax", GP_SEVERITY_HIGH, "the MTA-STS record is malformed",
		      "it counts as none (RFC 8461 section 3.1)"},
	sts_stale = {"sts.id.stale", GP_SEVERITY_MEDIUM,
		     "the MTA-STS policy changed, and its id did not",
		     "senders fetch it again when they see another id: until what they have is too "
		     "old, they go by the one before (RFC 8461 section 3.1)"},
	sts_id =
		{"sts.record.id", GP_SEVERITY_HIGH, "the MTA-STS record's id is none",
		 "1 to 32 letters and digits, or the record counts as none (RFC 8461 section 3.1)"},
	rpt_missing = {"tlsrpt.missing", GP_SEVERITY_MEDIUM, "no TLS-RPT record",
		       "when senders cannot secure their mail to it, nobody tells"},
	rpt_multiple = {"tlsrpt.multiple", GP_SEVERITY_HIGH, "more than one TLS-RPT record",
			"two count as none (RFC 8460 section 3)"},
	rpt_syntax = {"tlsrpt.syntax", GP_SEVERITY_HIGH, "the TLS-RPT record is malformed",
		      "it counts as none (RFC 8460 section 3)"},
	rpt_uri = {"tlsrpt.uri", GP_SEVERITY_MEDIUM, "a place that no TLS report can go to",
		   "reports go by mailto: or https: (RFC 8460 section 3)"};

/* A text that begins as if it were of this version: another case, or a blank before it. */
static bool
is_meant(const struct gp_dns_answer *answer, struct gp_slice version)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice text = gp_slice_trim(answer->records[i].data);
		if (gp_slice_starts_nocase(text, version) ||
		    gp_slice_starts_nocase(text, gp_slice_drop(version, 2)))
			return true;
	}
	return false;
}

/* --- MTA-STS --- */

static void
find_sts(struct posture_run *run, const struct gp_finding_kind *kind,
	 const struct gp_dns_answer *answer, struct gp_slice fix)
{
	struct gp_slice record = gp_arena_printf(run->arena, "v=STSv1; id=%llu",
						 (unsigned long long)run->query->now_s);
	struct gp_slice evidence = posture_show_txt(run, answer);
	struct posture_mend m = posture_publish(run, evidence.len > 0 ? evidence : answer->name,
						fix, answer->name, record);
	posture_add(run, kind, kind->severity, &m);
}

/* Is it the id that is wrong, and not the grammar around it? */
static bool
is_bad_id(const struct gp_dns_answer *answer)
{
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice rest = answer->records[i].data;
		if (!gp_slice_starts(rest, GP_SLICE("v=STSv1")))
			continue;
		while (rest.ptr) {
			struct gp_slice part = gp_slice_trim(gp_slice_cut(&rest, ';'));
			if (gp_slice_starts(part, GP_SLICE("id=")))
				return true;
		}
	}
	return false;
}

void
posture_read_sts(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	struct gp_dns_question q = gp_mtasts_question(run->facts->domain, run->arena);
	if (q.name.ptr && posture_ask(run, q.name, q.type, &answer) &&
	    gp_mtasts_record_read(&answer, &id) == GP_MTASTS_RECORD_OK)
		run->facts->sts.id = id;
	const struct gp_posture_file *policy = run->query->policy;
	if (policy && policy->outcome == GP_POSTURE_FETCHED)
		run->facts->sts.policy = posture_fingerprint(run, policy->text);
}

/* By what earlier looks saw: the policy is another now, or became so after the id last did. */
static void
judge_stale(struct posture_run *run, const struct gp_dns_answer *answer)
{
	const struct gp_posture_facts *f = run->facts;
	const struct gp_posture_past *id = posture_unchanged(run, GP_SLICE("sts.id"), f->sts.id),
				     *policy = posture_past(run, GP_SLICE("sts.policy"));
	if (!id || !policy || f->sts.policy.len == 0)
		return;
	bool now = !gp_slice_eq(policy->value, f->sts.policy);
	bool then = policy->before.len > 0 && policy->since_s > id->since_s;
	if (now || then)
		find_sts(run, &sts_stale, answer, GP_SLICE("publish another id"));
}

void
posture_judge_sts(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	struct gp_dns_question q = gp_mtasts_question(run->facts->domain, run->arena);
	if (!posture_takes_mail(run) || !q.name.ptr || !posture_ask(run, q.name, q.type, &answer))
		return;
	switch (gp_mtasts_record_read(&answer, &id)) {
	case GP_MTASTS_RECORD_OK:
		posture_judge_policy(run);
		judge_stale(run, &answer);
		break;
	case GP_MTASTS_RECORD_NONE:
		if (is_meant(&answer, GP_SLICE("v=STSv1")))
			find_sts(run, &sts_syntax, &answer, GP_SLICE("correct it"));
		else
			find_sts(run, &sts_missing, &answer,
				 posture_sts_policy(run,
						    "before you publish the record, and with "
						    "mode enforce once the reports are clean",
						    GP_MTASTS_TESTING, FIRST_AGE_S));
		break;
	case GP_MTASTS_RECORD_SEVERAL:
		find_sts(run, &sts_multiple, &answer, GP_SLICE("keep one"));
		break;
	case GP_MTASTS_RECORD_INVALID:
		find_sts(run, is_bad_id(&answer) ? &sts_id : &sts_syntax, &answer,
			 GP_SLICE("correct it"));
		break;
	case GP_MTASTS_RECORD_UNKNOWN:
		posture_unknown(run, &sts_missing, &answer);
		break;
	}
}

/* --- TLS-RPT --- */

static bool
is_good_uri(struct posture_run *run, struct gp_slice uri)
{
	struct gp_tlsrpt_places places;
	const struct gp_dns_record record = {
		.type = GP_DNS_TXT,
		.data = gp_arena_printf(run->arena, "v=TLSRPTv1; rua=%.*s", GP_SLICE_FMT(uri))};
	const struct gp_dns_answer answer = {
		.status = GP_DNS_OK, .records = &record, .records_len = 1};
	return gp_tlsrpt_record_read(&answer, run->arena, &places) == GP_TLSRPT_RECORD_OK;
}

/* The record's URIs: good ones into *ret_good, with commas, and how many others there are. */
static size_t
sort_uris(struct posture_run *run, const struct gp_dns_answer *answer, struct gp_slice *ret_good)
{
	size_t bad = 0;
	*ret_good = GP_SLICE("");
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice rest =
			gp_slice_take(answer->records[i].data, GP_FINDING_EVIDENCE_MAX);
		if (!gp_slice_starts_nocase(rest, GP_SLICE("v=TLSRPTv1")))
			continue;
		while (rest.ptr) {
			struct gp_slice part = gp_slice_trim(gp_slice_cut(&rest, ';'));
			if (!gp_slice_starts(part, GP_SLICE("rua=")))
				continue;
			for (part = gp_slice_drop(part, 4); part.ptr;) {
				struct gp_slice uri = gp_slice_trim(gp_slice_cut(&part, ','));
				bool good = is_good_uri(run, uri);
				bad += !good;
				if (good)
					*ret_good = gp_arena_printf(
						run->arena, "%.*s%s%.*s", GP_SLICE_FMT(*ret_good),
						ret_good->len > 0 ? "," : "", GP_SLICE_FMT(uri));
			}
		}
	}
	return bad;
}

static void
find_rpt(struct posture_run *run, const struct gp_finding_kind *kind,
	 const struct gp_dns_answer *answer, struct gp_slice good, const char *fix)
{
	struct gp_slice reporter = run->query->reporter, evidence = posture_show_txt(run, answer);
	struct gp_slice places =
		good.len > 0 ? good
		: reporter.len > 0
			? gp_arena_printf(run->arena, "mailto:%.*s", GP_SLICE_FMT(reporter))
			: gp_arena_printf(run->arena, "mailto:tls-reports@%.*s",
					  GP_SLICE_FMT(run->facts->domain));
	struct gp_slice record =
		gp_arena_printf(run->arena, "v=TLSRPTv1; rua=%.*s", GP_SLICE_FMT(places));
	struct posture_mend m = posture_publish(run, evidence.len > 0 ? evidence : answer->name,
						gp_slice_str(fix), answer->name, record);
	posture_add(run, kind, kind->severity, &m);
}

void
posture_judge_tlsrpt(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_tlsrpt_places places;
	struct gp_slice good;
	struct gp_dns_question q = gp_tlsrpt_question(run->facts->domain, run->arena);
	if (!posture_takes_mail(run) || !q.name.ptr || !posture_ask(run, q.name, q.type, &answer))
		return;
	size_t bad = sort_uris(run, &answer, &good);
	switch (gp_tlsrpt_record_read(&answer, run->arena, &places)) {
	case GP_TLSRPT_RECORD_OK:
		if (bad > 0)
			find_rpt(run, &rpt_uri, &answer, good, "take the others out");
		break;
	case GP_TLSRPT_RECORD_NONE:
		if (is_meant(&answer, GP_SLICE("v=TLSRPTv1")))
			find_rpt(run, &rpt_syntax, &answer, good, "correct it");
		else
			find_rpt(run, &rpt_missing, &answer, good, "publish one");
		break;
	case GP_TLSRPT_RECORD_SEVERAL:
		find_rpt(run, &rpt_multiple, &answer, good, "keep one");
		break;
	case GP_TLSRPT_RECORD_INVALID:
		find_rpt(run, bad > 0 ? &rpt_uri : &rpt_syntax, &answer, good, "correct it");
		break;
	case GP_TLSRPT_RECORD_UNKNOWN:
		posture_unknown(run, &rpt_missing, &answer);
		break;
	}
}
