/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/seen.h"

#include <errno.h>
#include <string.h>

#include "cli/scan/findings.h"
#include "cli/scan/report.h"
#include "core/hello/findings.h"
#include "core/mtasts/record.h"
#include "ipc/values.h"

enum { REPORT_ARENA_MAX = 4 << 20 };

/* --- whether it is there --- */

static bool
is_greeted(const struct gp_probe_record *r)
{
	return r->replies[GP_PROBE_EHLO].code / 100 == 2;
}

/* Of one that did not answer EHLO. What is wrong may be between us and the host, or with us. */
static const char *
why_not_met(const struct scan_result *r, struct gp_arena *arena)
{
	const struct gp_probe_record *record = gp_probe_record(r->probe);
	const struct gp_probe_reply *greeting = &record->replies[GP_PROBE_GREETING];
	if (record->end == GP_PROBE_END_NO_CONNECTION && r->connect_error == 0)
		return "no connection in time; something between may not let port 25 through";
	if (record->end == GP_PROBE_END_NO_CONNECTION)
		return gp_arena_printf(arena, "no connection: %s", strerror(-r->connect_error)).ptr;
	if (greeting->code != 0 && greeting->code / 100 != 2)
		return gp_arena_printf(arena, "its greeting was %u", greeting->code).ptr;
	if (record->replies[GP_PROBE_EHLO].code != 0)
		return gp_arena_printf(arena, "its answer to EHLO was %u",
				       record->replies[GP_PROBE_EHLO].code)
			.ptr;
	return record->end_why ? record->end_why : "EHLO was not answered";
}

static struct gp_slice
name_said(const struct gp_probe_record *record)
{
	struct gp_slice text = gp_probe_last_ehlo(record)->text, line = gp_probe_line(&text);
	return gp_slice_cut(&line, ' ');
}

static bool
has_word(struct gp_slice words, struct gp_slice word)
{
	while (words.len > 0) {
		if (gp_slice_eq_nocase(gp_slice_cut(&words, ' '), word))
			return true;
	}
	return false;
}

static uint8_t
auth_in_clear(const struct gp_probe_record *record)
{
	const struct gp_probe_reply *ehlo = &record->replies[GP_PROBE_EHLO];
	struct gp_slice mechanisms = {};
	bool offered = gp_probe_offers(ehlo, GP_SLICE("AUTH"), &mechanisms);
	return offered && (has_word(mechanisms, GP_SLICE("PLAIN")) ||
			   has_word(mechanisms, GP_SLICE("LOGIN")))
		       ? GP_POSTURE_YES
		       : GP_POSTURE_NO;
}

/* --- TLS --- */

/* "454 not available" (RFC 3207 section 4) is what a server says that cannot read its own key:
   broken. With 421 it would have left, which is not known to be about TLS. */
static void
note_tls(const struct scan_result *r, struct gp_arena *arena, struct gp_posture_host *ret)
{
	const struct gp_probe_record *record = gp_probe_record(r->probe);
	const struct gp_probe_reply *starttls = &record->replies[GP_PROBE_STARTTLS];
	const char *unknown = scan_tls_unknown(r);
	if (unknown) {
		ret->tls_why = unknown;
	} else if (record->starttls == GP_PROBE_STARTTLS_ABSENT) {
		ret->tls = GP_POSTURE_TLS_NONE;
	} else if (r->tls.ok && r->tls.shown.links_len > 0) {
		ret->tls = GP_POSTURE_TLS_SPOKEN;
	} else {
		ret->tls = GP_POSTURE_TLS_BROKEN;
		ret->tls_why = !r->tls.tried
				       ? gp_arena_printf(arena, "STARTTLS: %u", starttls->code).ptr
			       : r->tls.ok ? "no certificate is shown"
					   : gp_arena_str(arena, gp_slice_str(r->tls.error));
	}
}

static void
add_word(struct gp_slice *list, struct gp_arena *arena, struct gp_slice word)
{
	enum { TEXT_MAX = 300 }; /* as much of a list as a finding tells */
	if (list->len < TEXT_MAX)
		*list = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(*list),
					list->len > 0 ? ", " : "", GP_SLICE_FMT(word));
}

static void
note_versions(const struct gp_survey_facts *f, struct gp_arena *arena, struct gp_posture_host *ret)
{
	ret->old_known = true;
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &f->versions[i];
		if (v->version >= GP_TLS_1_2)
			continue;
		ret->old_known &= v->spoken != GP_SURVEY_UNKNOWN;
		if (v->spoken != GP_SURVEY_YES)
			continue;
		ret->old_ssl |= v->version <= GP_SSL_3;
		add_word(&ret->old, arena, gp_slice_str(gp_tls_version_name(v->version)));
	}
}

