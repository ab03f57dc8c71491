/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signature, judged (RFC 6376 section 6.1). DKIM's go through dkim.h; ARC judges its own fields
 * by the same functions (RFC 8617 section 5.2).
 */
#pragma once

#include "core/dkim/body.h"
#include "core/dkim/hash.h"
#include "core/dkim/keys.h"
#include "core/dns/answers.h"

enum gp_dkim_verify_limits {
	GP_DKIM_TRAIL_MAX = 16,    /* lines of reasoning about one signature */
	GP_DKIM_SKEW_S = 300,      /* how late x= may be, as clocks differ */
	GP_DKIM_FUTURE_S = 86'400, /* how early t= may be: some signers write local time */
};

enum gp_dkim_outcome {
	GP_DKIM_DONE = 0,
	GP_DKIM_NEED = 1, /* gp_dkim_question's answer is missing */
	GP_DKIM_BODY = 2, /* nothing is missing but the end of the body */
};

/* What a judgement depends on, beside the message. */
struct gp_dkim_world {
	const struct gp_answers *answers;
	struct gp_dkim_keys *keys; /* NULL: none are kept */
	uint64_t now_s;            /* since 1970 */
	struct gp_arena *arena;
	bool trail; /* write the trail, for people to read */
};

struct gp_dkim_verdict {
	uint8_t result;                            /* enum gp_dkim_result */
	const char *reason;                        /* static; NULL: pass */
	size_t field;                              /* its place in the header */
	const struct gp_dkim_signature *signature; /* never NULL; DKIM's: see gp_dkim_eval */
	unsigned key_bits;                         /* 0: there is no key */
	bool body_differs;                         /* it is not the body that was signed */
	bool testing;         /* the key's domain is only trying (section 3.6.1, t=y) */
	bool partial;         /* l= leaves a part of the body unsigned: anybody may have added it,
			       so this is no proof of who wrote it (section 8.2) */
	bool from_oversigned; /* no From could be added without breaking it (section 8.15) */
	struct gp_slice trail[GP_DKIM_TRAIL_MAX]; /* the reasoning, in lines for people */
	size_t trail_len;
};

/*
 * Judges the signature that stands in a field of the header. body: has ended; NULL: it has not yet.
 * body_hash: the place of its hash there (gp_dkim_body_want). Returns enum gp_dkim_outcome, or
 * -ENOMEM; *ret counts with DONE.
 */
[[nodiscard]] int
gp_dkim_verify(const struct gp_header *header, size_t field, const struct gp_dkim_signature *sig,
	       const struct gp_dkim_body *body, size_t body_hash, const struct gp_dkim_world *world,
	       struct gp_dkim_verdict *ret);

/* The same over a digest that somebody else made, for ARC-Seal: GP_DKIM_DONE, GP_DKIM_NEED. */
[[nodiscard]] int
gp_dkim_verify_digest(const struct gp_dkim_signature *sig, const struct gp_dkim_digest *digest,
		      const struct gp_dkim_world *world, struct gp_dkim_verdict *ret);
