/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashes of a body that passes by once, in pieces (RFC 6376 section 3.7): all that the
 * signatures of a message want. However many lengths (l=) they name, each canonical body is hashed
 * once, and the hash of a shorter one is looked at on the way.
 */
#pragma once

#include "core/dkim/canon.h"
#include "core/dkim/crypto.h"

enum gp_dkim_body_limits {
	GP_DKIM_BODY_HASHES_MAX = 16, /* DKIM's signatures, and as many of ARC's */
};

#define GP_DKIM_BODY_ALL UINT64_MAX /* no l= */

struct gp_dkim_body_hash {
	uint8_t canon;   /* enum gp_dkim_canon */
	uint64_t length; /* l=: octets of the canonical body that count; GP_DKIM_BODY_ALL */
	bool known;      /* private: the digest is; it may be before the body has ended */
	struct gp_dkim_digest digest; /* when the body has ended */
};

/* One of the canonical bodies, on its way to its hashes. */
struct gp_dkim_body_way {
	struct gp_dkim_sink sink;
	struct gp_dkim_body *body;
	struct gp_dkim_canon_body canon;
	struct gp_dkim_hash *hash; /* NULL: nobody wants one */
	uint64_t hashed, next; /* octets; where a hash is complete; the same: not known, or none */
};

/* Points into itself: stays where it was made. */
struct gp_dkim_body {
	struct gp_dkim_body_hash hashes[GP_DKIM_BODY_HASHES_MAX];
	size_t hashes_len;
	struct gp_dkim_body_way ways[GP_DKIM_CANONS];
	bool ended, failed;
};

void
gp_dkim_body_init(struct gp_dkim_body *b);
void
gp_dkim_body_free(struct gp_dkim_body *b);

/*
 * Wants a hash; before the first octet. *ret: its place in b->hashes, the same for the same wish.
 * Returns 0; 1 when there are GP_DKIM_BODY_HASHES_MAX of them; -ENOMEM.
 */
[[nodiscard]] int
gp_dkim_body_want(struct gp_dkim_body *b, uint8_t canon, uint64_t length, size_t *ret);

void
gp_dkim_body_feed(struct gp_dkim_body *b, struct gp_slice piece);

/* After the last octet. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_body_end(struct gp_dkim_body *b);

/* Octets of the canonical body; one that was wanted, and has ended. */
uint64_t
gp_dkim_body_size(const struct gp_dkim_body *b, uint8_t canon);
