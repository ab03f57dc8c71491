/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS for many who ask at once, on one loop. Each has a set of answers of its own, which grows
 * by what its evaluators need:
 *
 *     step():  r = gp_hosts_eval(&query, ask->answers, ...)
 *              NEED: scan_ask_for(ask, need, len), and step() again when ask->ready is called
 */
#pragma once

#include <event2/event_struct.h>

#include "base/list.h"
#include "cli/lookup.h"

enum { SCAN_ASK_MS = 10'000 }; /* what has no answer by then timed out */

struct scan_dns {
	struct gp_lookup lookup;
	struct event_base *base;
};

/* Of --dns or --resolver, or the system's. Returns an exit code, after saying what is wrong. To be
   closed in any case, after all asks were ended. */
[[nodiscard]] int
scan_dns_open(struct scan_dns *dns, struct event_base *base, const char *file,
	      const char *resolver);
void
scan_dns_close(struct scan_dns *dns);

struct scan_ask {
	struct scan_dns *dns;
	struct gp_arena *arena;     /* the owner's, for its own answers */
	struct gp_answers *answers; /* its own, or all that a file has */
	struct gp_list open;        /* questions under way */
	struct event timer;
	bool asking; /* within scan_ask_for() */
	void (*ready)(struct scan_ask *ask);
};

/* ready: all that was asked for is in the set; from the loop, never from within scan_ask_for(). 0
   or -ENOMEM. To be ended. */
[[nodiscard]] int
scan_ask_init(struct scan_ask *ask, struct scan_dns *dns, struct gp_arena *arena,
	      void (*ready)(struct scan_ask *ask));
/* What is under way is given up. Harmless when it was never begun. */
void
scan_ask_end(struct scan_ask *ask);

/* Puts the answers to all of these into the set; what nobody answers is SERVFAIL or TIMEOUT there.
   Nothing else is under way. 0 or -ENOMEM: then nobody is called. */
[[nodiscard]] int
scan_ask_for(struct scan_ask *ask, const struct gp_dns_question *questions, size_t len);
