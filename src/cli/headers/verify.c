/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost headers: a message verified once more, by what the DNS says now, or by what our gateway
 * heard when it came. */
#include "cli/headers/headers.h"
#include "cli/proof/verifier.h"

/* Whom SPF is about, and when. */
static void
find_client(struct headers_verification *hv, const struct headers_source *source,
	    const struct gp_headers *found, struct gp_verify_query *query)
{
	query->now_s = source->now_s;
	if (!source->record)
		hv->no_spf = gp_headers_client(found, query);
	else if (!gp_message_records_client(source->record, query))
		hv->no_spf = "the client in the journal is no address";
	hv->by_journal = source->record != NULL;
}

static int
verify(struct headers_verification *hv, const struct headers_source *source,
       const struct gp_headers *found, struct gp_slice message)
{
	struct gp_verify_query query = {.dmarc = true, .arc = true, .receiver = found->path.ours};
	find_client(hv, source, found, &query);
	int rc = gp_verifier_run(source->lookup, &query, message, &hv->verify);
	if (rc > 0)
		hv->nothing = "the header is over the limits";
	if (rc != 0)
		return GP_MIN(rc, 0);
	hv->facts = gp_verify_facts(hv->verify);
	hv->done = true;
	return gp_headers_verified(&hv->facts, found->findings.arena, &hv->verified);
}

int
headers_verify(struct headers_verification *hv, const struct headers_source *source,
	       const struct gp_headers *found, struct gp_slice message)
{
	*hv = (struct headers_verification){};
	if (source->lookup)
		return verify(hv, source, found, message);
	hv->nothing = "give --dns FILE, --resolver ADDRESS, or -c FILE with its key dns";
	return 0;
}
