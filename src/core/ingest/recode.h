/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of whatever encoding as UTF-8, in pieces: what a document declares is wrong too often to
 * be asked. UTF-16 shows by its mark, or by a NUL beside its first character. All else is UTF-8,
 * and an octet that is none is read as windows-1252, which has ISO 8859-1 in it; so is each octet
 * of a long form, so that none can hide an ASCII character. A mark at the beginning (BOM) is left
 * out.
 */
#pragma once

#include "base/buf.h"

struct gp_recode {
	uint8_t form;    /* 0 until two octets were seen */
	bool mended;     /* there was an octet that is no UTF-8, or a half of a surrogate pair */
	uint8_t held[4]; /* the beginning of a character */
	uint8_t held_len;
};

enum { GP_RECODE_GROWTH = 3 }; /* octets written for one that is read, at most */

/* Appends in, as far as its characters are complete. False: the buffer's cap, or memory. */
[[nodiscard]] bool
gp_recode_feed(struct gp_recode *o, struct gp_slice in, struct gp_buf *out);

/* Nothing follows: appends what is held as if each of its octets stood alone. */
[[nodiscard]] bool
gp_recode_end(struct gp_recode *o, struct gp_buf *out);
