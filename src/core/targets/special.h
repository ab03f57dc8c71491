/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that are not the Internet's: the registries of RFC 6890 and what they got since,
 * multicast, and class E; and IPv6 forms that stand for such an IPv4 address.
 */
#pragma once

#include "base/slice.h"

struct gp_special {
	const char *what; /* "private use (RFC 1918)": static */
	bool never;       /* no host can have it, not even in a network of one's own */
};

/*
 * What is special about an address of 4 or 16 octets; NULL: any host of the Internet may have it.
 * Another number of octets is an address that nobody can have.
 */
const struct gp_special *
gp_special_of(const uint8_t *address, size_t address_len);
