/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict: one function a rule, in the order of headers.h. */
#include <errno.h>
#include <string.h>

#include "core/headers/parts.h"
#include "core/headers/records.h"

struct judging {
	struct gp_headers *h;
	struct gp_arena *arena;
	bool client_told; /* a reason says which client it came from */
};

static void
add_reason(struct judging *j, struct gp_slice text)
{
	struct gp_headers *h = j->h;
	if (text.len > 0 && h->reasons_len < GP_HEADERS_REASONS)
		h->reasons[h->reasons_len++] = text;
}

static void
add_finding(struct judging *j, const struct gp_finding *f)
{
	if (f)
		add_reason(j, gp_arena_printf(j->arena, "%s: %.*s", f->kind->title,
					      GP_SLICE_FMT(f->evidence)));
}

static const struct gp_finding *
found(const struct judging *j, const char *id)
{
	return gp_finding_of(&j->h->findings, id);
}

/* Decides: the rule holds. */
static bool
decide(struct judging *j, uint8_t verdict)
{
	j->h->verdict = verdict;
	return true;
}

/* --- facts that several rules look at --- */

/* Whether the journal bears the hop out. */
static bool
is_recorded(const struct judging *j, size_t hop)
{
	const struct gp_headers_record *r = gp_headers_record_of(j->h, hop);
	return r && !gp_headers_contradiction(j->h, r);
}

/* Below the boundary a trace field of ours may stand on another message than it was made for. */
static bool
is_intact(const struct judging *j, size_t hop)
{
	const struct gp_verified *v = &j->h->verified;
	return j->h->path.hops[hop].trusted ||
	       (v->dkim != GP_VERIFIED_FAIL && v->dmarc != GP_VERIFIED_FAIL);
}

/* The place of the hop where an account of ours handed it in; GP_PATH_NONE: there is none, or
 * nobody said who is ours. */
static int
our_submission(const struct judging *j)
{
	const struct gp_path *p = &j->h->path;
	for (size_t i = 0; i < j->h->records_len; i++) {
		const struct gp_headers_record *r = &j->h->records[i];
		if (r->came.origin == GP_JOURNAL_USER && is_recorded(j, r->hop) &&
		    is_intact(j, r->hop))
			return (int)r->hop;
	}
	if (p->submission < 0 || p->assumed)
		return GP_PATH_NONE;
	const struct gp_headers_record *r = gp_headers_record_of(j->h, (size_t)p->submission);
	bool denied = r && r->state != GP_RECORD_UNKNOWN;
	return denied ? GP_PATH_NONE : p->submission;
}

static const struct gp_hop *
boundary_hop(const struct judging *j)
{
	const struct gp_path *p = &j->h->path;
	return p->boundary >= 0 ? &p->hops[p->boundary].hop : NULL;
}

/* Everything below the boundary may be a forgery, but for what the journal bears out. */
static bool
is_forged_in_our_name(const struct judging *j)
{
	const struct gp_path *p = &j->h->path;
	for (size_t i = 0; i < p->len; i++) {
		const struct gp_path_hop *hop = &p->hops[i];
		if (!hop->trusted && gp_trust_names(&p->trust, hop->hop.by) && !is_recorded(j, i))
			return true;
	}
	return false;
}

static void
add_submission(struct judging *j, int at)
{
	const struct gp_hop *hop = &j->h->path.hops[at].hop;
	struct gp_slice login = hop->login;
	bool recorded = is_recorded(j, (size_t)at);
	if (recorded)
		login = gp_headers_record_of(j->h, (size_t)at)->came.user;
	add_reason(j, gp_arena_printf(j->arena,
				      "it was submitted with a login at %.*s, queue id %.*s, from "
				      "[%.*s]%s%.*s%s",
				      GP_SLICE_FMT(hop->by), GP_SLICE_FMT(hop->id),
				      GP_SLICE_FMT(hop->address), login.len > 0 ? " as " : "",
				      GP_SLICE_FMT(login),
				      recorded ? "; our gateway's journal has it" : ""));
	j->client_told = true;
}

static bool
envelope_is_elsewhere(const struct judging *j)
{
	return found(j, "return_path.elsewhere") != NULL;
}

static bool
was_verified(const struct judging *j)
{
	const struct gp_verified *v = &j->h->verified;
	return v->dmarc != GP_VERIFIED_NOT || v->dkim != GP_VERIFIED_NOT ||
	       v->spf != GP_VERIFIED_NOT;
}

static const char *
by_whom(const struct judging *j)
{
	return j->h->verified_before ? ", as our gateway found when it came in" : "";
}

