/* SPDX-License-Identifier: Apache-2.0 */
/* What only reports show of mail in the domain's name: RFC 9989 sections 4.4 and 4.10, RFC 9990. */
#include "core/posture/sent.h"

#include <string.h>

#include "core/posture/parts.h"

enum {
	HIT_SOURCES_MAX = 5, /* that are named */
};

static const struct gp_finding_kind
	unused = {"dkim.unused", GP_SEVERITY_LOW, "a DKIM key signs nothing",
		  "no report of 90 days tells of it; who got hold of it, by a leak or a server "
		  "that was given away, signs as this domain all the same"},
	no_path = {"dmarc.no.pass.path", GP_SEVERITY_HIGH, "mail for which nothing aligns",
		   "if it is the domain's own, receivers that follow its policy refuse it (RFC "
		   "9989 section 4.10)"},
	strict = {"dmarc.align.strict", GP_SEVERITY_INFO, "strict alignment passes by good mail",
		  "names below the domain pass for mail as the domain only where alignment is "
		  "relaxed (RFC 9989 section 4.4)"};

/* --- selectors --- */

static bool
is_selector(const struct posture_selectors *list, struct gp_slice selector)
{
	for (size_t i = 0; i < list->len; i++) {
		if (gp_slice_eq_nocase(list->names[i], selector))
			return true;
	}
	return false;
}

static void
add_selector(struct posture_selectors *list, struct gp_slice selector)
{
	if (list->len < GP_POSTURE_SELECTORS_MAX && !is_selector(list, selector))
		list->names[list->len++] = selector;
}

/* Did this signature, which passed, come from a key of the domain's? */
static bool
is_own_signature(const struct posture_run *run, const struct gp_posture_passed *p)
{
	return p->dkim && p->selector.len > 0 && gp_slice_eq_nocase(p->domain, run->facts->domain);
}

void
posture_selectors(struct posture_run *run, struct posture_selectors *ret)
{
	const struct gp_posture_query *q = run->query;
	*ret = (struct posture_selectors){.known = q->selectors_known};
	for (size_t i = 0; q->sent && i < q->sent->passed_len; i++) {
		const struct gp_posture_passed *p = &q->sent->passed[i];
		struct gp_slice name;
		if (!is_own_signature(run, p) || ret->len == GP_POSTURE_LEARNT_MAX)
			continue;
		/* Whatever else stands in a report would be asked for below any name. */
		if (gp_dmarc_domain(p->selector, run->arena, &name) == 0)
			add_selector(ret, name);
	}
	ret->known |= ret->len > 0;
	for (size_t i = 0; i < q->selectors_len; i++)
		add_selector(ret, q->selectors[i]);
}

/* --- figures, for others --- */

static struct gp_slice
show_source(struct posture_run *run, const struct gp_posture_source *s)
{
	struct gp_dns_record r = {.type = s->len == 4 ? GP_DNS_A : GP_DNS_AAAA};
	memcpy(r.address, s->octets, s->len);
	return posture_show_address(run, &r);
}

static void
add_count(struct posture_run *run, struct posture_list *list, struct gp_slice what, uint64_t count)
{
	posture_list_add(run, list, "%.*s (%llu)", GP_SLICE_FMT(what), (unsigned long long)count);
}

struct gp_slice
posture_sent_hit(struct posture_run *run)
{
	const struct gp_posture_sent *s = run->query->sent;
	struct posture_list from = {};
	if (!s)
		return GP_SLICE("");
	if (s->messages == 0)
		return GP_SLICE("\n(no report tells of mail of the last 30 days)");
	uint64_t hit = s->messages - GP_MIN(s->aligned, s->messages);
	for (size_t i = 0; i < s->sources_len && from.len < HIT_SOURCES_MAX; i++) {
		const struct gp_posture_source *o = &s->sources[i];
		if (o->messages > o->aligned)
			add_count(run, &from, show_source(run, o), o->messages - o->aligned);
	}
	return gp_arena_printf(run->arena,
			       "\nby the reports of the last 30 days p=quarantine or p=reject "
			       "would have hit %llu of %llu messages (%.1f %%)%s%.*s",
			       (unsigned long long)hit, (unsigned long long)s->messages,
			       100.0 * (double)hit / (double)s->messages,
			       from.len > 0 ? ", most of them from " : "", GP_SLICE_FMT(from.text));
}

uint64_t
posture_sent_none_s(const struct posture_run *run)
{
	return run->query->sent ? run->query->sent->none_since_s : 0;
}

bool
posture_sent_passes(const struct posture_run *run)
{
	return run->query->sent && run->query->sent->aligned >= GP_POSTURE_SOURCE_MIN;
}

/* --- keys --- */

static bool
is_used(const struct posture_run *run, struct gp_slice selector)
{
	const struct gp_posture_sent *s = run->query->sent;
	for (size_t i = 0; i < s->passed_len; i++) {
		if (is_own_signature(run, &s->passed[i]) &&
		    gp_slice_eq_nocase(s->passed[i].selector, selector))
			return true;
	}
	return false;
}

/* Why reports cannot tell that a key is not used; NULL: they can. */
static const char *
why_unknown(struct posture_run *run)
{
	const struct gp_posture_sent *s = run->query->sent;
	if (s->since_s == 0 || posture_age_s(run, s->since_s) < GP_POSTURE_UNUSED_S)
		return "there are no reports of 90 days";
	if (s->days < GP_POSTURE_UNUSED_DAYS)
		return "of the last 90 days fewer than 30 have reports";
	for (size_t i = 0; i < s->passed_len; i++) {
		if (is_own_signature(run, &s->passed[i]))
			return NULL;
	}
	return "no report tells a selector of the domain";
}

