/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a server's replies (RFC 5321 section 4.2) from bytes that come in pieces of any size.
 *
 * What comes from a server is a stranger's text: it ends up in logs, on terminals and in reports.
 * Hence only printable ASCII leaves this parser, with LF between lines; a tab becomes a space, all
 * else '?'. Lines end in CRLF; a bare LF is taken as a line's end too, as there are servers that
 * send it and nothing hangs on where a line of a reply ends. A reply is over with the line that has
 * no hyphen behind its code.
 *
 * Not a reply, after which nothing more of the connection can be understood: a line without a code
 * of 200 to 599 and then space, hyphen or line end; two codes in one reply; more lines or octets
 * than the limits say (an endless reply must end).
 */
#pragma once

#include "core/smtp/reply.h"

enum gp_reply_limits {
	GP_REPLY_LINE_MAX = 2048,      /* octets kept of a line; the rest of it is dropped */
	GP_REPLY_LINES_MAX = 100,      /* lines of a reply */
	GP_REPLY_SIZE_MAX = 64 * 1024, /* octets of a reply as they came, dropped ones included */
};

enum gp_reply_parsed {
	GP_REPLY_MORE = 0, /* all input is used, the reply is not over */
	GP_REPLY_COMPLETE = 1,
	GP_REPLY_BAD = 2, /* not a reply; feed nothing more */
};

struct gp_reply_parser {
	struct gp_buf line; /* of the line that is coming in: what is kept */
	struct gp_buf text; /* of the lines before it */
	struct gp_reply reply;
	size_t lines;
	size_t octets;
	const char *why; /* after BAD: what is wrong, static text */
	bool complete;   /* the next octet begins a new reply */
};

struct gp_reply_parser
gp_reply_parser(void);
void
gp_reply_parser_free(struct gp_reply_parser *p);

/*
 * Consumes from *input up to the end of one reply. Returns an enum gp_reply_parsed, or -ENOMEM. At
 * COMPLETE *ret is the reply, its text valid until the next call; enhanced_class is 0 when it has
 * no enhanced code, or one of another class than the code's (RFC 2034 section 4), which stays text.
 */
[[nodiscard]] int
gp_reply_parser_feed(struct gp_reply_parser *p, struct gp_slice *input, struct gp_reply *ret);

/* True when no octet of an unfinished reply was read. */
static inline bool
gp_reply_parser_idle(const struct gp_reply_parser *p)
{
	return p->octets == 0 || p->complete;
}
