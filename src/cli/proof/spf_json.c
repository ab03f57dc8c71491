/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/spf_json.h"

static json_t *
json_text(struct gp_slice s)
{
	return s.len > 0 ? json_stringn(s.ptr, s.len) : json_null();
}

static json_t *
json_trail(const struct gp_spf_result *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->trail_len; i++)
		json_array_append_new(list, json_text(r->trail[i]));
	return list;
}

json_t *
gp_spf_json(const struct gp_spf_result *r, uint8_t scope, bool trace)
{
	json_t *object = json_pack(
		"{s:s, s:s%, s:s, s:o, s:o, s:i, s:i, s:s%}", "result",
		gp_spf_verdict_name(r->verdict), "domain", r->domain.ptr, r->domain.len, "scope",
		gp_spf_scope_name(scope), "mechanism", json_text(r->mechanism), "explanation",
		json_text(r->explanation), "lookups", (int)r->lookups, "void_lookups",
		(int)r->void_lookups, "reason", r->reason.ptr, r->reason.len);
	if (object && trace)
		json_object_set_new(object, "trace", json_trail(r));
	return object;
}
