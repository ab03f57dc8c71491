/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a message, split once (RFC 5322 section 2.2). Everybody who needs to know where a
 * field, its value or the body begins asks here, so that no two of us can disagree.
 *
 * Rules: a line ends in CRLF and nothing else. The header ends before the first empty line, or
 * where the message does. A line that begins with a space or a tab belongs to the field before it.
 * A line that is no field (no name of printable ASCII before a colon) is kept in its place as a
 * field without a name: it does not end the header.
 */
#pragma once

#include "base/arena.h"

enum gp_header_limits {
	GP_HEADER_SIZE_MAX = 256 * 1024, /* octets of all fields */
	GP_HEADER_FIELDS_MAX = 1000,
};

/* Offsets into the message. */
struct gp_header_field {
	size_t at;
	size_t len;      /* with folded lines and the CRLF at the end, where there is one */
	size_t name_len; /* 0: not well formed; spaces between name and colon are not counted */
	size_t value_at; /* behind the colon; without a name: at */
};

struct gp_header {
	struct gp_slice message;
	const struct gp_header_field *fields;
	size_t fields_len;
	size_t len;     /* octets of all fields */
	size_t body_at; /* behind the empty line; the message's length when there is none */
};

/* Returns 0; 1 when the header is over GP_HEADER_SIZE_MAX or GP_HEADER_FIELDS_MAX, and *ret has the
 * fields up to there; -ENOMEM. */
[[nodiscard]] int
gp_header_split(struct gp_slice message, struct gp_arena *arena, struct gp_header *ret);

struct gp_slice
gp_header_name(const struct gp_header *h, size_t i);
/* Behind the colon, folding and all, without the CRLF at the end. */
struct gp_slice
gp_header_value(const struct gp_header *h, size_t i);
/* The whole field with its CRLF. */
struct gp_slice
gp_header_raw(const struct gp_header *h, size_t i);
struct gp_slice
gp_header_body(const struct gp_header *h);

/* The first field of this name (in either case) at or behind `from`; fields_len when there is none.
 */
size_t
gp_header_find(const struct gp_header *h, struct gp_slice name, size_t from);
/* How many fields have this name. */
size_t
gp_header_count(const struct gp_header *h, struct gp_slice name);

/* The value on one line: the CRLFs of folding are gone (RFC 5322 section 2.2.3), spaces at the ends
 * too. NULL ptr: no memory. */
struct gp_slice
gp_header_unfold(struct gp_slice value, struct gp_arena *arena);

/*
 * The same rules over a message that passes by in pieces: counts while the header lasts. Starts as
 * {}. Agrees with gp_header_split on every message that keeps within its limits.
 */
struct gp_header_meter {
	uint64_t size; /* octets of all fields so far */
	uint32_t fields;
	uint32_t received; /* fields named Received: hops (RFC 5321 section 6.3) */
	uint8_t state;     /* private */
	uint8_t matched;   /* private: octets of "received" matched */
	bool done;         /* the empty line was seen */
};

void
gp_header_meter_feed(struct gp_header_meter *m, struct gp_slice piece);
