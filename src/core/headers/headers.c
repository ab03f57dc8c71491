/* SPDX-License-Identifier: Apache-2.0 */
#include "core/headers/headers.h"

#include <errno.h>

static const struct gp_finding_kind too_large = {
	"header.too_large", GP_SEVERITY_MEDIUM, "the header is over our limits",
	"what stands behind the limit is not seen here, and may be seen elsewhere"};

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
