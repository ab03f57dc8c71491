/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from files and from hands, whose lines end in LF or CRLF; within they end in CRLF. */
#pragma once

#include "base/buf.h"

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
 * Reads a message that somebody kept, and makes it canonical (below): as it was when it passed over
 * SMTP. *ret must be empty, with a cap. Returns 0; 1 when it is no message (*ret_why: static);
 * -EFBIG, -errno.
 */
[[nodiscard]] int
gp_message_file_read(const char *name, struct gp_buf *ret, const char **ret_why);

/*
 * Lines end in CRLF. A file whose first line ends in CRLF is taken as it is, so that a bare LF in
 * it stays what it was; in any other each LF is a line's end, and without any LF each CR is. An
 * mbox's "From " line, a mark of the octets' order and empty lines before the header go. 0 or 1 as
 * above; -ENOMEM: out has failed.
 */
[[nodiscard]] int
gp_message_canonical(struct gp_slice raw, struct gp_buf *out, const char **ret_why);
