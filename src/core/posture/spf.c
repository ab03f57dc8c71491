/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the domain's SPF record says, with all that it includes: RFC 7208. A proposal is the record
 * as it was understood, with the one thing mended.
 */
#include <string.h>

#include "core/identity/organisation.h"
#include "core/posture/spf_flat.h"

enum {
	LOOKUPS_NEAR = 8,
	PROPOSAL_MAX = 4000, /* octets; what is longer is no record that one line mends */
	LENGTH_MAX = 450,    /* octets of the record (section 3.4) */
	REPLY_MAX = 512,     /* of an answer (the same) */
	BROAD4 = 16,         /* bits: as many addresses as a large provider has, or more */
	BROAD6 = 32,
	WHOLE4 = 8, /* bits: a good part of the Internet */
	WHOLE6 = 16,
};

static const struct gp_finding_kind
	missing = {"spf.missing", GP_SEVERITY_HIGH, "no SPF record",
		   "any host may use the domain in envelopes, and DMARC has one way less to know "
		   "its own mail by"},
	multiple =
		{"spf.multiple", GP_SEVERITY_HIGH, "more than one SPF record",
		 "two are an error (RFC 7208 section 4.5): all SPF checks fail, those of its own "
		 "mail too"},
	syntax = {"spf.syntax", GP_SEVERITY_HIGH, "the SPF record is malformed",
		  "one mistake makes all of the record an error (RFC 7208 section 4.6): its own "
		  "mail does not pass"},
	plus = {"spf.all.plus", GP_SEVERITY_CRITICAL, "everybody may send",
		"any host of the world passes SPF for this domain, and DMARC by it"},
	neutral =
		{"spf.all.neutral", GP_SEVERITY_HIGH, "it says nothing of other hosts",
		 "mail of any other host is neutral, as if there were no record (RFC 7208 section "
		 "4.7)"},
	soft = {"spf.all.soft", GP_SEVERITY_INFO, "other hosts are softly refused",
		"with ~all, and no DMARC policy that is enforced, forged mail is delivered"},
	not_last = {"spf.all.notlast", GP_SEVERITY_MEDIUM, "terms behind \"all\"",
		    "\"all\" matches everybody, and what stands behind it is never looked at (RFC "
		    "7208 section 5.1)"},
	redirect_all = {"spf.redirect.all", GP_SEVERITY_LOW, "redirect beside \"all\"",
			"the redirect is ignored (RFC 7208 section 6.1)"},
	over = {"spf.lookups.over", GP_SEVERITY_HIGH, "more than ten terms ask the DNS",
		"the eleventh is an error (RFC 7208 section 4.6.4): mail that no earlier term "
		"matches fails by it, its own too"},
	near = {"spf.lookups.near", GP_SEVERITY_LOW, "nearly ten terms ask the DNS",
		"one more include of a provider, and mail fails by the limit of ten (RFC 7208 "
		"section 4.6.4)"},
	mx_over = {"spf.mx.over", GP_SEVERITY_HIGH, "an mx term has more than ten hosts",
		   "that is an error (RFC 7208 section 4.6.4)"},
	void_over = {"spf.void.over", GP_SEVERITY_MEDIUM, "more than two terms find nothing",
		     "many verifiers end with an error at the third (RFC 7208 section 4.6.4)"},
	include_none = {"spf.include.none", GP_SEVERITY_HIGH, "a target has no SPF record",
			"that is an error (RFC 7208 section 5.2): whatever stands behind it is "
			"never looked at"},
	include_loop = {"spf.include.loop", GP_SEVERITY_HIGH, "a record includes itself",
			"verifiers go round until the limit of ten, and end with an error"},
	include_permerror = {"spf.include.permerror", GP_SEVERITY_HIGH, "a target is in error",
			     "its error is this record's (RFC 7208 section 5.2)"},
	broad = {"spf.include.broad", GP_SEVERITY_MEDIUM, "large networks may send",
		 "who gets one address in them, as a customer or by a weak host, sends as this "
		 "domain"},
	overlap = {"spf.overlap", GP_SEVERITY_LOW, "terms that add nothing",
		   "what they say has been said by another; each makes the record longer"},
	ptr = {"spf.ptr", GP_SEVERITY_MEDIUM, "ptr is used",
	       "it should not be (RFC 7208 section 5.5): it is slow, and some receivers pass over "
	       "it"},
	macro = {"spf.exists.macro", GP_SEVERITY_INFO, "a target that depends on the message",
		 "who may send, and how much is asked for it, cannot be told from the record"},
	length = {"spf.length", GP_SEVERITY_LOW, "the record is long",
		  "an answer over 512 octets is asked for twice, and some get none (RFC 7208 "
		  "section "
		  "3.4)"},
	type99 = {"spf.type99", GP_SEVERITY_LOW, "a record of type SPF",
		  "nobody reads it (RFC 7208 section 3.1), so it is mended by nobody either"},
	dangling = {"spf.lookup.dangling", GP_SEVERITY_HIGH,
		    "it trusts a domain that is not registered",
		    "whoever registers that says who may send as this domain"},
	gap = {"spf.subdomain.gap", GP_SEVERITY_MEDIUM, "names below are not covered",
	       "they have addresses, no SPF record, and no DMARC policy of reject: mail as one of "
	       "them looks like the domain's"},
	helo = {"spf.helo", GP_SEVERITY_LOW, "a mail host's name has no SPF record",
		"its bounces, which have no sender, are judged by the host's name (RFC 7208 "
		"section "
		"2.4)"},
	trouble = {"spf.temperror", GP_SEVERITY_INFO, "the DNS did not answer for SPF",
		   "nothing is concluded from that"};

