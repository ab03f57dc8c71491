/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guessing costs. Failures are counted for an account (whether it exists or not), for a source
 * (an address; IPv6: a /64) and for its network (a /24; a /48). Each failure makes the next attempt
 * at that account, or from that source, wait twice as long as the one before; after as many as the
 * configuration says, it is locked, and what comes then is refused without being checked.
 *
 * A success ends the count of the account, and not that of the source: else one who has an account
 * could guess at others for ever. A count is forgotten when it has not grown for as long as a lock
 * holds.
 *
 * Tables are of a fixed size; when one is full, what failed longest ago is forgotten. The time is
 * an argument, in ms of a clock that never goes back.
 */
#pragma once

#include "base/slice.h"

enum {
	THROTTLE_ENTRIES = 65536, /* accounts, and as many sources and networks together */
	THROTTLE_DOUBLINGS = 4,   /* 1, 2, 4, 8, 16 times the first delay */
};

struct throttle_limits {
	uint32_t account, source, network; /* failures until the lock */
	uint64_t delay_ms, lock_ms;
};

/* Who tries. */
struct throttle_who {
	struct gp_slice account; /* canonical; empty: not known, as of a token */
	uint8_t address[16];
	uint8_t address_len; /* 4 or 16 */
};

struct throttle;

/* seed: random, since strangers choose names and addresses. NULL: no memory. */
struct throttle *
throttle_new(const struct throttle_limits *limits, const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct throttle *
throttle_free(struct throttle *t);

/* New limits; what was counted stays. */
void
throttle_limit(struct throttle *t, const struct throttle_limits *limits);

enum throttle_answer { THROTTLE_GO = 1, THROTTLE_WAIT, THROTTLE_LOCKED };

/* Whether an attempt may be made now. WAIT: not before *ret_when_ms; then ask again. */
enum throttle_answer
throttle_ask(struct throttle *t, const struct throttle_who *who, uint64_t now_ms,
	     uint64_t *ret_when_ms);

/* An attempt has failed. Returns when its answer is due: when the next attempt may be made. */
uint64_t
throttle_failed(struct throttle *t, const struct throttle_who *who, uint64_t now_ms);
void
throttle_succeeded(struct throttle *t, const struct throttle_who *who);

/* Whether both are of one source, so that one of them has to wait for the other. */
bool
throttle_same_source(const struct throttle_who *a, const struct throttle_who *b);
