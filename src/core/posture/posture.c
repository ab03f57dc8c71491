/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/posture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/identity/organisation.h"
#include "core/identity/visible.h"
#include "core/posture/spf_tree.h"

/* --- questions --- */

static bool
is_needed(const struct posture_run *run, struct gp_slice name, uint16_t type)
{
	for (size_t i = 0; i < run->need_len; i++) {
		if (run->need[i].type == type && gp_slice_eq_nocase(run->need[i].name, name))
			return true;
	}
	return false;
}

static void
note_bogus(struct posture_run *run, const struct gp_dns_answer *answer)
{
	for (size_t i = 0; i < run->bogus_len; i++) {
		const struct gp_dns_answer *b = &run->bogus[i];
		if (b->type == answer->type && gp_slice_eq_nocase(b->name, answer->name))
			return;
	}
	if (run->bogus_len < POSTURE_BOGUS_MAX)
		run->bogus[run->bogus_len++] = *answer;
}

bool
posture_ask(struct posture_run *run, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	if (run->asked == GP_POSTURE_QUESTIONS_MAX) {
		*ret = (struct gp_dns_answer){
			.name = name, .canonical = name, .type = type, .status = GP_DNS_TIMEOUT};
		return true;
	}
	run->asked++;
	if (gp_answers_find(run->answers, name, type, ret)) {
		if (ret->bogus)
			note_bogus(run, ret);
		return true;
	}
	if (run->need_len < GP_POSTURE_NEED_MAX && !is_needed(run, name, type))
		run->need[run->need_len++] = (struct gp_dns_question){name, type};
	return false;
}

void
posture_merge(struct posture_run *run, const struct gp_dns_question *need, size_t len,
	      unsigned charge)
{
	run->asked = GP_MIN(run->asked + charge, (unsigned)GP_POSTURE_QUESTIONS_MAX);
	for (size_t i = 0; i < len && run->need_len < GP_POSTURE_NEED_MAX; i++) {
		if (!is_needed(run, need[i].name, need[i].type))
			run->need[run->need_len++] = need[i];
	}
}

struct gp_slice
posture_name(struct posture_run *run, const char *label, struct gp_slice domain)
{
	return gp_arena_printf(run->arena, "%s.%.*s", label, GP_SLICE_FMT(domain));
}

const char *
posture_type_name(uint16_t type)
{
	switch (type) {
	case GP_DNS_A:
		return "A";
	case GP_DNS_AAAA:
		return "AAAA";
	case GP_DNS_CAA:
		return "CAA";
	case GP_DNS_DNSKEY:
		return "DNSKEY";
	case GP_DNS_DS:
		return "DS";
	case GP_DNS_MX:
		return "MX";
	case GP_DNS_NS:
		return "NS";
	case GP_DNS_PTR:
		return "PTR";
	case GP_DNS_SPF:
		return "SPF";
	case GP_DNS_TLSA:
		return "TLSA";
	case GP_DNS_TXT:
		return "TXT";
	default:
		gp_assert_failed("a type that is asked for", __FILE__, __LINE__);
	}
}

bool
posture_is_reachable(struct posture_run *run, struct gp_slice domain)
{
	struct gp_dns_answer mx, a, aaaa;
	bool known = posture_ask(run, domain, GP_DNS_MX, &mx);
	known &= posture_ask(run, domain, GP_DNS_A, &a);
	known &= posture_ask(run, domain, GP_DNS_AAAA, &aaaa);
	if (!known || gp_dns_status_temporary(mx.status))
		return true;
	for (size_t i = 0; i < mx.records_len; i++) {
		if (!gp_slice_eq(mx.records[i].name, GP_SLICE(".")))
			return true;
	}
	return mx.records_len == 0 &&
	       (a.records_len > 0 || gp_dns_status_temporary(a.status) || aaaa.records_len > 0 ||
		gp_dns_status_temporary(aaaa.status));
}

struct gp_slice
posture_servers(struct posture_run *run, struct gp_slice name)
{
	struct posture_list list = {};
	struct gp_dns_answer ns;
	while (list.len == 0 && gp_slice_find(name, '.') >= 0 &&
	       posture_ask(run, name, GP_DNS_NS, &ns)) {
		for (size_t i = 0; i < ns.records_len; i++)
			posture_list_add(run, &list, "%.*s", GP_SLICE_FMT(ns.records[i].name));
		(void)gp_slice_cut(&name, '.');
	}
	return list.text;
}

bool
posture_unregistered(struct posture_run *run, struct gp_slice name)
{
	struct gp_dns_answer answer;
	struct gp_slice org = gp_organisation_of(name);
	return gp_slice_find(org, '.') > 0 && posture_ask(run, org, GP_DNS_A, &answer) &&
	       answer.status == GP_DNS_NXDOMAIN;
}

/* --- findings --- */

/* No more of it than is kept, before each octet comes out as nine; a last character stays whole. */
static struct gp_slice
show(struct posture_run *run, struct gp_slice text)
{
	enum { CHARACTER_MAX = 4 };
	return gp_visible(gp_slice_take(text, GP_FINDING_EVIDENCE_MAX + CHARACTER_MAX), run->arena);
}

void
posture_add(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
	    const struct posture_mend *mend)
{
	const struct gp_finding f = {
		.kind = kind,
		.state = GP_FINDING_FAIL,
		.severity = severity,
		.evidence = show(run, mend->evidence),
		.fix = mend->fix,
		.records = mend->records,
		.records_len = mend->records_len,
	};
	gp_finding_put(run->findings, &f);
}

