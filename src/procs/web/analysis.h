/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header analyser for a message that somebody pasted or uploaded: what core/headers finds, as
 * JSON (docs/api.md).
 *
 *     a = analysis_new(...)
 *     analysis_to_verify(a, &query)   0: verify analysis_message(a) by the query
 *     analysis_write(a, &facts, ...)  or without them: what it says of SPF, DKIM and DMARC is then
 *                                     what our own gateway wrote when the message came in
 */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"
#include "core/verify/verify.h"

struct analysis;

/* text: of the message, or its header alone; it and the configuration need not live on. NULL: it
 * is no message, and *ret_why says so, static; where that is NULL, there is no memory. */
struct analysis *
analysis_new(struct gp_slice text, const struct gp_config *config, int64_t now_s,
	     const char **ret_why);

/* Accepts NULL, returns NULL. */
struct analysis *
analysis_free(struct analysis *a);

/* With CRLF; lives as long as a does. */
struct gp_slice
analysis_message(const struct analysis *a);

/* What is verified of it; the query's texts live as long as a does. NULL, or why there is nothing
 * that could be verified: a sentence, static. */
[[nodiscard]] const char *
analysis_to_verify(const struct analysis *a, struct gp_verify_query *ret);

/* Once. facts: NULL: it was not verified now; why_not: for people, static; NULL: nobody wanted it.
 * No memory latches out->failed. */
void
analysis_write(struct analysis *a, const struct gp_verify_facts *facts, const char *why_not,
	       struct gp_buf *out);
