/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a request: the policy of RFC 8461 section 3.2 where one of ours is asked for, and
 * a status for all else. Pure. */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"
#include "core/http/request.h"

/* Room for any answer: the largest policy, and the head. */
enum { ANSWER_MAX = 80 * 1024 };

/* What an answer is made from. */
struct question {
	int outcome; /* of gp_http_request_read, not MORE */
	struct gp_http_request request;
	struct gp_slice sni; /* that the client shook hands with; empty: none */
	uint64_t now_ms;     /* since the epoch */
};

/* Writes the answer, after which the connection ends. Returns its status. */
int
answer_write(struct gp_buf *out, const struct gp_config *cfg, const struct question *q);
