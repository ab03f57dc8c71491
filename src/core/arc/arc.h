/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of those who passed a message on and say what they found, verified: the Authenticated
 * Received Chain, RFC 8617 section 5.2.
 *
 * It goes beside DKIM over the same body (dkim.h), which passes by once:
 *
 *     gp_dkim_collect(&header, &body, arena, &set);
 *     gp_arc_collect(&header, &body, arena, &chain);       behind DKIM: its hashes come first
 *     gp_arc_eval(&chain, NULL, &world, &result)           NEED: ask all of result.need; BODY
 *     gp_dkim_body_feed(&body, piece); ... gp_dkim_body_end(&body);
 *     gp_arc_eval(&chain, &body, &world, &result)          NEED or DONE
 *
 * A chain that passes proves who sealed it, and that nothing of it was changed since. Whether to
 * believe what the sealers say is a matter of trust in them (section 7.2 and 9.3): anybody can seal
 * a message that he made up.
 */
#pragma once

#include "core/arc/chain.h"
#include "core/dkim/verify.h"

enum gp_arc_result {
	GP_ARC_NONE = 1, /* there is no chain */
	GP_ARC_PASS,
	GP_ARC_FAIL, /* for good, DNS trouble too: as if there were no chain (section 5.2) */
};

/* The words of RFC 8617 section 4.4. */
const char *
gp_arc_result_name(uint8_t result);

enum gp_arc_eval_limits {
	GP_ARC_TRAIL_MAX = 2 * GP_ARC_SETS_MAX + GP_DKIM_TRAIL_MAX + 8,
};

struct gp_arc_verdict {
	uint8_t result;         /* enum gp_arc_result */
	struct gp_slice reason; /* why it failed; empty otherwise */
	bool trouble;           /* the DNS did not answer, which is what failed: RFC 8617 knows no
				   temporary result, but another time it may pass */
	unsigned instances;     /* sets; of a broken chain the highest number */
	unsigned oldest_pass;   /* PASS: from this i= on no signature of a message broke; 0: none
				   ever did (section 5.2, step 5) */
	bool loose; /* PASS: the newest signature leaves a From, or a part of the body, to anybody:
		       no proof of what the message was when it was sealed */
	const struct gp_slice *sealers;          /* d= of the seals, from i=1 on */
	size_t sealers_len;                      /* 0 when the chain is broken */
	struct gp_slice trail[GP_ARC_TRAIL_MAX]; /* the reasoning, in lines for people */
	size_t trail_len;
	const struct gp_dns_question *need; /* NEED: each once, the most important ones first */
	size_t need_len;
};

/*
 * body: NULL while it has not ended. Returns enum gp_dkim_outcome, or -ENOMEM; but for `need`,
 * *ret counts with DONE. All questions are asked in one round, for at most two keys a set.
 */
[[nodiscard]] int
gp_arc_eval(const struct gp_arc_chain *chain, const struct gp_dkim_body *body,
	    const struct gp_dkim_world *world, struct gp_arc_verdict *ret);
