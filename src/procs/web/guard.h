/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that keep a browser from mischief. They are put in behind the status line as an answer
 * passes by, not where it is made: so libmicrohttpd's own have them too, to requests that it cannot
 * read. Pure.
 */
#pragma once

#include "base/buf.h"

enum { GUARD_MAX = 1024 }; /* octets of the fields */

/* Of one connection; all else is 0 at first. */
struct guard {
	uint8_t service; /* enum gp_service, which has its fields */
	bool placed;
	bool past_status; /* within a head that is none of the answer's */
	bool interim;
	size_t line_len; /* so far */
};

/* Appends the next octets to *out, with the fields where their place is. What comes before the
 * answer, as 100 Continue does (RFC 9110 section 15.2), passes as it is. */
void
guard_pass(struct guard *g, struct gp_slice octets, struct gp_buf *out);
