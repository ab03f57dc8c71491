/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two canonicalisations of RFC 6376 section 3.4: what of a header field, and of a body, counts
 * for a signature. A body passes by in pieces; where they are cut makes no difference.
 */
#pragma once

#include "base/buf.h"

enum gp_dkim_canon {
	GP_DKIM_SIMPLE = 0,
	GP_DKIM_RELAXED = 1,
	GP_DKIM_CANONS = 2,
};

/* "simple", "relaxed" */
const char *
gp_dkim_canon_name(uint8_t canon);

/* The one of that name. False: there is none. */
[[nodiscard]] bool
gp_dkim_canon_read(struct gp_slice name, uint8_t *ret);

/*
 * Appends a whole field, "Name: value" with its CRLF, as sections 3.4.1 and 3.4.2 have it. Relaxed
 * it ends in CRLF even where it did not, and is at most 2 octets longer than it was.
 */
void
gp_dkim_canon_field(struct gp_slice field, uint8_t canon, struct gp_buf *out);

/* Where the octets of a canonical body go; embedded in something that knows more. */
struct gp_dkim_sink {
	void (*put)(struct gp_dkim_sink *sink, struct gp_slice octets);
};

enum { GP_DKIM_CANON_ROOM = 1024 };

/* A body on its way (sections 3.4.3 and 3.4.4). */
struct gp_dkim_canon_body {
	uint8_t canon; /* enum gp_dkim_canon */
	struct gp_dkim_sink *sink;
	uint64_t size;   /* octets of the canonical body so far */
	uint64_t breaks; /* private: line ends that count when something follows */
	bool cr;         /* private: a CR that may become a line end */
	bool space;      /* private, relaxed: white space that counts when something follows */
	uint16_t len;    /* private: of room */
	char room[GP_DKIM_CANON_ROOM];
};

void
gp_dkim_canon_body_init(struct gp_dkim_canon_body *c, uint8_t canon, struct gp_dkim_sink *sink);
void
gp_dkim_canon_body_feed(struct gp_dkim_canon_body *c, struct gp_slice piece);
void
gp_dkim_canon_body_end(struct gp_dkim_canon_body *c);
