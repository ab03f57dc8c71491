/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlspolicy/tlspolicy.h"

#include <errno.h>
#include <stdarg.h>

#include "core/tlspolicy/parts.h"

enum { NOTE_MAX = 512 };

void
gp_tlspolicy_note(struct gp_tlspolicy_weigh *w, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0 && w->verdict->trail_len < GP_TLSPOLICY_TRAIL_MAX);
	struct gp_slice line = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1));
	w->verdict->trail[w->verdict->trail_len++] = gp_arena_dup(w->arena, line);
}

/* The host must not be used: "host", then the text. */
static void
skip(struct gp_tlspolicy_weigh *w, struct gp_reply reply)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	reply.text = gp_arena_printf(w->arena, "%.*s %.*s", GP_SLICE_FMT(v->host),
				     GP_SLICE_FMT(reply.text));
	v->skip = true;
	v->reply = reply;
	gp_tlspolicy_note(w, "not used: %.*s", GP_SLICE_FMT(reply.text));
}

static bool
demands_all(const struct gp_tlspolicy_weigh *w)
{
	return (w->query->message & GP_TLSPOLICY_REQUIRETLS) != 0;
}

/* True when what the domain's policies say is only reported (RFC 8689 section 4.2.2). */
static bool
is_optional(const struct gp_tlspolicy_weigh *w)
{
	return (w->query->message & GP_TLSPOLICY_OPTIONAL) != 0 && !demands_all(w);
}

/* Does DNSSEC say that the host is one of the domain's? */
static bool
way_is_secure(const struct gp_tlspolicy_weigh *w)
{
	return !w->query->way->mx || w->query->way->secure;
}

static void
must_prove(struct gp_tlspolicy_verdict *v)
{
	v->binding = true;
	v->encrypt = true;
}

static void
set_names(struct gp_tlspolicy_weigh *w, size_t len, const struct gp_slice *names)
{
	struct gp_slice *copy = gp_arena_array(w->arena, len, sizeof(*copy));
	for (size_t i = 0; copy && i < len; i++)
		copy[i] = names[i];
	w->verdict->names = copy;
	w->verdict->names_len = copy ? len : 0;
}

/* Where we start: what is configured for the destination. */
static void
weigh_want(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	switch (w->query->want) {
	case GP_TLSPOLICY_WANT_NONE:
		v->level = GP_TLSPOLICY_NONE;
		gp_tlspolicy_note(w, "configured: no TLS unless a policy wants it");
		break;
	case GP_TLSPOLICY_WANT_ENCRYPT:
	case GP_TLSPOLICY_WANT_DANE_ONLY:
		v->level = GP_TLSPOLICY_ENCRYPT;
		v->encrypt = true;
		gp_tlspolicy_note(w, "configured: never without TLS");
		break;
	case GP_TLSPOLICY_WANT_VERIFY:
		v->level = GP_TLSPOLICY_VERIFY;
		must_prove(v);
		gp_tlspolicy_note(w,
				  "configured: never without a certificate that proves the name");
		break;
	case GP_TLSPOLICY_WANT_FINGERPRINT:
		v->level = GP_TLSPOLICY_FINGERPRINT;
		v->fingerprints = w->query->fingerprints;
		v->fingerprints_len = w->query->fingerprints_len;
		must_prove(v);
		gp_tlspolicy_note(w, "configured: one of %zu fingerprints, no policy is asked",
				  v->fingerprints_len);
		break;
	default:
		v->level = GP_TLSPOLICY_OPPORTUNISTIC;
		gp_tlspolicy_note(w, "TLS if it is offered (RFC 7435 section 3)");
		break;
	}
}

static void
use_dane(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	const struct gp_mx_way *way = w->query->way;
	struct gp_dane_next_hop hop = {way->domain, way->canonical, way->mx, way->secure};
	struct gp_slice names[GP_DANE_NAMES_MAX];
	set_names(w, gp_dane_names(&w->host, w->dane.base, &hop, names), names);
	v->level = GP_TLSPOLICY_DANE;
	v->sni = w->dane.base;
	v->records = w->dane.records;
	v->records_len = w->dane.records_len;
	if (!is_optional(w))
		must_prove(v);
	gp_tlspolicy_report_tlsa(w, 0, NULL);
	gp_tlspolicy_note(w,
			  "%zu of %zu TLSA records of %.*s are usable: DANE (RFC 7672 section 2.2)",
			  v->records_len, w->dane.rrset_len, GP_SLICE_FMT(v->sni));
}

