/* SPDX-License-Identifier: Apache-2.0 */
#include "core/headers/headers.h"

#include <errno.h>

#include "core/headers/parts.h"
#include "core/identity/organisation.h"

static const struct gp_finding_kind too_large = {
	"header.too_large", GP_SEVERITY_MEDIUM, "the header is over our limits",
	"what stands behind the limit is not seen here, and may be seen elsewhere"};

/* --- what our gateway wrote --- */

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
}

static void
find_verified(struct gp_headers *h, const struct gp_headers_query *query)
{
	if (query->verified) {
		h->verified = *query->verified;
		return;
	}
	/* The topmost: it was the last to look. */
	for (size_t i = 0; i < h->claims.results_len && !h->verified_before; i++) {
		if (h->claims.results[i].trusted)
			take_results(h, &h->claims.results[i]);
	}
}

/* --- the parts, one after the other --- */

static int
read_parts(const struct gp_headers_query *query, struct gp_arena *arena, struct gp_headers *h)
{
	struct gp_identities_query who = {query->own, query->own_len};
	int rc = gp_path_read(&h->header, &query->trust, query->now_s, arena, &h->findings,
			      &h->path);
	if (rc == 0)
		rc = gp_identities_read(&h->header, &who, arena, &h->findings, &h->identities);
	if (rc != 0)
		return rc;
	struct gp_claims_query claims = {.trust = &h->path.trust, .assumed = h->path.assumed};
	if (h->path.boundary >= 0)
		claims.trusted_fields = h->path.hops[h->path.boundary].field;
	return gp_claims_read(&h->header, &claims, arena, &h->findings, &h->claims);
}

int
gp_headers_read(struct gp_slice message, const struct gp_headers_query *query,
		struct gp_arena *arena, struct gp_headers *ret)
{
	*ret = (struct gp_headers){.findings = gp_findings(arena)};
	int rc = gp_header_split(message, arena, &ret->header);
	if (rc < 0 || !ret->findings.items)
		return -ENOMEM;
	ret->cut = rc > 0;
	if (ret->cut)
		gp_finding_add(&ret->findings, &too_large, "%zu fields are seen",
			       ret->header.fields_len);
	rc = read_parts(query, arena, ret);
	if (rc != 0)
		return rc;
	find_verified(ret, query);
	gp_headers_judge(ret, query, arena);
	return arena->failed ? -ENOMEM : 0;
}

const char *
gp_verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[GP_VERDICT_UNKNOWN] = "unknown",
		[GP_VERDICT_AUTHENTIC] = "authentic",
		[GP_VERDICT_AUTHENTIC_FORWARDED] = "authentic_forwarded",
		[GP_VERDICT_UNAUTHENTICATED] = "unauthenticated",
		[GP_VERDICT_SPOOFED] = "spoofed",
		[GP_VERDICT_LOOKALIKE] = "lookalike",
		[GP_VERDICT_COMPROMISED] = "compromised",
	};
	gp_assert(verdict < GP_ARRAY_LEN(names));
	return names[verdict];
}
