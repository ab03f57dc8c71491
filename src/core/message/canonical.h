/* SPDX-License-Identifier: Apache-2.0 */
/* A message as somebody kept it, made what it was when it passed over SMTP. */
#pragma once

#include "base/buf.h"

/*
 * Lines end in CRLF. A text whose first line ends in CRLF is taken as it is, so that a bare LF in
 * it stays what it was; in any other each LF is a line's end, and without any LF each CR is. An
 * mbox's "From " line, a mark of the octets' order and empty lines before the header go. Returns 0;
 * 1 when it is no message (*ret_why: static); -ENOMEM: out has failed.
 */
[[nodiscard]] int
gp_message_canonical(struct gp_slice raw, struct gp_buf *out, const char **ret_why);
