/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encodings that carry addresses and identifiers through SMTP parameters and delivery reports:
 * xtext (RFC 3461 section 4) and the 7-bit form of UTF-8 addresses (RFC 6533 section 3).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/*
 * Decodes xtext into the arena. False when s is not xtext (small hexadecimal letters included: RFC
 * 3461 asks for capitals), when what comes out is not printable ASCII, or when the arena is full.
 * The check is made on the decoded octets, so no "+0D+0A" gets through.
 */
[[nodiscard]] bool
gp_dsn_decode_xtext(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret);

/*
 * Appends a UTF-8 address as utf-8-addr-xtext: ASCII alone, with \x{HEX} for every character that
 * xtext could not carry. An octet that is not well-formed UTF-8 becomes '?'. With embedded true the
 * input may hold such escapes already and its backslashes stay as they are.
 */
void
gp_utf8_xtext_put(struct gp_buf *out, struct gp_slice address, bool embedded);

/*
 * The character at the front of s when it is well-formed UTF-8 (RFC 3629: shortest form, no
 * surrogates, at most U+10FFFF): its length in octets, 1 to 4, and in *ret its code point. 0: s is
 * empty or its first octet begins no such character.
 */
size_t
gp_utf8_char(struct gp_slice s, uint32_t *ret);
