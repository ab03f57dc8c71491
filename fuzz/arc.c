/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key record, and behind its line a message: every selector of every domain has that key. What
 * the chain comes to does not depend on how the body is cut; and where it can be gone on with, it
 * is one set longer, and as whole as it was.
 */
#include <errno.h>

#include "base/buf.h"
#include "core/arc/seal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t seed[2] = {1, 2};

static void
answer(struct gp_answers *answers, const struct gp_arc_verdict *v, struct gp_slice record)
{
	struct gp_dns_record txt = {.type = GP_DNS_TXT, .data = record};
	for (size_t i = 0; i < v->need_len; i++) {
		struct gp_dns_answer a = {.name = v->need[i].name,
					  .canonical = v->need[i].name,
					  .type = GP_DNS_TXT,
					  .status = GP_DNS_OK,
					  .records = &txt,
					  .records_len = 1};
		int rc = gp_answers_add(answers, &a);
		gp_assert(rc == 0);
	}
}

static uint8_t
verify(const struct gp_header *h, struct gp_slice record, size_t step, struct gp_arena *arena,
       struct gp_arc_chain *ret)
{
	struct gp_answers *answers = gp_answers_new(arena, 128, seed);
	struct gp_dkim_world world = {answers, NULL, 1'700'000'000, arena, true};
	struct gp_slice text = gp_header_body(h);
	struct gp_arc_verdict v;
	struct gp_dkim_body body;
	gp_dkim_body_init(&body);
	int r = gp_arc_collect(h, &body, arena, ret);
	gp_assert(r == 0 && ret->len <= GP_ARC_SETS_MAX);
	r = gp_arc_eval(ret, NULL, &world, &v);
	if (r == GP_DKIM_NEED) {
		answer(answers, &v, record);
		r = gp_arc_eval(ret, NULL, &world, &v);
	}
	gp_assert(r == GP_DKIM_BODY || r == GP_DKIM_DONE);
	for (; text.len > 0; text = gp_slice_drop(text, step))
		gp_dkim_body_feed(&body, gp_slice_take(text, step));
	r = gp_dkim_body_end(&body);
	gp_assert(r == 0);
	r = gp_arc_eval(ret, &body, &world, &v);
	gp_assert(r == GP_DKIM_DONE && v.trail_len > 0);
	gp_assert((v.result == GP_ARC_FAIL) == (v.reason.len > 0));
	gp_assert(v.result != GP_ARC_PASS || v.sealers_len == ret->len);
	gp_dkim_body_free(&body);
	gp_answers_free(answers);
	return v.result;
}

static void
go_on(const struct gp_header *h, const struct gp_arc_chain *chain, uint8_t result,
      struct gp_arena *arena)
{
	struct gp_dkim_digest hash = {};
	struct gp_arc_order order = {.chain = chain,
				     .arrival = result,
				     .results = GP_SLICE("a.test; arc=none"),
				     .domain = GP_SLICE("a.test"),
				     .selector = GP_SLICE("x"),
				     .algorithm = GP_DKIM_RSA_SHA256,
				     .body_hash = &hash};
	struct gp_arc_draft draft;
	struct gp_arc_chain longer;
	struct gp_header sealed;
	struct gp_slice fields;
	const char *why;
	/* With more, one set may make them more than there can be. */
	if (h->fields_len > GP_ARC_SETS_MAX)
		return;
	if (gp_arc_draft(&order, h, arena, &draft, &why) != 0)
		return;
	int r = gp_arc_draft_seal(&draft, GP_SLICE("signature"), arena);
	gp_assert(r == 0);
	r = gp_arc_finish(&draft, GP_SLICE("signature"), arena, &fields);
	gp_assert(r == 0);
	struct gp_buf all = GP_BUF_INIT(2 << 20);
	gp_buf_put(&all, fields);
	gp_buf_put(&all, h->message);
	if (gp_header_split(gp_buf_slice(&all), arena, &sealed) == 0) {
		r = gp_arc_collect(&sealed, NULL, arena, &longer);
		gp_assert(r == 0 && longer.closed == (result == GP_ARC_FAIL));
		gp_assert(longer.closed || (longer.len == chain->len + 1 && !longer.fault));
	}
	gp_buf_free(&all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_slice record = gp_slice_cut(&text, '\n');
	struct gp_arc_chain chain;
	struct gp_header h;
	if (gp_header_split(text, &arena, &h) == 0) {
		uint8_t whole = verify(&h, record, size + 1, &arena, &chain);
		uint8_t cut = verify(&h, record, 1 + size % 13, &arena, &chain);
		gp_assert(whole == cut);
		go_on(&h, &chain, whole, &arena);
	}
	gp_arena_free(&arena);
	return 0;
}