static void
weigh_unusable(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	if (!is_optional(w)) {
		v->encrypt = true;
		v->level = GP_MAX(v->level, (uint8_t)GP_TLSPOLICY_ENCRYPT);
	}
	gp_tlspolicy_report_tlsa(w, GP_TLSRPT_TLSA_INVALID, "no-usable-record");
	gp_tlspolicy_note(w,
			  "none of %zu TLSA records of %.*s is usable: TLS without proof (RFC 7672 "
			  "section 2.2)",
			  w->dane.rrset_len, GP_SLICE_FMT(w->dane.base));
}

static void
weigh_trouble(struct gp_tlspolicy_weigh *w)
{
	gp_tlspolicy_report_tlsa(w, GP_TLSRPT_DNSSEC_INVALID, NULL);
	gp_tlspolicy_note(
		w,
		"the DNS did not say whether %.*s has TLSA records: no way around it (RFC 7672 "
		"section 2.1.2)",
		GP_SLICE_FMT(w->dane.base));
	if (!is_optional(w) || w->query->want == GP_TLSPOLICY_WANT_DANE_ONLY)
		skip(w, GP_REPLY(451, 4, 4, 3, "has TLSA records that could not be looked up"));
}

static void
weigh_absent(struct gp_tlspolicy_weigh *w)
{
	const char *why = "has no TLSA records that DNSSEC validates";
	if (w->host.canonical.len == 0)
		why = "is an address";
	else if (!w->host.secure)
		why = "has an address that DNSSEC does not validate";
	gp_tlspolicy_note(w, "%.*s %s: no DANE (RFC 7672 section 2.2)", GP_SLICE_FMT(w->host.name),
			  why);
}

static void
weigh_dane(struct gp_tlspolicy_weigh *w)
{
	switch (w->dane_outcome) {
	case GP_DANE_USABLE:
		return use_dane(w);
	case GP_DANE_UNUSABLE:
		return weigh_unusable(w);
	case GP_DANE_TROUBLE:
		return weigh_trouble(w);
	default:
		return weigh_absent(w);
	}
}

/* Without a policy that holds: what became of fetching one. */
static void
weigh_no_sts(struct gp_tlspolicy_weigh *w)
{
	static const uint8_t results[] = {
		[GP_MTASTS_FETCH_ERROR] = GP_TLSRPT_STS_POLICY_FETCH_ERROR,
		[GP_MTASTS_POLICY_INVALID] = GP_TLSRPT_STS_POLICY_INVALID,
		[GP_MTASTS_WEBPKI_INVALID] = GP_TLSRPT_STS_WEBPKI_INVALID,
	};
	uint8_t failure = w->query->sts.failure;
	if (failure != GP_MTASTS_FETCHED) {
		gp_assert(failure < GP_ARRAY_LEN(results));
		gp_tlspolicy_report_sts(w, results[failure], NULL);
		gp_tlspolicy_note(
			w,
			"%.*s has an MTA-STS policy that was not to be had (%s): as without "
			"one (RFC 8461 section 3.3)",
			GP_SLICE_FMT(w->query->domain), gp_tlsrpt_result_name(results[failure]));
		return;
	}
	gp_tlspolicy_note(w, "%.*s has no MTA-STS policy, or one of mode none",
			  GP_SLICE_FMT(w->query->domain));
}

static void
use_sts(struct gp_tlspolicy_weigh *w, bool enforce)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	if (v->level != GP_TLSPOLICY_VERIFY)
		v->level = GP_TLSPOLICY_STS;
	if (enforce && !is_optional(w))
		must_prove(v);
}

/*
 * With a secure way DANE's word is the last one. Without, whoever forged the MX records could have
 * named a host of his own, with TLSA records of its own: only the policy knows better.
 */
static void
weigh_sts(struct gp_tlspolicy_weigh *w)
{
	const struct gp_mtasts_policy *p = w->query->sts.policy;
	struct gp_slice domain = w->query->domain;
	if (!p || p->mode == GP_MTASTS_NONE)
		return weigh_no_sts(w);
	bool enforce = p->mode == GP_MTASTS_ENFORCE;
	bool named = gp_mtasts_policy_names(p, w->target->host);
	gp_tlspolicy_report_sts(w, named ? 0 : GP_TLSRPT_VALIDATION_FAILURE,
				named ? NULL : "mx-not-in-policy");
	gp_tlspolicy_note(w, "the MTA-STS policy of %.*s, mode %s, %s %.*s (RFC 8461 section 4.1)",
			  GP_SLICE_FMT(domain), gp_mtasts_mode_name(p->mode),
			  named ? "names" : "does not name", GP_SLICE_FMT(w->target->host));
	bool dane = w->verdict->level == GP_TLSPOLICY_DANE;
	if (dane && way_is_secure(w))
		gp_tlspolicy_note(w, "DANE decides, MTA-STS is reported (RFC 8461 section 2)");
	else if (enforce && !named && !is_optional(w))
		skip(w, GP_REPLY(451, 4, 7, 5, "is not in the domain's MTA-STS policy"));
	else if (dane)
		gp_tlspolicy_note(w, "DANE proves the host (RFC 8461 section 2)");
	else
		use_sts(w, enforce);
}

