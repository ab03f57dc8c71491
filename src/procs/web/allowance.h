/* SPDX-License-Identifier: Apache-2.0 */
/* How many questions of the DNS a user of the dashboard may cause in a minute. Pure. */
#pragma once

#include "base/slice.h"

enum {
	ALLOWANCE_A_MINUTE = 640, /* ten messages, at worst */
	ALLOWANCE_USERS = 64,     /* the one whose minute began longest ago gives way */
	ALLOWANCE_NAME_MAX = 255,
};

/* All zero at first. */
struct allowance {
	struct allowance_user {
		char name[ALLOWANCE_NAME_MAX];
		uint8_t len; /* 0: nobody yet */
		uint64_t began_ms;
		unsigned used;
	} users[ALLOWANCE_USERS];
};

/* Whether this user, whose name is not empty, may cause so many more; *ret_user is where they are
 * counted. now_ms: of a clock that never goes back. */
bool
allowance_has(struct allowance *a, struct gp_slice user, unsigned questions, uint64_t now_ms,
	      size_t *ret_user);

void
allowance_use(struct allowance *a, size_t user, unsigned questions);
