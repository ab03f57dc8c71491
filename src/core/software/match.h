/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patterns of prints/ and weaknesses.txt against replies, which are any octets. The case of
 * letters counts: that is a trait as well.
 *
 *     *           any octets, none too
 *     ?           one octet
 *     <version>   a digit, and what follows of letters, digits and ".+~-_", up to a letter or digit
 *     \           the next octet as it is
 */
#pragma once

#include "base/slice.h"

/* All of the line is as the pattern says. *ret_version, when it is not NULL, is set where the
   pattern has a <version> and it matches, and is left alone otherwise. */
[[nodiscard]] bool
gp_match_line(struct gp_slice pattern, struct gp_slice line, struct gp_slice *ret_version);

/* One line of the reply is; *ret_line is the first such line. */
[[nodiscard]] bool
gp_match_reply(struct gp_slice pattern, struct gp_slice reply, struct gp_slice *ret_line,
	       struct gp_slice *ret_version);

/*
 * The keywords of a positive reply to EHLO (RFC 5321 section 4.1.1.1) are those of the pattern,
 * which are separated by spaces, in this order and no others. "WORD?" may be missing. A keyword
 * ends where its parameters begin: at a space, or at "=" as in "AUTH=LOGIN". A reply without any
 * keyword matches nothing.
 */
[[nodiscard]] bool
gp_match_order(struct gp_slice pattern, struct gp_slice reply);
