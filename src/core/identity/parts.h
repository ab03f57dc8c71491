/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder. */
#pragma once

#include "core/identity/identity.h"
#include "core/identity/organisation.h"

struct gp_identity_reading {
	const struct gp_header *header;
	const struct gp_identities_query *query;
	struct gp_arena *arena;
	struct gp_findings *findings;
	struct gp_identities *ret;
	bool hides; /* the text just read has characters that cannot be seen */
};

/* --- names.c: tricks of display names --- */

/* The first thing like an address in the text whose domain is of another organisation; or empty. */
struct gp_slice
gp_identity_other_address(struct gp_slice text, struct gp_slice domain);

/* The brand that the name holds as a word, while the domain is none of its owner's; or empty. */
struct gp_slice
gp_identity_brand(struct gp_slice name, struct gp_slice domain);

/* Does the name hold the domain, or the label that it is known by, as a word? */
bool
gp_identity_names(struct gp_slice name, struct gp_slice own);
