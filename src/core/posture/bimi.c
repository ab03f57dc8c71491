/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BIMI: a logo beside a domain's mail (draft-brand-indicators-for-message-identification): the
 * record, and the logo and the mark certificate that it leads to, where somebody has fetched them.
 * Who has none lacks nothing.
 */
#include "core/bimi/svg.h"
#include "core/message/date.h"
#include "core/posture/parts.h"
#include "core/smtp/address.h"
#include "core/taglist/taglist.h"

enum { URI_MAX = 1000 }; /* octets of a host's path that are asked for */

static const struct gp_finding_kind
	multiple = {"bimi.multiple", GP_SEVERITY_LOW, "more than one BIMI record",
		    "two count as none: the logo is not shown"},
	syntax = {"bimi.syntax", GP_SEVERITY_LOW, "the BIMI record is malformed",
		  "it counts as none: the logo is not shown"},
	logo = {"bimi.logo", GP_SEVERITY_LOW, "the BIMI logo cannot be shown",
		"receivers show an SVG file of the profile Tiny PS alone, had by HTTPS"},
	certificate = {"bimi.certificate", GP_SEVERITY_LOW,
		       "the BIMI logo's certificate does not prove it",
		       "large receivers show a logo only with a mark certificate that names the "
		       "domain and holds the logo"},
	policy = {
		"bimi.policy", GP_SEVERITY_LOW, "BIMI without a DMARC policy that is enforced",
		"receivers show a logo only where DMARC says quarantine or reject, for names below "
		"too, and is no test"};

/* What may stand in a URI (RFC 3986 section 2), but for what ends it. */
static bool
is_uri(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' ||
		    gp_slice_find(GP_SLICE("\"<>\\^`{|}#"), s.ptr[i]) >= 0)
			return false;
	}
	return true;
}

/* "https://HOST/PATH" at the usual port. False: it is none; *ret is empty where nobody can be asked
   for it. */
static bool
read_uri(struct gp_slice uri, struct gp_posture_place *ret)
{
	struct gp_slice scheme = GP_SLICE("https://"), rest = gp_slice_drop(uri, scheme.len);
	*ret = (struct gp_posture_place){};
	if (!gp_slice_starts_nocase(uri, scheme) || !is_uri(uri))
		return false;
	ptrdiff_t end = gp_slice_find(rest, '/');
	struct gp_slice place = end < 0 ? rest : gp_slice_take(rest, (size_t)end), port = place;
	struct gp_slice host = gp_slice_cut(&port, ':'), path = gp_slice_drop(rest, place.len);
	if (!gp_domain_valid(host))
		return false;
	ret->host = host;
	if (path.len > 0 && path.len <= URI_MAX &&
	    (port.len == 0 || gp_slice_eq(port, GP_SLICE("443"))))
		ret->path = path;
	return true;
}

struct bimi {
	struct gp_slice logo, certificate;               /* URIs; empty: none */
	struct gp_posture_place logo_at, certificate_at; /* path empty: nobody can be asked */
};

/* NULL, or what is wrong. Without both the domain says that it wants no logo. */
static const char *
read_record(struct gp_slice text, struct bimi *ret)
{
	struct gp_taglist list;
	*ret = (struct bimi){};
	if (gp_taglist_read(text, &list) != GP_TAGLIST_OK)
		return "it is no list of tags";
	const struct gp_tag *l = gp_taglist_find(&list, GP_SLICE("l")),
			    *a = gp_taglist_find(&list, GP_SLICE("a"));
	if (!l)
		return "l= is missing";
	if (l->value.len > 0 && !read_uri(l->value, &ret->logo_at))
		return "l= is no https URI";
	if (a && a->value.len > 0 && !read_uri(a->value, &ret->certificate_at))
		return "a= is no https URI";
	ret->logo = l->value;
	if (a)
		ret->certificate = a->value;
	return NULL;
}

