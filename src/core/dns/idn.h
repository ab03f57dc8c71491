/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internationalised domain names: U-labels to A-labels (RFC 5890, with the mapping of UTS 46,
 * non-transitional), as RFC 6531 section 3.3 asks before a name is looked up.
 */
#pragma once

#include "base/arena.h"

enum { GP_IDN_TEXT_MAX = 1024 }; /* octets of a name in UTF-8 that are looked at */

/*
 * A domain name in UTF-8 to lower case and A-labels; a final dot is dropped. A name in ASCII is
 * only lower-cased: whether it keeps to the grammar is the caller's question, for hosts with
 * underscores exist.
 * Returns 0; 1 when the text has no A-label form (*ret untouched); -ENOMEM.
 */
[[nodiscard]] int
gp_idn_to_ascii(struct gp_slice name, struct gp_arena *arena, struct gp_slice *ret);
