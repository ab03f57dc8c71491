/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a report's text gets its shape: words of strangers are cleaned and put into lines that no
 * transport can object to. Used by the files of this folder.
 */
#pragma once

#include "base/buf.h"

enum {
	GP_WRAP_WIDTH = 76,     /* where lines are broken between words (RFC 5322 2.1.1: 78) */
	GP_WRAP_LINE_MAX = 900, /* where a word is broken; the hard limit is 998 */
};

/*
 * Puts words into lines. Whatever is between words, line ends included, comes out as one space or a
 * line break followed by `indent`. Other control octets, and octets that are not UTF-8, come out as
 * '?'; unless `utf8`, all above 127 do. So nothing that is written through it can start a line of
 * its own making.
 */
struct gp_wrap {
	struct gp_buf *out;
	const char *indent; /* what each further line starts with */
	size_t column;      /* octets on this line so far */
	bool utf8;
	bool word; /* a word stands on this line: the next one needs a space before it */
};

void
gp_wrap_words(struct gp_wrap *w, struct gp_slice text);
void
gp_wrap_str(struct gp_wrap *w, const char *text);
/* Goes to a new line, unless nothing stands on this one yet. */
void
gp_wrap_break(struct gp_wrap *w);
/* Ends the last line. */
void
gp_wrap_end(struct gp_wrap *w);

/* A header field: name and body, folded. At most size_max octets of the body are looked at. */
void
gp_put_field(struct gp_buf *out, const char *name, struct gp_slice body, bool utf8);

/* s in angle brackets or without, on the line as it is: octets that gp_wrap would not pass, and
 * line ends, become '?'. At most 900 octets of s. */
void
gp_put_clean(struct gp_buf *out, struct gp_slice s, bool utf8);

/* Quoted-printable as of RFC 2045 section 6.7, text mode: CRLF stays a line end, everything else
 * comes back as it was, bare CR and LF included. */
void
gp_put_quoted_printable(struct gp_buf *out, struct gp_slice s);

/* True when s holds only octets of 7 bits without NUL, CRLF line ends, lines of at most 998. */
struct gp_content_shape {
	bool octets_over_127;
	bool line_over_998;
	bool bare_ends_or_nul;
};
struct gp_content_shape
gp_content_shape(struct gp_slice s);
