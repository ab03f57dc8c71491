/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk up the tree of the DNS in search of DMARC records, and the organisational domain that it
 * ends in: RFC 9989 sections 4.10 and 4.10.2.
 *
 * At most eight names are asked, the domain itself and its ancestors; of a domain with eight labels
 * or more, itself and its last seven labels upwards. A record with psd=y or psd=n ends the walk,
 * and nothing else does: not the first record, not two at one name, which count as none.
 */
#pragma once

#include "core/dmarc/record.h"
#include "core/dns/answers.h"

enum {
	GP_DMARC_WALK_MAX = 8, /* names asked */
};

/* --- questions of an evaluator: what is known, and what is asked for --- */

struct gp_dmarc_asking {
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_dns_question *need; /* room for need_max */
	size_t need_len, need_max;
};

/*
 * Looks the question up, or adds it to what is needed, unless it is there; name must live in the
 * arena. True: known, in *ret.
 */
[[nodiscard]] bool
gp_dmarc_ask(struct gp_dmarc_asking *a, struct gp_slice name, uint16_t type,
	     struct gp_dns_answer *ret);

/*
 * The form in which domains are compared here: lower case, A-labels, no final dot. Returns 0; 1
 * when the text is no domain name (RFC 5321 section 4.1.2); -ENOMEM. The slice may be the argument.
 */
[[nodiscard]] int
gp_dmarc_domain(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret);

/* Is name the domain itself or below it? Both in the form of gp_dmarc_domain. */
bool
gp_dmarc_is_within(struct gp_slice name, struct gp_slice domain);

/* --- the walk --- */

enum gp_dmarc_found {
	GP_DMARC_FOUND = 0,
	GP_DMARC_FOUND_NONE = 1,
	GP_DMARC_FOUND_SEVERAL = 2, /* as none */
	GP_DMARC_FOUND_UNKNOWN = 3, /* the DNS did not say: here the walk broke off */
};

struct gp_dmarc_step {
	struct gp_slice name; /* below which "_dmarc" was asked; a part of the domain */
	uint8_t found;        /* enum gp_dmarc_found */
	uint8_t status;       /* enum gp_dns_status, the answer's */
	const struct gp_dmarc_record *record; /* FOUND */
};

struct gp_dmarc_walk {
	struct gp_dmarc_step steps[GP_DMARC_WALK_MAX]; /* longest name first; 1 at least */
	size_t len;
	bool broken;                     /* the last step is UNKNOWN */
	struct gp_slice org;             /* organisational domain; empty when broken */
	const struct gp_dmarc_step *psd; /* where psd=y ended it; or NULL */
};

enum gp_dmarc_walked {
	GP_DMARC_WALKED = 0,
	GP_DMARC_WALK_NEED = 1, /* names were added to what is needed; *ret says nothing yet */
};

/* domain: in the form of gp_dmarc_domain. Returns enum gp_dmarc_walked, or -ENOMEM. One round. */
[[nodiscard]] int
gp_dmarc_walk(struct gp_slice domain, struct gp_dmarc_asking *a, struct gp_dmarc_walk *ret);
