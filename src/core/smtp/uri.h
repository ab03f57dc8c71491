/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs as DNS records name them for those who want reports: RFC 3986, without the "," "!" ";" that
 * such records want percent-encoded (RFC 8460 section 3, RFC 9989 section 4.6).
 */
#pragma once

#include "core/smtp/address.h"

/*
 * Is all of s a URI? *ret_scheme and *ret_rest: what stands before its first ":" and behind it. Of
 * the rest only the octets are judged, and that each "%" has two hexadecimal digits.
 */
[[nodiscard]] bool
gp_uri_split(struct gp_slice s, struct gp_slice *ret_scheme, struct gp_slice *ret_rest);

/*
 * Reads what follows "mailto:" of a URI that was split: one mailbox. What the URI says besides,
 * such as a subject, is passed over (RFC 6068 section 2). Returns 0; 1 when it is no mailbox at a
 * domain name that mail can be sent to in ASCII; -ENOMEM.
 */
[[nodiscard]] int
gp_uri_mailto(struct gp_slice rest, struct gp_arena *arena, struct gp_address *ret);
