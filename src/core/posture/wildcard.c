/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a wildcard makes be there, whatever somebody calls them: RFC 4592. */
#include "core/posture/parts.h"

static const struct gp_finding_kind mx = {
	"mx.wildcard", GP_SEVERITY_LOW, "mail for any name below is taken",
	"what is sent to mistyped and made-up names arrives as well, and as such names are there, "
	"mail from them looks less like made up"};

bool
posture_is_wild(struct posture_run *run, struct gp_slice domain)
{
	struct gp_dns_answer answer;
	struct gp_slice star = posture_name(run, "*", domain);
	return star.ptr && posture_ask(run, star, GP_DNS_A, &answer) &&
	       (answer.status == GP_DNS_OK || answer.status == GP_DNS_NODATA);
}

void
posture_judge_wildcard(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_slice star = posture_name(run, "*", run->facts->domain);
	if (!star.ptr || !posture_ask(run, star, GP_DNS_MX, &answer) || answer.records_len == 0 ||
	    gp_slice_eq(answer.records[0].name, GP_SLICE(".")))
		return;
	const struct posture_mend m = {
		.evidence = gp_arena_printf(run->arena, "%.*s MX %u %.*s", GP_SLICE_FMT(star),
					    answer.records[0].preference,
					    GP_SLICE_FMT(answer.records[0].name)),
		.fix = GP_SLICE("name the names that take mail one by one")};
	posture_add(run, &mx, mx.severity, &m);
}
