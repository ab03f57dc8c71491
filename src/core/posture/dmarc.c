/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DMARC record in force, wherever it is: RFC 9989, with what of RFC 7489 no longer counts. A
 * proposal is the record as it was understood, with the one thing mended: it can be published
 * without looking at the other findings.
 */
#include <string.h>

#include "core/dmarc/destination.h"
#include "core/posture/parts.h"
#include "core/taglist/taglist.h"

enum {
	URIS_MAX = 2,        /* that receivers must serve */
	PROPOSAL_MAX = 4000, /* octets; what is longer is no record that one line mends */
};

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
	none = {"dmarc.p.none", GP_SEVERITY_HIGH, "the policy is to do nothing",
		"mail that is proven to be forged is delivered all the same"},
	quarantine = {"dmarc.p.quarantine", GP_SEVERITY_LOW, "the policy is quarantine",
		      "forged mail still arrives, in a folder where some look for lost mail"},
	parked = {"dmarc.parked.weak", GP_SEVERITY_HIGH,
		  "it sends no mail, and does not ask for all of it to be refused",
		  "no good mail could be lost, and anybody can send as this domain"},
	sp_weak = {"dmarc.sp.weak", GP_SEVERITY_HIGH, "names below have a weaker policy",
		   "whoever is kept from sending as the domain sends as a name below it"},
	np_weak = {"dmarc.np.weak", GP_SEVERITY_MEDIUM,
		   "names that are not there have a weaker policy",
		   "an attacker makes up a name below the domain, which needs no record"},
	np_wild = {"dmarc.np.wildcard", GP_SEVERITY_MEDIUM, "np speaks of no name",
		   "a wildcard makes all names be there, so the weaker policy of those that are is "
		   "in force for made-up ones, too (RFC 9989 section 4.7)"},
	pct = {"dmarc.pct", GP_SEVERITY_MEDIUM, "pct no longer counts",
	       "RFC 9989 has taken it out: receivers apply the policy to all mail, or, those that "
	       "follow the older RFC, to a part"},
	removed = {"dmarc.rf.ri", GP_SEVERITY_LOW, "tags that no longer count",
		   "RFC 9989 has taken rf and ri out; they are ignored"},
	testing = {"dmarc.t", GP_SEVERITY_INFO, "test mode",
		   "receivers apply the next milder policy (RFC 9989 section 4.7)"},
	psd = {"dmarc.psd", GP_SEVERITY_INFO, "it says that it is a public suffix",
	       "only registries say psd=y: names below become organisations of their own"},
	rua_none = {"dmarc.rua.none", GP_SEVERITY_HIGH, "nobody gets reports",
		    "nobody learns who sends as this domain, and what a stricter policy would hit"},
	external = {"dmarc.rua.external.unauth", GP_SEVERITY_HIGH,
		    "another organisation has not agreed to take the reports",
		    "no report is sent there (RFC 9990 section 4): who reads them is blind"},
	rua_uri = {"dmarc.rua.uri", GP_SEVERITY_MEDIUM, "places for reports that do not count",
		   "receivers send to mailto: alone, and to two places at least; the rest goes "
		   "nowhere"},
	ruf = {"dmarc.ruf", GP_SEVERITY_INFO, "failure reports are asked for",
	       "few receivers send them, as they hold personal data of others"},
	unknown = {"dmarc.unknown.tag", GP_SEVERITY_LOW, "tags that nobody knows",
		   "they are ignored: if one was mistyped, what it should say is not said"},
	sp_on_sub = {"dmarc.sp.on.sub", GP_SEVERITY_LOW, "sp or np where it says nothing",
		     "only the organisational domain's record speaks for names below"},
	walk_over = {"dmarc.treewalk.over", GP_SEVERITY_INFO, "a name of more than eight labels",
		     "receivers leave out some of its ancestors when they look for its record"};

struct posture_dmarc {
	struct gp_dmarc_walk walk;
	struct gp_dns_answer answer; /* at the name that counts: where the record is, or would be */
	struct gp_slice owner;       /* that name */
	const struct gp_dmarc_record *record; /* in force; NULL: none is */
	bool several;                         /* at that name, which counts as none */
};

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

/* --- records to publish --- */

static void
append(struct posture_run *run, struct gp_slice *text, const char *tag, const char *value)
{
	*text = gp_arena_printf(run->arena, "%.*s; %s=%s", GP_SLICE_FMT(*text), tag, value);
}

