/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose network an address is in: autonomous systems (RFC 4271 section 1.1), by a database such as
 * GeoLite2-ASN or DB-IP's ASN Lite, which its maker says is right, and nobody else.
 */
#pragma once

#include "core/asn/mmdb.h"

enum {
	GP_ASN_FILE_MAX = 256 << 20, /* octets; those that there are have some 10 MB */
	GP_ASN_ORGANIZATION_MAX = 256,
};

struct gp_asn {
	uint32_t number;              /* never 0 */
	struct gp_slice organization; /* printable UTF-8 of the file; empty: it does not say */
};

/* gp_mmdb_open() of a database that is about autonomous systems. */
const char *
gp_asn_open(struct gp_slice file, struct gp_mmdb *ret);
/* An address as IPv6, or IPv4 mapped. db NULL: there is no database. False: not known; *ret is all
 * 0 then. */
bool
gp_asn_find(const struct gp_mmdb *db, const uint8_t address[16], struct gp_asn *ret);
