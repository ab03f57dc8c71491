/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose name a message bears: the one domain of its one From field (RFC 9989 section 5.3.1). DMARC
 * protects that domain, so whatever leaves a choice between two is no answer but a name of its own:
 * no reader of the message may see another domain than the one that was checked.
 */
#pragma once

#include "core/message/header.h"

enum gp_dmarc_author_state {
	GP_DMARC_AUTHOR_OK = 0,
	GP_DMARC_AUTHOR_MISSING,         /* there is no From field */
	GP_DMARC_AUTHOR_SEVERAL_FIELDS,  /* more than one */
	GP_DMARC_AUTHOR_MALFORMED,       /* the field is no list of mailboxes, nor `broken` */
	GP_DMARC_AUTHOR_NO_MAILBOX,      /* only groups, with nobody in them */
	GP_DMARC_AUTHOR_SEVERAL_DOMAINS, /* mailboxes of more than one domain */
	GP_DMARC_AUTHOR_LITERAL,         /* an address in brackets for a domain */
	GP_DMARC_AUTHOR_NO_DOMAIN,       /* what stands for a domain cannot be one */
};

struct gp_dmarc_author {
	uint8_t state;          /* enum gp_dmarc_author_state */
	bool broken;            /* the field is malformed, and this is of the one address in it */
	struct gp_slice domain; /* OK: lower case, A-labels */
};

/*
 * Several mailboxes of one domain are one. A field that is no list of mailboxes is `broken` where
 * it names an address all the same, and no reader could find another
 * (core/message/lone_mailbox.h); else it is MALFORMED. Returns 0, whatever the state; or -ENOMEM.
 */
[[nodiscard]] int
gp_dmarc_author_find(const struct gp_header *h, struct gp_arena *arena,
		     struct gp_dmarc_author *ret);

/* The same of a domain that was found elsewhere; U-labels too. */
[[nodiscard]] int
gp_dmarc_author_of_domain(struct gp_slice domain, struct gp_arena *arena,
			  struct gp_dmarc_author *ret);

/* In words, for people: "there is more than one From field". */
const char *
gp_dmarc_author_text(uint8_t state);
