/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a part of a message says of its content: Content-Type and Content-Transfer-Encoding (RFC
 * 2045 sections 5 and 6), as far as one must know to find the parts in it. Tolerant: what cannot be
 * read is the default of section 5.2, text/plain in 7bit.
 */
#pragma once

#include "core/message/header.h"
#include "core/message/transfer.h"

enum { GP_BOUNDARY_MAX = 70 }; /* RFC 2046 section 5.1.1 */

enum gp_content_kind {
	GP_CONTENT_LEAF,      /* all that is not made of parts */
	GP_CONTENT_MULTIPART, /* with a boundary; without one it is OPAQUE */
	GP_CONTENT_MESSAGE,   /* message/rfc822 or message/global: a header and a body */
	GP_CONTENT_OPAQUE,    /* another message/ or multipart/, or one that is
				encoded: not entered, and not to be encoded */
};

struct gp_content {
	uint8_t kind;                  /* enum gp_content_kind */
	bool binary;                   /* its Content-Transfer-Encoding is "binary" */
	uint8_t transfer;              /* enum gp_transfer */
	struct gp_slice type, subtype; /* "text", "plain", as they stand; empty: not said, or not to
					  be read. In the arena. */
	bool digest; /* multipart/digest: its parts are messages where they say nothing else */
	char boundary[GP_BOUNDARY_MAX]; /* of a MULTIPART, an encoded one too */
	size_t boundary_len;
};

/* in_digest: the part stands in a multipart/digest (RFC 2046 section 5.1.5). When memory runs out
 * the arena has failed. */
struct gp_content
gp_content_read(const struct gp_header *h, bool in_digest, struct gp_arena *arena);
