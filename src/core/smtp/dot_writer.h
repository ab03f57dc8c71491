/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a message into what follows DATA (RFC 5321 section 4.5.2): a dot at the front of a line is
 * doubled, and CRLF.CRLF ends it. The one place that puts a message back on a wire, so what holds
 * here holds for all that we send:
 *
 *  - every CR is followed by LF and every LF preceded by CR: a bare one of either comes out as
 *    CRLF, before the dots are looked at; NUL comes out as '?'. (Messages in the spool have none of
 *    these; this is the second lock on that door.)
 *  - CRLF.CRLF stands at the end only.
 *
 * Start with an object of zeroes but for `line_start`: GP_DOT_WRITER.
 */
#pragma once

#include "base/buf.h"

struct gp_dot_writer {
	bool line_start;
	bool cr; /* the last octet was CR; it is not written yet */
};

#define GP_DOT_WRITER ((struct gp_dot_writer){.line_start = true})

/* Appends to *out until it holds out_max octets or nearly so. Returns how many octets of the piece
   were taken: all of them when room or more of it remains. Fewer also when memory ran out:
   out->failed. */
size_t
gp_dot_write(struct gp_dot_writer *w, struct gp_slice piece, struct gp_buf *out, size_t out_max);

/* Ends the last line if need be, and the message: up to 5 octets. False: out->failed. */
bool
gp_dot_write_end(struct gp_dot_writer *w, struct gp_buf *out);
