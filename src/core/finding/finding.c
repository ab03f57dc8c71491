/* SPDX-License-Identifier: Apache-2.0 */
#include "core/finding/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct gp_findings
gp_findings(struct gp_arena *arena)
{
	return (struct gp_findings){
		.arena = arena,
		.items = gp_arena_array(arena, GP_FINDINGS_MAX, sizeof(struct gp_finding)),
	};
}

static const struct gp_finding_record *
copy_records(struct gp_arena *arena, const struct gp_finding_record *from, size_t len)
{
	struct gp_finding_record *to = gp_arena_array(arena, len, sizeof(*to));
	for (size_t i = 0; to && i < len; i++) {
		to[i] = (struct gp_finding_record){
			.name = gp_arena_dup(arena, from[i].name),
			.type = from[i].type,
			.value = gp_arena_dup(arena, from[i].value),
		};
	}
	return to;
}

/* What passes or was not measured weighs less than any that fails. */
static int
weight(uint8_t state, uint8_t severity)
{
	return state == GP_FINDING_FAIL ? 1 + severity : 0;
}

/* The last of those that weigh least. */
static size_t
find_lightest(const struct gp_findings *list)
{
	size_t best = 0;
	for (size_t i = 1; i < list->len; i++) {
		const struct gp_finding *f = &list->items[i], *b = &list->items[best];
		if (weight(f->state, f->severity) <= weight(b->state, b->severity))
			best = i;
	}
	return best;
}

bool
gp_findings_take(const struct gp_findings *list, uint8_t state, uint8_t severity)
{
	if (!list->items || list->len < GP_FINDINGS_MAX)
		return list->items;
	const struct gp_finding *f = &list->items[find_lightest(list)];
	return weight(state, severity) > weight(f->state, f->severity);
}

static void
drop_lightest(struct gp_findings *list)
{
	struct gp_finding *items = (struct gp_finding *)list->items;
	size_t at = find_lightest(list);
	memmove(&items[at], &items[at + 1], (--list->len - at) * sizeof(*items));
	list->dropped++;
}

void
gp_finding_put(struct gp_findings *list, const struct gp_finding *finding)
{
	if (!list->items)
		return;
	if (!gp_findings_take(list, finding->state, finding->severity)) {
		list->dropped++;
		return;
	}
	if (list->len == GP_FINDINGS_MAX)
		drop_lightest(list);
	struct gp_finding copy = *finding;
	copy.evidence = gp_arena_dup(list->arena,
				     gp_slice_take(finding->evidence, GP_FINDING_EVIDENCE_MAX));
	copy.fix = gp_arena_dup(list->arena, finding->fix);
	copy.records = copy_records(list->arena, finding->records, finding->records_len);
	copy.records_len = copy.records ? finding->records_len : 0;
	struct gp_finding *items = (struct gp_finding *)list->items;
	items[list->len++] = copy;
}

void
gp_finding_add(struct gp_findings *list, const struct gp_finding_kind *kind, const char *fmt, ...)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	const struct gp_finding finding = {
		.kind = kind,
		.severity = kind->severity,
		.evidence = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1)),
	};
	gp_finding_put(list, &finding);
}

const struct gp_finding *
gp_finding_of(const struct gp_findings *list, const char *id)
{
	for (size_t i = 0; i < list->len; i++) {
		if (strcmp(list->items[i].kind->id, id) == 0)
			return &list->items[i];
	}
	return NULL;
}

const char *
gp_severity_name(uint8_t severity)
{
	static const char *const names[] = {
		[GP_SEVERITY_INFO] = "info",         [GP_SEVERITY_LOW] = "low",
		[GP_SEVERITY_MEDIUM] = "medium",     [GP_SEVERITY_HIGH] = "high",
		[GP_SEVERITY_CRITICAL] = "critical",
	};
	gp_assert(severity < GP_ARRAY_LEN(names));
	return names[severity];
}

const char *
gp_finding_state_name(uint8_t state)
{
	static const char *const names[] = {
		[GP_FINDING_FAIL] = "fail",
		[GP_FINDING_PASS] = "pass",
		[GP_FINDING_NOT_MEASURED] = "not_measured",
	};
	gp_assert(state < GP_ARRAY_LEN(names));
	return names[state];
}
