/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tags, "v=1; a=rsa-sha256; d=example.org" (RFC 6376 section 3.2): the signatures and keys
 * of DKIM, the fields of ARC, the records of DMARC.
 *
 *     list  = tag *( ";" tag ) [ ";" ]      tag = [FWS] name [FWS] "=" [FWS] value [FWS]
 *     name  = ALPHA *( ALPHA / DIGIT / "_" )
 *     value = any printable but ";", with FWS between; may be empty
 *
 * FWS are spaces and tabs, and a CRLF before one of them. A value may hold UTF-8 (RFC 6532 section
 * 3.1), and keeps the FWS that stands inside it: whether that counts depends on the tag. Names are
 * case-sensitive.
 *
 * All slices are parts of the text that was read.
 */
#pragma once

#include "base/arena.h"

enum { GP_TAGLIST_MAX = 64 }; /* tags in a list: DKIM has some 20 names for all it does */

struct gp_tag {
	struct gp_slice name;
	struct gp_slice value; /* without the FWS around it */
	struct gp_slice raw;   /* all that stands between "=" and ";" */
};

struct gp_taglist {
	struct gp_tag tags[GP_TAGLIST_MAX]; /* in their order */
	size_t len;
	size_t fault_at; /* where in the text the tag begins that is at fault */
};

enum gp_taglist_fault {
	GP_TAGLIST_OK = 0,
	GP_TAGLIST_MALFORMED = 1, /* not of the grammar above; an empty text too */
	GP_TAGLIST_DUPLICATE = 2, /* a name stands twice: then all of the list is invalid */
	GP_TAGLIST_MANY = 3,      /* more than GP_TAGLIST_MAX */
};

/* Reads all of the text. Returns enum gp_taglist_fault; at a fault *ret has the tags before it. */
[[nodiscard]] int
gp_taglist_read(struct gp_slice text, struct gp_taglist *ret);

/* The tag of this name, or NULL. */
const struct gp_tag *
gp_taglist_find(const struct gp_taglist *list, struct gp_slice name);

/*
 * For readers that let pass what they do not understand: takes the next tag off *rest, which starts
 * as the text. 0: here it is. 1: there are no more. -EINVAL: what stood before the next ";" is no
 * tag; it has been taken off all the same.
 */
[[nodiscard]] int
gp_taglist_next(struct gp_slice *rest, struct gp_tag *ret);

/*
 * Takes the next item off a value that is a list of its own, "from : to : subject": what stands
 * before the next separator, or the end, without FWS around it. False: there are no more. An empty
 * value is one empty item; "a:" has two.
 */
[[nodiscard]] bool
gp_taglist_item(struct gp_slice *rest, char separator, struct gp_slice *ret);

/*
 * Decodes a value in base64, in which FWS may stand anywhere and the padding may be missing (RFC
 * 6376 section 3.6.1, `base64string`). Returns 0, 1 when it is none, or -ENOMEM.
 */
[[nodiscard]] int
gp_taglist_base64(struct gp_slice value, struct gp_arena *arena, struct gp_slice *ret);
