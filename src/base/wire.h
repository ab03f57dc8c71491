/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary records: a reader over a slice and writers onto a buffer, little-endian, lengths before
 * bytes. The reader latches: after the first read past the end, or the first length over its cap,
 * every further read gives zero or the empty slice, and `failed` says so at the end. No text is
 * ever split.
 */
#pragma once

#include "base/buf.h"

struct gp_reader {
	struct gp_slice rest;
	bool failed;
};

static inline struct gp_reader
gp_reader(struct gp_slice s)
{
	return (struct gp_reader){.rest = s};
}

uint8_t
gp_read_u8(struct gp_reader *r);
uint16_t
gp_read_u16(struct gp_reader *r);
uint32_t
gp_read_u32(struct gp_reader *r);
uint64_t
gp_read_u64(struct gp_reader *r);

/* A number of any size in as few octets as it needs, of 7 bits each, the lowest first. One that
 * does not fit fails. */
uint64_t
gp_read_uint(struct gp_reader *r);

/* n octets as they stand; the slice points into what is read. */
struct gp_slice
gp_read_raw(struct gp_reader *r, size_t n);

/* A 32-bit length of at most max, then that many octets. */
struct gp_slice
gp_read_bytes(struct gp_reader *r, size_t max);

/* True when nothing failed and nothing is left over. */
bool
gp_read_end(const struct gp_reader *r);

/* Writers: failure latches in the buffer. */
void
gp_write_u8(struct gp_buf *b, uint8_t v);
void
gp_write_u16(struct gp_buf *b, uint16_t v);
void
gp_write_u32(struct gp_buf *b, uint32_t v);
void
gp_write_u64(struct gp_buf *b, uint64_t v);
void
gp_write_uint(struct gp_buf *b, uint64_t v);
void
gp_write_bytes(struct gp_buf *b, struct gp_slice s);
