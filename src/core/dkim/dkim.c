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

/* All signatures on their way to a result. */
struct judged {
	struct gp_dkim_verdict *verdicts;
	struct gp_dns_question *need;
	size_t need_len;
	bool waits; /* one is there that wants nothing but the body */
};

static void
ask(struct judged *j, struct gp_dns_question q)
{
	for (size_t i = 0; i < j->need_len; i++) {
		if (gp_slice_eq(j->need[i].name, q.name))
			return;
	}
	j->need[j->need_len++] = q;
}

/* Judges each as far as that goes. 0 or -ENOMEM. */
static int
judge_all(const struct gp_dkim_set *set, const struct gp_dkim_body *body,
	  const struct gp_dkim_world *world, struct judged *j)
{
	j->waits = false;
	for (size_t i = 0; i < set->len; i++) {
		const struct gp_dkim_item *item = &set->items[i];
		int r = gp_dkim_verify(set->header, item->field, &item->signature, body,
				       item->body_hash, world, &j->verdicts[i]);
		if (r < 0)
			return r;
		if (r == GP_DKIM_NEED)
			ask(j, gp_dkim_question(&item->signature, world->arena));
		j->waits = j->waits || r == GP_DKIM_BODY;
	}
	return world->arena->failed ? -ENOMEM : 0;
}

int
gp_dkim_eval(const struct gp_dkim_set *set, const struct gp_dkim_body *body,
	     const struct gp_dkim_world *world, struct gp_dkim_result_set *ret)
{
	struct judged j = {
		.verdicts = gp_arena_array(world->arena, set->len, sizeof(*j.verdicts)),
		.need = gp_arena_array(world->arena, set->len, sizeof(*j.need)),
	};
	if (!j.verdicts || !j.need)
		return -ENOMEM;
	/* Several without the body first: nothing is computed that would be again with the next
	 * answer. */
	bool several = set->len > 1;
	int r = judge_all(set, several ? NULL : body, world, &j);
	if (r == 0 && several && body && j.waits && j.need_len == 0)
		r = judge_all(set, body, world, &j);
	*ret = (struct gp_dkim_result_set){j.verdicts, set->len, j.need, j.need_len};
	if (r < 0)
		return r;
	if (j.need_len > 0)
		return GP_DKIM_NEED;
	return j.waits ? GP_DKIM_BODY : GP_DKIM_DONE;
}
