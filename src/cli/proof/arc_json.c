/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/arc_json.h"

/* Ours, or names of the DNS: always UTF-8. */
static json_t *
list(const struct gp_slice *texts, size_t len)
{
	json_t *out = json_array();
	for (size_t i = 0; i < len; i++)
		json_array_append_new(out, json_stringn(texts[i].ptr, texts[i].len));
	return out;
}

json_t *
gp_arc_json(const struct gp_arc_verdict *v, bool trace)
{
	bool pass = v->result == GP_ARC_PASS;
	json_t *reason =
		v->reason.len > 0 ? json_stringn(v->reason.ptr, v->reason.len) : json_null();
	json_t *out =
		json_pack("{s:s, s:i, s:o, s:o, s:o, s:b}", "result", gp_arc_result_name(v->result),
			  "instances", (int)v->instances, "reason", reason, "sealers",
			  list(v->sealers, v->sealers_len), "oldest_pass",
			  pass ? json_integer((json_int_t)v->oldest_pass) : json_null(), "partial",
			  pass && v->loose);
	if (out && trace)
		json_object_set_new(out, "trace", list(v->trail, v->trail_len));
	return out;
}
