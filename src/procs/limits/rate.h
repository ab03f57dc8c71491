/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often sources do what is dear to us, or how much of it. A source that has done nothing for a
 * span of time may do it `max` times at once, and from then on as often as that many in a span come
 * to. What is refused does not count.
 *
 * The table is of a fixed size, and a count is one number in it: the time when it will be as if
 * there had been nothing. Where too many sources meet, the one whose time comes first gives way; so
 * a flood of sources that come once each does not clear the name of one that comes all the time.
 *
 * The time is an argument, in ms of a clock that never goes back.
 */
#pragma once

#include "base/slice.h"

enum { RATE_SOURCES = 65536 }; /* remembered at once; 16 octets each */

struct rate;

enum { RATE_MINUTE_MS = 60 * 1000, RATE_DAY_MS = 24 * 60 * RATE_MINUTE_MS };

/* What one source wants to do, and its limit. source: its own octets, a copy of which is not kept;
 * with another limit, or for something else, it is another source. */
struct rate_ask {
	struct gp_slice source;
	uint64_t max;     /* in span_ms; 1 at least */
	uint32_t span_ms; /* a day at most */
	uint32_t amount;  /* times, or octets: up to 200 million */
};

/* seed: random, since strangers choose sources. NULL: no memory. */
struct rate *
rate_new(const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct rate *
rate_free(struct rate *r);

/* Whether all of them allow it, which then counts for each. Returns the place of the
 * first that does not, or -1. */
[[nodiscard]] int
rate_take(struct rate *r, const struct rate_ask *asks, size_t asks_len, uint64_t now_ms);
