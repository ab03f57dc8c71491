/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sets of a chain (RFC 8617 section 4.2), found in a header and held to their structure: for
 * each number from 1 without gaps one ARC-Authentication-Results (AAR), one ARC-Message-Signature
 * (AMS), one ARC-Seal (AS), whose cv= are what they have to be.
 */
#pragma once

#include "core/dkim/body.h"
#include "core/dkim/hash.h"

enum gp_arc_limits {
	GP_ARC_SETS_MAX = 50, /* section 4.2.1 */
};

enum gp_arc_part {
	GP_ARC_RESULTS = 0, /* AAR */
	GP_ARC_MESSAGE = 1, /* AMS */
	GP_ARC_SEAL = 2,    /* AS */
	GP_ARC_PARTS = 3,
};

/* "ARC-Seal" and so on */
struct gp_slice
gp_arc_part_name(enum gp_arc_part part);

struct gp_arc_set {
	size_t fields[GP_ARC_PARTS]; /* their places in the header */
	struct gp_dkim_signature message, seal;
	size_t body_hash; /* of message, in the body's hashes, when it is well formed */
};

struct gp_arc_chain {
	const struct gp_header *header;
	const struct gp_arc_set *sets; /* [0] is i=1; signatures are read when the chain is whole */
	unsigned len;                  /* the highest number of any field; 0 without a fault: there
					  is no chain */
	const char *fault;             /* NULL: the chain is whole; else why it is not, static */
	bool closed;                   /* the newest seal says cv=fail: nobody adds to it any more
					  (section 5.1.2), and nobody needs to look at it */
};

/*
 * Finds and reads the chain, and tells the body which hashes its signatures want; NULL: nobody will
 * verify it. The header must outlive *ret; what *ret points to is in the arena. Returns 0 or
 * -ENOMEM.
 */
[[nodiscard]] int
gp_arc_collect(const struct gp_header *header, struct gp_dkim_body *body, struct gp_arena *arena,
	       struct gp_arc_chain *ret);

/*
 * Appends the fields of set i, which is whole, as seals are made over them: AAR, AMS, AS, relaxed
 * (section 5.1.1). Returns how long *out was before the AS.
 */
size_t
gp_arc_put_set(const struct gp_arc_chain *chain, unsigned i, struct gp_buf *out);