static void
weigh_dane_only(struct gp_tlspolicy_weigh *w)
{
	if (w->verdict->level == GP_TLSPOLICY_DANE && way_is_secure(w))
		return must_prove(w->verdict);
	if (w->verdict->level != GP_TLSPOLICY_DANE)
		gp_tlspolicy_report_tlsa(w, GP_TLSRPT_DANE_REQUIRED, NULL);
	skip(w, GP_REPLY(451, 4, 7, 5, "cannot be proven by DANE, which is configured"));
}

/* Is it certain that the host is one of the domain's (RFC 8689 section 4.2.1)? */
static bool
way_is_proven(const struct gp_tlspolicy_weigh *w)
{
	const struct gp_mtasts_policy *p = w->query->sts.policy;
	if (way_is_secure(w))
		return true;
	return p && p->mode == GP_MTASTS_ENFORCE && gp_mtasts_policy_names(p, w->target->host);
}

static void
weigh_requiretls(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	v->requiretls = true;
	gp_tlspolicy_note(
		w, "REQUIRETLS: proven TLS, and the next server says it too (RFC 8689 section "
		   "4.2.1)");
	if (v->level == GP_TLSPOLICY_FINGERPRINT)
		return;
	if (!way_is_proven(w))
		return skip(w, GP_REPLY(550, 5, 7, 10,
					"is reached by MX records that nothing proves, and the "
					"message requires TLS"));
	if (!v->binding && v->level != GP_TLSPOLICY_DANE)
		v->level = GP_TLSPOLICY_VERIFY;
	must_prove(v);
}

/* The rest: the names that PKIX proves, and what is left to say. */
static void
finish(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	if (v->reports_len == 0)
		gp_tlspolicy_report_no_policy(w);
	if (v->level != GP_TLSPOLICY_DANE && w->target->canonical.len > 0)
		v->sni = w->target->host;
	if (v->level == GP_TLSPOLICY_VERIFY || v->level == GP_TLSPOLICY_STS)
		set_names(w, 1, &w->target->host);
	if ((v->level == GP_TLSPOLICY_VERIFY || v->level == GP_TLSPOLICY_DANE) && !way_is_proven(w))
		gp_tlspolicy_note(w,
				  "the MX records are not validated: the proof is of the host, not "
				  "that it is the domain's (RFC 7672 section 2.2.1)");
	if (is_optional(w))
		gp_tlspolicy_note(
			w, "TLS-Required: No: policies of the domain are reported, and do not "
			   "bind (RFC 8689 section 4.2.2)");
	if (!v->skip)
		gp_tlspolicy_note(w, "verdict: %s, without proof %s, without TLS %s",
				  gp_tlspolicy_level_name(v->level),
				  v->binding ? "not delivered" : "delivered",
				  v->encrypt ? "not delivered" : "delivered");
}

static void
weigh(struct gp_tlspolicy_weigh *w)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	uint8_t want = w->query->want;
	*v = (struct gp_tlspolicy_verdict){.host = w->target->host};
	weigh_want(w);
	if (want != GP_TLSPOLICY_WANT_FINGERPRINT) {
		weigh_dane(w);
		if (!v->skip)
			weigh_sts(w);
		if (!v->skip && want == GP_TLSPOLICY_WANT_DANE_ONLY)
			weigh_dane_only(w);
	}
	if (!v->skip && demands_all(w))
		weigh_requiretls(w);
	finish(w);
}

static bool
is_asked(const struct gp_tlspolicy_result *r, const struct gp_dns_question *q)
{
	for (size_t i = 0; i < r->need_len; i++) {
		if (r->need[i].type == q->type && gp_slice_eq_nocase(r->need[i].name, q->name))
			return true;
	}
	return false;
}

