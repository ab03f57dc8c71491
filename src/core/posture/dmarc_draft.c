/* SPDX-License-Identifier: Apache-2.0 */
/* What a DMARC record should be, made of what it is. */
#include "core/posture/dmarc.h"

#include <string.h>

#include "core/taglist/taglist.h"

enum {
	URIS_MAX = 2,        /* that receivers must serve */
	PROPOSAL_MAX = 4000, /* octets; what is longer is no record that one line mends */
};

/* --- the text --- */

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

/* --- a text that is nearly one --- */

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

struct gp_slice
posture_dmarc_respace(struct posture_run *run, struct gp_slice text)
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

/* --- places for reports --- */

bool
posture_dmarc_is_listed(const struct gp_dmarc_uris *uris, const struct gp_dmarc_uri *uri)
{
	for (size_t i = 0; i < uris->len; i++) {
		if (gp_slice_eq_nocase(uris->list[i].uri, uri->uri))
			return true;
	}
	return false;
}

struct gp_dmarc_uris
posture_dmarc_useful_uris(const struct gp_dmarc_uris *uris)
{
	struct gp_dmarc_uris to = {};
	for (size_t i = 0; i < uris->len && to.len < URIS_MAX; i++) {
		if (uris->list[i].address.len > 0 && !posture_dmarc_is_listed(&to, &uris->list[i]))
			to.list[to.len++] = uris->list[i];
	}
	return to;
}

struct gp_dmarc_uris
posture_dmarc_living_uris(struct posture_run *run, const struct gp_dmarc_uris *uris)
{
	struct gp_dmarc_uris useful = posture_dmarc_useful_uris(uris), to = {};
	for (size_t i = 0; i < useful.len; i++) {
		if (posture_is_reachable(run, useful.list[i].host))
			to.list[to.len++] = useful.list[i];
	}
	return to;
}

struct gp_dmarc_uri
posture_dmarc_first_uri(struct posture_run *run)
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

/* "a@example.org" and "mailto:a@example.org b@example.org", with what each lacks. */
static struct gp_slice
respell_rua(struct posture_run *run, struct gp_slice value)
{
	const struct gp_slice scheme = GP_SLICE("mailto:");
	struct gp_slice text = GP_SLICE("");
	while (value.len > 0) {
		size_t at = 0;
		while (at < value.len && !memchr(" \t,", value.ptr[at], 3))
			at++;
		struct gp_slice word = gp_slice_take(value, at);
		value = gp_slice_drop(value, at + 1);
		if (gp_slice_starts_nocase(word, scheme))
			word = gp_slice_drop(word, scheme.len);
		if (gp_slice_find(word, '@') > 0 && gp_slice_find(word, ':') < 0)
			text = gp_arena_printf(run->arena, "%.*s%smailto:%.*s", GP_SLICE_FMT(text),
					       text.len > 0 ? "," : "", GP_SLICE_FMT(word));
	}
	return text;
}

