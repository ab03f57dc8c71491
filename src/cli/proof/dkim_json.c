/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/dkim_json.h"

#include "base/utf8.h"

struct gp_slice
gp_dkim_clean(struct gp_slice text, struct gp_arena *arena)
{
	if (gp_utf8_printable(text))
		return text;
	char *copy = gp_arena_str(arena, text);
	for (size_t i = 0; copy && i < text.len; i++) {
		if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = '?';
	}
	return gp_slice(copy, copy ? text.len : 0);
}

static json_t *
text_or_null(struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_HEADER_SIZE_MAX + 4096);
	struct gp_slice clean = gp_dkim_clean(text, &arena);
	json_t *out = clean.len > 0 ? json_stringn(clean.ptr, clean.len) : json_null();
	gp_arena_free(&arena);
	return out;
}

static json_t *
number_or_null(uint64_t n, bool known)
{
	return known ? json_integer((json_int_t)GP_MIN(n, (uint64_t)INT64_MAX)) : json_null();
}

json_t *
gp_dkim_json(const struct gp_dkim_verdict *v, bool trace)
{
	const struct gp_dkim_signature *s = v->signature;
	json_t *out = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:b, s:b}", "result",
				gp_dkim_result_name(v->result), "domain", text_or_null(s->domain),
				"selector", text_or_null(s->selector), "algorithm",
				text_or_null(s->algorithm_name), "identity",
				text_or_null(s->identity), "reason", v->reason, "key_bits",
				number_or_null(v->key_bits, v->key_bits > 0), "body_length",
				number_or_null(s->length, s->length != GP_DKIM_BODY_ALL), "partial",
				v->partial, "testing", v->testing);
	if (!out || !trace)
		return out;
	json_t *lines = json_array();
	for (size_t i = 0; i < v->trail_len; i++)
		json_array_append_new(lines, text_or_null(v->trail[i]));
	json_object_set_new(out, "trace", lines);
	return out;
}

json_t *
gp_dkim_json_list(const struct gp_dkim_verdict *verdicts, size_t len, bool trace)
{
	json_t *list = json_array();
	for (size_t i = 0; i < len; i++)
		json_array_append_new(list, gp_dkim_json(&verdicts[i], trace));
	return list;
}