/* Looks DANE up for a target, and collects what is missing. Returns gp_dane_eval's outcome. */
static int
look_up(struct gp_tlspolicy_weigh *w, const struct gp_answers *answers,
	struct gp_dns_question *need, struct gp_tlspolicy_result *ret)
{
	const struct gp_mx_target *t = w->target;
	w->host = (struct gp_dane_host){t->host, t->canonical, t->secure, t->port};
	if (w->query->want == GP_TLSPOLICY_WANT_FINGERPRINT)
		return GP_DANE_ABSENT;
	int rc = gp_dane_eval(&w->host, answers, w->arena, &w->dane);
	for (size_t i = 0; i < w->dane.need_len; i++) {
		if (!is_asked(ret, &w->dane.need[i]))
			need[ret->need_len++] = w->dane.need[i];
	}
	return rc;
}

/* When no target is left, the reason to give: one that passes by, before one that does not. */
static int
conclude(struct gp_tlspolicy_result *r)
{
	for (size_t i = 0; i < r->verdicts_len; i++) {
		const struct gp_tlspolicy_verdict *v = &r->verdicts[i];
		if (!v->skip)
			return GP_TLSPOLICY_DONE;
		if (i == 0 || (gp_reply_transient(&v->reply) && gp_reply_permanent(&r->reply)))
			r->reply = v->reply;
	}
	return GP_TLSPOLICY_FAILED;
}

int
gp_tlspolicy_eval(const struct gp_tlspolicy_query *query, const struct gp_answers *answers,
		  struct gp_arena *arena, struct gp_tlspolicy_result *ret)
{
	struct gp_tlspolicy_weigh w[GP_MX_ADDRESSES_MAX];
	size_t len = query->targets_len;
	*ret = (struct gp_tlspolicy_result){.verdicts_len = len};
	gp_assert(len > 0 && len <= GP_MX_ADDRESSES_MAX);
	gp_assert(query->want != GP_TLSPOLICY_WANT_FINGERPRINT || query->fingerprints_len > 0);
	struct gp_dns_question *need = gp_arena_array(arena, GP_TLSPOLICY_NEED_MAX, sizeof(*need));
	struct gp_tlspolicy_verdict *verdicts = gp_arena_array(arena, len, sizeof(*verdicts));
	if (!need || !verdicts)
		return -ENOMEM;
	ret->need = need;
	ret->verdicts = verdicts;
	for (size_t i = 0; i < len; i++) {
		w[i] = (struct gp_tlspolicy_weigh){.query = query,
						   .target = &query->targets[i],
						   .arena = arena,
						   .verdict = &verdicts[i]};
		w[i].dane_outcome = look_up(&w[i], answers, need, ret);
		if (w[i].dane_outcome < 0)
			return w[i].dane_outcome;
	}
	if (ret->need_len > 0)
		return GP_TLSPOLICY_NEED;
	for (size_t i = 0; i < len; i++)
		weigh(&w[i]);
	return arena->failed ? -ENOMEM : conclude(ret);
}

const char *
gp_tlspolicy_level_name(uint8_t level)
{
	static const char *const names[] = {
		[GP_TLSPOLICY_NONE] = "none",
		[GP_TLSPOLICY_OPPORTUNISTIC] = "opportunistic",
		[GP_TLSPOLICY_ENCRYPT] = "encrypt",
		[GP_TLSPOLICY_VERIFY] = "verify",
		[GP_TLSPOLICY_STS] = "sts",
		[GP_TLSPOLICY_DANE] = "dane",
		[GP_TLSPOLICY_FINGERPRINT] = "fingerprint",
	};
	gp_assert(level < GP_ARRAY_LEN(names));
	return names[level];
}

/* Each behind its length, so that no two lists come out alike. */
static void
put_text(struct gp_buf *out, struct gp_slice s)
{
	gp_buf_printf(out, "%zu:", s.len);
	gp_buf_put(out, s);
}

static void
put_texts(struct gp_buf *out, const struct gp_slice *items, size_t len)
{
	gp_buf_printf(out, "%zu,", len);
	for (size_t i = 0; i < len; i++)
		put_text(out, items[i]);
}

void
gp_tlspolicy_put_proof(struct gp_buf *out, const struct gp_tlspolicy_verdict *v)
{
	gp_buf_printf(out, "%u,", v->level);
	put_text(out, v->host);
	put_text(out, v->sni);
	put_texts(out, v->names, v->names_len);
	put_texts(out, v->fingerprints, v->fingerprints_len);
	for (size_t i = 0; i < v->records_len; i++) {
		const struct gp_dns_record *r = &v->records[i];
		gp_buf_printf(out, "%u %u %u ", r->usage, r->selector, r->matching);
		put_text(out, r->data);
	}
}