/* ": why", of DMARC's result. */
static struct gp_slice
dmarc_why(const struct judging *j)
{
	const struct gp_verified *v = &j->h->verified;
	for (size_t i = 0; i < v->items_len; i++) {
		if (gp_slice_eq_nocase(v->items[i].method, GP_SLICE("dmarc")) &&
		    v->items[i].reason.len > 0)
			return gp_arena_printf(j->arena, ": %.*s",
					       GP_SLICE_FMT(v->items[i].reason));
	}
	return GP_SLICE("");
}

/* --- the rules --- */

/* What an account's owner does not do, as a rule: the strongest sign first. */
static const struct gp_finding *
find_abuse(const struct judging *j)
{
	static const char *const signs[] = {
		"filter.spam",          "domain.lookalike",   "name.address", "name.brand",
		"domain.mixed_scripts", "reply_to.elsewhere", "text.hidden"};
	for (size_t i = 0; i < GP_ARRAY_LEN(signs); i++) {
		if (found(j, signs[i]))
			return found(j, signs[i]);
	}
	return NULL;
}

static bool
is_compromised(struct judging *j)
{
	int hop = our_submission(j);
	const struct gp_finding *abuse = hop >= 0 ? find_abuse(j) : NULL;
	if (!abuse)
		return false;
	add_submission(j, hop);
	add_finding(j, abuse);
	return decide(j, GP_VERDICT_COMPROMISED);
}

static bool
is_lookalike(struct judging *j)
{
	if (j->h->identities.looks_like.len == 0)
		return false;
	add_finding(j, found(j, "domain.lookalike"));
	return decide(j, GP_VERDICT_LOOKALIKE);
}

static bool
is_own_submission(struct judging *j)
{
	int hop = our_submission(j);
	if (hop < 0 || !j->h->identities.from_own)
		return false;
	add_submission(j, hop);
	add_reason(j, GP_SLICE("From is ours, and nothing points to abuse: if the content is "
			       "bad, that account is who to ask"));
	return decide(j, GP_VERDICT_AUTHENTIC);
}

static bool
is_borne_out(const struct judging *j, const struct gp_finding *f)
{
	return strcmp(f->kind->id, "path.forged_own") == 0 && !is_forged_in_our_name(j);
}

static bool
is_spoofed(struct judging *j)
{
	static const char *const forgeries[] = {"record.none", "record.differs", "path.forged_own",
						"auth.forged_results", "path.helo_own"};
	bool fails = j->h->verified.dmarc == GP_VERIFIED_FAIL;
	bool passes = j->h->verified.dmarc == GP_VERIFIED_PASS;
	bool forged = false;
	if (fails)
		add_reason(j, gp_arena_printf(j->arena, "DMARC fails for %.*s%s%.*s",
					      GP_SLICE_FMT(j->h->identities.from.domain),
					      by_whom(j), GP_SLICE_FMT(dmarc_why(j))));
	for (size_t i = 0; i < GP_ARRAY_LEN(forgeries); i++) {
		const struct gp_finding *f = found(j, forgeries[i]);
		if (!f || is_borne_out(j, f) || (!fails && (passes || !j->h->identities.from_own)))
			continue;
		add_finding(j, f);
		forged = true;
	}
	if (fails && j->h->verified.arc == GP_VERIFIED_PASS)
		add_reason(j, GP_SLICE("a forwarder vouches for it by ARC, which proves nothing of "
				       "a forwarder that nobody knows"));
	return (fails || forged) && decide(j, GP_VERDICT_SPOOFED);
}

static bool
has_no_author(struct judging *j)
{
	static const char *const kinds[] = {"from.several_fields", "from.unreadable",
					    "from.missing", "from.several_authors"};
	for (size_t i = 0; i < GP_ARRAY_LEN(kinds); i++)
		add_finding(j, found(j, kinds[i]));
	if (j->h->reasons_len == 0 && j->h->verified.from_trick)
		add_reason(j, gp_arena_printf(j->arena, "From is made to be read in two ways: %s",
					      j->h->verified.from_trick));
	if (j->h->reasons_len == 0)
		return false;
	/* Who adds a trick to a forgery must not have it called by a milder name. */
	return is_spoofed(j) || decide(j, GP_VERDICT_UNAUTHENTICATED);
}

