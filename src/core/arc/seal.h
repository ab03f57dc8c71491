/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding a set to the chain (RFC 8617 section 5.1), in three steps, since the key is elsewhere and
 * the seal is over the signature:
 *
 *     gp_arc_draft(&order, &header, arena, &draft, &why);        what says what we found
 *     ... somebody with the key signs draft.message, as sign.h has it ...
 *     gp_arc_draft_seal(&draft, signature, arena);               what says what the chain was
 *     ... somebody with the key signs draft.seal ...
 *     gp_arc_finish(&draft, signature, arena, &fields);          go above the header
 *
 * It is the last that is done to a message: behind all changes, and behind a DKIM signature of our
 * own.
 */
#pragma once

#include "core/arc/arc.h"
#include "core/dkim/sign.h"

enum gp_arc_seal_limits {
	GP_ARC_RESULTS_SIZE_MAX = 16 * 1024, /* octets of the results */
};

struct gp_arc_order {
	const struct gp_arc_chain *chain; /* of this header */
	uint8_t arrival; /* enum gp_arc_result: what the chain came to when the message came; by now
			    it may be another, as we have changed the message (section 5.1.2) */
	struct gp_slice results; /* of authres.h: authserv-id first, folded or not */
	struct gp_slice domain, selector;
	uint8_t algorithm;                      /* enum gp_dkim_algorithm */
	uint64_t time_s;                        /* t= */
	const struct gp_dkim_digest *body_hash; /* of the whole body, relaxed */
};

struct gp_arc_draft {
	struct gp_slice results_field; /* whole, with its CRLF */
	struct gp_dkim_draft message;
	struct gp_slice message_field; /* whole, when the seal is drafted */
	struct gp_dkim_draft seal;
	const struct gp_arc_order *order;
	struct gp_slice domain, selector; /* as the DNS has them */
};

/* NULL, or why these cannot be the results of a set (static). */
const char *
gp_arc_results_fault(struct gp_slice results);

/*
 * The header's fields are signed as DKIM does it by default, and DKIM-Signature with them (section
 * 4.1.2). The order must outlive the draft. Returns 0; 1 when there is to be no set more (*ret_why:
 * static): the newest seal says cv=fail, there are 50, or this cannot be signed; -ENOMEM.
 */
[[nodiscard]] int
gp_arc_draft(const struct gp_arc_order *order, const struct gp_header *header,
	     struct gp_arena *arena, struct gp_arc_draft *ret, const char **ret_why);

/* signature: of draft->message. Makes draft->seal. 0 or -ENOMEM. */
[[nodiscard]] int
gp_arc_draft_seal(struct gp_arc_draft *draft, struct gp_slice signature, struct gp_arena *arena);

/* signature: of draft->seal. The three fields, seal first, each with its CRLF. 0 or -ENOMEM. */
[[nodiscard]] int
gp_arc_finish(const struct gp_arc_draft *draft, struct gp_slice signature, struct gp_arena *arena,
	      struct gp_slice *ret);
