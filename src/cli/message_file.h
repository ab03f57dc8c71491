/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from files and from hands, whose lines end in LF or CRLF; within they end in CRLF. */
#pragma once

#include "core/message/canonical.h"

enum { GP_MESSAGE_FILE_MAX = 256 * 1024 * 1024 };

/* Appends the text with CRLF line ends, the last line's too. Latches out->failed. */
void
gp_message_put_lines(struct gp_buf *out, struct gp_slice text);

/* Appends the octets of a file as they are; "-" is standard input. Returns 0, -EFBIG when out is
 * full, or -errno. */
[[nodiscard]] int
gp_message_read(const char *path, struct gp_buf *out);

/* Whether the first line ends in LF alone. */
bool
gp_message_has_lf(struct gp_slice text);

/*
 * Reads a message that somebody kept, and makes it canonical (core/message/canonical.h). *ret must
 * be empty, with a cap. Returns 0; 1 when it is no message (*ret_why: static); -EFBIG, -errno.
 */
[[nodiscard]] int
gp_message_file_read(const char *name, struct gp_buf *ret, const char **ret_why);