static void
note_suites(const struct gp_survey_facts *f, struct gp_arena *arena, struct gp_posture_host *ret)
{
	ret->weak_known = true;
	for (size_t i = 1; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &f->versions[i];
		/* TLS 1.3 has no broken ones. */
		bool open = v->version != GP_TLS_1_3 &&
			    (v->spoken == GP_SURVEY_UNKNOWN ||
			     (v->spoken == GP_SURVEY_YES && !v->broken_listed));
		ret->weak_known &= !open;
		for (size_t k = 0; k < v->ciphers_len; k++) {
			const struct gp_cipher *c = gp_cipher_of(v->ciphers[k]);
			if (c && gp_cipher_class(c) == GP_CLASS_BROKEN)
				add_word(&ret->weak, arena, gp_slice_str(c->name));
		}
	}
}

static uint8_t
known(uint8_t surveyed)
{
	return surveyed == GP_SURVEY_YES  ? GP_POSTURE_YES
	       : surveyed == GP_SURVEY_NO ? GP_POSTURE_NO
					  : GP_POSTURE_ASK_NOT;
}

/* TLS 1.3 does not compress (RFC 8446 section 4.1.2). */
static uint8_t
compression_of(const struct gp_survey_facts *f)
{
	bool newest_alone = true;
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
		newest_alone &= f->versions[i].version == GP_TLS_1_3 ||
				f->versions[i].spoken == GP_SURVEY_NO;
	return newest_alone ? GP_POSTURE_NO : known(f->deflate);
}

/* One session shows the best that both have, */
static void
note_session(const struct scan_tls *t, struct gp_arena *arena, struct gp_posture_host *ret)
{
	struct gp_slice version = gp_slice_str(t->version);
	if (!gp_slice_eq(version, GP_SLICE("TLSv1.2")) &&
	    !gp_slice_eq(version, GP_SLICE("TLSv1.3")))
		ret->old = gp_arena_printf(arena, "%s is the best that it takes", t->version);
	if (scan_cipher_is_weak(t->cipher))
		ret->weak = gp_arena_dup(arena, gp_slice_str(t->cipher));
	ret->renegotiation = t->shown.secure_renegotiation ? GP_POSTURE_YES : GP_POSTURE_NO;
}

/* and a survey all that the server has, or all that a brief one asks for. */
static void
note_survey(const struct gp_survey_facts *f, struct gp_arena *arena, struct gp_posture_host *ret)
{
	if (!gp_survey_agreed(f))
		return;
	const struct gp_slice old = ret->old, weak = ret->weak;
	ret->old = ret->weak = (struct gp_slice){};
	note_versions(f, arena, ret);
	note_suites(f, arena, ret);
	if (ret->old.len == 0 && !ret->old_known)
		ret->old = old;
	if (ret->weak.len == 0 && !ret->weak_known)
		ret->weak = weak;
	ret->compression = compression_of(f);
	if (f->renegotiation != GP_SURVEY_UNKNOWN)
		ret->renegotiation = known(f->renegotiation);
}

/* --- certificates --- */

static struct gp_slice
weakness_of(const struct gp_tls_shown *s, struct gp_arena *arena)
{
	struct gp_slice text = {};
	for (size_t i = 0; i < s->links_len; i++) {
		const struct gp_tls_link *l = &s->links[i];
		if (scan_key_is_short(l))
			add_word(&text, arena,
				 gp_arena_printf(arena, "%s of %u bits", l->key, l->key_bits));
		if (l->weak_signature && !l->self_issued)
			add_word(&text, arena, gp_slice_str(l->signature));
	}
	return text;
}

static uint8_t
trust_of(const struct scan_result *r)
{
	const struct gp_tls_shown *s = &r->tls.shown;
	switch (r->tls.trust) {
	case GP_TLS_TRUSTED:
	case GP_TLS_OTHER_NAME:
	case GP_TLS_OUT_OF_DATE:
		return GP_POSTURE_TRUSTED;
	default:
		return s->links_len == 1 && s->links[0].self_issued ? GP_POSTURE_SELF_SIGNED
								    : GP_POSTURE_UNTRUSTED;
	}
}

static void
note_chain(const struct gp_tls_shown *s, const struct gp_tls_certificate *c, struct gp_arena *arena,
	   struct gp_posture_host *ret)
{
	static_assert((int)GP_POSTURE_LINKS_MAX >= (int)GP_TLS_LINKS_MAX);
	struct gp_posture_chain *chain = &ret->chains[ret->chains_len++];
	*chain = (struct gp_posture_chain){
		.names = gp_arena_dup(arena, c->names),
		.from_s = c->from_s,
		.until_s = c->until_s,
		.weak = weakness_of(s, arena),
	};
	chain->links_len = scan_dane_links(s, chain->links);
}

