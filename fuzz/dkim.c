/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key record, and behind its line a message: every selector of every domain has that key. The
 * verdicts are as many as the signatures, each with a reason or a pass, and do not depend on how
 * the body is cut.
 */
#include <errno.h>
#include <string.h>

#include "core/dkim/dkim.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t seed[2] = {1, 2};

static void
answer(struct gp_answers *answers, const struct gp_dkim_result_set *r, struct gp_slice record)
{
	struct gp_dns_record txt = {.type = GP_DNS_TXT, .data = record};
	for (size_t i = 0; i < r->need_len; i++) {
		struct gp_dns_answer a = {.name = r->need[i].name,
					  .canonical = r->need[i].name,
					  .type = GP_DNS_TXT,
					  .status = GP_DNS_OK,
					  .records = &txt,
					  .records_len = 1};
		int rc = gp_answers_add(answers, &a);
		gp_assert(rc == 0);
	}
}

static void
feed(struct gp_dkim_body *body, struct gp_slice text, size_t step)
{
	for (; text.len > 0; text = gp_slice_drop(text, step))
		gp_dkim_body_feed(body, gp_slice_take(text, step));
	int r = gp_dkim_body_end(body);
	gp_assert(r == 0);
}

/* The results, a letter each. */
static void
verify(const struct gp_header *h, struct gp_slice record, size_t step, struct gp_arena *arena,
       char ret[GP_DKIM_VERDICTS_MAX + 1])
{
	struct gp_answers *answers = gp_answers_new(arena, 64, seed);
	struct gp_dkim_world world = {answers, NULL, 1'700'000'000, arena, true};
	struct gp_dkim_set set;
	struct gp_dkim_result_set result;
	struct gp_dkim_body body;
	gp_dkim_body_init(&body);
	int r = gp_dkim_collect(h, &body, arena, &set);
	gp_assert(r == 0 &&
		  set.len + set.uncounted == gp_header_count(h, GP_SLICE("DKIM-Signature")));
	r = gp_dkim_eval(&set, NULL, &world, &result);
	if (r == GP_DKIM_NEED) {
		answer(answers, &result, record);
		r = gp_dkim_eval(&set, NULL, &world, &result);
	}
	gp_assert(r == GP_DKIM_BODY || r == GP_DKIM_DONE);
	feed(&body, gp_header_body(h), step);
	r = gp_dkim_eval(&set, &body, &world, &result);
	gp_assert(r == GP_DKIM_DONE && result.len == set.len);
	for (size_t i = 0; i < result.len; i++) {
		const struct gp_dkim_verdict *v = &result.verdicts[i];
		gp_assert((v->result == GP_DKIM_PASS) == !v->reason && v->trail_len > 0);
		ret[i] = (char)('0' + v->result);
	}
	gp_dkim_body_free(&body);
	gp_answers_free(answers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_slice record = gp_slice_cut(&text, '\n');
	char whole[GP_DKIM_VERDICTS_MAX + 1] = "", cut[GP_DKIM_VERDICTS_MAX + 1] = "";
	struct gp_header h;
	if (gp_header_split(text, &arena, &h) == 0) {
		verify(&h, record, size + 1, &arena, whole);
		verify(&h, record, 1 + size % 13, &arena, cut);
		gp_assert(strcmp(whole, cut) == 0);
	}
	gp_arena_free(&arena);
	return 0;
}
