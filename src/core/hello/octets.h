/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of TLS's numbers and vectors: big-endian, lengths before octets. It latches: after the
 * first read past the end all that follow give zero or the empty slice, and `failed` says so. */
#pragma once

#include "base/slice.h"

struct gp_octets {
	struct gp_slice rest;
	bool failed;
};

/* n octets as they stand. */
static inline struct gp_slice
gp_octets_raw(struct gp_octets *o, size_t n)
{
	if (o->failed || o->rest.len < n) {
		o->failed = true;
		return gp_slice("", 0);
	}
	struct gp_slice taken = gp_slice_take(o->rest, n);
	o->rest = gp_slice_drop(o->rest, n);
	return taken;
}

/* A number of at most four octets. */
static inline uint32_t
gp_octets_number(struct gp_octets *o, unsigned octets)
{
	struct gp_slice raw = gp_octets_raw(o, octets);
	uint32_t value = 0;
	for (size_t i = 0; i < raw.len; i++)
		value = value << 8 | (uint8_t)raw.ptr[i];
	return value;
}

/* A vector whose length has that many octets. */
static inline struct gp_slice
gp_octets_vector(struct gp_octets *o, unsigned octets)
{
	return gp_octets_raw(o, gp_octets_number(o, octets));
}
