/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP request: RFC 9112 sections 2 to 5, strictly. Lines end in CRLF and nothing
 * else, fields are not folded, exactly one Host. A body is not looked at: whoever answers ends the
 * connection, so that what follows the head is never taken for another request.
 */
#pragma once

#include "base/slice.h"

enum {
	GP_HTTP_HEAD_MAX = 8 * 1024, /* octets of a head; nobody with a simple question has more */
};

/* Slices are parts of the text that was read. */
struct gp_http_request {
	struct gp_slice method;
	struct gp_slice path; /* with its query, begins in "/"; or "*" */
	struct gp_slice host; /* of the target where that has one (section 3.2.2), else of Host;
				 without port */
};

enum gp_http_outcome {
	GP_HTTP_WHOLE = 0,
	GP_HTTP_MORE = 1, /* so far it is good, and not at its end */
	/* else the status code to answer with */
	GP_HTTP_BAD = 400,
	GP_HTTP_TOO_LARGE = 431, /* RFC 6585 section 5: more than GP_HTTP_HEAD_MAX */
	GP_HTTP_NOT_ONE_X = 505, /* another version than HTTP/1.0 and 1.1 */
};

/* text: all that has come so far. Returns enum gp_http_outcome; *ret counts when it is WHOLE. */
[[nodiscard]] int
gp_http_request_read(struct gp_slice text, struct gp_http_request *ret);
