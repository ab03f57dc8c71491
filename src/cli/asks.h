/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS for many who ask at once, on one loop. Each has a set of answers of its own, which grows
 * by what its evaluators need:
 *
 * How many questions are under way, and how many begin in a second, has a limit for all of them
 * together: who asked first is asked for first. Half of the places are anybody's; of the others
 * nobody who has an eighth of all gets more, so that one whose servers are silent leaves room.
 *
 *     step():  r = gp_hosts_eval(&query, ask->answers, ...)
 *              NEED: gp_ask_for(ask, need, len), and step() again when ask->ready is called
 */
#pragma once

#include <event2/event_struct.h>

#include "base/list.h"
#include "cli/lookup.h"
#include "cli/pace.h"

enum {
	GP_ASK_MS = 10'000, /* what has no answer so long after it was asked timed out */
	/* Questions under way unless told. More would wait all the same, but within the resolver,
	   where each costs 20 KB; here it is 1 KB. */
	GP_ASKS_UNDER_WAY = 256,
};

struct gp_asks {
	struct gp_lookup lookup;
	struct event_base *base;
	size_t answers_max;
	/* Questions: those that are to be asked, and those that were, each in their order. */
	struct gp_list waiting, asked;
	size_t under_way, under_way_max;
	size_t share_max; /* of those under way, where half are */
	struct gp_pace pace;
	struct event timer; /* the first of them times out, or the next may be asked, */
	uint64_t wake_ms;   /* at this time */
	bool pumping;
	struct gp_asks_counts {
		uint64_t asked, answered, timed_out;
	} counts;
};

struct gp_asks_options {
	const char *command;  /* for complaints: "gatepost scan"; static */
	const char *dns;      /* file of --dns; NULL: none */
	const char *resolver; /* of --resolver; NULL: the configuration's, or the system's */
	const struct gp_config *config; /* of which `dns` counts; NULL: none */
	size_t answers_max;             /* of one who asks */
	size_t under_way_max;           /* questions at once, of all; 0: GP_ASKS_UNDER_WAY */
	double per_s;                   /* questions a second, of all; 0: no limit */
};

/* Returns an exit code, after saying what is wrong. To be closed in any case, after all asks were
   ended. */
[[nodiscard]] int
gp_asks_open(struct gp_asks *dns, struct event_base *base, const struct gp_asks_options *o);
void
gp_asks_close(struct gp_asks *dns);

/* What came of a question, for who keeps it. */
struct gp_ask_seen {
	struct gp_dns_question question;
	struct gp_slice packet; /* the response as it came; empty: there is none */
	uint8_t status;         /* enum gp_dns_status */
	bool secure;            /* validated */
};

struct gp_ask {
	struct gp_asks *dns;
	struct gp_arena *arena;     /* the owner's, for its own answers */
	struct gp_answers *answers; /* its own, or all that a file has */
	struct gp_list questions;   /* that have no answer yet */
	struct gp_list parked;      /* those of them for which its share has no room */
	size_t under_way;
	struct event event; /* all is answered */
	void (*ready)(struct gp_ask *ask);
	/* NULL, or told of each answer of a server, or of none, before it is in the set. What it is
	   told lives until it returns. The owner sets it after gp_ask_init(). */
	void (*seen)(struct gp_ask *ask, const struct gp_ask_seen *seen);
};

/* ready: all that was asked for is in the set; from the loop, never from within gp_ask_for(). 0
   or -ENOMEM. To be ended. */
[[nodiscard]] int
gp_ask_init(struct gp_ask *ask, struct gp_asks *dns, struct gp_arena *arena,
	    void (*ready)(struct gp_ask *ask));
/* What is under way is given up. Harmless when it was never begun. */
void
gp_ask_end(struct gp_ask *ask);

/* Puts the answers to all of these into the set, when it is their turn; what nobody answers is
   SERVFAIL or TIMEOUT there. Nothing else is under way. The questions are copied. 0 or -ENOMEM:
   then nobody is called. */
[[nodiscard]] int
gp_ask_for(struct gp_ask *ask, const struct gp_dns_question *questions, size_t len);
