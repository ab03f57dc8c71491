/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verification came to: the caller's own, or what our gateway wrote when the message came in;
 * and whether what others claim agrees with it.
 */
#include <errno.h>
#include <string.h>

#include "core/headers/parts.h"
#include "core/identity/organisation.h"

/* --- whom SPF is about --- */

/* The reverse-path; false: nobody says it. */
static bool
find_sender(const struct gp_headers *h, const struct gp_hop *hop, struct gp_slice *ret)
{
	const struct gp_identity *path = &h->identities.return_path;
	*ret = hop->sender.len > 0 ? hop->sender : path->address;
	return ret->len > 0 || gp_slice_eq(path->text, GP_SLICE("<>"));
}

const char *
gp_headers_client(const struct gp_headers *h, struct gp_verify_query *q)
{
	q->address_len = 0;
	if (h->path.boundary < 0)
		return "no trusted hop says which client it came from";
	const struct gp_hop *hop = &h->path.hops[h->path.boundary].hop;
	if (hop->authenticated)
		return "the client had logged in, and may send from anywhere";
	if (hop->octets_len == 0)
		return "the hop where it came in tells no address of the client";
	if (!find_sender(h, hop, &q->sender))
		return "neither Return-Path nor the hop where it came in tells the envelope's "
		       "sender";
	memcpy(q->address, hop->octets, hop->octets_len);
	q->address_len = (uint8_t)hop->octets_len;
	q->helo = hop->helo;
	return NULL;
}

/* --- by the caller --- */

static uint8_t
spf_result(uint8_t verdict)
{
	switch (verdict) {
	case GP_SPF_PASS:
		return GP_VERIFIED_PASS;
	case GP_SPF_NONE:
		return GP_VERIFIED_NONE;
	case GP_SPF_TEMPERROR:
		return GP_VERIFIED_UNKNOWN;
	default:
		return GP_VERIFIED_FAIL;
	}
}

static uint8_t
dmarc_result(uint8_t verdict)
{
	static const uint8_t results[] = {
		[GP_DMARC_NONE] = GP_VERIFIED_NONE,      [GP_DMARC_PASS] = GP_VERIFIED_PASS,
		[GP_DMARC_FAIL] = GP_VERIFIED_FAIL,      [GP_DMARC_TEMPERROR] = GP_VERIFIED_UNKNOWN,
		[GP_DMARC_PERMERROR] = GP_VERIFIED_FAIL,
	};
	gp_assert(verdict < GP_ARRAY_LEN(results));
	return results[verdict];
}

/* Results by themselves, on their way. */
struct collecting {
	struct gp_claimed_result *items;
	size_t len;
	struct gp_arena *arena;
};

static void
add(struct collecting *c, const char *method, const char *result, struct gp_slice domain,
    struct gp_slice reason)
{
	c->items[c->len++] = (struct gp_claimed_result){
		.method = gp_slice_str(method),
		.result = gp_slice_str(result),
		.domain = domain,
		.reason = reason,
	};
}

static void
add_signature(struct collecting *c, const struct gp_dkim_verdict *d)
{
	const struct gp_dkim_signature *s = d->signature;
	struct gp_slice how = gp_slice_str(d->reason ? d->reason : "");
	if (d->result == GP_DKIM_PASS)
		how = gp_arena_printf(c->arena, "%.*s, a key of %u bits at selector %.*s%s",
				      GP_SLICE_FMT(s->algorithm_name), d->key_bits,
				      GP_SLICE_FMT(s->selector),
				      d->partial ? "; it covers only a part of the body" : "");
	add(c, "dkim", gp_dkim_result_name(d->result), s->domain, how);
}

/* The best signature that counts for DMARC. */
static void
take_signature(struct gp_verified *v, const struct gp_dkim_verdict *d)
{
	if (d->result == GP_DKIM_PASS && !d->partial)
		v->dkim = GP_VERIFIED_PASS;
	else if (v->dkim == GP_VERIFIED_PASS)
		return;
	else if (d->result == GP_DKIM_TEMPERROR)
		v->dkim = GP_VERIFIED_UNKNOWN;
	else if (v->dkim != GP_VERIFIED_UNKNOWN)
		v->dkim = GP_VERIFIED_FAIL;
}

static void
read_dkim(struct collecting *c, const struct gp_verify_facts *f, struct gp_verified *v)
{
	v->dkim = GP_VERIFIED_NONE;
	for (size_t i = 0; i < f->dkim_len; i++) {
		add_signature(c, &f->dkim[i]);
		take_signature(v, &f->dkim[i]);
	}
	if (f->dkim_len == 0)
		add(c, "dkim", "none", GP_SLICE(""), GP_SLICE("there is no signature"));
}

