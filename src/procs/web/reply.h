/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a request. */
#pragma once

#include "base/json.h"

enum { REPLY_COOKIE_SIZE = 128 };

struct reply {
	int status;
	const char *type;               /* the media type, static */
	struct gp_buf body;             /* freed by whoever has the reply; failed: no memory */
	struct gp_slice fixed;          /* in place of body: a part of the program */
	const char *etag;               /* static; NULL: it may not be kept */
	const char *allow;              /* static; of a 405 */
	unsigned retry_s;               /* when to come again; 0: it is not said */
	char cookie[REPLY_COOKIE_SIZE]; /* "": none */
};

/* Begins an answer of the API that is good: the writer of its body. */
struct gp_json
reply_json(struct reply *r);

/* An answer of the API that is no more than {"error": words}, in place of what was there. */
void
reply_refuse(struct reply *r, int status, const char *words);
