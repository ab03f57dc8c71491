/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DKIM signatures of a message, verified: RFC 6376 sections 3 and 6, with RFC 8301 (what is not
 * accepted any more), RFC 8463 (Ed25519) and RFC 8616 (names in UTF-8).
 *
 * A message passes by once:
 *
 *     gp_dkim_body_init(&body);
 *     gp_dkim_collect(&header, &body, arena, &set);        as soon as the header is there
 *     gp_dkim_eval(&set, NULL, &world, &result)            NEED: ask all of result.need; BODY
 *     gp_dkim_body_feed(&body, piece); ...                 meanwhile
 *     gp_dkim_body_end(&body);
 *     gp_dkim_eval(&set, &body, &world, &result)           NEED or DONE
 *     gp_dkim_body_free(&body);
 *
 * A signature that we cannot or do not want to read has a verdict like any other, and holds up
 * none of its neighbours.
 *
 * For DMARC a signature counts that is PASS and not partial.
 */
#pragma once

#include "core/dkim/verify.h"

enum gp_dkim_limits {
	GP_DKIM_SIGNATURES_MAX = 8, /* that are verified: each costs a question and a computation */
	GP_DKIM_VERDICTS_MAX = 32,  /* the others are told of up to here, and counted beyond */
};

struct gp_dkim_item {
	size_t field; /* its place in the header */
	struct gp_dkim_signature signature;
	size_t body_hash; /* in the body's hashes, when it is well formed */
};

struct gp_dkim_set {
	const struct gp_header *header;
	const struct gp_dkim_item *items; /* from the top down */
	size_t len;                       /* at most GP_DKIM_VERDICTS_MAX */
	size_t uncounted;                 /* signatures beyond them */
};

/*
 * Finds and reads the signatures, and tells the body which hashes they want. The header must
 * outlive *ret; what *ret points to is in the arena. Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_dkim_collect(const struct gp_header *header, struct gp_dkim_body *body, struct gp_arena *arena,
		struct gp_dkim_set *ret);

struct gp_dkim_result_set {
	const struct gp_dkim_verdict *verdicts; /* DONE: one a signature of the set; their
						   `signature` is the set's */
	size_t len;
	const struct gp_dns_question *need; /* NEED: each once */
	size_t need_len;
};

/*
 * body: NULL while it has not ended. Returns enum gp_dkim_outcome or -ENOMEM. All questions are
 * asked in one round; where nothing but the body is missing, it says BODY. While a question is
 * open no signature is computed, so one that is answered late makes no other be computed twice.
 */
[[nodiscard]] int
gp_dkim_eval(const struct gp_dkim_set *set, const struct gp_dkim_body *body,
	     const struct gp_dkim_world *world, struct gp_dkim_result_set *ret);
