/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of one message to the owner of the name in its From: RFC 9990, "DMARC Policy
 * Evaluated" and what stands beside it. Messages of which the same is told are one row.
 *
 * Everybody chooses what his own mail says of itself, so all of it is bounded: names by what the
 * DNS allows, and of many signatures those that say most are told.
 */
#pragma once

#include "base/slice.h"

enum gp_dmarcrpt_limits {
	GP_DMARCRPT_SIGNATURES_MAX = 5, /* of a row */
	GP_DMARCRPT_FLAW_MAX = 255,     /* octets */
	GP_DMARCRPT_NAME_MAX = 253,     /* octets of a name of the DNS */
};

/* What was done with it. */
enum gp_dmarcrpt_disposition {
	GP_DMARCRPT_NONE = 1, /* nothing */
	GP_DMARCRPT_PASS,     /* nothing, as it passed where the policy would have had something */
	GP_DMARCRPT_QUARANTINE,
	GP_DMARCRPT_REJECT,
	GP_DMARCRPT_DISPOSITIONS,
};

/* Why that differs from what is published. */
enum gp_dmarcrpt_override {
	GP_DMARCRPT_AS_PUBLISHED = 0,
	GP_DMARCRPT_LOCAL_POLICY, /* we are configured so, or something else spoke against it */
	GP_DMARCRPT_TEST_MODE,    /* t=y */
	GP_DMARCRPT_OTHER,        /* the DNS kept us from judging it */
	GP_DMARCRPT_ARC,          /* local policy too: an ARC sealer that we trust vouches for it */
	GP_DMARCRPT_OVERRIDES,
};

/* A record as it applied, without what it leaves open. */
struct gp_dmarcrpt_policy {
	struct gp_slice domain; /* where it is */
	uint8_t p, sp, np;      /* enum gp_dmarc_policy, never ABSENT */
	bool adkim_strict, aspf_strict, testing;
	uint8_t fo;           /* enum gp_dmarc_fo, or'ed */
	struct gp_slice flaw; /* a part of it that cannot be read; or empty */
};

struct gp_dmarcrpt_signature {
	struct gp_slice domain;   /* d= */
	struct gp_slice selector; /* s= */
	uint8_t result;           /* enum gp_dkim_result */
};

struct gp_dmarcrpt_row {
	struct gp_slice source; /* the client's address, as text */
	uint8_t disposition;    /* enum gp_dmarcrpt_disposition */
	uint8_t override;       /* enum gp_dmarcrpt_override */
	bool dkim_aligned, spf_aligned;
	struct gp_slice header_from;   /* domains, A-labels */
	struct gp_slice envelope_from; /* empty: a null reverse-path, or no domain */
	struct gp_slice spf_domain;    /* empty: SPF had nothing to look at */
	uint8_t spf;                   /* enum gp_spf_verdict */
	const struct gp_dmarcrpt_signature *signatures;
	size_t signatures_len; /* up to GP_DMARCRPT_SIGNATURES_MAX */
	uint64_t messages;     /* of which this is told */
};

/* Can this be told as a signature's d= or s=: not empty, short enough, and one word? A signature
 * that is malformed may have anything there. */
bool
gp_dmarcrpt_is_name(struct gp_slice s);

/* "none", "pass", ... */
const char *
gp_dmarcrpt_disposition_name(uint8_t disposition);

/* One word for each, for our own records: "local_policy", "arc", ...; "" for AS_PUBLISHED. */
const char *
gp_dmarcrpt_override_name(uint8_t override);

/* The words of the RFC, which count several as "local_policy". */
const char *
gp_dmarcrpt_override_type(uint8_t override);