/* --- records to publish --- */

static struct gp_slice
own_name(const struct posture_run *run)
{
	return run->spf->nodes[0].name;
}

static size_t
octets(const struct gp_dns_answer *answer)
{
	size_t n = 0;
	for (size_t i = 0; i < answer->records_len; i++)
		n += answer->records[i].data.len;
	return n;
}

static void
find(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
     struct gp_slice evidence, const char *fix, const struct posture_spf_draft *draft)
{
	struct gp_slice all = evidence;
	if (evidence.len == 0)
		all = posture_show_txt(run, &run->spf->nodes[0].answer);
	struct posture_mend m = {.evidence = all, .fix = gp_slice_str(fix)};
	/* One made of half a record would let half of those who send be refused. */
	bool whole = !run->spf->nodes[0].cut;
	if (draft && whole && octets(&run->spf->nodes[0].answer) <= PROPOSAL_MAX)
		m = posture_publish(run, all, m.fix, own_name(run), posture_spf_write(run, draft));
	posture_add(run, kind, severity, &m);
}

/* Without the term of the domain's own record; what led on must end in something. */
static void
draft_without(struct posture_run *run, const struct posture_spf_term *term,
	      struct posture_spf_draft *ret)
{
	posture_spf_draft(run, &run->spf->nodes[0], term, ret);
	if (ret->all.len == 0 && !ret->redirects)
		ret->all = GP_SLICE("-all");
}

/* The term of the domain's own record that leads to this one, or is it. */
static const struct posture_spf_term *
find_own(const struct posture_run *run, const struct posture_spf_node *node,
	 const struct posture_spf_term *t)
{
	const struct posture_spf_node *own = &run->spf->nodes[0];
	if (node == own)
		return t;
	while (node->parent != own)
		node = node->parent;
	for (size_t i = 0; i < own->len; i++) {
		if (own->terms[i].child == node)
			return &own->terms[i];
	}
	gp_unreachable("a node is a term's child");
}

/* What is wrong in a record of somebody else goes with the term that leads there. */
static void
find_term(struct posture_run *run, const struct gp_finding_kind *kind,
	  const struct posture_spf_node *node, const struct posture_spf_term *t,
	  struct gp_slice evidence, const char *fix)
{
	struct posture_spf_draft draft;
	/* A tree has more terms than anybody is told of; a draft for each would cost memory. */
	if (!gp_findings_take(run->findings, GP_FINDING_FAIL, kind->severity)) {
		posture_add(run, kind, kind->severity, &(struct posture_mend){});
		return;
	}
	draft_without(run, find_own(run, node, t), &draft);
	struct gp_slice text = gp_arena_printf(
		run->arena, "%.*s: %.*s%s%.*s", GP_SLICE_FMT(node->path), GP_SLICE_FMT(t->raw),
		evidence.len > 0 ? ": " : "", GP_SLICE_FMT(evidence));
	find(run, kind, kind->severity, text,
	     node->parent ? "take out what leads there, or have it mended by whose it is" : fix,
	     &draft);
}

/* --- no record, or several --- */

static bool
is_enforced(const struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	return f->dmarc.present && f->dmarc.p >= GP_DMARC_P_QUARANTINE && !f->dmarc.testing;
}

