/* SPDX-License-Identifier: Apache-2.0 */
#include "core/failrpt/incident.h"

#include <errno.h>

#include "core/authres/authres.h"
#include "core/dmarcrpt/message.h"

/* --- whether the record asks for it --- */

static bool
signature_failed(const struct gp_dkim_verdict *v)
{
	return v->result == GP_DKIM_FAIL || v->result == GP_DKIM_PERMERROR;
}

static bool
spf_failed(const struct gp_spf_result *spf)
{
	return spf && (spf->verdict == GP_SPF_FAIL || spf->verdict == GP_SPF_SOFTFAIL);
}

/* Of the author's organisation before others; NULL: none failed. What has no proper d= and s= could
 * be anybody's. */
static const struct gp_dkim_verdict *
failed_signature(const struct gp_verify_facts *f)
{
	const struct gp_dkim_verdict *first = NULL;
	for (size_t i = 0; i < f->dkim_len; i++) {
		const struct gp_dkim_verdict *v = &f->dkim[i];
		if (!signature_failed(v) || !gp_dmarcrpt_is_name(v->signature->domain) ||
		    !gp_dmarcrpt_is_name(v->signature->selector))
			continue;
		if (gp_dmarc_is_within(v->signature->domain, f->dmarc->org_domain))
			return v;
		first = first ? first : v;
	}
	return first;
}

/* Returns enum gp_failrpt_cause, or 0. */
static uint8_t
cause_of(const struct gp_verify_facts *f)
{
	const struct gp_dmarc_result *d = f->dmarc;
	const struct gp_dkim_verdict *v = failed_signature(f);
	uint8_t fo = d->record->fo;
	if ((fo & GP_DMARC_FO_ALL) && d->verdict == GP_DMARC_FAIL)
		return GP_FAILRPT_DMARC;
	if ((fo & GP_DMARC_FO_ANY) && (!d->dkim_aligned || !d->spf_aligned))
		return GP_FAILRPT_DMARC;
	if ((fo & GP_DMARC_FO_DKIM) && v)
		return v->body_differs ? GP_FAILRPT_BODY_HASH : GP_FAILRPT_SIGNATURE;
	if ((fo & GP_DMARC_FO_SPF) && spf_failed(f->mail_from))
		return GP_FAILRPT_SPF;
	return 0;
}

static bool
is_asked_for(const struct gp_failrpt_message *m)
{
	const struct gp_dmarc_result *d = m->facts->dmarc;
	return d && d->record && d->record->ruf.len > 0 && d->record->psd != GP_DMARC_PSD_YES &&
	       m->decision->action != GP_AUTHPOLICY_DEFER &&
	       (d->verdict == GP_DMARC_PASS || d->verdict == GP_DMARC_FAIL);
}

/* --- whether it is a report itself --- */

/* Whether the field says so by how its value begins. */
static bool
tells_report(struct gp_slice name, struct gp_slice value)
{
	if (gp_slice_eq_nocase(name, GP_SLICE("Content-Type")))
		return gp_slice_starts_nocase(value, GP_SLICE("multipart/report"));
	if (gp_slice_eq_nocase(name, GP_SLICE("Subject")))
		return gp_slice_starts_nocase(value, GP_SLICE("Report Domain:"));
	if (!gp_slice_eq_nocase(name, GP_SLICE("Auto-Submitted")))
		return false;
	struct gp_slice word = gp_slice_trim(gp_slice_cut(&value, ';'));
	return !gp_slice_eq_nocase(gp_slice_cut(&word, ' '), GP_SLICE("no"));
}

/* Returns 1, 0 or -ENOMEM. */
static int
is_report(const struct gp_failrpt_message *m, struct gp_arena *arena)
{
	const struct gp_header *h = m->facts->header;
	if (m->query->sender.len == 0)
		return 1;
	for (size_t i = 0; i < h->fields_len; i++) {
		struct gp_slice value = gp_header_unfold(gp_header_value(h, i), arena);
		if (!value.ptr)
			return -ENOMEM;
		if (tells_report(gp_header_name(h, i), value))
			return 1;
		int claims = gp_authres_claims(h, i, m->id, arena);
		if (claims != 0)
			return claims;
	}
	return 0;
}

