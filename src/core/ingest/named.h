/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener that stands before another one, and tells it one flaw more: the mail that the report
 * came in says in its header that it is about another domain. It does so in TLS-Report-Domain (RFC
 * 8460 section 5.3), or in its subject, "Report Domain: example.org Submitter: ..." (RFC
 * 9990); what it does not say is not missed.
 */
#pragma once

#include "core/ingest/report.h"
#include "core/message/header.h"

struct gp_ingest_named {
	struct gp_slice domain; /* that the mail names, or empty */
	const struct gp_ingest_listener *to;
};

/* What the mail names lies in the arena. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_ingest_named_read(const struct gp_header *mail, struct gp_arena *arena, struct gp_slice *ret);

/* The listener that stands before n->to; n must outlive it. */
struct gp_ingest_listener
gp_ingest_named_listener(struct gp_ingest_named *n);
