/* SPDX-License-Identifier: Apache-2.0 */
/* A message that somebody kept in a file, as it was when it passed over SMTP. */
#pragma once

#include "base/buf.h"

enum { GP_MESSAGE_FILE_MAX = 64 << 20 }; /* octets; no server takes larger ones */

/*
 * Reads a file, or standard input where the name is "-", and makes it canonical (below). *ret must
 * be empty, with a cap. Returns 0; 1 when it is no message (*ret_why: static); -EFBIG, -errno.
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
