/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of answers, the way to "d.test" in it, and the verdicts: the first octet chooses what is
 * configured, what the message says and which MTA-STS policy there is.
 */
#include <errno.h>

#include "core/tlspolicy/judge.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_slice mx[] = {{"mx.test", 7}, {"*.b.test", 8}};
static const struct gp_slice pin = {"aa", 2};

static void
check_verdict(const struct gp_tlspolicy_query *q, const struct gp_tlspolicy_verdict *v,
	      struct gp_arena *arena)
{
	static const struct gp_tlspolicy_session bare = {.stage = GP_TLSPOLICY_NOT_OFFERED};
	static const struct gp_tlspolicy_session unproven = {
		.stage = GP_TLSPOLICY_UP, .dane = GP_PROOF_NO_MATCH, .pkix = GP_PROOF_NOT_TRUSTED};
	bool demands = (q->message & GP_TLSPOLICY_REQUIRETLS) != 0;
	struct gp_tlspolicy_judgement j;
	gp_assert(v->reports_len > 0 && v->trail_len > 0);
	gp_assert(!v->binding || v->encrypt);
	gp_assert(v->skip || demands == v->requiretls);
	gp_assert(v->skip || !demands || v->binding);
	gp_assert((v->records_len > 0) == (v->level == GP_TLSPOLICY_DANE));
	int rc = gp_tlspolicy_judge(v, v->skip ? NULL : &bare, arena, &j);
	gp_assert(rc == -ENOMEM || (j.decision == GP_TLSPOLICY_NEXT) == (v->skip || v->encrypt));
	rc = v->skip ? 0 : gp_tlspolicy_judge(v, &unproven, arena, &j);
	gp_assert(v->skip || rc == -ENOMEM || (j.decision == GP_TLSPOLICY_NEXT) == v->binding);
}

static void
check(const struct gp_answers *world, uint8_t choice, struct gp_arena *arena)
{
	struct gp_mtasts_policy policy = {(uint8_t)(1 + choice % 3), 86400, mx, 2};
	struct gp_mx_query route = {.domain = GP_SLICE("d.test")};
	struct gp_mx_result way;
	struct gp_tlspolicy_result r;
	if (gp_mx_eval(&route, world, arena, &way) != GP_MX_DONE)
		return;
	struct gp_tlspolicy_query q = {.domain = route.domain,
				       .way = &way.way,
				       .targets = way.targets,
				       .targets_len = way.targets_len,
				       .sts = {choice & 128 ? &policy : NULL, choice % 4},
				       .want = choice / 4 % 6,
				       .message = choice / 24 % 4,
				       .fingerprints = &pin,
				       .fingerprints_len = 1};
	int rc = gp_tlspolicy_eval(&q, world, arena, &r);
	gp_assert(rc == GP_TLSPOLICY_DONE || rc == GP_TLSPOLICY_FAILED || rc == -ENOMEM);
	for (size_t i = 0; rc >= 0 && i < r.verdicts_len; i++)
		check_verdict(&q, &r.verdicts[i], arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_answers *world = NULL;
	struct gp_slice text = gp_slice((const char *)data, size), why;
	if (size > 0 &&
	    gp_answers_from_json(gp_slice_drop(text, 1), &arena, seed, &world, &why) == 0)
		check(world, data[0], &arena);
	gp_answers_free(world);
	gp_arena_free(&arena);
	return 0;
}
