/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a request: the policy of RFC 8461 section 3.2 where one of ours is asked for, and
 * a status for all else. Pure. */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"

/* Room for any body: the largest policy. */
enum { ANSWER_MAX = 72 * 1024 };

/* What an answer is made from. */
struct question {
	struct gp_slice method;
	struct gp_slice target; /* as it was sent (RFC 9112 section 3.2), with its query */
	struct gp_slice host;   /* the last Host field's value */
	size_t hosts;           /* how many there are */
	struct gp_slice sni;    /* that the client shook hands with; empty: none */
};

/* Writes the body. Returns the status; body->failed: no memory. */
int
answer_make(struct gp_buf *body, const struct gp_config *cfg, const struct question *q);
