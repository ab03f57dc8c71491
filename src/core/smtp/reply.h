/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SMTP reply as a value: never a string that somebody has to parse again. The same struct is
 * what we answer a client, what a server answered us, and what a delivery came to.
 *
 * RFC 5321 section 4.2 (codes), RFC 3463 (enhanced codes), RFC 2034 (where they stand).
 */
#pragma once

#include "base/buf.h"

struct gp_reply {
	uint16_t code;             /* 200 to 599; 0: no reply */
	uint8_t enhanced_class;    /* 2, 4, 5; 0: no enhanced code */
	uint16_t enhanced_subject; /* 0 to 999 */
	uint16_t enhanced_detail;
	struct gp_slice text; /* without codes; lines separated by LF; printable */
};

/* A reply of ours: in an expression, and as the initializer of a static. */
#define GP_REPLY(code_, c, s, d, text_) ((struct gp_reply)GP_REPLY_INIT(code_, c, s, d, text_))
#define GP_REPLY_INIT(code_, c, s, d, text_)        \
	{                                           \
		(code_), (c), (s), (d),             \
		{                                   \
			"" text_, sizeof(text_) - 1 \
		}                                   \
	}

static inline bool
gp_reply_positive(const struct gp_reply *r)
{
	return r->code >= 200 && r->code < 400;
}

static inline bool
gp_reply_transient(const struct gp_reply *r)
{
	return r->code >= 400 && r->code < 500;
}

static inline bool
gp_reply_permanent(const struct gp_reply *r)
{
	return r->code >= 500;
}

/* Appends the reply in wire form, every line with both codes and CRLF. Octets below 32 other than
   LF, and 127, come out as '?', so that no text can break a line. Lines over the 512 octets of RFC
   5321 section 4.5.3.1.5 go on in the next. */
void
gp_reply_write(struct gp_buf *out, const struct gp_reply *r);