static void
append_policy(struct posture_run *run, struct gp_slice *text, const char *tag, uint8_t policy)
{
	if (policy != GP_DMARC_P_ABSENT)
		append(run, text, tag, gp_dmarc_policy_name(policy));
}

static void
append_fo(struct posture_run *run, struct gp_slice *text, uint8_t fo)
{
	static const char letters[] = "01ds";
	char value[2 * sizeof(letters)];
	size_t len = 0;
	for (unsigned i = 0; i < 4; i++) {
		if ((fo & 1U << i) == 0)
			continue;
		if (len > 0)
			value[len++] = ':';
		value[len++] = letters[i];
	}
	value[len] = '\0';
	if (fo != GP_DMARC_FO_ALL && len > 0)
		append(run, text, "fo", value);
}

static void
append_uris(struct posture_run *run, struct gp_slice *text, const char *tag,
	    const struct gp_dmarc_uris *uris)
{
	for (size_t i = 0; i < uris->len; i++)
		*text = gp_arena_printf(run->arena, "%.*s%s%s%s%.*s", GP_SLICE_FMT(*text),
					i == 0 ? "; " : ",", i == 0 ? tag : "", i == 0 ? "=" : "",
					GP_SLICE_FMT(uris->list[i].uri));
}

struct gp_slice
posture_dmarc_text(struct posture_run *run, const struct gp_dmarc_record *r)
{
	struct gp_slice text = GP_SLICE("v=DMARC1");
	append_policy(run, &text, "p", r->p);
	append_policy(run, &text, "sp", r->sp);
	append_policy(run, &text, "np", r->np);
	if (r->adkim_strict)
		append(run, &text, "adkim", "s");
	if (r->aspf_strict)
		append(run, &text, "aspf", "s");
	if (r->psd != GP_DMARC_PSD_UNKNOWN)
		append(run, &text, "psd", r->psd == GP_DMARC_PSD_YES ? "y" : "n");
	if (r->testing)
		append(run, &text, "t", "y");
	append_fo(run, &text, r->fo);
	append_uris(run, &text, "rua", &r->rua);
	append_uris(run, &text, "ruf", &r->ruf);
	return text;
}

static bool
is_listed(const struct gp_dmarc_uris *uris, const struct gp_dmarc_uri *uri)
{
	for (size_t i = 0; i < uris->len; i++) {
		if (gp_slice_eq_nocase(uris->list[i].uri, uri->uri))
			return true;
	}
	return false;
}

/* Those that count: mailto, each once, two. */
static struct gp_dmarc_uris
useful_uris(const struct gp_dmarc_uris *uris)
{
	struct gp_dmarc_uris to = {};
	for (size_t i = 0; i < uris->len && to.len < URIS_MAX; i++) {
		if (uris->list[i].address.len > 0 && !is_listed(&to, &uris->list[i]))
			to.list[to.len++] = uris->list[i];
	}
	return to;
}

/* Those of them that mail can reach. */
static struct gp_dmarc_uris
living_uris(struct posture_run *run, const struct gp_dmarc_uris *uris)
{
	struct gp_dmarc_uris useful = useful_uris(uris), to = {};
	for (size_t i = 0; i < useful.len; i++) {
		if (posture_is_reachable(run, useful.list[i].host))
			to.list[to.len++] = useful.list[i];
	}
	return to;
}

/* A place for who has none: in the domain that has the record, so that nobody need agree. */
static struct gp_dmarc_uri
first_uri(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct gp_slice own = gp_arena_printf(run->arena, "dmarc-reports@%.*s",
					      GP_SLICE_FMT(run->dmarc ? f->dmarc.at : f->domain));
	struct gp_slice address = run->query->reporter.len > 0 ? run->query->reporter : own;
	ptrdiff_t at = gp_slice_rfind(address, '@');
	return (struct gp_dmarc_uri){
		.uri = gp_arena_printf(run->arena, "mailto:%.*s", GP_SLICE_FMT(address)),
		.address = address,
		.host = gp_slice_drop(address, (size_t)(at + 1)),
	};
}

