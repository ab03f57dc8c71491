/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MaxMind DB file format, version 2.0: a binary tree of network prefixes, whose leaves are
 * places in a section of typed values, and a map of metadata at the end. This much of it: looking
 * an address up, and texts and numbers that are members of the map found. A file is believed
 * nothing: what leads out of it, or on for ever, is as if it were not there.
 *
 *     tree, nodes of two records | 16 zeros | data | marker | metadata
 */
#pragma once

#include "base/slice.h"

/* All slices are of the file, which stays where it is. */
struct gp_mmdb {
	struct gp_slice tree, data;
	uint32_t nodes;
	uint8_t record_bits;  /* 24, 28 or 32 */
	uint8_t ip_version;   /* 4: it has no IPv6; 6: IPv4 is at ::/96 */
	struct gp_slice type; /* what it calls itself: "GeoLite2-ASN" */
	uint64_t built_s;     /* since 1970 */
};

/* NULL: *ret can be used; else why not, static, as a sentence without its full stop. */
const char *
gp_mmdb_open(struct gp_slice file, struct gp_mmdb *ret);
/* An address as IPv6, or IPv4 mapped. *ret: the value there, and what is behind it. False: none. */
bool
gp_mmdb_find(const struct gp_mmdb *db, const uint8_t address[16], struct gp_slice *ret);
/* A member of such a value, when that is a map. False: there is none of that name and type. */
bool
gp_mmdb_text(const struct gp_mmdb *db, struct gp_slice value, struct gp_slice name,
	     struct gp_slice *ret);
/* Of an unsigned type up to 64 bits. */
bool
gp_mmdb_number(const struct gp_mmdb *db, struct gp_slice value, struct gp_slice name,
	       uint64_t *ret);
