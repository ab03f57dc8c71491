/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/dmarc.h"

static json_t *
text_or_null(struct gp_slice s)
{
	return s.len > 0 ? json_stringn(s.ptr, s.len) : json_null();
}

json_t *
gp_dmarc_json(const struct gp_dmarc_result *r, bool trail)
{
	json_t *object = json_pack(
		"{s:s, s:o, s:o, s:o, s:s?, s:s, s:b, s:b, s:o}", "result",
		gp_dmarc_verdict_name(r->verdict), "from_domain", text_or_null(r->from_domain),
		"org_domain", text_or_null(r->org_domain), "policy_domain",
		text_or_null(r->policy_domain), "policy", gp_dmarc_policy_name(r->policy),
		"disposition", gp_dmarc_policy_name(r->disposition), "spf_aligned", r->spf_aligned,
		"dkim_aligned", r->dkim_aligned, "reason", text_or_null(r->reason));
	json_t *lines = trail ? json_array() : NULL;
	for (size_t i = 0; lines && i < r->trail_len; i++)
		json_array_append_new(lines, text_or_null(r->trail[i]));
	if (lines)
		json_object_set_new(object, "trail", lines);
	return object;
}
