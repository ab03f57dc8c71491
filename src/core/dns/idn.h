/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internationalised domain names (RFC 5890 to 5892, by libidn2): the one form in which names are
 * compared and looked up.
 */
#pragma once

#include "base/arena.h"

/*
 * The A-label form of a domain name in lower case; a final dot goes. A name of ASCII only is not
 * judged, whatever its labels look like: gp_domain_valid() does that. Returns 0; 1 when a U-label
 * is not allowed or the result is too long; -ENOMEM. *ret is s itself where nothing had to change.
 */
[[nodiscard]] int
gp_idn_to_ascii(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret);