static uint8_t
missing_severity(const struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	bool keys = f->dkim.keys > f->dkim.revoked;
	if (keys && is_enforced(run) && f->dmarc.p == GP_DMARC_P_REJECT)
		return GP_SEVERITY_LOW;
	return keys ? GP_SEVERITY_CRITICAL : missing.severity;
}

static const struct gp_slice no_text = {"", 0};

/* Who most likely sends for a domain that does not say: those who take its mail. */
static void
add_likely(struct posture_run *run, struct posture_spf_draft *d)
{
	const struct gp_posture_facts *f = run->facts;
	if (f->mx.len > 0)
		d->terms[d->len++] = GP_SLICE("mx");
	else if (f->mx.implicit)
		d->terms[d->len++] = GP_SLICE("a");
}

static void
judge_missing(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_spf_draft d = {.all = GP_SLICE("-all")};
	const char *fix = "it sends no mail: say so";
	if (f->class != GP_POSTURE_PARKED) {
		add_likely(run, &d);
		fix = "add all who send for it; publish it with ~all first if that is not known";
	}
	find(run, &missing, missing_severity(run),
	     gp_arena_printf(run->arena, "%.*s: no SPF record", GP_SLICE_FMT(f->domain)), fix, &d);
}

/* --- the domain's own record --- */

/* What is not of the grammar, and all that is left of it. */
static void
judge_form(struct posture_run *run, const struct posture_spf_node *own)
{
	struct posture_spf_draft draft;
	struct gp_slice evidence = posture_show_txt(run, &own->answer);
	draft_without(run, NULL, &draft);
	if (own->state == SPF_SEVERAL)
		find(run, &multiple, multiple.severity, evidence, "merge them into one", &draft);
	else if (own->state == SPF_NONE)
		find(run, &syntax, syntax.severity, evidence,
		     "a record begins with \"v=spf1\" and a space", &draft);
	else if (own->faults.len > 0)
		find(run, &syntax, syntax.severity,
		     gp_arena_printf(run->arena, "%.*s in %.*s", GP_SLICE_FMT(own->faults.text),
				     GP_SLICE_FMT(evidence)),
		     own->lost ? "correct it; what could not be understood is left out below"
			       : "correct it",
		     &draft);
}

/* How it ends, after redirects; only its own end can be mended here. */
static void
judge_end(struct posture_run *run, const struct posture_spf_node *own)
{
	const struct posture_spf_node *end = posture_spf_end(own);
	struct posture_spf_draft draft;
	if (!end || end->cut)
		return;
	const struct gp_finding_kind *kind = NULL;
	uint8_t all = end->all ? end->all->term.qualifier : GP_SPF_NEUTRAL;
	if (all == GP_SPF_PASS)
		kind = &plus;
	else if (all == GP_SPF_NEUTRAL)
		kind = &neutral;
	else if (all == GP_SPF_SOFTFAIL && !is_enforced(run))
		kind = &soft;
	if (!kind)
		return;
	draft_without(run, NULL, &draft);
	draft.all = GP_SLICE("-all");
	/* It names nobody, and lets some send: nobody might is not what it meant. */
	bool names_nobody = draft.len == 0;
	if (names_nobody)
		add_likely(run, &draft);
	struct gp_slice evidence =
		gp_arena_printf(run->arena, "%.*s: %.*s", GP_SLICE_FMT(end->path),
				GP_SLICE_FMT(end->all ? end->all->raw : GP_SLICE("no \"all\"")));
	find(run, kind, kind->severity, evidence,
	     names_nobody ? "name all who send for it, and end it with -all; with ~all first if "
			    "that is not known"
			  : "end it with -all; with ~all first if it is not known who sends",
	     end == own ? &draft : NULL);
}

static void
judge_order(struct posture_run *run, const struct posture_spf_node *own)
{
	struct posture_list behind = {};
	struct posture_spf_draft draft;
	bool redirects = false;
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		redirects |= t->moot && t->term.kind == GP_SPF_REDIRECT;
		if (t->moot && t->term.kind != GP_SPF_REDIRECT)
			posture_list_add(run, &behind, "%.*s", GP_SLICE_FMT(t->raw));
	}
	/* Who lets nobody send, and has no keys, is not made one that sends. */
	uint8_t class = run->facts->class;
	bool nobody = class == GP_POSTURE_PARKED || class == GP_POSTURE_RECEIVING;
	posture_spf_draft(run, own, NULL, &draft);
	draft.len = nobody ? 0 : draft.len;
	if (behind.len > 0)
		find(run, &not_last, not_last.severity, behind.text,
		     nobody ? "take them out, as nobody may send"
			    : "put \"all\" at the end, if they are to count",
		     &draft);
	if (redirects)
		find(run, &redirect_all, redirect_all.severity, no_text,
		     "drop one of them; as it is, \"all\" counts", &draft);
}

