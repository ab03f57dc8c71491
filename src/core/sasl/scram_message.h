/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of SCRAM read in messages (RFC 5802 section 7). For this folder alone. */
#pragma once

#include "base/slice.h"

/* The value of `key=value` at the front of *rest, up to the next comma, which goes too. */
bool
scram_take_attribute(struct gp_slice *rest, char key, struct gp_slice *ret);

/* Printable, without commas, of max octets at most. */
bool
scram_is_nonce(struct gp_slice s, size_t max);

/* Extensions say nothing to us; `m` would have to be understood (section 5.1). */
bool
scram_extensions_are_optional(struct gp_slice rest);