static bool
is_authentic(struct judging *j)
{
	const struct gp_verified *v = &j->h->verified;
	bool aligned = v->spf_aligned || v->dkim_aligned;
	bool passes = v->dmarc == GP_VERIFIED_PASS || (v->dmarc == GP_VERIFIED_NONE && aligned);
	if (!passes)
		return false;
	bool forwarded = !v->spf_aligned && v->dkim_aligned && envelope_is_elsewhere(j);
	add_reason(j, gp_arena_printf(j->arena, "%s for %.*s%s",
				      v->dmarc == GP_VERIFIED_PASS
					      ? "DMARC passes"
					      : "there is no policy, but an identity passes",
				      GP_SLICE_FMT(j->h->identities.from.domain), by_whom(j)));
	if (v->dkim_aligned)
		add_reason(j, GP_SLICE("it has a good signature of From's domain"));
	if (v->spf_aligned)
		add_reason(j, GP_SLICE("SPF allows the client to send for From's domain"));
	if (forwarded)
		add_reason(j, GP_SLICE("the envelope is another's, so somebody forwarded it"));
	return decide(j, forwarded ? GP_VERDICT_AUTHENTIC_FORWARDED : GP_VERDICT_AUTHENTIC);
}

static bool
is_unauthenticated(struct judging *j)
{
	const struct gp_hop *hop = boundary_hop(j);
	bool unsure = j->h->verified.dmarc == GP_VERIFIED_UNKNOWN ||
		      j->h->verified.dkim == GP_VERIFIED_UNKNOWN ||
		      j->h->verified.spf == GP_VERIFIED_UNKNOWN;
	bool nothing = was_verified(j) && !unsure;
	bool cannot = !was_verified(j) && j->h->claims.signatures == 0 && envelope_is_elsewhere(j);
	if (nothing)
		add_reason(j, gp_arena_printf(j->arena, "nothing passes that proves From%s",
					      by_whom(j)));
	if (cannot)
		add_reason(j, GP_SLICE("nothing in it could prove From: there is no signature, and "
				       "the envelope's sender is of another organisation"));
	if (!nothing && !cannot)
		return false;
	if (hop && hop->octets_len > 0)
		add_reason(j, gp_arena_printf(j->arena, "it came from [%.*s]",
					      GP_SLICE_FMT(hop->address)));
	j->client_told = true;
	return decide(j, GP_VERDICT_UNAUTHENTICATED);
}

static bool
is_unknown(struct judging *j)
{
	const struct gp_claims *claims = &j->h->claims;
	if (was_verified(j))
		add_reason(j, GP_SLICE("the DNS did not answer, so it could not be verified"));
	else
		add_reason(j, gp_arena_printf(j->arena,
					      "not verified: %zu DKIM signatures and %zu ARC seals "
					      "are only claims",
					      claims->signatures, claims->arc_instances));
	return decide(j, GP_VERDICT_UNKNOWN);
}

/* --- the other reasons --- */

static bool
has_title(const struct judging *j, const struct gp_finding *f)
{
	struct gp_slice title = gp_slice_str(f->kind->title);
	for (size_t i = 0; i < j->h->reasons_len; i++) {
		if (gp_slice_starts(j->h->reasons[i], title))
			return true;
	}
	return false;
}

/* Some findings are another one seen from another side. */
static bool
is_told(const struct judging *j, const struct gp_finding *f)
{
	static const struct {
		const char *id, *as;
	} sides[] = {
		{"path.broken", "path.forged_own"},
		{"name.own", "name.address"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(sides); i++) {
		const struct gp_finding *other = found(j, sides[i].as);
		if (strcmp(f->kind->id, sides[i].id) == 0 && other && has_title(j, other))
			return true;
	}
	return has_title(j, f);
}

/* What else was found fills up the three, the worst first. */
static void
add_others(struct judging *j)
{
	const struct gp_findings *all = &j->h->findings;
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_MEDIUM; severity--) {
		for (size_t i = 0; i < all->len; i++) {
			const struct gp_finding *f = &all->items[i];
			if (f->severity == severity && !is_told(j, f) && !is_borne_out(j, f))
				add_finding(j, f);
		}
	}
	const struct gp_hop *hop = boundary_hop(j);
	if (hop && hop->octets_len > 0 && !j->h->path.assumed && !j->client_told)
		add_reason(j, gp_arena_printf(j->arena, "it came in at %.*s from [%.*s]",
					      GP_SLICE_FMT(hop->by), GP_SLICE_FMT(hop->address)));
}

int
gp_headers_judge(struct gp_headers *h, const struct gp_verified *verified, struct gp_arena *arena)
{
	static bool (*const rules[])(struct judging *) = {
		is_compromised, is_lookalike, has_no_author,      is_own_submission,
		is_spoofed,     is_authentic, is_unauthenticated, is_unknown,
	};
	struct judging j = {.h = h, .arena = arena};
	gp_headers_take_verified(h, verified);
	for (size_t i = 0; i < GP_ARRAY_LEN(rules) && !rules[i](&j); i++)
		;
	add_others(&j);
	return arena->failed ? -ENOMEM : 0;
}