/* RFC 7208 section 3.4, by the size of the whole answer with all other TXT records. Empty: it is
   not long. */
static struct gp_slice
show_length(struct posture_run *run, const struct posture_spf_node *node)
{
	enum { HEADER = 12, FIXED = 12, STRING = 255 };
	size_t reply = HEADER + node->name.len + 6, longest = 0;
	for (size_t i = 0; i < node->answer.records_len; i++) {
		struct gp_slice data = node->answer.records[i].data;
		reply += FIXED + data.len + 1 + data.len / STRING;
		if (posture_spf_looks_like(data))
			longest = GP_MAX(longest, data.len);
	}
	if (longest <= LENGTH_MAX && reply <= REPLY_MAX)
		return (struct gp_slice){};
	return gp_arena_printf(run->arena, "the record has %zu octets, the answer %zu", longest,
			       reply);
}

static void
judge_length(struct posture_run *run, const struct posture_spf_node *own)
{
	struct gp_slice evidence = show_length(run, own);
	if (evidence.len > 0)
		find(run, &length, length.severity, evidence,
		     "shorten it, or move other TXT records elsewhere", NULL);
}

static bool
covers(const struct posture_spf_term *a, const struct posture_spf_term *b)
{
	bool ip4 = a->term.kind == GP_SPF_IP4;
	if (a->term.kind != b->term.kind || (!ip4 && a->term.kind != GP_SPF_IP6))
		return false;
	size_t bits = ip4 ? a->term.prefix4 : a->term.prefix6;
	if ((ip4 ? b->term.prefix4 : b->term.prefix6) < bits)
		return false;
	for (size_t i = 0; i < bits; i++) {
		uint8_t mask = (uint8_t)(0x80 >> i % 8);
		if ((a->term.address[i / 8] ^ b->term.address[i / 8]) & mask)
			return false;
	}
	return true;
}

/* Nothing between the two says anything else, so it is all the same which of them is met. */
static bool
is_alike_between(const struct posture_spf_node *own, size_t from, size_t to)
{
	bool alike = true;
	for (size_t i = from + 1; i < to; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		alike &= t->bad || t->term.kind >= GP_SPF_REDIRECT ||
			 t->term.qualifier == own->terms[from].term.qualifier;
	}
	return alike;
}

/* The term that says what t says; NULL: it is news. Of two that are equal the first stays. */
static const struct posture_spf_term *
said_before(const struct posture_spf_node *own, size_t at)
{
	const struct posture_spf_term *t = &own->terms[at];
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *o = &own->terms[i];
		bool same = gp_slice_eq_nocase(o->term.text, t->term.text);
		if (i == at || o->bad || o->moot || o->term.qualifier != t->term.qualifier)
			continue;
		bool stays = i < at || (!covers(t, o) && is_alike_between(own, at, i));
		if (same ? i < at : covers(o, t) && stays)
			return o;
	}
	return NULL;
}

static void
judge_overlaps(struct posture_run *run, const struct posture_spf_node *own)
{
	struct posture_list idle = {};
	struct posture_spf_draft draft = {};
	posture_spf_draft(run, own, NULL, &draft);
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *t = &own->terms[i], *by;
		bool counts = !t->bad && !t->moot && t->term.kind < GP_SPF_REDIRECT &&
			      t->term.kind != GP_SPF_ALL;
		if (!counts || !(by = said_before(own, i)))
			continue;
		posture_list_add(run, &idle, "%.*s is in %.*s", GP_SLICE_FMT(t->raw),
				 GP_SLICE_FMT(by->raw));
		for (size_t k = 0; k < draft.len; k++) {
			if (gp_slice_eq(draft.terms[k], t->raw) && draft.terms[k].ptr == t->raw.ptr)
				memmove(&draft.terms[k], &draft.terms[k + 1],
					(--draft.len - k) * sizeof(draft.terms[0]));
		}
	}
	if (idle.len > 0)
		find(run, &overlap, overlap.severity, idle.text, "take them out", &draft);
}