/* The places that a new record has. */
static struct gp_dmarc_uris
wanted_uris(struct posture_run *run)
{
	struct gp_dmarc_uris uris = {};
	if (run->dmarc && run->dmarc->record)
		uris = living_uris(run, &run->dmarc->record->rua);
	bool silent = run->facts->class == GP_POSTURE_PARKED && run->query->reporter.len == 0;
	struct gp_dmarc_uri first = first_uri(run);
	if (uris.len == 0 && !silent && posture_is_reachable(run, first.host))
		uris.list[uris.len++] = first;
	return uris;
}

struct gp_slice
posture_rua(struct posture_run *run)
{
	struct gp_slice text = GP_SLICE("");
	struct gp_dmarc_uris uris = wanted_uris(run);
	append_uris(run, &text, "rua", &uris);
	return text;
}

static struct gp_finding_record
agreement_of(struct posture_run *run, struct gp_slice host)
{
	struct gp_slice at = run->dmarc ? run->facts->dmarc.at : run->facts->domain;
	struct gp_slice name = gp_arena_printf(run->arena, "%.*s._report._dmarc.%.*s",
					       GP_SLICE_FMT(at), GP_SLICE_FMT(host));
	return (struct gp_finding_record){name, "TXT", GP_SLICE("v=DMARC1")};
}

const struct gp_finding_record *
posture_rua_agreement(struct posture_run *run)
{
	struct gp_dmarc_uri uri = first_uri(run);
	bool asked = run->query->reporter.len > 0;
	struct gp_slice org = run->facts->org.len > 0 ? run->facts->org : run->facts->domain;
	struct gp_finding_record *r = gp_arena_new(run->arena, struct gp_finding_record);
	if (!r || !asked || gp_dmarc_is_within(uri.host, org))
		return NULL;
	*r = agreement_of(run, uri.host);
	return r;
}

/* A mended record in place of what is there; what the reports' host must publish goes with it. */
static struct posture_mend
mend(struct posture_run *run, const struct gp_dmarc_record *r, const char *fix)
{
	const struct gp_finding_record *agreement = posture_rua_agreement(run);
	struct gp_finding_record *records = gp_arena_array(run->arena, 2, sizeof(*records));
	struct posture_mend m = {.evidence = posture_show_txt(run, &run->dmarc->answer),
				 .fix = gp_slice_str(fix),
				 .records = records};
	struct gp_dmarc_record staged = *r;
	if (!records || r->text.len > PROPOSAL_MAX)
		return m;
	if (posture_dmarc_limit(run, &staged))
		m.fix = gp_arena_printf(run->arena,
					"%s\n(a policy goes up a step at a time, from the one in "
					"force)",
					fix);
	records[m.records_len++] = (struct gp_finding_record){run->dmarc->owner, "TXT",
							      posture_dmarc_text(run, &staged)};
	if (agreement && r->rua.len > 0 &&
	    gp_slice_eq(r->rua.list[0].address, run->query->reporter))
		records[m.records_len++] = *agreement;
	return m;
}

static void
find(struct posture_run *run, const struct gp_finding_kind *kind, const struct gp_dmarc_record *r,
     const char *fix)
{
	struct posture_mend m = mend(run, r, fix);
	posture_add(run, kind, kind->severity, &m);
}

/* The same for a policy that is to be stricter, from the record as it is to what it should be: with
   no record while it may not be yet. */
static struct posture_mend
climb(struct posture_run *run, const struct gp_dmarc_record *from, const struct gp_dmarc_record *to,
      const char *fix)
{
	struct posture_mend m = mend(run, to, fix);
	struct gp_slice is = posture_dmarc_text(run, from);
	if (m.records_len > 0 && gp_slice_eq(m.records[0].value, is))
		m.records_len = 0;
	return m;
}

static void
find_weak(struct posture_run *run, const struct gp_finding_kind *kind,
	  const struct gp_dmarc_record *from, const struct gp_dmarc_record *to, const char *fix)
{
	struct posture_mend m = climb(run, from, to, fix);
	posture_add(run, kind, kind->severity, &m);
}

/* --- judging: no record in force --- */