/* --- what is told --- */

static uint8_t
delivery_of(uint8_t action)
{
	if (action == GP_AUTHPOLICY_REFUSE)
		return GP_FAILRPT_REJECTED;
	return action == GP_AUTHPOLICY_QUARANTINE ? GP_FAILRPT_SPAM : GP_FAILRPT_DELIVERED;
}

/* As many whole fields as may be told. */
static struct gp_slice
first_fields(const struct gp_header *h)
{
	size_t len = 0;
	for (size_t i = 0; i < h->fields_len; i++) {
		size_t end = h->fields[i].at + h->fields[i].len;
		if (end > GP_FAILRPT_HEADER_MAX)
			break;
		len = end;
	}
	return gp_slice_take(h->message, len);
}

/* RFC 7208 section 4.5. */
static struct gp_slice
spf_record(const struct gp_answers *answers, struct gp_slice domain)
{
	struct gp_dns_answer answer;
	if (domain.len == 0 || !gp_answers_find(answers, domain, GP_DNS_TXT, &answer))
		return GP_SLICE("");
	for (size_t i = 0; i < answer.records_len; i++) {
		struct gp_slice text = answer.records[i].data, rest = text;
		if (gp_slice_eq_nocase(gp_slice_cut(&rest, ' '), GP_SLICE("v=spf1")))
			return gp_slice_take(text, GP_FAILRPT_RECORD_MAX);
	}
	return GP_SLICE("");
}

static void
tell_signature(const struct gp_dkim_verdict *v, struct gp_failrpt_incident *ret)
{
	if (!v)
		return;
	ret->dkim = v->result;
	ret->dkim_domain = v->signature->domain;
	ret->dkim_selector = v->signature->selector;
	ret->dkim_identity = gp_slice_take(v->signature->identity, GP_FAILRPT_IDENTITY_MAX);
}

static void
tell_spf(const struct gp_failrpt_message *m, struct gp_failrpt_incident *ret)
{
	const struct gp_spf_result *spf = m->facts->mail_from;
	ret->spf = spf ? spf->verdict : (uint8_t)GP_SPF_NONE;
	if (!spf || !gp_dmarcrpt_is_name(spf->domain))
		return;
	ret->spf_domain = spf->domain;
	ret->spf_record = spf_record(m->answers, spf->domain);
}

int
gp_failrpt_of_message(const struct gp_failrpt_message *m, struct gp_arena *arena,
		      struct gp_failrpt_incident *ret)
{
	const struct gp_verify_facts *f = m->facts;
	uint8_t cause = is_asked_for(m) ? cause_of(f) : 0;
	int report = cause != 0 ? is_report(m, arena) : 1;
	if (report != 0)
		return report;
	*ret = (struct gp_failrpt_incident){
		.cause = cause,
		.delivery = delivery_of(m->decision->action),
		.arrival_s = m->query->now_s,
		.policy_domain = f->dmarc->policy_domain,
		.organization = f->dmarc->org_domain.len > 0 ? f->dmarc->org_domain
							     : f->dmarc->policy_domain,
		.header_from = f->dmarc->from_domain,
		.source = gp_dmarcrpt_source(m->query, arena),
		.sender = gp_slice_take(m->query->sender, GP_FAILRPT_IDENTITY_MAX),
		.passed = f->dmarc->verdict == GP_DMARC_PASS,
		.dkim_aligned = f->dmarc->dkim_aligned,
		.spf_aligned = f->dmarc->spf_aligned,
		.header = first_fields(f->header),
	};
	tell_signature(failed_signature(f), ret);
	tell_spf(m, ret);
	return arena->failed ? -ENOMEM : 0;
}