static void
note_chains(const struct scan_result *r, struct gp_arena *arena, struct gp_posture_host *ret)
{
	const struct scan_certificates *other = scan_other_chain(r);
	note_chain(&r->tls.shown, &r->tls.certificate, arena, ret);
	ret->chains[0].trust = trust_of(r);
	ret->chains[0].trust_why = gp_arena_str(arena, gp_slice_str(r->tls.trust_text));
	if (other)
		note_chain(&other->shown, &other->certificate, arena, ret);
}

/* --- all of it --- */

static int
find_software(const struct scan_view *view, struct gp_posture_host *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(REPORT_ARENA_MAX);
	struct scan_report report;
	int r = scan_report_make(view, &arena, &report);
	if (r == 0)
		ret->software = scan_report_software(&report);
	gp_arena_free(&arena);
	return r;
}

static int
note_talk(const struct scan_view *view, struct gp_arena *arena, struct gp_posture_host *ret)
{
	const struct scan_result *r = view->result;
	const struct gp_probe_record *record = gp_probe_record(r->probe);
	if (r->connect_error == -ECONNREFUSED && record->end == GP_PROBE_END_NO_CONNECTION)
		ret->reach = GP_POSTURE_CLOSED;
	else if (!is_greeted(record))
		ret->why = why_not_met(r, arena);
	else
		ret->reach = GP_POSTURE_MET;
	if (ret->reach != GP_POSTURE_MET)
		return 0;
	ret->asked = gp_arena_dup(arena, r->sni);
	ret->says = gp_arena_dup(arena, name_said(record));
	ret->auth_clear = auth_in_clear(record);
	note_tls(r, arena, ret);
	if (ret->tls == GP_POSTURE_TLS_SPOKEN) {
		note_session(&r->tls, arena, ret);
		if (r->survey)
			note_survey(&r->survey->facts, arena, ret);
		note_chains(r, arena, ret);
	}
	return find_software(view, ret);
}

int
audit_seen_host(const struct scan_view *view, struct gp_arena *arena, struct gp_posture_host *ret)
{
	const struct scan_result *r = view->result;
	*ret = (struct gp_posture_host){.address_len =
						r ? r->address_len : view->host->address_len};
	memcpy(ret->address, r ? r->address : view->host->address, ret->address_len);
	int result = 0;
	if (r && r->probe)
		result = note_talk(view, arena, ret);
	else
		ret->why = r ? r->left_out : view->why;
	return result < 0 || arena->failed ? -ENOMEM : 0;
}

bool
audit_seen_otherwise(const struct gp_posture_host *met, const struct gp_posture_host *brief,
		     struct gp_posture_host *ret)
{
	if (met->reach != GP_POSTURE_MET || brief->reach != GP_POSTURE_MET ||
	    brief->tls == GP_POSTURE_TLS_UNKNOWN)
		return false;
	*ret = *met;
	ret->asked = brief->asked;
	ret->tls = brief->tls;
	ret->tls_why = brief->tls_why;
	memcpy(ret->chains, brief->chains, sizeof(ret->chains));
	ret->chains_len = brief->chains_len;
	return true;
}

/* --- policies --- */

uint8_t
audit_seen_fetch(uint8_t result)
{
	static const uint8_t outcomes[] = {
		[GP_FETCH_OK] = GP_POSTURE_FETCHED,
		[GP_FETCH_CONNECT_FAILED] = GP_POSTURE_FETCH_CONNECT,
		[GP_FETCH_TLS_FAILED] = GP_POSTURE_FETCH_TLS,
		[GP_FETCH_BROKEN] = GP_POSTURE_FETCH_BROKEN,
		[GP_FETCH_REDIRECT] = GP_POSTURE_FETCH_REDIRECT,
		[GP_FETCH_HTTP_STATUS] = GP_POSTURE_FETCH_STATUS,
		[GP_FETCH_BAD_CONTENT] = GP_POSTURE_FETCH_TYPE,
		[GP_FETCH_TOO_LARGE] = GP_POSTURE_FETCH_TOO_LARGE,
	};
	/* What is left out says nothing about the server. */
	return result < GP_ARRAY_LEN(outcomes) ? outcomes[result] : GP_POSTURE_FETCH_NOT;
}

struct gp_posture_file
audit_seen_policy(const struct scan_policy *p, struct gp_arena *arena)
{
	struct gp_posture_file policy = {.outcome = audit_seen_fetch(p->result),
					 .why = gp_arena_dup(arena, p->reason)};
	if (policy.outcome == GP_POSTURE_FETCHED)
		policy.text = gp_arena_dup(arena, p->text);
	return policy;
}
