/* SPDX-License-Identifier: Apache-2.0 */
/* A secret for AUTH: from a file, or asked for at the terminal without showing it. */
#pragma once

#include "base/buf.h"

enum { GP_SEND_SECRET_MAX = 8192 }; /* octets; access tokens are long */

/* The file's first line; "-" is standard input. Returns 0, -ENODATA when there is none, -errno. */
[[nodiscard]] int
gp_send_secret_read(const char *file, struct gp_buf *ret);

/* Asks for the user's password. Returns 0, -ENODATA, or -errno where there is no terminal. */
[[nodiscard]] int
gp_send_secret_ask(const char *user, struct gp_buf *ret);
