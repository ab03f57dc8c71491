/* SPDX-License-Identifier: Apache-2.0 */
/* Mail that is read as reports of others: how much of it a stranger may send in a day. */
#pragma once

#include "procs/smtpd/smtpd.h"

/* Returns 0 or -ENOMEM. */
int
reporters_start(const uint64_t seed[2]);

/* Whether the session's message, all of it known, and concluded where it is a stranger's, is taken
 * as far as this goes; then it counts. Code 0, or the refusal: he may come again. */
struct gp_reply
reporters_take(struct session *s);
