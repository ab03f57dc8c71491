/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a request: the policy of RFC 8461 section 3.2 where one of ours is asked for, and
 * a status for all else. Reports that are posted are post.h's. Pure. */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"

/* Room for any body: the largest policy. */
enum { ANSWER_MAX = 72 * 1024 };

/* A field of a request, as it was sent last. */
struct question_field {
	struct gp_slice value;
	size_t times; /* how often it is there */
};

/* What an answer is made from. */
struct question {
	struct gp_slice method;
	struct gp_slice target; /* as it was sent (RFC 9112 section 3.2), with its query */
	struct gp_slice sni;    /* that the client shook hands with; empty: none */
	struct question_field host, type, length, encoding, transfer;
};

/* The field of this name, which a question has room for; NULL: it does not count. */
struct question_field *
question_field(struct question *q, struct gp_slice name);

/* What is asked for, and of whom: 200; 400: it does not say; 421: of another than the client shook
 * hands for. */
int
question_place(const struct question *q, struct gp_slice *ret_path, struct gp_slice *ret_host);

/* Writes "STATUS words". */
void
answer_status(struct gp_buf *body, int status);

/* Writes the body. Returns the status; body->failed: no memory. */
int
answer_make(struct gp_buf *body, const struct gp_config *cfg, const struct question *q);