static bool
is_enforced(const struct gp_posture_facts *f)
{
	return f->dmarc.present && f->dmarc.p >= GP_DMARC_P_QUARANTINE &&
	       f->dmarc.sp >= GP_DMARC_P_QUARANTINE && !f->dmarc.testing;
}

/* --- what it leads to --- */

/* One of the two files. */
struct linked {
	const struct gp_finding_kind *kind;
	struct gp_slice uri;
	const struct gp_posture_place *at;
	const struct gp_posture_file *file; /* NULL: nobody asked for it */
};

static void
find_fault(struct posture_run *run, const struct linked *l, struct gp_slice what, const char *fix)
{
	const struct posture_mend m = {.evidence = gp_arena_printf(run->arena, "%.*s: %.*s",
								   GP_SLICE_FMT(l->uri),
								   GP_SLICE_FMT(what)),
				       .fix = gp_slice_str(fix)};
	posture_add(run, l->kind, l->kind->severity, &m);
}

/* Does its host have an address, as far as is known? */
static bool
has_host(struct posture_run *run, const struct linked *l)
{
	struct gp_dns_answer a, aaaa;
	bool known = posture_ask(run, l->at->host, GP_DNS_A, &a);
	known &= posture_ask(run, l->at->host, GP_DNS_AAAA, &aaaa);
	return !known || a.records_len + aaaa.records_len > 0 ||
	       gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status);
}

/* Receivers differ in whether they follow a redirect, so that one is no fault. */
static bool
is_fetched(struct posture_run *run, const struct linked *l)
{
	static const struct gp_posture_file nobody = {};
	const struct gp_posture_file *f = l->file ? l->file : &nobody;
	if (!has_host(run, l)) {
		find_fault(run, l, GP_SLICE("its host has no address"),
			   "name a file that is there");
		return false;
	}
	if (f->outcome == GP_POSTURE_FETCHED)
		return true;
	if (f->outcome == GP_POSTURE_FETCH_NOT || f->outcome == GP_POSTURE_FETCH_REDIRECT)
		posture_not_measured(run, l->kind,
				     gp_arena_printf(run->arena, "%.*s was not fetched%s%.*s",
						     GP_SLICE_FMT(l->uri),
						     f->why.len > 0 ? ": " : "",
						     GP_SLICE_FMT(f->why)));
	else
		find_fault(run, l, f->why, "let a web server answer there by HTTPS");
	return false;
}

static void
judge_logo(struct posture_run *run, const struct linked *l)
{
	struct gp_bimi_svg svg;
	struct posture_list faults = {};
	if (l->uri.len == 0 || !is_fetched(run, l))
		return;
	gp_bimi_svg_check(l->file->text, run->arena, &svg);
	for (size_t i = 0; i < svg.len; i++)
		posture_list_add(run, &faults, "%.*s", GP_SLICE_FMT(svg.faults[i]));
	if (svg.len > 0)
		find_fault(run, l, faults.text, "make it one of SVG Tiny PS");
}

/* Is it for the domain, by its own name or by that of its record? */
static bool
names_domain(const struct posture_run *run, struct gp_slice names)
{
	static const struct gp_slice record = GP_SLICE("default._bimi.");
	while (names.len > 0) {
		struct gp_slice name = gp_slice_cut(&names, ' ');
		if (gp_slice_starts_nocase(name, record))
			name = gp_slice_drop(name, record.len);
		if (gp_slice_eq_nocase(name, run->facts->domain) ||
		    gp_slice_eq_nocase(name, run->facts->org))
			return true;
	}
	return false;
}

static void
look_at_dates(struct posture_run *run, const struct gp_posture_mark *m, struct posture_list *ret)
{
	int64_t now = (int64_t)run->query->now_s;
	if (m->until_s != 0 && m->until_s < now)
		posture_list_add(run, ret, "it is out of date since %s",
				 gp_date_stamp((uint64_t)m->until_s).s);
	else if (m->until_s != 0 && m->from_s > now)
		posture_list_add(run, ret, "it is not valid before %s",
				 gp_date_stamp((uint64_t)m->from_s).s);
}

