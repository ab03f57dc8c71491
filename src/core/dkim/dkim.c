/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/dkim.h"

#include <errno.h>

static void
refuse(struct gp_dkim_signature *sig, const char *reason)
{
	if (!sig->result) {
		sig->result = GP_DKIM_POLICY;
		sig->reason = reason;
	}
}

static int
collect_one(const struct gp_header *header, size_t field, struct gp_dkim_body *body,
	    struct gp_arena *arena, struct gp_dkim_item *ret)
{
	struct gp_dkim_signature *sig = &ret->signature;
	ret->field = field;
	int r = gp_dkim_signature_read(gp_header_value(header, field), GP_DKIM_FIELD, arena, sig);
	if (r < 0 || sig->result)
		return r;
	r = gp_dkim_body_want(body, sig->body_canon, sig->length, &ret->body_hash);
	if (r > 0)
		refuse(sig, "the signatures have too many different bodies");
	return GP_MIN(r, 0);
}

int
gp_dkim_collect(const struct gp_header *header, struct gp_dkim_body *body, struct gp_arena *arena,
		struct gp_dkim_set *ret)
{
	struct gp_slice name = GP_SLICE("DKIM-Signature");
	size_t there = gp_header_count(header, name), at = 0;
	size_t len = GP_MIN(there, (size_t)GP_DKIM_VERDICTS_MAX);
	struct gp_dkim_item *items = gp_arena_array(arena, len, sizeof(*items));
	if (!items)
		return -ENOMEM;
	*ret = (struct gp_dkim_set){header, items, len, there - len};
	for (size_t i = 0; i < len; i++, at++) {
		at = gp_header_find(header, name, at);
		if (i < GP_DKIM_SIGNATURES_MAX) {
			int r = collect_one(header, at, body, arena, &items[i]);
			if (r < 0)
				return r;
			continue;
		}
		items[i].field = at;
		refuse(&items[i].signature, "it is one of too many signatures");
	}
	return 0;
}

static void
ask(struct gp_dkim_result_set *r, struct gp_dns_question *need, struct gp_dns_question q)
{
	for (size_t i = 0; i < r->need_len; i++) {
		if (gp_slice_eq(need[i].name, q.name))
			return;
	}
	need[r->need_len++] = q;
}

int
gp_dkim_eval(const struct gp_dkim_set *set, const struct gp_dkim_body *body,
	     const struct gp_dkim_world *world, struct gp_dkim_result_set *ret)
{
	struct gp_arena *arena = world->arena;
	struct gp_dkim_verdict *verdicts = gp_arena_array(arena, set->len, sizeof(*verdicts));
	struct gp_dns_question *need = gp_arena_array(arena, set->len, sizeof(*need));
	bool waits = false;
	*ret = (struct gp_dkim_result_set){.verdicts = verdicts, .len = set->len, .need = need};
	if (!verdicts || !need)
		return -ENOMEM;
	for (size_t i = 0; i < set->len; i++) {
		const struct gp_dkim_item *item = &set->items[i];
		int r = gp_dkim_verify(set->header, item->field, &item->signature, body,
				       item->body_hash, world, &verdicts[i]);
		if (r < 0)
			return r;
		if (r == GP_DKIM_NEED)
			ask(ret, need, gp_dkim_question(&item->signature, arena));
		waits = waits || r == GP_DKIM_BODY;
	}
	if (arena->failed)
		return -ENOMEM;
	if (ret->need_len > 0)
		return GP_DKIM_NEED;
	return waits ? GP_DKIM_BODY : GP_DKIM_DONE;
}