static void
read_spf(struct collecting *c, const struct gp_verify_facts *f, struct gp_verified *v)
{
	if (f->mail_from) {
		v->spf = spf_result(f->mail_from->verdict);
		add(c, "spf", gp_spf_verdict_name(f->mail_from->verdict), f->mail_from->domain,
		    f->mail_from->reason);
	}
	if (f->helo)
		add(c, "spf", gp_spf_verdict_name(f->helo->verdict), f->helo->domain,
		    gp_arena_printf(c->arena, "%.*s, of HELO", GP_SLICE_FMT(f->helo->reason)));
}

static void
read_arc(struct collecting *c, const struct gp_arc_verdict *arc, struct gp_verified *v)
{
	static const uint8_t results[] = {
		[GP_ARC_NONE] = GP_VERIFIED_NONE,
		[GP_ARC_PASS] = GP_VERIFIED_PASS,
		[GP_ARC_FAIL] = GP_VERIFIED_FAIL,
	};
	struct gp_slice sealer = GP_SLICE(""), how = arc->reason;
	gp_assert(arc->result < GP_ARRAY_LEN(results));
	v->arc = arc->trouble ? GP_VERIFIED_UNKNOWN : results[arc->result];
	if (arc->sealers_len > 0)
		sealer = arc->sealers[arc->sealers_len - 1];
	if (arc->result == GP_ARC_NONE)
		how = GP_SLICE("there is no chain");
	if (arc->result == GP_ARC_PASS)
		how = gp_arena_printf(c->arena, "%u sets, the newest seal is by this domain%s",
				      arc->instances,
				      arc->loose ? "; it leaves a part of the message open" : "");
	/* RFC 8617 has no word for it, and it is no fact about the chain. */
	add(c, "arc", arc->trouble ? "temperror" : gp_arc_result_name(arc->result), sealer, how);
}

/* Where there is no record DMARC looks at no alignment, and names alone have to do. */
static void
read_alignment(const struct gp_verify_facts *f, struct gp_verified *v)
{
	struct gp_slice from = f->author.domain;
	if (f->dmarc && f->dmarc->record) {
		v->spf_aligned = f->dmarc->spf_aligned;
		v->dkim_aligned = f->dmarc->dkim_aligned;
		return;
	}
	v->spf_aligned =
		v->spf == GP_VERIFIED_PASS && gp_organisation_same(f->mail_from->domain, from);
	for (size_t i = 0; i < f->dkim_len; i++)
		v->dkim_aligned |= f->dkim[i].result == GP_DKIM_PASS && !f->dkim[i].partial &&
				   gp_organisation_same(f->dkim[i].signature->domain, from);
}

int
gp_headers_verified(const struct gp_verify_facts *f, struct gp_arena *arena,
		    struct gp_verified *ret)
{
	enum { OTHERS = 5 }; /* two of SPF, one where there is no signature, DMARC, ARC */
	struct collecting c = {.arena = arena};
	c.items = gp_arena_array(arena, f->dkim_len + OTHERS, sizeof(*c.items));
	if (!c.items)
		return -ENOMEM;
	*ret = (struct gp_verified){.from_trick = f->from_trick};
	read_spf(&c, f, ret);
	read_dkim(&c, f, ret);
	if (f->dmarc) {
		ret->dmarc = dmarc_result(f->dmarc->verdict);
		add(&c, "dmarc", gp_dmarc_verdict_name(f->dmarc->verdict), f->dmarc->from_domain,
		    f->dmarc->reason);
	}
	if (f->arc)
		read_arc(&c, f->arc, ret);
	read_alignment(f, ret);
	ret->items = c.items;
	ret->items_len = c.len;
	return arena->failed ? -ENOMEM : 0;
}

/* --- by our gateway --- */

static uint8_t
result_of(const struct gp_claimed_result *r)
{
	static const struct {
		struct gp_slice word;
		uint8_t result;
	} words[] = {
		{GP_SLICE("pass"), GP_VERIFIED_PASS},
		{GP_SLICE("none"), GP_VERIFIED_NONE},
		{GP_SLICE("temperror"), GP_VERIFIED_UNKNOWN},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (gp_slice_eq_nocase(words[i].word, r->result))
			return words[i].result;
	}
	return GP_VERIFIED_FAIL;
}

/* A pass beats everything else; then an aligned one a stranger's. */
static void
take_result(uint8_t *result, bool *aligned, const struct gp_claimed_result *r, struct gp_slice from)
{
	uint8_t now = result_of(r);
	bool pass = now == GP_VERIFIED_PASS;
	*aligned |= pass && gp_organisation_same(r->domain, from);
	if (pass || *result != GP_VERIFIED_PASS)
		*result = now;
}

/* Somebody may have rewritten From since. */
static bool
is_about(const struct gp_claimed_result *r, struct gp_slice from)
{
	return r->domain.len == 0 || gp_slice_eq_nocase(r->domain, from);
}

