/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From fields that are made to be read in two ways. DMARC says whose name a message bears; this
 * says whether readers can agree about that name at all.
 */
#pragma once

#include "core/dmarc/author.h"

/*
 * *ret: what is wrong with the header's From, in words for people, static; NULL: nothing. Wrong is
 *
 *  - each state of the author but GP_DMARC_AUTHOR_OK and _LITERAL;
 *  - a line that is no field, and would be a From for readers who pass over a space, a fold, a NUL
 *    or other octets that no name has, before its name or its colon;
 *  - a group (RFC 6854): its name stands where readers expect who it is from;
 *  - a local part with an encoded word (RFC 2047) or an "@" in it: who decodes or cuts it sees
 *    another address;
 *  - a `broken` field beside a Sender of another domain, or several Senders, where there may be
 *    one (RFC 5322 section 3.6): who cannot read From shows that.
 *
 * Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_verify_from(const struct gp_header *h, const struct gp_dmarc_author *author,
	       struct gp_arena *arena, const char **ret);
