/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder: what the field's text is made of (RFC 5322 section 3.2). */
#pragma once

#include "base/scan.h"

/* Spaces, tabs, and CR and LF wherever they stand: the value may be folded. */
bool
gp_authres_is_space(char c);

/* Of a method, result, type or property: Keyword of RFC 8601 section 2.2, and the "_" that some
 * have. */
bool
gp_authres_is_keyword_octet(char c);

/* Steps over spaces and comments. False, and the cursor has failed: a comment does not end, or
 * there are too many within each other. */
bool
gp_authres_skip_cfws(struct gp_scan *c);

/* Steps over a quoted string, the cursor on its opening quote. False, and it has failed: it does
 * not end. */
bool
gp_authres_skip_quoted(struct gp_scan *c);

/*
 * Writes the text without the quotes of quoted strings in it, their backslashes and line ends, to
 * `to`, which has room for s.len octets. Returns how many were written.
 */
size_t
gp_authres_unquote(struct gp_slice s, char *to);
