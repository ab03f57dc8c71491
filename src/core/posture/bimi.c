/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BIMI: a logo beside a domain's mail (draft-brand-indicators-for-message-identification). The
 * record alone is looked at, and whether there are hosts for what it leads to; who has none lacks
 * nothing.
 */
#include "core/posture/parts.h"
#include "core/taglist/taglist.h"

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

/* "https://..." without anything that would end it in the record. */
static bool
is_https(struct gp_slice uri)
{
	struct gp_slice scheme = GP_SLICE("https://");
	return gp_slice_starts_nocase(uri, scheme) && uri.len > scheme.len &&
	       gp_slice_find(uri, ' ') < 0;
}

struct bimi {
	struct gp_slice logo, certificate; /* https URIs; empty: none */
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
	if (l->value.len > 0 && !is_https(l->value))
		return "l= is no https URI";
	if (a && a->value.len > 0 && !is_https(a->value))
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

/* What it leads to: nothing is fetched, but a host that is not there serves nothing. */
static void
judge_file(struct posture_run *run, const struct gp_finding_kind *kind, struct gp_slice uri)
{
	struct gp_slice rest = gp_slice_drop(uri, sizeof("https://") - 1), port;
	struct gp_dns_answer a, aaaa;
	struct gp_slice host = gp_slice_cut(&rest, '/');
	port = host;
	host = gp_slice_cut(&port, ':');
	if (uri.len == 0)
		return;
	bool known = posture_ask(run, host, GP_DNS_A, &a);
	known &= posture_ask(run, host, GP_DNS_AAAA, &aaaa);
	const struct posture_mend m = {.evidence = gp_arena_printf(run->arena,
								   "%.*s: its host has no address",
								   GP_SLICE_FMT(uri)),
				       .fix = GP_SLICE("name a file that is there")};
	if (!known)
		return;
	if (a.records_len + aaaa.records_len == 0 && !gp_dns_status_temporary(a.status) &&
	    !gp_dns_status_temporary(aaaa.status))
		posture_add(run, kind, kind->severity, &m);
	else
		posture_not_measured(
			run, kind,
			gp_arena_printf(run->arena, "%.*s was not fetched", GP_SLICE_FMT(uri)));
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
	judge_file(run, &logo, bimi.logo);
	judge_file(run, &certificate, bimi.certificate);
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
