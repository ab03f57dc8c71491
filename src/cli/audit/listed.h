/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the addresses that mail comes from on block lists? (RFC 5782) Each is asked about once,
 * however many domains it is of. A list whose test points do not answer as each list's do says
 * nothing of any address.
 */
#pragma once

#include "cli/asks.h"
#include "core/finding/finding.h"

enum {
	AUDIT_LISTS_MAX = 8,
	AUDIT_LISTED_MAX = 65536, /* addresses */
};

struct audit_listed;

/* zones: the caller's, names of lists. NULL: no memory. */
struct audit_listed *
audit_listed_new(const struct gp_slice *zones, size_t zones_len);
/* Accepts NULL, returns NULL. */
struct audit_listed *
audit_listed_free(struct audit_listed *l);

/* owner: whose address it is, the caller's; empty: it was named as such. What is over the limit is
   counted only. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_listed_add(struct audit_listed *l, const uint8_t *address, size_t address_len,
		 struct gp_slice owner);
/* How many addresses there was no room for. */
size_t
audit_listed_left_out(const struct audit_listed *l);

/* Who is told. Answers of servers come before the first address that they are about. */
struct audit_listed_reader {
	void *context;
	/* Each address in the order in which they were added: as text, with a finding for each
	   list. Both live until it returns. Returns 0, or what ends it. */
	int (*tell)(void *context, struct gp_slice address, const struct gp_findings *findings,
		    struct gp_arena *arena);
	void (*seen)(void *context, const struct gp_ask_seen *seen); /* or NULL */
};

/* Asks, on the loop that dns lives on, and waits for the answers. Returns 0, -errno, or what ended
   the telling. */
[[nodiscard]] int
audit_listed_ask(struct audit_listed *l, struct gp_asks *dns,
		 const struct audit_listed_reader *reader);

/* That so many networks and addresses of a domain were not asked about. */
void
audit_listed_note(struct gp_findings *findings, size_t left_out);
