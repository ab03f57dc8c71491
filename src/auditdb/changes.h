/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came, went and changed between two looks at a domain. Only faults are told of, and facts
 * that differ: what passed then and passes now is no news.
 *
 * What nobody could measure is no proof: a fault has not gone while something of its part (its id
 * up to the first dot) is not measured, nothing is known of the domain, or more was found than a
 * list holds; and one that is seen
 * where nothing was measured before counts as new.
 */
#pragma once

#include "core/finding/finding.h"

struct audit_fact {
	struct gp_slice name, value; /* "dmarc.p", "none" */
};

/* A finding as it was kept. */
struct audit_kept {
	struct gp_slice id, evidence; /* the evidence is visible text */
	struct gp_slice title, why;   /* what the id stands for; empty: not told */
	struct gp_slice mend;         /* lines: records to publish, or what to do; or empty */
	struct gp_slice hash;         /* of the evidence as it was: the same of the same octets */
	uint8_t state, severity;      /* enum gp_finding_state, enum gp_severity */
};

/* Of a domain: a list, and that there was more. */
enum { AUDIT_KEPT_MAX = GP_FINDINGS_MAX + 1 };

/* What a run saw of a domain. */
struct audit_look {
	uint64_t run, time_s;
	const struct audit_fact *facts; /* sorted by name, each name once */
	size_t facts_len;
	const struct audit_kept *findings; /* at most AUDIT_KEPT_MAX */
	size_t findings_len;
};

enum audit_change_kind {
	AUDIT_CAME,    /* a fault that was not there */
	AUDIT_WENT,    /* one that is not there any more */
	AUDIT_CHANGED, /* another severity, or other evidence */
	AUDIT_LOST,    /* one of which nobody can say whether it is there; `now` has the reason */
	AUDIT_FACT,    /* a fact with another value; one that is missing is empty */
};

struct audit_change {
	uint8_t kind;                          /* enum audit_change_kind */
	const struct audit_kept *before, *now; /* NULL: CAME has no before, WENT has no now */
	struct audit_fact fact_before, fact;   /* FACT; both with the name */
};

struct audit_changes {
	const struct audit_change *items; /* faults in their order, those that went, facts */
	size_t len;
	bool worse; /* a fault came, or became graver; those of severity info do not count */
};

/* "came", "went", "changed", "lost", "fact" */
const char *
audit_change_name(uint8_t kind);

/* Where a fault is there more than once, those with the same evidence are the same, then those
   that are faults in both looks, and the others in their order. Into the arena, out of both looks.
   Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_changes_find(const struct audit_look *before, const struct audit_look *now,
		   struct gp_arena *arena, struct audit_changes *ret);
