/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an analysis found, as all of the analysts' commands tell it. A list has a cap; what is over
 * it is counted and not kept, so that hostile input cannot make an answer that nobody reads. The
 * gravest are kept, so that it cannot hide one behind many small ones either.
 */
#pragma once

#include "base/arena.h"

enum gp_finding_limits {
	GP_FINDINGS_MAX = 200,
	GP_FINDING_EVIDENCE_MAX = 600, /* octets; longer evidence is cut */
};

enum gp_severity {
	GP_SEVERITY_INFO,
	GP_SEVERITY_LOW,
	GP_SEVERITY_MEDIUM,
	GP_SEVERITY_HIGH,
	GP_SEVERITY_CRITICAL,
};

/* What is the same whenever it is found: static. */
struct gp_finding_kind {
	const char *id; /* "path.skew": stable, for scripts */
	uint8_t severity;
	const char *title;
	const char *why; /* why it matters, for people; with the RFC's section where one decides */
};

/* The id of what stands in a list in place of all that had no room in it. */
#define GP_FINDINGS_CUT_ID "findings.cut"

/* What came of looking: zero is what most lists hold. */
enum gp_finding_state {
	GP_FINDING_FAIL,         /* it is as the title says */
	GP_FINDING_PASS,         /* looked at, and it is not */
	GP_FINDING_NOT_MEASURED, /* nobody can say; the evidence is the reason */
};

/* A DNS record that belongs to the matter: as it is, or as the fix would have it. */
struct gp_finding_record {
	struct gp_slice name;
	const char *type; /* "TXT", static */
	struct gp_slice value;
};

struct gp_finding {
	const struct gp_finding_kind *kind;
	uint8_t state;            /* enum gp_finding_state */
	uint8_t severity;         /* its kind's, unless the circumstances make it another */
	struct gp_slice evidence; /* printable UTF-8 only if the text that it quotes is */
	struct gp_slice fix;      /* what to do, lines for people; empty: nothing to be said */
	const struct gp_finding_record *records;
	size_t records_len;
};

struct gp_findings {
	struct gp_arena *arena;
	const struct gp_finding *items; /* in the order in which they were found */
	size_t len;
	size_t dropped; /* over the cap */
};

/* An empty list; items == NULL: no memory, and the arena has failed. */
struct gp_findings
gp_findings(struct gp_arena *arena);

/* Adds one that failed, with its kind's severity. When memory runs out the arena has failed, for
   the caller to see at its end. */
GP_PRINTF(3, 4)
void
gp_finding_add(struct gp_findings *list, const struct gp_finding_kind *kind, const char *fmt, ...);

/* Adds one as it is, with copies of its texts; evidence over its limit is cut, the fix is not. The
   kind and the records' types stay the caller's. */
void
gp_finding_put(struct gp_findings *list, const struct gp_finding *finding);

/* Would one of this state and severity be kept? It would where there is room, or one that weighs
   less and gives way: those that did not fail weigh least. False without memory. */
bool
gp_findings_take(const struct gp_findings *list, uint8_t state, uint8_t severity);

/* The first finding of this id, whatever its state; NULL: none. */
const struct gp_finding *
gp_finding_of(const struct gp_findings *list, const char *id);

/* "info" to "critical" */
const char *
gp_severity_name(uint8_t severity);

/* "fail", "pass", "not_measured" */
const char *
gp_finding_state_name(uint8_t state);
