/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include <endian.h>
#include <string.h>

struct gp_slice
gp_read_raw(struct gp_reader *r, size_t n)
{
	if (r->failed || r->rest.len < n) {
		r->failed = true;
		return gp_slice("", 0);
	}
	struct gp_slice taken = gp_slice_take(r->rest, n);
	r->rest = gp_slice_drop(r->rest, n);
	return taken;
}

static bool
read_into(struct gp_reader *r, void *to, size_t n)
{
	struct gp_slice raw = gp_read_raw(r, n);
	if (r->failed)
		return false;
	memcpy(to, raw.ptr, n);
	return true;
}

uint8_t
gp_read_u8(struct gp_reader *r)
{
	uint8_t v = 0;
	return read_into(r, &v, sizeof(v)) ? v : 0;
}

uint16_t
gp_read_u16(struct gp_reader *r)
{
	uint16_t v = 0;
	return read_into(r, &v, sizeof(v)) ? le16toh(v) : 0;
}

uint32_t
gp_read_u32(struct gp_reader *r)
{
	uint32_t v = 0;
	return read_into(r, &v, sizeof(v)) ? le32toh(v) : 0;
}

uint64_t
gp_read_u64(struct gp_reader *r)
{
	uint64_t v = 0;
	return read_into(r, &v, sizeof(v)) ? le64toh(v) : 0;
}

uint64_t
gp_read_uint(struct gp_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t octet = gp_read_u8(r);
		uint64_t bits = octet & 0x7f;
		if (bits << shift >> shift != bits)
			break;
		v |= bits << shift;
		if (octet < 0x80)
			return v;
	}
	r->failed = true;
	return 0;
}

struct gp_slice
gp_read_bytes(struct gp_reader *r, size_t max)
{
	size_t len = gp_read_u32(r);
	if (len > max)
		r->failed = true;
	return gp_read_raw(r, r->failed ? 0 : len);
}

bool
gp_read_end(const struct gp_reader *r)
{
	return !r->failed && r->rest.len == 0;
}

static void
write_raw(struct gp_buf *b, const void *from, size_t n)
{
	gp_buf_put(b, gp_slice(from, n));
}

void
gp_write_u8(struct gp_buf *b, uint8_t v)
{
	write_raw(b, &v, sizeof(v));
}

void
gp_write_u16(struct gp_buf *b, uint16_t v)
{
	v = htole16(v);
	write_raw(b, &v, sizeof(v));
}

void
gp_write_u32(struct gp_buf *b, uint32_t v)
{
	v = htole32(v);
	write_raw(b, &v, sizeof(v));
}

void
gp_write_u64(struct gp_buf *b, uint64_t v)
{
	v = htole64(v);
	write_raw(b, &v, sizeof(v));
}

void
gp_write_uint(struct gp_buf *b, uint64_t v)
{
	uint8_t octets[10];
	size_t len = 0;
	for (; v >= 0x80; v >>= 7)
		octets[len++] = (uint8_t)(v | 0x80);
	octets[len++] = (uint8_t)v;
	write_raw(b, octets, len);
}

void
gp_write_bytes(struct gp_buf *b, struct gp_slice s)
{
	if (s.len > UINT32_MAX) {
		b->failed = true;
		return;
	}
	gp_write_u32(b, (uint32_t)s.len);
	gp_buf_put(b, s);
}