static bool
is_ptr(const struct posture_spf_term *t)
{
	return !t->bad && !t->moot && t->term.kind == GP_SPF_PTR;
}

static void
judge_ptr(struct posture_run *run, const struct posture_spf_node *own)
{
	struct posture_spf_draft draft;
	size_t len = 0;
	for (size_t i = 0; i < own->len; i++)
		len += is_ptr(&own->terms[i]);
	if (len == 0)
		return;
	draft_without(run, NULL, &draft);
	size_t kept = 0;
	for (size_t i = 0; i < draft.len; i++) {
		struct gp_slice rest = draft.terms[i];
		struct gp_spf_term t;
		if (gp_spf_next(&rest, &t) != 0 || t.kind != GP_SPF_PTR)
			draft.terms[kept++] = draft.terms[i];
	}
	draft.len = kept;
	find(run, &ptr, ptr.severity, no_text,
	     "name the hosts that it stands for by ip4, ip6 or a; the record below is without it",
	     &draft);
}

/* --- the same in records that it leads to --- */

/* Places with one fault, and the gravest of them. */
struct elsewhere {
	struct posture_list list;
	uint8_t severity;
};

/* Is what the record says the domain's own matter: is it the one that its redirects end in, or of
   the same organisation? What a provider's says is the provider's. */
static bool
is_ours(const struct posture_run *run, const struct posture_spf_node *node)
{
	const struct posture_spf_node *n = node;
	while (n->parent && n->parent->redirect && n->parent->redirect->child == n)
		n = n->parent;
	return !n->parent || gp_organisation_same(node->name, run->facts->domain);
}

static void
note(struct posture_run *run, struct elsewhere *e, const struct gp_finding_kind *kind,
     const struct posture_spf_node *node, struct gp_slice what)
{
	uint8_t severity = is_ours(run, node) ? kind->severity : GP_SEVERITY_LOW;
	e->severity = GP_MAX(e->severity, severity);
	posture_list_add(run, &e->list, "%.*s: %.*s", GP_SLICE_FMT(node->path), GP_SLICE_FMT(what));
}

/* No record of the domain's own mends these; without the include its mail would not pass. */
static void
judge_elsewhere(struct posture_run *run)
{
	struct elsewhere ptrs = {}, behind = {}, redirects = {}, lengths = {};
	static const char fix[] = "have it mended by whose record it is";
	for (size_t n = 1; n < run->spf->len; n++) {
		const struct posture_spf_node *node = &run->spf->nodes[n];
		struct gp_slice octets = show_length(run, node);
		for (size_t i = 0; i < node->len; i++) {
			const struct posture_spf_term *t = &node->terms[i];
			if (is_ptr(t))
				note(run, &ptrs, &ptr, node, t->raw);
			else if (t->moot && t->term.kind == GP_SPF_REDIRECT)
				note(run, &redirects, &redirect_all, node, t->raw);
			else if (t->moot)
				note(run, &behind, &not_last, node, t->raw);
		}
		if (octets.len > 0)
			note(run, &lengths, &length, node, octets);
	}
	if (ptrs.list.len > 0)
		find(run, &ptr, ptrs.severity, ptrs.list.text, fix, NULL);
	if (behind.list.len > 0)
		find(run, &not_last, behind.severity, behind.list.text, fix, NULL);
	if (redirects.list.len > 0)
		find(run, &redirect_all, redirects.severity, redirects.list.text, fix, NULL);
	if (lengths.list.len > 0)
		find(run, &length, lengths.severity, lengths.list.text, fix, NULL);
}

/* --- the tree --- */

static bool
is_broad(const struct gp_spf_term *t, bool is_whole)
{
	uint8_t max4 = is_whole ? WHOLE4 : BROAD4, max6 = is_whole ? WHOLE6 : BROAD6;
	bool has4 = t->kind == GP_SPF_IP4 || t->kind == GP_SPF_A || t->kind == GP_SPF_MX;
	bool has6 = t->kind == GP_SPF_IP6 || t->kind == GP_SPF_A || t->kind == GP_SPF_MX;
	return t->qualifier == GP_SPF_PASS &&
	       ((has4 && t->prefix4 <= max4) || (has6 && t->prefix6 <= max6));
}

