/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of XML as reports have it, mended into what any parser reads: tags, texts and
 * references, each whole within one piece, in UTF-8. Comments, instructions (the declaration is
 * one) and text before the first tag are left out; CDATA becomes text.
 *
 * What does not begin a tag is text, and comes out escaped: a "<" with another "<" before its ">",
 * or followed by what no report's tag has, such as "@" or "." in the name, or words that are no
 * attributes; a "&" that no reference follows; "]]>". Nothing else is judged: names that do not
 * match, or characters that XML cannot have, are the parser's to find.
 *
 * A declaration of a document type ends it, at its first letter: no entity is ever expanded, and
 * nothing is ever fetched.
 */
#pragma once

#include "base/buf.h"
#include "core/ingest/octets.h"

enum {
	GP_MARKUP_PIECE_MAX = 16 << 10, /* octets to be fed at once */
	GP_MARKUP_TAG_MAX = 4096,
	GP_MARKUP_OUT_MAX = 512 << 10, /* octets that come of one piece, whatever is in it */
};

/* What was mended. */
enum gp_markup_odd {
	GP_MARKUP_BRACKETS = 1,   /* a "<" in a text */
	GP_MARKUP_AMPERSANDS = 2, /* a "&" in a text, or an entity that nobody knows */
	GP_MARKUP_PREAMBLE = 4,   /* text before the first tag */
};

struct gp_markup {
	struct gp_octets octets;
	struct gp_buf pending; /* UTF-8, up to a token that is not whole yet */
	uint8_t within;
	uint8_t odd; /* enum gp_markup_odd, or'ed */
	bool begun;  /* a tag was seen */
};

enum gp_markup_result {
	GP_MARKUP_OK = 0,
	GP_MARKUP_DOCTYPE, /* it declares a document type, or entities */
	GP_MARKUP_LONG,    /* a tag is longer than GP_MARKUP_TAG_MAX */
};

void
gp_markup_init(struct gp_markup *m);
void
gp_markup_free(struct gp_markup *m);

/* Appends what comes of in, up to GP_MARKUP_PIECE_MAX octets. A result over 0 is final: what stands
 * before it is in out. -ENOMEM: memory, or out's cap. What is not whole when nothing follows any
 * more is lost with m. */
int
gp_markup_feed(struct gp_markup *m, struct gp_slice in, struct gp_buf *out);
