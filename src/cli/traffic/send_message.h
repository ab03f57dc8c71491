/* SPDX-License-Identifier: Apache-2.0 */
/* The message that `send` hands over: from a file, or made up. */
#pragma once

#include "base/buf.h"

enum { GP_SEND_HEADERS_MAX = 100 };

struct gp_send_message {
	const char *file; /* "-" for standard input; NULL: a test message is made */
	const char *body; /* of a made one; NULL: some words */
	const char *headers[GP_SEND_HEADERS_MAX]; /* "Name: value", put before all others */
	size_t headers_len;
	struct gp_slice from, to; /* addresses for a made one */
	struct gp_slice host;     /* for its Message-ID */
};

/* Appends the message with CRLF line ends. Returns 0 or -errno. */
[[nodiscard]] int
gp_send_message_make(const struct gp_send_message *m, struct gp_buf *out);
