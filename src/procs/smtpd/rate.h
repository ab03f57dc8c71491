/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often sources do what is dear to us. A source that has done nothing for a minute may do it
 * `a_minute` times at once, and from then on as often as that many a minute come to. What is
 * refused does not count.
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

/* One source's count and its limit, 1 at least. source: its own octets, a copy of which is not
 * kept. */
struct rate_ask {
	struct gp_slice source;
	uint32_t a_minute;
};

/* seed: random, since strangers choose sources. NULL: no memory. */
struct rate *
rate_new(const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct rate *
rate_free(struct rate *r);

/* Whether all of them allow it once more, which then counts for each. Returns the place of the
 * first that does not, or -1. */
[[nodiscard]] int
rate_take(struct rate *r, const struct rate_ask *asks, size_t asks_len, uint64_t now_ms);
