/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spf_json.h"

static json_t *
text_or_null(struct gp_slice s)
{
	return s.len > 0 ? json_stringn(s.ptr, s.len) : json_null();
}

json_t *
gp_spf_json(const struct gp_spf_result *r, uint8_t scope, bool trace)
{
	json_t *object = json_pack(
		"{s:s, s:s%, s:s, s:o, s:o, s:i, s:i, s:s%}", "result",
		gp_spf_verdict_name(r->verdict), "domain", r->domain.ptr, r->domain.len, "scope",
		gp_spf_scope_name(scope), "mechanism", text_or_null(r->mechanism), "explanation",
		text_or_null(r->explanation), "lookups", (int)r->lookups, "void_lookups",
		(int)r->void_lookups, "reason", r->reason.ptr, r->reason.len);
	json_t *lines = object && trace ? json_array() : NULL;
	for (size_t i = 0; lines && i < r->trail_len; i++)
		json_array_append_new(lines, text_or_null(r->trail[i]));
	if (lines)
		json_object_set_new(object, "trace", lines);
	return object;
}