/* What a provider allows is the provider's; what lets in a good part of the world is not. */
static void
judge_broad(struct posture_run *run)
{
	struct posture_list networks = {};
	uint8_t severity = GP_SEVERITY_LOW;
	for (size_t n = 0; n < run->spf->len; n++) {
		const struct posture_spf_node *node = &run->spf->nodes[n];
		for (size_t i = 0; i < node->len; i++) {
			const struct posture_spf_term *t = &node->terms[i];
			if (t->bad || t->moot || !is_broad(&t->term, false))
				continue;
			posture_list_add(run, &networks, "%.*s: %.*s", GP_SLICE_FMT(node->path),
					 GP_SLICE_FMT(t->raw));
			uint8_t own = node->parent ? GP_SEVERITY_LOW : broad.severity;
			severity =
				GP_MAX(severity, is_broad(&t->term, true) ? GP_SEVERITY_HIGH : own);
		}
	}
	if (networks.len > 0)
		find(run, &broad, severity, networks.text,
		     "name the hosts that send, and not their networks", NULL);
}

/* The first term that is not of the grammar; there is one. */
static struct gp_slice
find_bad(const struct posture_spf_node *node)
{
	size_t i = 0;
	while (!node->terms[i].bad)
		i++;
	return node->terms[i].raw;
}

/* What is wrong where the term leads. */
static void
judge_target(struct posture_run *run, const struct posture_spf_node *node,
	     const struct posture_spf_term *t)
{
	const struct posture_spf_node *child = t->child;
	bool follows = t->term.kind == GP_SPF_INCLUDE || t->term.kind == GP_SPF_REDIRECT;
	bool absent = child ? child->state == SPF_NONE && child->answer.status == GP_DNS_NXDOMAIN
			    : t->nxdomain;
	if (absent && posture_unregistered(run, t->target))
		find_term(run, &dangling, node, t, gp_organisation_of(t->target),
			  "take it out now");
	else if (t->loop)
		find_term(run, &include_loop, node, t, no_text, "take it out");
	else if (follows && (t->no_name || (child && child->state == SPF_NONE)))
		find_term(run, &include_none, node, t, no_text, "take it out, or correct its name");
	else if (child && child->state == SPF_SEVERAL)
		find_term(run, &include_permerror, node, t, GP_SLICE("more than one record"),
			  "take it out, and tell whose it is");
	else if (child && child->bad > 0)
		find_term(run, &include_permerror, node, t, find_bad(child),
			  "take it out, and tell whose it is");
}

/* An include of somebody who lets everybody pass does so, too. */
static void
judge_open(struct posture_run *run, const struct posture_spf_node *node,
	   const struct posture_spf_term *t)
{
	const struct posture_spf_node *end = posture_spf_end(t->child);
	bool passes = t->term.kind == GP_SPF_INCLUDE && t->term.qualifier == GP_SPF_PASS;
	if (passes && end && end->all && end->all->term.qualifier == GP_SPF_PASS)
		find_term(run, &plus, node, t, GP_SLICE("its record ends in +all"), "take it out");
}

static void
judge_node(struct posture_run *run, const struct posture_spf_node *node,
	   struct posture_list *macros, struct posture_list *wide)
{
	for (size_t i = 0; i < node->len; i++) {
		const struct posture_spf_term *t = &node->terms[i];
		if (t->bad || t->moot)
			continue;
		judge_target(run, node, t);
		judge_open(run, node, t);
		if (t->trouble)
			posture_not_measured(run, &trouble,
					     gp_arena_printf(run->arena, "%.*s: %.*s",
							     GP_SLICE_FMT(node->path),
							     GP_SLICE_FMT(t->raw)));
		if (t->macro)
			posture_list_add(run, macros, "%.*s: %.*s", GP_SLICE_FMT(node->path),
					 GP_SLICE_FMT(t->raw));
		if (t->hosts > GP_SPF_HOSTS_MAX)
			posture_list_add(run, wide, "%.*s: %.*s has %u hosts",
					 GP_SLICE_FMT(node->path), GP_SLICE_FMT(t->raw), t->hosts);
	}
	if (node->state == SPF_TROUBLE)
		posture_unknown(run, &trouble, &node->answer);
}

static void
judge_tree(struct posture_run *run)
{
	const struct posture_spf *tree = run->spf;
	struct posture_list macros = {}, wide = {};
	if (tree->cut)
		posture_not_measured(run, &trouble,
				     GP_SLICE("the record includes more than is looked at"));
	for (size_t n = 0; n < tree->len; n++)
		judge_node(run, &tree->nodes[n], &macros, &wide);
	if (macros.len > 0)
		find(run, &macro, macro.severity, macros.text, "look at it by hand", NULL);
	if (wide.len > 0)
		find(run, &mx_over, mx_over.severity, wide.text,
		     "name the hosts that send by ip4 and ip6", NULL);
}

