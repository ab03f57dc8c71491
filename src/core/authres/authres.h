/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Authentication-Results field: RFC 8601. Written, read, and recognised where somebody else
 * wrote it in our name.
 *
 *     value    = authserv-id [ version ] ( ";" "none" / 1*( ";" result ) )
 *     result   = method [ "/" version ] "=" word [ "reason" "=" text ] *( ptype "." name "=" text )
 *
 * with comments and folding anywhere between (section 2.2).
 */
#pragma once

#include "base/buf.h"
#include "core/message/header.h"

enum gp_authres_limits {
	GP_AUTHRES_RESULTS_MAX = 100,   /* in a field */
	GP_AUTHRES_PROPERTIES_MAX = 32, /* of a result */
	GP_AUTHRES_COMMENTS_MAX = 100,  /* within each other */
	/* Octets of a text that are written; what is longer is cut. With all of them quoted a line
	   stays within the 998 of RFC 5322 section 2.1.1. */
	GP_AUTHRES_TEXT_MAX = 400,
};

/* "smtp.mailfrom=a@b.example": a property of the message that a method looked at. */
struct gp_authres_property {
	struct gp_slice type; /* "smtp", "header", "policy" */
	struct gp_slice name;
	struct gp_slice value;
};

/* What one method came to, for one signature where it looks at several (section 2.3). */
struct gp_authres_result {
	struct gp_slice method; /* "spf", "dkim", "dmarc", ... */
	struct gp_slice result; /* "pass", "fail", ... (section 2.7) */
	struct gp_slice reason; /* free text; empty: none */
	const struct gp_authres_property *properties;
	size_t properties_len;
};

struct gp_authres {
	struct gp_slice id; /* authserv-id */
	const struct gp_authres_result *results;
	size_t results_len; /* 0: "none" */
};

/* --- writing --- */

/*
 * Appends the field's value, on folded lines, without the name and the CRLF at its end; no results
 * are "none". id, methods, results, types and names are ours, and of the grammar's form. Values and
 * reasons may be anybody's, and hold any octet: what is no plain word is quoted, and what no field
 * may hold (controls, octets that are not UTF-8) becomes "?". An empty value is left out with its
 * property. Failure latches in the buffer.
 */
void
gp_authres_write(struct gp_buf *out, const struct gp_authres *a);

/* --- reading --- */

/*
 * Reads a value, folded or not, of whoever wrote it: texts are unquoted, comments gone. A part
 * between two ";" that is no result is passed over, and so is what stands in a result beside reason
 * and properties; an id may be missing, as some large sites leave it out. Nothing of it is true
 * because it is there: who wrote a field is for others to know (section 7.1).
 *
 * Returns 0; 1 when it cannot be taken apart at all, is of another version than 1, or is over the
 * limits (*ret_why: a short reason, static); -ENOMEM. Lives in the arena and in the value.
 */
[[nodiscard]] int
gp_authres_parse(struct gp_slice value, struct gp_arena *arena, struct gp_authres *ret,
		 const char **ret_why);

/* --- recognising --- */

/*
 * Must field i go, since it says, or could be read to say, that we wrote it (section 5)? So does an
 * Authentication-Results field whose id is `id`: in either case, quoted, in U-labels, with comments
 * before or within, with a final dot, with a version or anything else behind it; whose id is
 * encoded (RFC 2047); or that is so broken that others may see in it what we do not, a line that
 * is no field and begins with that name among these. Fields of others stay.
 *
 * Returns 1, 0, or -ENOMEM.
 */
[[nodiscard]] int
gp_authres_claims(const struct gp_header *h, size_t i, struct gp_slice id, struct gp_arena *arena);
