/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many recipients a user may send to in any hour, and in any day. Recipients are counted in
 * pieces of a twelfth of either, so that no hour and no day ever has more than its limit; what was
 * spent comes back when the piece that it was spent in is a whole hour, or day, old.
 *
 * The table is of a fixed size; when it is full, who sent longest ago is forgotten. The time is an
 * argument, in ms of a clock that never goes back.
 */
#pragma once

#include "base/slice.h"

enum { QUOTA_ENTRIES = 65536 };

struct quota_limits {
	uint32_t hourly, daily; /* 0: none */
};

struct quota;

/* seed: random. NULL: no memory. */
struct quota *
quota_new(const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct quota *
quota_free(struct quota *q);

enum quota_answer { QUOTA_TAKEN = 1, QUOTA_HOURLY, QUOTA_DAILY, QUOTA_UNKNOWN };

/* Counts the recipients, all or none: HOURLY and DAILY say which limit they would be over, UNKNOWN
   that there is no memory. */
enum quota_answer
quota_take(struct quota *q, struct gp_slice user, const struct quota_limits *limits,
	   uint32_t recipients, uint64_t now_ms);
