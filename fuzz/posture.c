/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of answers, and the posture of d.test in it: it ends, its findings and records are texts
 * that can be shown, and what it proposes for SPF and DMARC is of their grammars.
 */
#include <errno.h>
#include <string.h>

#include "core/dmarc/record.h"
#include "core/posture/posture.h"
#include "core/spf/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const struct gp_finding_record *r, struct gp_arena *arena)
{
	struct gp_dmarc_record dmarc;
	struct gp_spf_term t;
	struct gp_slice rest = r->value;
	gp_assert(r->name.len > 0 && r->value.len > 0);
	if (strcmp(r->type, "TXT") != 0)
		return;
	if (gp_slice_starts(rest, GP_SLICE("v=spf1"))) {
		rest = gp_slice_drop(rest, sizeof("v=spf1") - 1);
		for (int rc; (rc = gp_spf_next(&rest, &t)) != 1;)
			gp_assert(rc == 0);
	} else if (gp_slice_starts(rest, GP_SLICE("v=DMARC1"))) {
		int rc = gp_dmarc_record_parse(rest, arena, &dmarc);
		gp_assert(rc == 0 || arena->failed);
		gp_assert(rc != 0 || dmarc.flaws_len == 0);
	}
}

static void
check(const struct gp_answers *world, struct gp_arena *arena)
{
	static const struct gp_slice selectors[] = {{"s1", 2}, {"s2", 2}};
	const struct gp_posture_query q = {
		.domain = GP_SLICE("d.test"),
		.now_s = 1'700'000'000,
		.selectors = selectors,
		.selectors_len = 2,
		.validated = true,
	};
	struct gp_posture_result r;
	int rc = gp_posture_eval(&q, world, arena, &r);
	gp_assert(rc == GP_POSTURE_DONE);
	for (size_t i = 0; i < r.findings.len; i++) {
		const struct gp_finding *f = &r.findings.items[i];
		gp_assert(f->kind && f->evidence.len <= GP_FINDING_EVIDENCE_MAX);
		for (size_t k = 0; k < f->records_len; k++)
			check_record(&f->records[k], arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena set = GP_ARENA_INIT(1 << 24), arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_answers *world = NULL;
	struct gp_slice why;
	if (gp_answers_from_json(gp_slice((const char *)data, size), &set, seed, &world, &why) == 0)
		check(world, &arena);
	gp_answers_free(world);
	gp_arena_free(&arena);
	gp_arena_free(&set);
	return 0;
}
