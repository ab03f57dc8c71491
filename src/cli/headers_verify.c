/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost headers: a message verified once more, by what the DNS says now. */
#include "cli/headers.h"
#include "cli/verifier.h"

static int
verify(struct headers_verification *hv, struct gp_lookup *lookup, const struct gp_headers *found,
       struct gp_slice message, uint64_t now_s)
{
	struct gp_verify_query query = {.dmarc = true, .arc = true, .now_s = now_s};
	hv->no_spf = gp_headers_client(found, &query);
	query.receiver = found->path.ours;
	int rc = gp_verifier_run(lookup, &query, message, &hv->verify);
	if (rc > 0)
		hv->nothing = "the header is over the limits";
	if (rc != 0)
		return GP_MIN(rc, 0);
	hv->facts = gp_verify_facts(hv->verify);
	hv->done = true;
	return gp_headers_verified(&hv->facts, found->findings.arena, &hv->verified);
}

int
headers_verify(struct headers_verification *hv, struct gp_lookup *lookup,
	       const struct gp_headers *found, struct gp_slice message, uint64_t now_s)
{
	*hv = (struct headers_verification){};
	if (lookup)
		return verify(hv, lookup, found, message, now_s);
	hv->nothing = "give --dns FILE, --resolver ADDRESS, or -c FILE with its key dns";
	return 0;
}
