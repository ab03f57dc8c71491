/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTA-STS policy of a domain that is scanned, as a sender finds it who knows nothing yet: its
 * record, then the policy by HTTPS from an address of mta-sts.DOMAIN (RFC 8461 section 3.3). The
 * connection counts in the rate, and in the budgets of its address; special addresses are left out
 * as for probes.
 *
 *     scan_policy_look():  NEED: ask f->need, and look again     WAIT: until `done` is called
 *                          DONE: f->policy
 */
#pragma once

#include "cli/scan/parts.h"
#include "procs/fetch/https.h"

enum {
	SCAN_POLICY_ADDRESSES_MAX = 8,
	SCAN_POLICY_TIME_MAX_MS = 20'000,
	SCAN_POLICY_NEED_MAX = 2,
};

enum scan_policy_step {
	SCAN_POLICY_DONE,
	SCAN_POLICY_NEED,
	SCAN_POLICY_WAIT,
};

struct scan_policy_fetch {
	struct engine *engine;
	struct turn *turn;
	struct gp_arena *arena;
	struct gp_slice domain;
	/* It is over, well or badly: look again. */
	void (*done)(struct scan_policy_fetch *f);
	struct scan_policy policy;
	struct gp_dns_question need[SCAN_POLICY_NEED_MAX];
	size_t need_len;
	/* private */
	struct applicant applicant;
	struct https_request request;
	struct gp_fetch_address addresses[SCAN_POLICY_ADDRESSES_MAX];
	size_t addresses_len;
	bool joined, under_way, over;
};

/* Of one whose members before `policy` are set, the rest zeroed. Returns enum scan_policy_step or
   -ENOMEM. */
[[nodiscard]] int
scan_policy_look(struct scan_policy_fetch *f, const struct gp_answers *answers);

/* Gives up what is under way. Accepts one that never began. */
void
scan_policy_end(struct scan_policy_fetch *f);

/* Reads the policy's text, which is in the arena or outlives it. 0 or -ENOMEM. */
[[nodiscard]] int
scan_policy_read(struct scan_policy *p, struct gp_slice text, struct gp_arena *arena);
