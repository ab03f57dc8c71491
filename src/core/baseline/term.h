/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a rule, between its reader and its judge; and the facts that it may name. */
#pragma once

#include "core/baseline/baseline.h"

enum baseline_term_kind {
	BASELINE_WHERE,   /* else the rule is not applicable */
	BASELINE_NEED,    /* a fact is so */
	BASELINE_WITHOUT, /* no such finding */
	BASELINE_MANUAL,  /* no program can tell */
};

enum baseline_relation {
	BASELINE_IS,
	BASELINE_AT_LEAST,
	BASELINE_AT_MOST,
	BASELINE_HAS,
};

enum baseline_fact {
	BASELINE_MX_HOSTS,
	BASELINE_MX_NULL,
	BASELINE_SPF_PRESENT,
	BASELINE_SPF_VALID,
	BASELINE_SPF_NOBODY,
	BASELINE_SPF_CLOSED,
	BASELINE_SPF_LOOKUPS,
	BASELINE_DMARC_PRESENT,
	BASELINE_DMARC_P,
	BASELINE_DMARC_SP,
	BASELINE_DMARC_TESTING,
	BASELINE_DMARC_RUA,
	BASELINE_DKIM_KEYS,
	BASELINE_DKIM_WILDCARD_REVOKED,
};

enum baseline_type {
	BASELINE_NUMBER,
	BASELINE_YES_OR_NO,
	BASELINE_POLICY,    /* enum gp_dmarc_policy, the weakest first */
	BASELINE_ADDRESSES, /* has one, or not */
};

struct gp_baseline_term {
	uint8_t kind;         /* enum baseline_term_kind */
	bool begins;          /* the first of an alternative */
	uint8_t fact;         /* WHERE, NEED: enum baseline_fact */
	uint8_t relation;     /* WHERE, NEED: enum baseline_relation */
	uint8_t severity;     /* WITHOUT: only findings as grave count */
	uint64_t value;       /* WHERE, NEED: by the fact's type */
	struct gp_slice text; /* MANUAL: why; WITHOUT: ids with a blank between; an address */
};

struct baseline_fact_row {
	struct gp_slice name;
	uint8_t type; /* enum baseline_type */
};

/* By enum baseline_fact. */
extern const struct baseline_fact_row baseline_facts[];
extern const size_t baseline_facts_len;
