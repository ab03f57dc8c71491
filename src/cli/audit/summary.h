/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many domains come to: how many are how bad, which faults are the same, and with whose
 * domains. Domains are counted, not findings: a fault that one has three times is one there.
 *
 * It keeps as many kinds of faults and as many providers as are named below, and counts the rest
 * together, so memory does not grow with the number of domains.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "core/posture/posture.h"

enum {
	AUDIT_FAULTS_MAX = 512,
	AUDIT_PROVIDERS_MAX = 512,
	AUDIT_EXAMPLES_MAX = 5, /* domains that are named with a fault */
};

/* By the gravest fault of each domain: severities, and behind them those without any. */
enum { AUDIT_WORST_NONE = GP_SEVERITY_CRITICAL + 1, AUDIT_WORST_COUNT };

struct audit_fault {
	const char *id, *title; /* static */
	uint8_t severity;       /* the gravest that it had */
	uint64_t domains;
	uint64_t last; /* number of the domain that was counted last */
	struct gp_slice examples[AUDIT_EXAMPLES_MAX];
};

struct audit_provider {
	struct gp_slice name;
	bool sends; /* by SPF, and else takes mail, by MX */
	uint64_t domains, worst[AUDIT_WORST_COUNT];
};

struct audit_summary {
	struct gp_arena arena; /* names */
	/* All; those of which the DNS said nothing, which have no `worst`; the others by theirs. */
	uint64_t domains, unknown, worst[AUDIT_WORST_COUNT];
	struct gp_map faults_by_id, providers_by_key;
	struct audit_fault faults[AUDIT_FAULTS_MAX];
	struct audit_provider providers[AUDIT_PROVIDERS_MAX];
	size_t faults_len, providers_len;
	uint64_t faults_more, providers_more; /* times that there was no room */
};

/* seed: random, as strangers choose the names of their hosts. */
void
audit_summary_init(struct audit_summary *s, const uint64_t seed[2]);
void
audit_summary_free(struct audit_summary *s);

/* One more domain. spf: its record, empty where there is none. 0 or -ENOMEM. */
[[nodiscard]] int
audit_summary_add(struct audit_summary *s, const struct gp_posture_result *result,
		  struct gp_slice spf);

/* To be called once, when all domains are there: the gravest first, and of these the most frequent.
   A buffer that is full has failed. */
void
audit_summary_sort(struct audit_summary *s);
void
audit_summary_text(const struct audit_summary *s, struct gp_buf *out);
void
audit_summary_html(const struct audit_summary *s, struct gp_buf *out);
/* One object, {"summary": ...}, on a line. 0 or -ENOMEM. */
[[nodiscard]] int
audit_summary_json(const struct audit_summary *s, struct gp_buf *out);
