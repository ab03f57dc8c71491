/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether somebody who is trusted says of a message that DMARC passed before: the local policy that
 * RFC 8617 sections 7.2 and 9.3 leave to the receiver.
 *
 * A chain is read from its newest set down. A set counts when those behind it are all of sealers
 * that are trusted, and so is its own: whoever is not could have made up all that is older, or
 * changed the message since. So a trusted sealer's set below a stranger's is worth nothing, and a
 * stranger's below a trusted one's neither. The first set that says so decides:
 *
 *   dmarc=pass with header.from= the domain that From has now; where the set tells of no DMARC,
 *   dkim=pass or spf=pass of that very domain. What is aligned with it in the wider sense only a
 *   walk of the DNS can tell, which is not made for a text of others.
 */
#pragma once

#include "base/map.h"
#include "core/verify/verify.h"

enum gp_vouched {
	GP_VOUCHED_NOT = 0,
	GP_VOUCHED = 1,
	/* It would be, if the chain fits; but the DNS did not tell a key of it. */
	GP_VOUCHED_PERHAPS = 2,
};

/*
 * trusted: domains, as gp_suffix_find() takes them. A chain that does not pass, or whose newest
 * signature leaves From or a part of the body open, helps nobody. Returns enum gp_vouched, *ret
 * being d= of the seal that says so, or -ENOMEM.
 */
[[nodiscard]] int
gp_vouch(const struct gp_map *trusted, const struct gp_verify_facts *facts, struct gp_arena *arena,
	 struct gp_slice *ret);