void
posture_not_measured(struct posture_run *run, const struct gp_finding_kind *kind,
		     struct gp_slice why)
{
	const struct gp_finding f = {
		.kind = kind,
		.state = GP_FINDING_NOT_MEASURED,
		.severity = kind->severity,
		.evidence = show(run, why),
	};
	gp_finding_put(run->findings, &f);
}

struct gp_slice
posture_failure(struct posture_run *run, const struct gp_dns_answer *answer)
{
	if (answer->status == GP_DNS_TIMEOUT)
		return GP_SLICE("no answer in time");
	return gp_arena_printf(run->arena, "SERVFAIL%s%s%.*s", answer->bogus ? ", bogus" : "",
			       answer->trouble.len > 0 ? ": " : "", GP_SLICE_FMT(answer->trouble));
}

void
posture_unknown(struct posture_run *run, const struct gp_finding_kind *kind,
		const struct gp_dns_answer *answer)
{
	posture_not_measured(run, kind,
			     gp_arena_printf(run->arena, "%.*s: %.*s", GP_SLICE_FMT(answer->name),
					     GP_SLICE_FMT(posture_failure(run, answer))));
}

/* --- evidence, and what to publish --- */

struct gp_slice
posture_show_txt(struct posture_run *run, const struct gp_dns_answer *answer)
{
	struct gp_slice text = GP_SLICE("");
	for (size_t i = 0; i < answer->records_len && text.len < GP_FINDING_EVIDENCE_MAX; i++) {
		struct gp_slice data =
			gp_slice_take(answer->records[i].data, GP_FINDING_EVIDENCE_MAX);
		text = gp_arena_printf(run->arena, "%.*s%s%.*s TXT \"%.*s\"", GP_SLICE_FMT(text),
				       i > 0 ? "; " : "", GP_SLICE_FMT(answer->name),
				       GP_SLICE_FMT(data));
	}
	return text;
}

struct gp_slice
posture_show_address(struct posture_run *run, const struct gp_dns_record *r)
{
	const uint8_t *a = r->address;
	if (r->type == GP_DNS_A)
		return gp_arena_printf(run->arena, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	struct gp_slice text = GP_SLICE("");
	for (size_t i = 0; i < 16; i += 2)
		text = gp_arena_printf(run->arena, "%.*s%s%x", GP_SLICE_FMT(text), i > 0 ? ":" : "",
				       a[i] << 8 | a[i + 1]);
	return text;
}

struct gp_finding_record *
posture_txt(struct posture_run *run, struct gp_slice name, struct gp_slice value)
{
	struct gp_finding_record *r = gp_arena_new(run->arena, struct gp_finding_record);
	if (r)
		*r = (struct gp_finding_record){name, "TXT", value};
	return r;
}

struct posture_mend
posture_publish(struct posture_run *run, struct gp_slice evidence, struct gp_slice fix,
		struct gp_slice name, struct gp_slice value)
{
	struct posture_mend m = {evidence, fix, posture_txt(run, name, value), 1};
	m.records_len = m.records ? 1 : 0;
	return m;
}

void
posture_list_add(struct posture_run *run, struct posture_list *list, const char *fmt, ...)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	list->len++;
	if (list->text.len >= GP_FINDING_EVIDENCE_MAX)
		return;
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	list->text = gp_arena_printf(run->arena, "%.*s%s%s", GP_SLICE_FMT(list->text),
				     list->len > 1 ? "; " : "", text);
}

bool
gp_posture_is_replaced(struct gp_slice name, const struct gp_dns_record *there)
{
	bool one_purpose = gp_slice_find(name, '_') >= 0;
	return there->type != GP_DNS_TXT || one_purpose || posture_spf_looks_like(there->data);
}

/* --- the evaluation --- */

static void (*const readers[])(struct posture_run *run) = {
	posture_read_mx,   posture_read_dmarc, posture_read_spf, posture_read_own,
	posture_read_dkim, posture_read_sts,   posture_classify, posture_read_met,
};

/* Of a domain that is not there the first one says so. */
static void (*const judges[])(struct posture_run *run) = {
	posture_judge_mx,        posture_judge_spf,   posture_judge_dkim,   posture_judge_dmarc,
	posture_judge_mailboxes, posture_judge_sts,   posture_judge_tlsrpt, posture_judge_dane,
	posture_judge_bimi,      posture_judge_reach, posture_judge_tls,    posture_judge_caa,
	posture_judge_wildcard,  posture_judge_sent,  posture_judge_dnssec,
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
		.facts = &ret->facts,
		.findings = &ret->findings,
		.need = gp_arena_array(arena, GP_POSTURE_NEED_MAX, sizeof(*run.need)),
	};
	int r = gp_dmarc_domain(query->domain, arena, &ret->facts.domain);
	if (r > 0)
		return GP_POSTURE_NO_NAME;
	if (r < 0 || !run.need)
		return -ENOMEM;
	for (size_t i = 0; i < GP_ARRAY_LEN(readers); i++)
		readers[i](&run);
	bool absent = ret->facts.class == GP_POSTURE_ABSENT;
	for (size_t i = 0; i < (absent ? 1 : GP_ARRAY_LEN(judges)); i++)
		judges[i](&run);
	ret->need = run.need;
	ret->need_len = run.need_len;
	if (arena->failed)
		return -ENOMEM;
	return run.need_len > 0 ? GP_POSTURE_NEED : GP_POSTURE_DONE;
}