/* --- counts --- */

static struct gp_slice
show_place(struct posture_run *run, const struct posture_spf_place *p)
{
	return gp_arena_printf(run->arena, "%.*s: %.*s", GP_SLICE_FMT(p->node->path),
			       GP_SLICE_FMT(p->term->raw));
}

/* "4 by include:a.test, 1 by mx": where the sum is from, for who cuts it. */
static struct gp_slice
show_shares(struct posture_run *run, const struct posture_spf_node *own)
{
	struct posture_list shares = {};
	for (size_t i = 0; i < own->len; i++) {
		const struct posture_spf_term *t = &own->terms[i];
		if (t->bad || t->moot || !gp_spf_term_asks(&t->term))
			continue;
		struct posture_spf_count c = posture_spf_count_term(own, t);
		posture_list_add(run, &shares, "%u by %.*s", c.lookups, GP_SLICE_FMT(t->raw));
	}
	return shares.text;
}

/* A record that asks less, where there is one that is proven to say the same. */
static void
find_costly(struct posture_run *run, const struct gp_finding_kind *kind, struct gp_slice evidence)
{
	static const char fewer[] = "take out who no longer sends, or let some of them send as a "
				    "name of its own below this one";
	struct posture_flat flat;
	struct posture_mend m = {.evidence = evidence, .fix = gp_slice_str(fewer)};
	if (octets(&run->spf->nodes[0].answer) <= PROPOSAL_MAX &&
	    posture_spf_flatten(run, run->spf, &flat)) {
		m.fix = gp_arena_printf(run->arena,
					"%s;\nor publish the records below, of %u lookups: they "
					"authorise the same %zu networks as what they replace does "
					"today, and are to be made anew whenever that changes",
					fewer, flat.lookups, flat.networks);
		m.records = flat.records;
		m.records_len = flat.len;
	}
	posture_add(run, kind, kind->severity, &m);
}

static void
judge_lookups(struct posture_run *run)
{
	const struct posture_spf *tree = run->spf;
	unsigned n = tree->count.lookups;
	if (n < LOOKUPS_NEAR)
		return;
	struct gp_slice shares = show_shares(run, &tree->nodes[0]);
	struct gp_slice evidence =
		gp_arena_printf(run->arena, "%u lookups: %.*s", n, GP_SLICE_FMT(shares));
	if (n <= GP_SPF_LOOKUPS_MAX) {
		find_costly(run, &near, evidence);
		return;
	}
	struct gp_slice place = show_place(run, &tree->count.lookups_over);
	find_costly(run, &over,
		    gp_arena_printf(run->arena, "%.*s; the eleventh is %.*s",
				    GP_SLICE_FMT(evidence), GP_SLICE_FMT(place)));
}

/* Its own terms that find nothing whoever asks. */
static void
draft_without_void(struct posture_run *run, const struct posture_spf_node *own,
		   struct posture_spf_draft *ret, unsigned *ret_dropped)
{
	draft_without(run, NULL, ret);
	size_t kept = 0;
	for (size_t k = 0; k < ret->len; k++) {
		bool idle = false;
		for (size_t i = 0; i < own->len; i++) {
			const struct posture_spf_term *t = &own->terms[i];
			idle |= t->raw.ptr == ret->terms[k].ptr && t->void4 && t->void6;
		}
		*ret_dropped += idle;
		if (!idle)
			ret->terms[kept++] = ret->terms[k];
	}
	ret->len = kept;
}

/* Clients of IPv6 alone matter less: few domains send by it, and theirs are matched before. */
static void
judge_voids(struct posture_run *run)
{
	const struct posture_spf_count *c = &run->spf->count;
	unsigned most = GP_MAX(c->void4, c->void6), dropped = 0;
	struct posture_spf_draft draft;
	if (most <= GP_SPF_VOID_MAX)
		return;
	draft_without_void(run, &run->spf->nodes[0], &draft, &dropped);
	struct gp_slice evidence =
		gp_arena_printf(run->arena, "%u for IPv4, %u for IPv6; the third is %.*s", c->void4,
				c->void6, GP_SLICE_FMT(show_place(run, &c->void_over)));
	find(run, &void_over, c->void4 > GP_SPF_VOID_MAX ? void_over.severity : GP_SEVERITY_LOW,
	     evidence, "take out terms that find nothing",
	     most - dropped <= GP_SPF_VOID_MAX ? &draft : NULL);
}