static void
judge_certificate(struct posture_run *run, const struct linked *l, const struct linked *beside)
{
	struct posture_list faults = {};
	if (l->uri.len == 0 || !is_fetched(run, l))
		return;
	const struct gp_posture_mark *m = run->query->bimi->mark;
	if (!m) {
		find_fault(run, l, GP_SLICE("it is no certificate in PEM"), "serve it as PEM");
		return;
	}
	look_at_dates(run, m, &faults);
	if (!names_domain(run, m->names))
		posture_list_add(run, &faults, "it is for %.*s", GP_SLICE_FMT(m->names));
	if (!m->is_mark)
		posture_list_add(run, &faults, "its extended key usage is not that of marks");
	if (!m->has_logotype)
		posture_list_add(run, &faults, "it holds no logotype (RFC 9399 section 4.1)");
	if (m->self_signed)
		posture_list_add(run, &faults, "it vouches for itself");
	else if (!m->chained)
		posture_list_add(run, &faults, "the certificates behind it do not vouch for it");
	if (m->logo.len > 0 && beside->file->outcome == GP_POSTURE_FETCHED &&
	    !gp_slice_eq(m->logo, beside->file->text))
		posture_list_add(run, &faults, "it holds another logo than l= leads to");
	if (faults.len > 0)
		find_fault(run, l, faults.text,
			   "get a new one of an authority for marks, with its chain");
}

static void
judge_files(struct posture_run *run, const struct bimi *bimi)
{
	const struct gp_posture_bimi *seen = run->query->bimi;
	const struct linked l = {&logo, bimi->logo, &bimi->logo_at, seen ? &seen->logo : NULL},
			    a = {&certificate, bimi->certificate, &bimi->certificate_at,
				 seen ? &seen->certificate : NULL};
	if (bimi->logo_at.path.len > 0)
		run->facts->bimi.logo = bimi->logo_at;
	if (bimi->certificate_at.path.len > 0)
		run->facts->bimi.certificate = bimi->certificate_at;
	judge_logo(run, &l);
	judge_certificate(run, &a, &l);
}

static void
judge_record(struct posture_run *run, struct gp_slice text, struct posture_mend *m)
{
	const struct gp_posture_facts *f = run->facts;
	struct bimi bimi;
	const char *why = read_record(text, &bimi);
	bool declines = bimi.logo.len == 0 && bimi.certificate.len == 0;
	if (why) {
		m->evidence =
			gp_arena_printf(run->arena, "%s: %.*s", why, GP_SLICE_FMT(m->evidence));
		m->fix = GP_SLICE("correct it, or take it out");
		posture_add(run, &syntax, syntax.severity, m);
		return;
	}
	judge_files(run, &bimi);
	if (!declines && f->dmarc.known && !is_enforced(f)) {
		m->fix = GP_SLICE("enforce DMARC first");
		posture_add(run, &policy, policy.severity, m);
	}
}

void
posture_judge_bimi(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_slice name = posture_name(run, "default._bimi", run->facts->domain), text = {};
	size_t found = 0;
	if (!name.ptr || !posture_ask(run, name, GP_DNS_TXT, &answer))
		return;
	for (size_t i = 0; i < answer.records_len; i++) {
		if (!gp_slice_starts_nocase(answer.records[i].data, GP_SLICE("v=BIMI1")))
			continue;
		text = answer.records[i].data;
		found++;
	}
	struct posture_mend m = {.evidence = posture_show_txt(run, &answer)};
	if (found == 1)
		judge_record(run, text, &m);
	m.fix = GP_SLICE("keep one");
	if (found > 1)
		posture_add(run, &multiple, multiple.severity, &m);
}
