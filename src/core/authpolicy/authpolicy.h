/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with a stranger's message, by what is known of who sent it and by what the operator
 * wishes (`authentication` of the configuration). No I/O, no waiting.
 *
 * In this order; the first that decides is the one that counts:
 *
 *   what                       rule                                           what is done
 *   From                       it can be read in two ways (from.h)            550 5.7.1, 5.6.0
 *   DMARC fail                 a trusted ARC sealer vouches (vouch.h)         taken
 *                              the DNS keeps us from knowing whether          451 4.4.3
 *                              p=reject, where enforced                       550 5.7.1
 *                              p=quarantine, or where both are quarantined    marked
 *   DMARC temperror            where the policy may be more than none         451 4.4.3
 *   a From that is broken      DMARC passes, or a sealer vouches              taken
 *   (core/dmarc/author.h)      neither                                        marked
 *   SPF fail                   where enforced, unless DMARC passed, or        550 5.7.23
 *                              somebody vouches instead
 *   SPF temperror              the same                                       451 4.7.24
 *
 * RFC 9989 section 7.4 would not have a receiver refuse by p=reject alone, for the sake of mailing
 * lists; whoever enforces has decided otherwise, and says from whom he takes such mail by
 * `overrides`, `exempt` and `trusted_sealers`. An error of the DNS is no verdict (section 5.3.5):
 * where it might hide a refusal, or what speaks against one, the client is asked to come again.
 * Codes: RFC 3463, and RFC 7372 section 3.2 for SPF.
 */
#pragma once

#include "core/config/config.h"
#include "core/smtp/reply.h"
#include "core/verify/verify.h"

struct gp_authpolicy;

/* cfg must outlive it. seed: random, as strangers choose what is looked up. NULL: no memory. */
struct gp_authpolicy *
gp_authpolicy_new(const struct gp_authentication_config *cfg, const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct gp_authpolicy *
gp_authpolicy_free(struct gp_authpolicy *p);

/* Is mail from this client taken as it comes? address: 4 or 16 octets, IPv4-mapped as IPv4. */
bool
gp_authpolicy_exempts(const struct gp_authpolicy *p, const uint8_t *address, size_t address_len);

/* Whether DMARC can matter at all; else nothing has to be asked for it. */
bool
gp_authpolicy_wants_dmarc(const struct gp_authpolicy *p);

enum gp_authpolicy_action {
	GP_AUTHPOLICY_ACCEPT = 0,
	GP_AUTHPOLICY_QUARANTINE, /* taken, and marked as what is likely to be junk */
	GP_AUTHPOLICY_DEFER,      /* answered 4yz */
	GP_AUTHPOLICY_REFUSE,     /* answered 5yz */
};

struct gp_authpolicy_decision {
	uint8_t action; /* enum gp_authpolicy_action */
	/* "from", "dmarc", "spf"; "arc": DMARC or From spoke against it, and a trusted sealer for
	   it; "": nothing spoke against it */
	const char *by;
	struct gp_slice sealer; /* "arc": who */
	struct gp_reply reply;  /* DEFER, REFUSE; text in the arena or static */
};

/* Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_authpolicy_decide(const struct gp_authpolicy *p, const struct gp_verify_facts *facts,
		     struct gp_arena *arena, struct gp_authpolicy_decision *ret);

/* "accept", "quarantine", "defer", "refuse" */
const char *
gp_authpolicy_action_name(uint8_t action);
