/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate that nobody else vouches for: enough for mail servers to encrypt by (RFC 7435), and
 * to be named in TLSA records. */
#pragma once

#include "base/buf.h"

enum { GP_SELF_SIGNED_DAYS = 3650 };

/* Makes an ECDSA key on P-256, and its certificate for this host name, both in PEM. Returns 0;
   -EINVAL for a name that no certificate can have; -ENOMEM. */
int
gp_self_signed_make(struct gp_slice name, struct gp_buf *certificate, struct gp_buf *key);
