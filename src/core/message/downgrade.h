/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that came as BODY=BINARYMIME, made one of lines for a way that has no BINARYMIME (RFC
 * 3030 section 3). Parts whose Content-Transfer-Encoding is "binary" come out in base64; multiparts
 * and messages within it, which must not be encoded (RFC 2045 section 6.4), are entered, and called
 * "8bit" where they were called "binary". All else comes out octet for octet.
 *
 * What comes out is lines: CRLF ends each, none is longer than GP_DOWNGRADE_LINE_MAX, there is no
 * NUL. A part that is no such lines and was not called binary has a false label, and nobody can
 * know what was meant: the message cannot be converted.
 *
 * What was signed over the body is not signed any more. That is why only those are converted that
 * could not go on otherwise.
 *
 *     struct gp_downgrade *d = gp_downgrade_new();
 *     while (...) gp_downgrade_feed(d, piece, &out);      0, or why not
 *     gp_downgrade_end(d, &out);
 *
 * What comes out does not depend on how the message is cut into pieces. A piece makes at most 1.4
 * times its length and GP_HEADER_SIZE_MAX of output.
 */
#pragma once

#include "base/buf.h"

enum gp_downgrade_limits {
	GP_DOWNGRADE_LINE_MAX = 998, /* octets without CRLF (RFC 5322 section 2.1.1) */
	GP_DOWNGRADE_DEPTH_MAX = 32, /* multiparts within multiparts */
};

enum gp_downgrade_fault {
	GP_DOWNGRADE_FINE = 0,
	GP_DOWNGRADE_NO_LINES,     /* a part has a false label */
	GP_DOWNGRADE_NO_ENCODING,  /* a binary part of a type that may not be encoded */
	GP_DOWNGRADE_TOO_DEEP,     /* over GP_DOWNGRADE_DEPTH_MAX */
	GP_DOWNGRADE_LARGE_HEADER, /* one over the limits of core/message/header.h */
	GP_DOWNGRADE_NO_MEMORY,    /* or the output's cap was met */
};

struct gp_downgrade;

/* NULL: no memory. */
struct gp_downgrade *
gp_downgrade_new(void);
/* Accepts NULL, returns NULL. */
struct gp_downgrade *
gp_downgrade_free(struct gp_downgrade *d);

/* Takes all of the piece and appends to *out. Returns enum gp_downgrade_fault, which stays. */
[[nodiscard]] int
gp_downgrade_feed(struct gp_downgrade *d, struct gp_slice piece, struct gp_buf *out);

/* Appends what was held back. Returns the same. */
[[nodiscard]] int
gp_downgrade_end(struct gp_downgrade *d, struct gp_buf *out);

/* Whether an octet over 127 has come out. */
bool
gp_downgrade_has_8bit(const struct gp_downgrade *d);

/* "a part that is not marked as binary is no lines of text": for people. */
const char *
gp_downgrade_words(int fault);
