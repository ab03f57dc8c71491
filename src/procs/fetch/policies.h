/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MTA-STS policies for those who deliver: what is kept of a domain, and fetched where that is due
 * (core/mtasts/state.h decides). However many ask about a domain, it is fetched once.
 */
#pragma once

#include "procs/fetch/policy_cache.h"
#include "procs/fetch/queue.h"

struct policies;

struct policy_news {
	uint8_t action;            /* enum gp_mtasts_action; FETCH though there were addresses:
				      there was no room to try */
	uint8_t failure;           /* enum gp_mtasts_failure */
	const struct policy *kept; /* NULL: none is valid */
	const char *reason;        /* "" where nothing failed just now */
};

/* One who waits for a fetch. Embedded in its owner. */
struct policy_ask {
	struct gp_list link;
	/* Once, after policies_ask has returned 1. The ask is off its list by then. */
	void (*done)(struct policy_ask *ask, const struct policy_news *news);
	char id[GP_MTASTS_ID_MAX];
	uint8_t id_len, record;
};

/* NULL: no memory. */
struct policies *
policies_new(struct queue *queue, const uint64_t seed[2]);
/* After the queue, with all that was under way. Accepts NULL, returns NULL. */
struct policies *
policies_free(struct policies *p);

/* Keeps them in this folder too, and takes what it holds; before the sandbox. Trouble is logged,
   and all goes on without. */
void
policies_use_folder(struct policies *p, int folder);

/*
 * Returns 0: *ret is the answer, valid until the next call. 1: a fetch is under way, and the ask
 * waits for it; gp_list_remove of its link ends the wait. -EPROTO: the question makes no sense.
 */
[[nodiscard]] int
policies_ask(struct policies *p, const struct gp_msg_policy *question, struct policy_ask *ask,
	     struct policy_news *ret);
