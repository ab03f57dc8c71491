/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML as reports have it, in pieces: elements and texts, in UTF-8, whatever is broken in a way that
 * can be mended. A small part of XML 1.0, as it is all that a report may hold: comments and
 * instructions (the declaration is one) are passed over, as are attributes, text before the first
 * tag, and blanks between two tags; a namespace's prefix is left out.
 *
 * What does not begin a tag is text: a "<" with another "<" before its ">", or followed by what no
 * report's tag has, such as "@" or "." in the name, or words that are no attributes; a "&" that no
 * reference follows. What cannot be mended ends it: tags that do not match, broken attributes,
 * control characters.
 *
 * So does a declaration of a document type, at its first letter: no entity is ever expanded, and
 * nothing is ever fetched. Nothing waits for its end but a tag, which has a cap.
 */
#pragma once

#include "base/buf.h"
#include "core/ingest/recode.h"

enum {
	GP_XML_PIECE_MAX = 16 << 10, /* octets to be fed at once */
	GP_XML_TAG_MAX = 4096,       /* octets */
	GP_XML_ATTRIBUTES_MAX = 32,  /* of a tag */
	GP_XML_DEPTH_MAX = 32,       /* elements in each other */
	GP_XML_NAMES_MAX = 4096,     /* octets of their names */
};

/* What was mended. */
enum gp_xml_odd {
	GP_XML_BRACKETS = 1,   /* a "<" in a text */
	GP_XML_AMPERSANDS = 2, /* a "&" in a text, or an entity that nobody knows */
	GP_XML_PREAMBLE = 4,   /* text before the first tag */
};

enum gp_xml_kind {
	GP_XML_START,
	GP_XML_END,
	GP_XML_TEXT, /* of which many may stand together */
};

struct gp_xml_event {
	enum gp_xml_kind kind;
	struct gp_slice text; /* or the name of what starts; valid until the next call */
};

struct gp_xml {
	struct gp_recode octets;
	struct gp_buf pending; /* UTF-8, up to a token that is not whole yet */
	size_t at;             /* octets of it that were told */
	uint8_t within;
	uint8_t odd;     /* enum gp_xml_odd, or'ed */
	bool begun;      /* a tag was seen */
	bool closing;    /* the last tag has its end in it */
	bool behind_tag; /* nothing was told since */
	int result;      /* above GP_XML_EVENT: final */
	size_t depth;
	uint16_t name_lens[GP_XML_DEPTH_MAX]; /* of the elements that are open */
	size_t names_len;
	char character[4];            /* that a reference stood for */
	char names[GP_XML_NAMES_MAX]; /* one behind the other */
};

enum gp_xml_result {
	GP_XML_MORE = 0, /* nothing, until more is fed */
	GP_XML_EVENT,
	GP_XML_DOCTYPE, /* it declares a document type, or entities */
	GP_XML_LONG,
	GP_XML_MANY, /* attributes */
	GP_XML_DEEP,
	GP_XML_ATTRIBUTE, /* it is broken, or stands twice */
	GP_XML_MISMATCH,
	GP_XML_CONTROL,
};

void
gp_xml_init(struct gp_xml *x);
/* For another document, in the same memory. */
void
gp_xml_again(struct gp_xml *x);
void
gp_xml_free(struct gp_xml *x);

/* The next octets, up to GP_XML_PIECE_MAX, when the last ones are told. 0, or -ENOMEM. */
int
gp_xml_feed(struct gp_xml *x, struct gp_slice in);

/* The next event. A result above GP_XML_EVENT is final. What is not whole when nothing follows
 * any more is never told. */
enum gp_xml_result
gp_xml_next(struct gp_xml *x, struct gp_xml_event *ret);

/* What a final result means: "it declares a document type, which is refused". */
const char *
gp_xml_why(enum gp_xml_result result);