static void
judge_missing(struct posture_run *run)
{
	struct gp_dmarc_record r = {.p = GP_DMARC_P_REJECT, .fo = GP_DMARC_FO_ALL};
	r.rua = wanted_uris(run);
	struct posture_mend m = mend(run, &r, "");
	m.fix = posture_dmarc_stages(run, &r, GP_DMARC_P_ABSENT);
	m.evidence = gp_arena_printf(run->arena, "%.*s: no record, nor at a name above",
				     GP_SLICE_FMT(run->dmarc->owner));
	if (run->facts->class == GP_POSTURE_PARKED || run->facts->class == GP_POSTURE_RECEIVING) {
		m.fix = GP_SLICE("it sends no mail, so no good mail can be lost: publish all");
		m.records = posture_lock_down(run, &m.records_len);
	}
	posture_add(run, &missing, missing.severity, &m);
}

/* What begins as a tag of the record: the place of a separator that somebody wrote otherwise. */
static bool
is_tag_ahead(struct gp_slice rest)
{
	static const char *const names[] = {"p",  "sp",  "np",  "adkim", "aspf", "psd", "t",
					    "fo", "rua", "ruf", "pct",   "rf",   "ri"};
	ptrdiff_t equals = gp_slice_find(rest, '=');
	struct gp_slice name = gp_slice_trim(gp_slice_take(rest, equals < 0 ? 0 : (size_t)equals));
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(names[i])))
			return true;
	}
	return false;
}

