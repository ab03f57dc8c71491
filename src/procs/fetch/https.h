/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS itself: all that knows libcurl. One request is one connection, to addresses that the caller
 * gives: no name is looked up, no redirect followed, no proxy, cookie, cache or session used again.
 *
 * The certificate must lead to one of the authorities and name the host as a DNS-ID; a wildcard may
 * only be its whole leftmost label (RFC 8461 section 3.3). TLS 1.2 at least.
 *
 * https_new loads libcurl; after it no file is opened and no thread started.
 */
#pragma once

#include <event2/event.h>

#include "base/slice.h"
#include "ipc/messages.h"
#include "ipc/values.h"

enum {
	HTTPS_BODY_MAX = 64 * 1024,   /* octets of an answer (RFC 8461 section 3.3) */
	HTTPS_HEADER_MAX = 16 * 1024, /* octets of all header fields of an answer, trailers too */
};

struct https;

struct https_options {
	struct gp_slice ca; /* certificates, PEM; empty: the system's */
	uint16_t port;
};

struct https_answer {
	enum gp_fetch_result result;
	uint16_t status;      /* 0: none came */
	struct gp_slice body; /* as far as it was read; of a GET only with GP_FETCH_OK */
	const char *reason;   /* for people; "" with GP_FETCH_OK; may hold the server's words */
};

/* Embedded in its owner, with all that it points to, until done or https_cancel. */
struct https_request {
	const char *host, *path;
	const struct gp_fetch_address *addresses; /* tried in this order; 4 or 16 octets each */
	size_t addresses_len;
	const char *media_type; /* of a POST; NULL: a GET */
	const char
		*wanted;   /* media type that a GET's answer must have; NULL: text/plain; "": any */
	const char *field; /* of a POST: one more header field, "Name: value"; NULL: none */
	struct gp_slice body;
	uint32_t time_max_ms; /* for all of it */
	/* Once, never from within https_start. The answer is valid until it returns. */
	void (*done)(struct https_request *q, const struct https_answer *a);
	struct https_transfer *transfer; /* https.c's */
};

/* Reads the authorities, and lets the library read what it wants to. No authority is no error: it
   is logged, and every certificate fails; that libcurl is not there is one, and logged too.
   Returns 0 or -errno. */
[[nodiscard]] int
https_new(struct event_base *base, const struct https_options *options, struct https **ret);
/* No request is under way any more. Accepts NULL, returns NULL. */
struct https *
https_free(struct https *h);

/* Returns 0, or -ENOMEM: then `done` is not called. */
[[nodiscard]] int
https_start(struct https *h, struct https_request *q);
void
https_cancel(struct https *h, struct https_request *q);
