/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: DKIM's world, and chains made and verified in it. */
#pragma once

#include "../dkim/signer.h"

#include "core/arc/seal.h"

struct arc_rig {
	struct rig dkim; /* its world, arena and clock */
	struct gp_arc_chain chain;
	struct gp_arc_verdict verdict;
};

/* Collects and judges the chain of a message, all in one go. */
static inline void
arc_verify(struct arc_rig *a, struct gp_slice message)
{
	struct rig *r = &a->dkim;
	struct gp_dkim_world world = {r->answers, r->keys, r->now_s, &r->arena, true};
	struct gp_header *header = gp_arena_new(&r->arena, struct gp_header);
	struct gp_dkim_body body;
	assert_int_equal(gp_header_split(message, &r->arena, header), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_arc_collect(header, &body, &r->arena, &a->chain), 0);
	int early = gp_arc_eval(&a->chain, NULL, &world, &a->verdict);
	assert_true(early == GP_DKIM_BODY || early == GP_DKIM_DONE);
	rig_feed(r, &body, gp_header_body(header));
	assert_int_equal(gp_arc_eval(&a->chain, &body, &world, &a->verdict), GP_DKIM_DONE);
	gp_dkim_body_free(&body);
}

/* "pass", "fail: why" */
static inline struct gp_slice
arc_show(struct arc_rig *a)
{
	const struct gp_arc_verdict *v = &a->verdict;
	return gp_arena_printf(&a->dkim.arena, "%s%s%.*s", gp_arc_result_name(v->result),
			       v->reason.len > 0 ? ": " : "", GP_SLICE_FMT(v->reason));
}

/* An order for a message whose chain was verified, as arc_verify left it. */
static inline struct gp_arc_order
arc_order(const struct arc_rig *a, const struct signer *s)
{
	return (struct gp_arc_order){.chain = &a->chain,
				     .arrival = a->verdict.result,
				     .results = GP_SLICE("a.test; arc=none;\r\n\tspf=pass "
							 "smtp.mailfrom=b.test"),
				     .domain = GP_SLICE("a.test"),
				     .selector = GP_SLICE("x"),
				     .algorithm = s->algorithm,
				     .time_s = RIG_NOW_S};
}

/* The message with one set more on top. order->body_hash is made here. */
static inline struct gp_slice
arc_seal_order(struct arc_rig *a, const struct signer *s, struct gp_arc_order *order,
	       struct gp_slice message, struct gp_arc_draft *draft)
{
	struct rig *r = &a->dkim;
	struct gp_header h;
	struct gp_dkim_body body;
	struct gp_slice fields;
	const char *why = NULL;
	size_t place;
	assert_int_equal(gp_header_split(message, &r->arena, &h), 0);
	gp_dkim_body_init(&body);
	assert_int_equal(gp_dkim_body_want(&body, GP_DKIM_RELAXED, GP_DKIM_BODY_ALL, &place), 0);
	rig_feed(r, &body, gp_header_body(&h));
	order->body_hash = &body.hashes[place].digest;
	if (gp_arc_draft(order, &h, &r->arena, draft, &why) != 0)
		fail_msg("%s", why);
	gp_dkim_body_free(&body);
	struct gp_slice signature = signer_sign(s, &draft->message, &r->arena);
	assert_int_equal(gp_arc_draft_seal(draft, signature, &r->arena), 0);
	signature = signer_sign(s, &draft->seal, &r->arena);
	assert_int_equal(gp_arc_finish(draft, signature, &r->arena, &fields), 0);
	return gp_arena_printf(&r->arena, "%.*s%.*s", GP_SLICE_FMT(fields), GP_SLICE_FMT(message));
}

/* The same as everybody does it: what arrives is verified, then sealed. */
static inline struct gp_slice
arc_seal(struct arc_rig *a, const struct signer *s, struct gp_slice message)
{
	struct gp_arc_draft draft;
	arc_verify(a, message);
	struct gp_arc_order order = arc_order(a, s);
	return arc_seal_order(a, s, &order, message, &draft);
}