/* The text with semicolons where other things stand before a tag, and its version in front. */
static struct gp_slice
respace(struct posture_run *run, struct gp_slice text)
{
	struct gp_slice out = GP_SLICE("v=DMARC1; ");
	char *to = gp_arena_alloc(run->arena, text.len);
	for (size_t i = 0; to && i < text.len; i++) {
		char c = text.ptr[i];
		bool loose = c == ' ' || c == ',' || c == ':' || c == '\t' || c == '"';
		to[i] = loose && is_tag_ahead(gp_slice_drop(text, i + 1)) ? ';' : c;
	}
	return gp_arena_printf(run->arena, "%.*s%.*s", GP_SLICE_FMT(out), (int)text.len,
			       to ? to : "");
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

/* A record that is one: with a policy, and places that count. What is passed over is gone. */
static void
complete(struct posture_run *run, struct gp_dmarc_record *r)
{
	if (r->p == GP_DMARC_P_ABSENT)
		r->p = GP_DMARC_P_NONE;
	r->rua = living_uris(run, &r->rua);
	r->ruf = useful_uris(&r->ruf);
	if (r->rua.len == 0)
		r->rua = wanted_uris(run);
	r->flaws_len = 0;
}

/* *ret: what was meant, to be read on. False: nothing that can be understood. */
static bool
judge_meant(struct posture_run *run, struct gp_slice text, struct gp_dmarc_record *ret)
{
	text = respace(run, gp_slice_take(text, GP_FINDING_EVIDENCE_MAX));
	if (gp_dmarc_record_parse(text, run->arena, ret) != 0)
		return false;
	complete(run, ret);
	struct posture_mend m = mend(run, ret,
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
	complete(run, ret);
	find(run, &multiple, ret, "keep one of them");
}

/* --- judging: the record's policies --- */

/* Was there no record before, and since *ret_s this policy: has its beginning been seen? */
static bool
has_begun(struct posture_run *run, const struct gp_posture_past *p, uint64_t *ret_s)
{
	const struct gp_posture_past *record = posture_past(run, GP_SLICE("dmarc"));
	bool now = record && gp_slice_eq(record->value, GP_SLICE("none"));
	bool then = record && p && gp_slice_eq(record->before, GP_SLICE("none")) &&
		    p->before.len == 0 && p->since_s == record->since_s;
	*ret_s = now ? run->query->now_s : then ? p->since_s : 0;
	return now || then;
}

/* It is how to begin, for some weeks, and with reports that somebody reads. What was there before
   the first look may be of any age. */
static void
find_none(struct posture_run *run, const struct gp_dmarc_record *record,
	  const struct gp_dmarc_record *r)
{
	const struct gp_posture_past *p = posture_unchanged(
		run, GP_SLICE("dmarc.p"), gp_slice_str(gp_dmarc_policy_name(GP_DMARC_P_NONE)));
	struct posture_mend m = climb(run, record, r, "");
	uint64_t since_s;
	bool begun = has_begun(run, p, &since_s);
	uint64_t told_s = posture_sent_none_s(run);
	bool told_old = told_s > 0 && posture_age_s(run, told_s) > GP_POSTURE_POLICY_AGE_S;
	bool young = begun && run->reported && !told_old &&
		     posture_age_s(run, since_s) <= GP_POSTURE_POLICY_AGE_S;
	m.fix = posture_dmarc_stages(run, r, GP_DMARC_P_NONE);
	if (p)
		m.evidence = gp_arena_printf(run->arena, "p=none since %.*s%s: %.*s",
					     GP_SLICE_FMT(posture_day(run, p->since_s)),
					     begun || p->before.len > 0 ? "" : " or longer",
					     GP_SLICE_FMT(m.evidence));
	if (told_old)
		m.evidence = gp_arena_printf(run->arena, "p=none in reports since %.*s: %.*s",
					     GP_SLICE_FMT(posture_day(run, told_s)),
					     GP_SLICE_FMT(m.evidence));
	posture_add(run, &none, young ? GP_SEVERITY_MEDIUM : none.severity, &m);
}

static void
judge_policy(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	uint8_t class = run->facts->class;
	bool sends_none = class == GP_POSTURE_PARKED || class == GP_POSTURE_RECEIVING;
	if (r.p == GP_DMARC_P_REJECT)
		return;
	r.p = GP_DMARC_P_REJECT;
	r.sp = r.np = GP_DMARC_P_ABSENT;
	if (sends_none && gp_slice_eq(run->facts->dmarc.at, run->facts->domain)) {
		struct posture_mend m = {posture_show_txt(run, &run->dmarc->answer),
					 GP_SLICE("publish the set for domains that send no mail"),
					 NULL, 0};
		m.records = posture_lock_down(run, &m.records_len);
		posture_add(run, &parked, parked.severity, &m);
	} else if (record->p == GP_DMARC_P_QUARANTINE) {
		struct posture_mend m = climb(run, record, &r, "");
		m.fix = posture_dmarc_stages(run, &r, GP_DMARC_P_QUARANTINE);
		posture_add(run, &quarantine, quarantine.severity, &m);
	} else {
		find_none(run, record, &r);
	}
}

static void
judge_below(struct posture_run *run, const struct gp_dmarc_record *record, bool is_org)
{
	struct gp_dmarc_record r = *record;
	bool weak_sp = r.sp != GP_DMARC_P_ABSENT && r.sp < r.p;
	bool weak_np = r.np != GP_DMARC_P_ABSENT && r.np < r.p;
	if (!is_org) {
		r.sp = r.np = GP_DMARC_P_ABSENT;
		if (record->sp != GP_DMARC_P_ABSENT || record->np != GP_DMARC_P_ABSENT)
			find(run, &sp_on_sub, &r, "say it at the organisational domain");
		return;
	}
	if (weak_sp) {
		r.sp = GP_DMARC_P_ABSENT;
		find_weak(run, &sp_weak, record, &r, "without sp the policy is that of the domain");
	}
	r = *record;
	if (weak_np) {
		r.np = GP_DMARC_P_ABSENT;
		r.sp = weak_sp ? GP_DMARC_P_ABSENT : r.sp;
		find(run, &np_weak, &r, "without np the policy is that of names that are there");
	}
	r = *record;
	uint8_t sp = r.sp != GP_DMARC_P_ABSENT ? r.sp : r.p;
	if (r.np > sp && posture_is_wild(run, run->facts->dmarc.at)) {
		r.sp = r.np;
		find_weak(run, &np_wild, record, &r,
			  "let sp be as strict as np, or take the wildcard out");
	}
}

/* --- judging: tags --- */

enum tag_class {
	KNOWN,
	PCT,
	REMOVED,
	UNKNOWN,
};

static enum tag_class
class_of(struct gp_slice name)
{
	static const struct {
		const char *name;
		uint8_t class;
	} tags[] = {
		{"v", KNOWN},    {"p", KNOWN},   {"sp", KNOWN},   {"np", KNOWN},   {"adkim", KNOWN},
		{"aspf", KNOWN}, {"psd", KNOWN}, {"t", KNOWN},    {"fo", KNOWN},   {"rua", KNOWN},
		{"ruf", KNOWN},  {"pct", PCT},   {"rf", REMOVED}, {"ri", REMOVED},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(tags); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(tags[i].name)))
			return tags[i].class;
	}
	return UNKNOWN;
}

