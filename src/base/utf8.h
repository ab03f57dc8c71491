/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 (RFC 3629) seen character by character: shortest form only, no surrogates, nothing over
 * U+10FFFF.
 */
#pragma once

#include "base/slice.h"

/* How many octets the first character of s takes, 1 to 4; 0 when s is empty or does not begin with
 * valid UTF-8. */
size_t
gp_utf8_len(struct gp_slice s);

/* All of s is valid UTF-8. */
bool
gp_utf8_valid(struct gp_slice s);

/* All of s is valid UTF-8 without control characters: none of U+0000 to U+001F, U+007F to U+009F.
 */
bool
gp_utf8_printable(struct gp_slice s);

enum { GP_UTF8_INVALID = 0x110000 }; /* no character: behind the last one */

/* Takes the first character off *s; of what is no UTF-8, one octet, as GP_UTF8_INVALID. s is not
 * empty. */
uint32_t
gp_utf8_take(struct gp_slice *s);

/* Writes c, which is below GP_UTF8_INVALID, as 1 to 4 octets, and returns how many. Surrogates are
 * written like others: whoever has them from outside checks first. */
size_t
gp_utf8_write(uint32_t c, char ret[4]);
