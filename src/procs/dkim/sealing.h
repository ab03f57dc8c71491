/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail of others on its way to its ARC seal: one set more for its chain (RFC 8617), by one key of
 * a domain of ours.
 *
 *     sealing_begin       what is to be sealed; nothing, where there cannot be a seal
 *     sealing_request     goes to signer ...
 *     sealing_take        ... and what it answers comes here; then the second request, as the seal
 *                         is over the signature of the message
 *     sealing_write       when there are no more: the fields for the top of the mail
 *
 * An RSA key is taken where there is one: few verify others, and a set has room for one signature.
 */
#pragma once

#include "core/arc/seal.h"
#include "procs/dkim/signing.h"

enum sealing_step {
	SEALING_NOTHING = 0,
	SEALING_MESSAGE, /* the signature of the message is waited for */
	SEALING_SEAL,    /* that of the set */
	SEALING_DONE,
};

/* All zeroes: nothing is under way. It points into itself: it stays where it began. */
struct sealing {
	struct gp_arena arena;
	uint8_t step; /* enum sealing_step */
	struct gp_header header;
	struct gp_arc_chain chain;
	struct gp_arc_order order;
	struct gp_arc_draft draft;
	struct gp_slice fields; /* DONE */
};

struct sealing_mail {
	/* head: our Authentication-Results first, which the set hands on. body_hash stays until the
	   end. */
	struct signing_mail mail;
	struct gp_slice domain; /* lower case, A-labels */
	uint8_t arrival;        /* enum gp_arc_result: what the chain came to */
};

/*
 * To be freed in any case. The mail is needed during the call only, but for its body_hash.
 * NOT_OURS: it goes without, *ret_why (static) says why; never IMPOSSIBLE.
 */
[[nodiscard]] enum signing_result
sealing_begin(struct sealing *g, const struct signers *all, const struct sealing_mail *mail,
	      const char **ret_why);
void
sealing_free(struct sealing *g);

/* The next request, less its ticket; slices live in g. False: there is none. */
[[nodiscard]] bool
sealing_request(const struct sealing *g, struct gp_msg_dkim_sign *ret);
/* False: no memory. */
[[nodiscard]] bool
sealing_take(struct sealing *g, struct gp_slice signature);

/* Appends the fields, each with its CRLF; nothing, if nothing was begun. Latches out->failed. */
void
sealing_write(const struct sealing *g, struct gp_buf *out);
