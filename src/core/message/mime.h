/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a message (RFC 2046), in the order in which they stand: for reading what somebody
 * else has sent. Tolerant: lines may end in LF alone, a multipart in nothing, and encodings where
 * none may be are undone (RFC 2045 section 6.4). A message that is sent on is never read so;
 * core/message/downgrade.h is strict.
 *
 * A mail that is attached as a file, application/octet-stream or the like, is a message to us as
 * message/rfc822 is.
 *
 * Limits are on what is looked at, not errors: what is beyond them is left out, and told.
 */
#pragma once

#include "core/message/content.h"

enum gp_mime_limits {
	GP_MIME_PARTS_MAX = 100, /* multiparts and messages count too */
	GP_MIME_DEPTH_MAX = 10,  /* the message itself is at 0 */
};

struct gp_mime_part {
	struct gp_header header;   /* its `message` is the header alone */
	struct gp_content content; /* what the header says of the body */
	struct gp_slice body;      /* as it stands: see gp_mime_octets() */
	size_t within;             /* the multipart or message that it is a part of, by its place;
				      the first is its own */
	uint32_t depth;
	bool message; /* its body is a message, whatever its type says; what was looked at of it
			 stands behind it */
};

struct gp_mime {
	const struct gp_mime_part *parts; /* the first is the message; each stands before those
					     within it */
	size_t len;
	bool more; /* something is beyond the limits */
};

/* Takes no more than three times the message's size of the arena: headers are copied, and so are
 * messages that are encoded, which are not entered within each other. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_mime_read(struct gp_slice message, struct gp_arena *arena, struct gp_mime *ret);

/* What the body stands for: its encoding undone (transfer.h). NULL ptr: no memory. */
struct gp_slice
gp_mime_octets(const struct gp_mime_part *part, struct gp_arena *arena);

/* Is it of this type, such as "text" and "plain"? Without a Content-Type that can be read nothing
 * is. */
bool
gp_mime_is(const struct gp_mime_part *part, struct gp_slice type, struct gp_slice subtype);
