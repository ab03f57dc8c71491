/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a failure report (RFC 5965, 6591, 9991), and what is mailed in place of one: a text for
 * people (feedback.h). One report, one message that failed: a head and a failure are told
 * (report.h), beside flaws; lost is one that names no domain, neither by itself nor in what it
 * tells of the message.
 *
 * Of the failure header_from, envelope_from and envelope_to are addresses where they are told, else
 * names; dkim_domain is the first of several; `header` has lines that end in LF, as many as fit
 * into GP_INGEST_HEADER_MAX. Time and author that the report does not tell are taken from the mail
 * that it came in.
 */
#pragma once

#include "core/ingest/mail.h"
#include "core/ingest/report.h"

enum {
	GP_INGEST_HEADER_MAX = 32 * 1024,      /* octets */
	GP_INGEST_FAILURE_ARENA_MAX = 4 << 20, /* what reading one takes of the arena */
};

/* Could this text be one that tells of a failure? It names an address and a domain. arena: for the
 * work alone. */
bool
gp_ingest_failure_tells(struct gp_slice text, struct gp_arena *arena);

/* candidate: a FEEDBACK or TEXT. mail: the header of the mail that it came in; NULL: none. Returns
 * 0, what the listener returned if that was not 0, or -ENOMEM. */
[[nodiscard]] int
gp_ingest_failure_read(const struct gp_ingest_candidate *candidate, const struct gp_header *mail,
		       const struct gp_ingest_listener *listener, struct gp_arena *arena);
