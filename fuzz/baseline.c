/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of rules: a mistake has a line of the file and a reason; what is read is within the
 * limits, and can be held against a domain of which nothing is known.
 */
#include <errno.h>

#include "core/baseline/baseline.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct gp_baseline *b, uint8_t class, struct gp_arena *arena)
{
	const struct gp_posture_query query = {.domain = GP_SLICE("d.test")};
	const struct gp_posture_result posture = {
		.facts = {.class = class, .mx.known = true, .spf.known = true},
		.findings = gp_findings(arena),
	};
	const struct gp_baseline_result *all = gp_baseline_judge(b, &query, &posture, arena);
	for (size_t i = 0; all && i < b->len; i++) {
		gp_assert(all[i].rule == &b->rules[i] && all[i].findings_len == 0);
		gp_assert(all[i].outcome <= GP_BASELINE_NOT_MEASURED);
		gp_assert(all[i].evidence.len > 0);
		gp_assert(all[i].evidence.len <= GP_BASELINE_EVIDENCE_MAX + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 25);
	struct gp_baseline b;
	struct gp_baseline_error e = {};
	struct gp_slice text = gp_slice((const char *)data, size);
	size_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	int rc = gp_baseline_read(text, &arena, &b, &e);
	gp_assert(rc != 1 || (e.line <= lines && e.why.len > 0));
	gp_assert(rc != 0 || (b.len > 0 && b.len <= GP_BASELINE_RULES_MAX && b.name.len > 0));
	for (uint8_t class = GP_POSTURE_UNKNOWN; rc == 0 && class <= GP_POSTURE_ABSENT; class ++)
		check(&b, class, &arena);
	gp_arena_free(&arena);
	return 0;
}
