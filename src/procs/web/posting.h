/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that are posted, on their way to ingest: how many of a source, how much of them all is
 * held meanwhile, and what becomes of each. One at a time is with ingest, which reads mail besides;
 * the others wait for their turn here, and none longer than POSTING_WAIT_MS.
 */
#pragma once

#include <event2/event.h>

#include "ipc/role.h"
#include "procs/limits/share.h"
#include "sys/address.h"

enum {
	POSTING_HELD_MAX = 32 * 1024 * 1024, /* octets of all bodies */
	POSTING_WAIT_MS = 5000,              /* for what became of a body */
	POSTING_RETRY_S = 300,               /* whom we have no time for comes again after */
};

/* A body; embedded in its owner, zero at first. */
struct posting {
	struct share_holder held;
	struct gp_list link; /* of those who wait */
	bool joined, waits;
	uint64_t until_ms, ticket; /* 0: it is not with ingest */
	/* From posting_hand_over on, until its result; they are the owner's. */
	struct gp_slice domain, client, body;
	/* outcome: enum gp_ingested; reason: valid until the function returns. Never from within
	 * posting_hand_over. */
	void (*on_result)(struct posting *p, uint8_t outcome, struct gp_slice reason);
};

/* seed: random. Returns 0 or -ENOMEM. */
int
posting_start(struct event_base *base, const uint64_t seed[2]);

/* Takes fd over: the channel to ingest, in place of one before. */
void
posting_connect(struct gp_role_env *env, int fd);

/* Whether the client may post a body of so many octets; then it counts. */
[[nodiscard]] bool
posting_may(const struct gp_config *cfg, const struct gp_sockaddr *client, size_t len,
	    uint64_t now_ms);

/* Its body takes so many octets by now. Returns NULL; or who holds most, maybe p itself: his body
 * is to be freed at once, and posting_let_go says that it is. */
[[nodiscard]] struct posting *
posting_hold(struct posting *p, size_t octets);
void
posting_let_go(struct posting *p);

/* There will be a result. */
void
posting_hand_over(struct posting *p, uint64_t now_ms);

/* It is not wanted any more, whatever it has come to. */
void
posting_forget(struct posting *p);