static void
judge_tags(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct posture_list unknowns = {};
	struct gp_slice rest = record->text;
	struct gp_tag tag;
	bool seen[UNKNOWN + 1] = {};
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		enum tag_class class = rc < 0 ? KNOWN : class_of(tag.name);
		const char *near = class == UNKNOWN ? posture_dmarc_tag_near(tag.name) : NULL;
		seen[class] = true;
		if (class == UNKNOWN)
			posture_list_add(run, &unknowns, "%.*s%s%s%s", GP_SLICE_FMT(tag.name),
					 near ? ", perhaps for " : "", near ? near : "", "");
	}
	if (seen[PCT])
		find(run, &pct, record, "take it out; t=y is for trying a policy");
	if (seen[REMOVED])
		find(run, &removed, record, "take them out");
	if (unknowns.len > 0) {
		struct posture_mend m = mend(run, record, "take them out, or correct them");
		m.evidence = unknowns.text;
		posture_add(run, &unknown, unknown.severity, &m);
	}
}

/* Is the flaw a whole tag, and not one URI of several? */
static bool
is_part(struct gp_slice text, struct gp_slice flaw)
{
	while (text.ptr) {
		struct gp_slice part = gp_slice_trim(gp_slice_cut(&text, ';'));
		if (part.ptr == flaw.ptr && part.len == flaw.len)
			return true;
	}
	return false;
}

/* *record becomes what it was meant to be, where it is of no use as it is. */
static void
judge_syntax(struct posture_run *run, struct gp_dmarc_record *record)
{
	struct posture_list flaws = {};
	struct gp_dmarc_record r = *record;
	for (size_t i = 0; i < record->flaws_len; i++) {
		if (is_part(record->text, record->flaws[i]))
			posture_list_add(run, &flaws, "passed over: %.*s",
					 GP_SLICE_FMT(record->flaws[i]));
	}
	if (!record->applies || record->monitors)
		posture_list_add(run, &flaws, "%s",
				 record->applies ? "it counts as p=none" : "it does nothing");
	if (flaws.len == 0)
		return;
	complete(run, &r);
	struct posture_mend m = mend(run, &r, "correct it");
	m.evidence = gp_arena_printf(run->arena, "%.*s: %.*s", GP_SLICE_FMT(flaws.text),
				     GP_SLICE_FMT(m.evidence));
	posture_add(run, &syntax, record->applies ? syntax.severity : GP_SEVERITY_CRITICAL, &m);
	if (!record->applies)
		*record = r;
}

static void
judge_modes(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	if (r.testing) {
		r.testing = false;
		find_weak(run, &testing, record, &r, "take t=y out when the reports are clean");
	}
	r = *record;
	if (r.psd == GP_DMARC_PSD_YES) {
		r.psd = GP_DMARC_PSD_UNKNOWN;
		find(run, &psd, &r, "take psd=y out");
	}
	if (r.ruf.len > 0) {
		const struct posture_mend m = {.evidence = r.ruf.list[0].uri};
		posture_add(run, &ruf, ruf.severity, &m);
	}
}

/* --- judging: reports --- */

/* A size behind a URI, which RFC 7489 had: not told by the record's reader. */
static bool
has_size(const struct gp_dmarc_record *record)
{
	struct gp_slice rest = record->text;
	struct gp_tag tag;
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		if (rc == 0 && gp_slice_eq_nocase(tag.name, GP_SLICE("rua")) &&
		    gp_slice_find(tag.value, '!') >= 0)
			return true;
	}
	return false;
}

static void
judge_uris(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_uris useful = useful_uris(&record->rua);
	struct gp_dmarc_record r = *record;
	struct posture_list flaws = {};
	for (size_t i = 0; i < record->flaws_len; i++) {
		if (!is_part(record->text, record->flaws[i]))
			posture_list_add(run, &flaws, "malformed: %.*s",
					 GP_SLICE_FMT(record->flaws[i]));
	}
	for (size_t i = 0; i < record->rua.len; i++) {
		if (!is_listed(&useful, &record->rua.list[i]))
			posture_list_add(run, &flaws, "no mailto, or the third: %.*s",
					 GP_SLICE_FMT(record->rua.list[i].uri));
	}
	if (useful.len < record->rua.len && flaws.len == 0)
		posture_list_add(run, &flaws, "one stands there twice");
	if (has_size(record))
		posture_list_add(run, &flaws, "a size behind a URI no longer counts");
	if (flaws.len == 0)
		return;
	complete(run, &r);
	struct posture_mend m = mend(run, &r, "name one or two mailboxes");
	m.evidence = flaws.text;
	posture_add(run, &rua_uri, rua_uri.severity, &m);
}