/* --- around it --- */

static void
judge_type99(struct posture_run *run)
{
	struct gp_dns_answer spf;
	if (!posture_ask(run, run->facts->domain, GP_DNS_SPF, &spf) || spf.records_len == 0)
		return;
	const struct posture_mend m = {
		.evidence = gp_arena_printf(run->arena, "%.*s SPF \"%.*s\"", GP_SLICE_FMT(spf.name),
					    GP_SLICE_FMT(spf.records[0].data)),
		.fix = GP_SLICE("take it out; the record of type TXT counts")};
	posture_add(run, &type99, type99.severity, &m);
}

/* True: it has an address, and no SPF record, as far as is known. */
static bool
is_uncovered(struct posture_run *run, struct gp_slice name)
{
	struct gp_dns_answer txt, a, mx;
	struct gp_slice text;
	bool known = posture_ask(run, name, GP_DNS_TXT, &txt);
	known &= posture_ask(run, name, GP_DNS_A, &a);
	known &= posture_ask(run, name, GP_DNS_MX, &mx);
	return known && !gp_dns_status_temporary(txt.status) && gp_spf_select(&txt, &text) == 0 &&
	       (a.status == GP_DNS_OK || mx.status == GP_DNS_OK);
}

static void
judge_below(struct posture_run *run)
{
	static const char *const usual[] = {"*", "www", "mail", "smtp", "webmail"};
	const struct gp_posture_facts *f = run->facts;
	bool refused = f->dmarc.present && f->dmarc.sp == GP_DMARC_P_REJECT && !f->dmarc.testing;
	struct posture_list names = {};
	for (size_t i = 0; i < GP_ARRAY_LEN(usual) && f->dmarc.known && !refused; i++) {
		struct gp_slice name = posture_name(run, usual[i], f->domain);
		if (name.ptr && is_uncovered(run, name))
			posture_list_add(run, &names, "%.*s", GP_SLICE_FMT(name));
	}
	const struct posture_mend m = {
		.evidence = names.text,
		.fix = GP_SLICE("let DMARC's sp be reject, or publish \"v=spf1 -all\" at each")};
	if (names.len > 0)
		posture_add(run, &gap, gap.severity, &m);
}

static void
judge_hosts(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_list names = {};
	size_t len = GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX);
	struct gp_finding_record *records = gp_arena_array(run->arena, len, sizeof(*records));
	for (size_t i = 0; records && i < len; i++) {
		struct gp_dns_answer txt, a;
		struct gp_slice name = f->mx.records[i].name, text;
		if (gp_slice_eq_nocase(name, f->domain) || !gp_dmarc_is_within(name, f->domain))
			continue;
		bool known = posture_ask(run, name, GP_DNS_TXT, &txt);
		known &= posture_ask(run, name, GP_DNS_A, &a);
		if (!known || gp_dns_status_temporary(txt.status) || a.status != GP_DNS_OK ||
		    !gp_slice_eq_nocase(a.canonical, name) || gp_spf_select(&txt, &text) > 0)
			continue;
		records[names.len] =
			(struct gp_finding_record){name, "TXT", GP_SLICE("v=spf1 a -all")};
		posture_list_add(run, &names, "%.*s", GP_SLICE_FMT(name));
	}
	const struct posture_mend m = {names.text, GP_SLICE("publish one for each"), records,
				       names.len};
	if (names.len > 0)
		posture_add(run, &helo, helo.severity, &m);
}

/* --- all of it --- */

static void
judge_record(struct posture_run *run, const struct posture_spf_node *own)
{
	judge_form(run, own);
	judge_end(run, own);
	judge_order(run, own);
	judge_overlaps(run, own);
	judge_ptr(run, own);
	judge_length(run, own);
	judge_elsewhere(run);
	judge_tree(run);
	judge_broad(run);
	judge_lookups(run);
	judge_voids(run);
}

void
posture_judge_spf(struct posture_run *run)
{
	if (!run->spf)
		return;
	const struct posture_spf_node *own = &run->spf->nodes[0];
	if (own->state == SPF_TROUBLE)
		posture_unknown(run, &trouble, &own->answer);
	else if (own->len > 0 || own->state == SPF_RECORD)
		judge_record(run, own);
	else if (own->state == SPF_NONE)
		judge_missing(run);
	judge_type99(run);
	judge_below(run);
	judge_hosts(run);
}
