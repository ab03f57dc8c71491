/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a signature field (RFC 6376 section 5), in two steps, since the key is elsewhere:
 *
 *     gp_dkim_draft(&order, &header, arena, &draft, &why);     what is to be signed
 *     ... somebody with the key signs draft.input, or its digest ...
 *     gp_dkim_finish(&draft, signature, arena, &field);        goes above the header
 *
 * RSA signs draft.input by PKCS #1 v1.5 with SHA-256, Ed25519 signs the 32 octets of draft.digest
 * (RFC 8463 section 3).
 */
#pragma once

#include "core/dkim/hash.h"

struct gp_dkim_order {
	enum gp_dkim_kind kind; /* GP_DKIM_FIELD, GP_DKIM_ARC_MESSAGE */
	unsigned instance;      /* ARC: i= */
	struct gp_slice domain, selector;
	uint8_t algorithm;                /* enum gp_dkim_algorithm */
	uint8_t header_canon, body_canon; /* enum gp_dkim_canon */
	const struct gp_slice *names;     /* h= as it is to be; NULL: gp_dkim_default_names */
	size_t names_len;
	uint64_t time_s;                        /* t= */
	uint64_t expiry_s;                      /* x=, behind t=; 0: none */
	const struct gp_dkim_digest *body_hash; /* of the whole body, by body_canon */
};

struct gp_dkim_draft {
	struct gp_slice field;        /* up to "b=", folded */
	struct gp_slice input;        /* the octets that are signed */
	struct gp_dkim_digest digest; /* SHA-256 of them */
};

/*
 * The names that a header is signed by: what a reader sees and what says how the body is to be
 * read, each once more than it is there, so that none can be added (section 8.15); then fields that
 * mailing lists add or change, as often as they are there. Returns 0; 1 when they are more than
 * GP_DKIM_NAMES_MAX; -ENOMEM.
 */
[[nodiscard]] int
gp_dkim_default_names(const struct gp_header *h, struct gp_arena *arena,
		      const struct gp_slice **ret, size_t *ret_len);

/* NULL, or what is wrong with the order whatever the message is (static; with arena->failed it is
 * memory). Its domain and selector are then written as the DNS has them. */
const char *
gp_dkim_order_fault(struct gp_dkim_order *o, struct gp_arena *arena);

/* Returns 0; 1 when this cannot be signed (*ret_why: static); -ENOMEM. All is in the arena. */
[[nodiscard]] int
gp_dkim_draft(const struct gp_dkim_order *order, const struct gp_header *header,
	      struct gp_arena *arena, struct gp_dkim_draft *ret, const char **ret_why);

/* The whole field with its CRLF. 0 or -ENOMEM. */
[[nodiscard]] int
gp_dkim_finish(const struct gp_dkim_draft *draft, struct gp_slice signature, struct gp_arena *arena,
	       struct gp_slice *ret);