static void
judge_destinations(struct posture_run *run, const struct gp_dmarc_uris *uris, uint8_t kind,
		   const char *tag)
{
	struct gp_dmarc_destinations to;
	struct gp_finding_record *records =
		gp_arena_array(run->arena, GP_DMARC_URIS_MAX, sizeof(*records));
	struct posture_list refused = {};
	int rc = uris->len == 0 || !records
			 ? -1
			 : gp_dmarc_destinations_eval(run->facts->dmarc.at, uris, kind,
						      run->answers, run->arena, &to);
	if (rc < 0)
		return;
	posture_merge(run, to.need, to.need_len,
		      (GP_DMARC_WALK_MAX + 1) * (unsigned)(uris->len + 1));
	for (size_t i = 0; i < to.len; i++) {
		const struct gp_dmarc_destination *d = &to.list[i];
		if (d->state == GP_DMARC_DESTINATION_REFUSED) {
			records[refused.len] = agreement_of(run, d->from->host);
			posture_list_add(run, &refused, "%s %.*s", tag, GP_SLICE_FMT(d->from->uri));
		} else if (d->state == GP_DMARC_DESTINATION_UNKNOWN && rc == 0) {
			posture_not_measured(run, &external, d->from->uri);
		}
	}
	const struct posture_mend m = {
		refused.text, GP_SLICE("the organisation that takes the reports publishes"),
		records, refused.len};
	if (refused.len > 0)
		posture_add(run, &external, external.severity, &m);
}

static void
judge_reach(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	struct posture_list dead = {};
	r.rua = (struct gp_dmarc_uris){};
	for (size_t i = 0; i < record->rua.len; i++) {
		const struct gp_dmarc_uri *uri = &record->rua.list[i];
		if (uri->address.len == 0 || posture_is_reachable(run, uri->host))
			r.rua.list[r.rua.len++] = *uri;
		else
			posture_list_add(run, &dead, "%.*s", GP_SLICE_FMT(uri->uri));
	}
	if (dead.len == 0)
		return;
	if (r.rua.len == 0)
		r.rua = wanted_uris(run);
	struct posture_mend m = mend(run, &r, "name a mailbox that is read");
	m.evidence = dead.text;
	m.records_len = r.rua.len > 0 ? m.records_len : 0;
	posture_add(run, &posture_rua_dead, posture_rua_dead.severity, &m);
}

static void
judge_reports(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_dmarc_record r = *record;
	bool locked = run->facts->class == GP_POSTURE_PARKED && r.p == GP_DMARC_P_REJECT;
	judge_uris(run, record);
	judge_reach(run, record);
	judge_destinations(run, &record->rua, GP_DMARC_RUA, "rua");
	judge_destinations(run, &record->ruf, GP_DMARC_RUF, "ruf");
	if (record->rua.len > 0 || locked)
		return;
	struct gp_dmarc_uri first = first_uri(run);
	if (posture_is_reachable(run, first.host))
		r.rua.list[r.rua.len++] = first;
	struct posture_mend m = mend(run, &r, "name a mailbox, and read what arrives");
	m.records_len = r.rua.len > 0 ? m.records_len : 0;
	posture_add(run, &rua_none, rua_none.severity, &m);
}

/* --- all of it --- */

static void
judge_record(struct posture_run *run, const struct gp_dmarc_record *record)
{
	const struct posture_dmarc *d = run->dmarc;
	bool is_org = d->walk.broken || gp_slice_eq(run->facts->dmarc.at, d->walk.org);
	judge_policy(run, record);
	judge_below(run, record, is_org);
	judge_tags(run, record);
	judge_modes(run, record);
	judge_reports(run, record);
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
	run->reported = in_force && living_uris(run, &in_force->rua).len > 0;
	posture_dmarc_find_stage(run, in_force);
	if (!run->dmarc)
		return;
	judge_form(run);
	judge_passed_over(run);
	const struct posture_mend m = {.evidence = run->facts->domain};
	if (count_labels(run->facts->domain) > GP_DMARC_WALK_MAX)
		posture_add(run, &walk_over, walk_over.severity, &m);
}
