/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain names between their three shapes: text, the wire, and a value of fixed size that is always
 * in lower case. RFC 1035 sections 2.3, 3.1, 4.1.4 and 5.1; RFC 4343 (case).
 *
 * Labels may hold any octet (RFC 2181 section 11). In text an octet that is no printable ASCII
 * is \DDD, a dot or backslash inside a label \. and \\; text with other octets over 127 is no
 * name: make A-labels of it first (idn.h).
 */
#pragma once

#include "base/arena.h"
#include "core/dns/record.h"

/* Uncompressed wire form, lower case. Invariant: labels as RFC 1035 section 3.1, root included. */
struct gp_name {
	uint8_t octets[GP_DNS_NAME_MAX];
	uint8_t len; /* 1 (the root) to 255 */
};

/* Reads all of the text; a final dot may be there or not. False: no name. */
[[nodiscard]] bool
gp_name_from_text(struct gp_slice text, struct gp_name *ret);

/*
 * Reads a name at offset *at of a message, and moves *at behind it. Compression pointers must point
 * strictly backwards, each before the place where the last one led, and be no more than labels can
 * be. False: malformed.
 */
[[nodiscard]] bool
gp_name_from_message(struct gp_slice message, size_t *at, struct gp_name *ret);

/* Canonical text, in the arena: lower case, no final dot, "." for the root. 0 or -ENOMEM. */
[[nodiscard]] int
gp_name_to_text(const struct gp_name *name, struct gp_arena *arena, struct gp_slice *ret);

bool
gp_name_is_root(const struct gp_name *name);

bool
gp_name_eq(const struct gp_name *a, const struct gp_name *b);

static inline struct gp_slice
gp_name_wire(const struct gp_name *name)
{
	return gp_slice((const char *)name->octets, name->len);
}
