/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a message says that it is from: RFC 5322 section 3.6.2, in all of its fields, and what is
 * done there to be taken for somebody else.
 */
#pragma once

#include "core/finding/finding.h"
#include "core/message/header.h"

enum { GP_IDENTITY_TEXT_MAX = 8192 }; /* octets of a text that are shown, decoded */

/* One of them. Slices are empty where there is nothing, or nothing with one reading. */
struct gp_identity {
	bool there;              /* there is such a field */
	struct gp_slice text;    /* the whole first field for people: decoded, gp_visible */
	struct gp_slice name;    /* the display name likewise */
	struct gp_slice address; /* of its first mailbox, as written */
	struct gp_slice domain;  /* of that: A-labels, lower case; a literal has its brackets */
	struct gp_slice shown;   /* the same with U-labels, gp_visible */
	size_t mailboxes;        /* how many stand in it */
};

struct gp_identities {
	struct gp_identity from, sender, reply_to, return_path;
	size_t from_fields;
	struct gp_slice message_id; /* as written, gp_visible */
	struct gp_slice message_id_domain;
	struct gp_slice subject;    /* decoded, gp_visible */
	bool from_own;              /* From's domain is ours, or below */
	struct gp_slice looks_like; /* the domain of ours that From's is made to look like */
};

struct gp_identities_query {
	const struct gp_slice *own; /* our domains: A-labels, lower case */
	size_t own_len;
};

/* Returns 0 or -ENOMEM. What is strange goes to `findings`. */
[[nodiscard]] int
gp_identities_read(const struct gp_header *header, const struct gp_identities_query *query,
		   struct gp_arena *arena, struct gp_findings *findings, struct gp_identities *ret);