static void
judge_unused(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_list list = {};
	const char *why = why_unknown(run);
	for (size_t i = 0; i < f->dkim.list_len; i++) {
		if (!is_used(run, f->dkim.list[i].selector))
			posture_list_add(run, &list, "%.*s",
					 GP_SLICE_FMT(f->dkim.list[i].selector));
	}
	const struct posture_mend m = {
		.evidence = list.text,
		.fix = GP_SLICE("revoke it with an empty p, unless it is there for the next "
				"rotation")};
	if (list.len > 0 && why)
		posture_not_measured(run, &unused, gp_slice_str(why));
	else if (list.len > 0)
		posture_add(run, &unused, unused.severity, &m);
}

/* --- sources --- */

static bool
is_own(const struct posture_run *run, const struct gp_posture_source *s)
{
	const struct gp_posture_facts *f = run->facts;
	for (size_t i = 0; i < f->own.len; i++) {
		const struct gp_posture_address *a = &f->own.list[i];
		if (a->len == s->len && memcmp(a->octets, s->octets, s->len) == 0)
			return true;
	}
	return false;
}

/* Forgers pass for nobody, and what a forwarder breaks is not the domain's to mend. */
static bool
lacks_path(const struct gp_posture_source *s, bool own)
{
	return s->messages >= GP_POSTURE_SOURCE_MIN && s->aligned == 0 &&
	       2 * s->forwarded < s->messages && (own || 2 * s->foreign >= s->messages);
}

bool
posture_sent_fails(const struct posture_run *run)
{
	const struct gp_posture_sent *s = run->query->sent;
	for (size_t i = 0; s && i < s->sources_len; i++) {
		if (is_own(run, &s->sources[i]) && lacks_path(&s->sources[i], true))
			return true;
	}
	return false;
}

/* Somebody else's address may be a forger's who passes for himself. */
static uint8_t
severity_of(const struct posture_run *run, bool own)
{
	bool enforced = run->facts->dmarc.p >= GP_DMARC_P_QUARANTINE && !run->facts->dmarc.testing;
	if (enforced)
		return own ? no_path.severity : GP_SEVERITY_MEDIUM;
	return own ? GP_SEVERITY_MEDIUM : GP_SEVERITY_LOW;
}

static void
judge_paths(struct posture_run *run)
{
	const struct gp_posture_sent *s = run->query->sent;
	struct posture_list list = {}, fixes = {};
	bool any_own = false;
	for (size_t i = 0; i < s->sources_len; i++) {
		bool own = is_own(run, &s->sources[i]);
		if (!lacks_path(&s->sources[i], own))
			continue;
		struct gp_slice from = show_source(run, &s->sources[i]);
		any_own |= own;
		add_count(run, &list, from, s->sources[i].messages);
		posture_list_add(
			run, &fixes, "%.*s %s", GP_SLICE_FMT(from),
			own ? "is the domain's own: let it sign as the domain, or send with an "
			      "envelope of the domain's"
			    : "passes as somebody else: if it sends for the domain, let it sign as "
			      "the domain by a key of its own");
	}
	const struct posture_mend m = {.evidence = list.text, .fix = fixes.text};
	if (list.len > 0)
		posture_add(run, &no_path, severity_of(run, any_own), &m);
}

/* --- alignment --- */

static void
judge_strict(struct posture_run *run)
{
	const struct gp_posture_sent *s = run->query->sent;
	const struct gp_posture_facts *f = run->facts;
	struct posture_list list = {};
	struct gp_dmarc_record r;
	if (!f->dmarc.present || gp_dmarc_record_parse(f->dmarc.record, run->arena, &r) != 0)
		return;
	bool dkim = false, spf = false;
	for (size_t i = 0; i < s->passed_len && f->org.len > 0; i++) {
		const struct gp_posture_passed *p = &s->passed[i];
		bool in_force = p->dkim ? r.adkim_strict : r.aspf_strict;
		if (!in_force || p->messages <= p->aligned || gp_slice_eq(p->domain, f->domain) ||
		    !gp_dmarc_is_within(p->domain, f->org))
			continue;
		add_count(run, &list,
			  gp_arena_printf(run->arena, "%s %.*s", p->dkim ? "DKIM" : "SPF",
					  GP_SLICE_FMT(p->domain)),
			  p->messages - p->aligned);
		dkim |= p->dkim;
		spf |= !p->dkim;
	}
	if (list.len == 0)
		return;
	r.adkim_strict &= !dkim;
	r.aspf_strict &= !spf;
	const struct posture_mend m = posture_publish(
		run, list.text,
		GP_SLICE("let alignment be relaxed; or let that mail pass as the domain"),
		posture_name(run, "_dmarc", f->dmarc.at), posture_dmarc_text(run, &r));
	posture_add(run, &strict, strict.severity, &m);
}

void
posture_judge_sent(struct posture_run *run)
{
	/* Of a domain that sends nothing, all that reports tell of is others' doing. */
	if (!run->query->sent || run->facts->class != GP_POSTURE_SENDING)
		return;
	judge_unused(run);
	judge_paths(run);
	judge_strict(run);
}