struct gp_dmarc_uris
posture_dmarc_meant_uris(struct posture_run *run, const struct gp_dmarc_record *record)
{
	struct gp_slice rest = record->text, text = GP_SLICE("");
	struct gp_slice org = run->facts->org.len > 0 ? run->facts->org : run->facts->domain;
	struct gp_dmarc_uris living, to = {};
	struct gp_dmarc_record r;
	struct gp_tag tag;
	for (int rc; rest.len <= PROPOSAL_MAX && (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		if (rc == 0 && gp_slice_eq_nocase(tag.name, GP_SLICE("rua")))
			text = respell_rua(run, tag.value);
	}
	text = gp_arena_printf(run->arena, "v=DMARC1; p=none; rua=%.*s", GP_SLICE_FMT(text));
	if (gp_dmarc_record_parse(text, run->arena, &r) != 0)
		return to;
	living = posture_dmarc_living_uris(run, &r.rua);
	for (size_t i = 0; i < living.len; i++) {
		if (gp_dmarc_is_within(living.list[i].host, org))
			to.list[to.len++] = living.list[i];
	}
	return to;
}

struct gp_dmarc_uris
posture_dmarc_wanted_uris(struct posture_run *run)
{
	struct gp_dmarc_uris uris = {};
	if (run->dmarc && run->dmarc->record)
		uris = posture_dmarc_living_uris(run, &run->dmarc->record->rua);
	if (uris.len == 0 && run->dmarc && run->dmarc->record)
		uris = posture_dmarc_meant_uris(run, run->dmarc->record);
	bool silent = run->facts->class == GP_POSTURE_PARKED && run->query->reporter.len == 0;
	struct gp_dmarc_uri first = posture_dmarc_first_uri(run);
	if (uris.len == 0 && !silent && posture_is_reachable(run, first.host))
		uris.list[uris.len++] = first;
	return uris;
}

struct gp_slice
posture_rua(struct posture_run *run)
{
	struct gp_slice text = GP_SLICE("");
	struct gp_dmarc_uris uris = posture_dmarc_wanted_uris(run);
	append_uris(run, &text, "rua", &uris);
	return text;
}

struct gp_finding_record
posture_dmarc_agreement(struct posture_run *run, struct gp_slice host)
{
	struct gp_slice at = run->dmarc ? run->facts->dmarc.at : run->facts->domain;
	struct gp_slice name = gp_arena_printf(run->arena, "%.*s._report._dmarc.%.*s",
					       GP_SLICE_FMT(at), GP_SLICE_FMT(host));
	return (struct gp_finding_record){name, "TXT", GP_SLICE("v=DMARC1")};
}

const struct gp_finding_record *
posture_rua_agreement(struct posture_run *run)
{
	struct gp_dmarc_uri uri = posture_dmarc_first_uri(run);
	bool asked = run->query->reporter.len > 0;
	struct gp_slice org = run->facts->org.len > 0 ? run->facts->org : run->facts->domain;
	struct gp_finding_record *r = gp_arena_new(run->arena, struct gp_finding_record);
	if (!r || !asked || gp_dmarc_is_within(uri.host, org))
		return NULL;
	*r = posture_dmarc_agreement(run, uri.host);
	return r;
}

void
posture_dmarc_complete(struct posture_run *run, struct gp_dmarc_record *r)
{
	if (r->p == GP_DMARC_P_ABSENT)
		r->p = GP_DMARC_P_NONE;
	r->rua = posture_dmarc_living_uris(run, &r->rua);
	r->ruf = posture_dmarc_useful_uris(&r->ruf);
	if (r->rua.len == 0)
		r->rua = posture_dmarc_wanted_uris(run);
	r->flaws_len = 0;
}

/* --- findings --- */

struct posture_mend
posture_dmarc_mend(struct posture_run *run, const struct gp_dmarc_record *r, const char *fix)
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

void
posture_dmarc_find(struct posture_run *run, const struct gp_finding_kind *kind,
		   const struct gp_dmarc_record *r, const char *fix)
{
	struct posture_mend m = posture_dmarc_mend(run, r, fix);
	posture_add(run, kind, kind->severity, &m);
}

struct posture_mend
posture_dmarc_climb(struct posture_run *run, const struct gp_dmarc_record *from,
		    const struct gp_dmarc_record *to, const char *fix)
{
	struct posture_mend m = posture_dmarc_mend(run, to, fix);
	struct gp_slice is = posture_dmarc_text(run, from);
	if (m.records_len > 0 && gp_slice_eq(m.records[0].value, is))
		m.records_len = 0;
	return m;
}

void
posture_dmarc_find_weak(struct posture_run *run, const struct gp_finding_kind *kind,
			const struct gp_dmarc_record *from, const struct gp_dmarc_record *to,
			const char *fix)
{
	struct posture_mend m = posture_dmarc_climb(run, from, to, fix);
	posture_add(run, kind, kind->severity, &m);
}
