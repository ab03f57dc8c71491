/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other programs have written into the header about the message, in words. All of it is
 * somebody's claim: a field above the place where the message came in to us is by one of ours, one
 * below it may be by the sender.
 */
#pragma once

#include "core/claims/results.h"
#include "core/finding/finding.h"
#include "core/message/header.h"
#include "core/trace/path.h"

enum gp_claims_limits {
	GP_CLAIMS_MAX = 64,
	GP_CLAIMS_RESULTS_MAX = 16, /* Authentication-Results fields */
	GP_CLAIM_TEXT_MAX = 300,    /* octets; longer ones are cut */
};

enum gp_claim_leaning {
	GP_CLAIM_NEUTRAL,
	GP_CLAIM_HAM,  /* it is taken for good */
	GP_CLAIM_SPAM, /* for spam, phishing or a forgery */
};

struct gp_claim {
	const char *product;   /* "Microsoft", "SpamAssassin", "list" */
	struct gp_slice field; /* the field's name as written */
	struct gp_slice text;  /* what it says: gp_visible */
	uint8_t leaning;       /* enum gp_claim_leaning */
	bool trusted;          /* it stands above the boundary */
};

struct gp_claims {
	const struct gp_claim *items; /* in the header's order */
	size_t len, dropped;
	const struct gp_claimed_results *results; /* of Authentication-Results, likewise */
	size_t results_len;
	size_t arc_instances; /* ARC-Seal fields (RFC 8617) */
	size_t signatures;    /* DKIM-Signature fields (RFC 6376) */
	bool one_click;       /* it can be unsubscribed by one click (RFC 8058) */
};

struct gp_claims_query {
	/* Fields before this one were put on by us: the place of the boundary's Received. */
	size_t trusted_fields;
	const struct gp_trust *trust; /* whose authserv-ids are ours */
	bool assumed;                 /* nobody said so: then none counts as forged */
};

/* Returns 0 or -ENOMEM. What is strange goes to `findings`. */
[[nodiscard]] int
gp_claims_read(const struct gp_header *header, const struct gp_claims_query *query,
	       struct gp_arena *arena, struct gp_findings *findings, struct gp_claims *ret);