static void
take_results(struct gp_headers *h, const struct gp_claimed_results *results)
{
	struct gp_slice from = h->identities.from.domain;
	struct gp_verified *v = &h->verified;
	bool not_asked = false;
	for (size_t i = 0; i < results->len; i++) {
		const struct gp_claimed_result *r = &results->items[i];
		if (gp_slice_eq_nocase(r->method, GP_SLICE("spf")))
			take_result(&v->spf, &v->spf_aligned, r, from);
		else if (gp_slice_eq_nocase(r->method, GP_SLICE("dkim")))
			take_result(&v->dkim, &v->dkim_aligned, r, from);
		else if (gp_slice_eq_nocase(r->method, GP_SLICE("dmarc")) && is_about(r, from))
			take_result(&v->dmarc, &not_asked, r, from);
		else if (gp_slice_eq_nocase(r->method, GP_SLICE("arc")))
			take_result(&v->arc, &not_asked, r, from);
		else
			continue;
		h->verified_before = true;
	}
	v->items = results->items;
	v->items_len = results->len;
}

/* The topmost: it was the last to look. */
static void
find_before(struct gp_headers *h)
{
	for (size_t i = 0; i < h->claims.results_len && !h->verified_before; i++) {
		if (h->claims.results[i].trusted)
			take_results(h, &h->claims.results[i]);
	}
}

/* --- what others claim --- */

static const struct gp_finding_kind
	differs =
		{"auth.claim_differs", GP_SEVERITY_MEDIUM, "a claimed pass does not hold",
		 "whoever wrote the claim (RFC 8601) saw another message than this one, or another "
		 "key; or it is made up"},
	differs_spf = {
		"auth.spf_claim_differs", GP_SEVERITY_LOW,
		"SPF passed for an earlier host, as is claimed",
		"SPF is about the host that connects: whoever forwards a message under its old "
		"envelope breaks it (RFC 7208 appendix D)"};

/* Of the method, the result that a claim about this domain is to be held against; NULL: none. A
 * pass comes before others. */
static const struct gp_claimed_result *
find_own(const struct gp_verified *v, const struct gp_claimed_result *claim)
{
	const struct gp_claimed_result *own = NULL;
	for (size_t i = 0; i < v->items_len; i++) {
		const struct gp_claimed_result *item = &v->items[i];
		if (!gp_slice_eq_nocase(item->method, claim->method) ||
		    (claim->domain.len > 0 && item->domain.len > 0 &&
		     !gp_organisation_same(item->domain, claim->domain)))
			continue;
		if (!own || result_of(item) == GP_VERIFIED_PASS)
			own = item;
	}
	return own;
}

/* Claims of SPF and DMARC may be about an envelope or a From that was rewritten since; one of DKIM
 * names a signature, which is there or not. */
static void
compare(struct gp_headers *h, struct gp_slice authserv, const struct gp_claimed_result *claim)
{
	const struct gp_claimed_result *own = find_own(&h->verified, claim);
	bool spf = gp_slice_eq_nocase(claim->method, GP_SLICE("spf"));
	bool dkim = gp_slice_eq_nocase(claim->method, GP_SLICE("dkim"));
	uint8_t result = own ? result_of(own) : GP_VERIFIED_NONE;
	if (result == GP_VERIFIED_PASS || result == GP_VERIFIED_UNKNOWN || (!own && !dkim))
		return;
	gp_finding_add(&h->findings, spf ? &differs_spf : &differs,
		       "%.*s says %.*s=pass%s%.*s; here it is %.*s%s%.*s", GP_SLICE_FMT(authserv),
		       GP_SLICE_FMT(claim->method), claim->domain.len > 0 ? " for " : "",
		       GP_SLICE_FMT(claim->domain),
		       GP_SLICE_FMT(own ? own->result : GP_SLICE("none")),
		       own && own->reason.len > 0 ? ": " : "",
		       GP_SLICE_FMT(own ? own->reason : GP_SLICE("")));
}

/* The first claim of each method speaks for its field. */
static void
compare_field(struct gp_headers *h, const struct gp_claimed_results *field)
{
	static const struct gp_slice methods[] = {GP_SLICE("spf"), GP_SLICE("dkim"),
						  GP_SLICE("dmarc"), GP_SLICE("arc")};
	for (size_t m = 0; m < GP_ARRAY_LEN(methods); m++) {
		for (size_t i = 0; i < field->len; i++) {
			const struct gp_claimed_result *claim = &field->items[i];
			if (!gp_slice_eq_nocase(claim->method, methods[m]) ||
			    result_of(claim) != GP_VERIFIED_PASS)
				continue;
			compare(h, field->authserv, claim);
			break;
		}
	}
}

void
gp_headers_take_verified(struct gp_headers *h, const struct gp_verified *verified)
{
	if (!verified) {
		find_before(h);
		return;
	}
	h->verified = *verified;
	for (size_t i = 0; i < h->claims.results_len; i++) {
		const struct gp_claimed_results *field = &h->claims.results[i];
		/* One in our name that is not ours has a finding of its own. */
		if (field->trusted || !field->ours)
			compare_field(h, field);
	}
}
