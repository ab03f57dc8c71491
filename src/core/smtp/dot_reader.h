/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of data, and the dots before it (RFC 5321 section 4.5.2): the one machine that says
 * where a body ends. Only CRLF begins a line, only CRLF.CRLF ends the body. It copies nothing.
 *
 *     LINE ----CRLF----> START ----"."----> DOT ----CR----> DOT_CR ----LF----> END
 *      ^  \--CR at the end of input--> CR    |                |
 *      +------------ anything else ----------+----------------+
 *
 * START is also where a body begins: "." CRLF at once is an empty body. The dot is dropped when
 * anything but CR follows; CRs are held back until it is known what follows.
 *
 * A bare CR, a bare LF and NUL latch `fault`. From then on nothing is handed out, but the end is
 * looked for by the same rules, so that both sides agree on where it is.
 *
 * `plain` is for BDAT (RFC 3030), where somebody else counts the octets: CR at the end of them is
 * bare, and LINE says that the last line did not end.
 */
#pragma once

#include "base/slice.h"

enum gp_dot_state {
	GP_DOT_START, /* at the start of a line; as 0 it is the state to begin in */
	GP_DOT_LINE,
	GP_DOT_CR,
	GP_DOT_DOT,
	GP_DOT_DOT_CR,
	GP_DOT_END,
};

struct gp_dot_reader {
	uint8_t state; /* enum gp_dot_state */
	bool fault;    /* a bare CR, a bare LF or NUL came */
	bool plain;    /* set by whoever uses it: dots are nothing special, and END does not come */
};

/*
 * Takes octets off *input. Returns the next piece of the body, dots removed, which points into
 * *input's octets or to a literal; the empty slice when *input is used up or state is GP_DOT_END:
 * then nothing behind the end was taken.
 */
struct gp_slice
gp_dot_reader_next(struct gp_dot_reader *r, struct gp_slice *input);
