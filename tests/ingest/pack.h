/* SPDX-License-Identifier: Apache-2.0 */
/* Packs texts as others do, and as nobody should: gzip and zip files for tests. */
#pragma once

#include "../unit.h"

#define ZLIB_CONST /* what it reads it does not write */
#include <zlib.h>

#include "base/buf.h"
#include "base/wire.h"

enum { GP_PACK_GZIP = 15 + 16, GP_PACK_RAW = -15, GP_PACK_MAX = 64 << 20 };

/* Appends s, compressed by zlib in the form that it knows by `bits`. */
static inline void
pack_deflate(struct gp_buf *out, struct gp_slice s, int bits)
{
	z_stream z = {};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, s.len);
	char *to = gp_buf_reserve(out, room);
	assert_non_null(to);
	z.next_in = (const Bytef *)s.ptr;
	z.avail_in = (uInt)s.len;
	z.next_out = (Bytef *)to;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	gp_buf_advance(out, room - z.avail_out);
	deflateEnd(&z);
}

/* A file of a zip file, and the lies about it. */
struct pack_file {
	const char *name;
	struct gp_slice text;
	bool stored;
	bool sizes_behind;      /* the file has none in front */
	uint16_t flags, method; /* 0: the true ones */
	uint32_t crc_lie, size_lie, packed_lie, at_lie,
		front_lie; /* added, in the directory but the last */
};

static inline void
pack_zip_sizes(struct gp_buf *out, uint32_t crc, uint32_t packed, uint32_t size, size_t name_len)
{
	gp_write_u32(out, crc);
	gp_write_u32(out, packed);
	gp_write_u32(out, size);
	gp_write_u16(out, (uint16_t)name_len);
	gp_write_u16(out, 0); /* extra */
}

static inline uint16_t
pack_zip_method(const struct pack_file *f)
{
	return f->method ? f->method : f->stored ? 0 : Z_DEFLATED;
}

static inline void
pack_zip_file(struct gp_buf *out, struct gp_buf *directory, const struct pack_file *f)
{
	struct gp_buf packed = GP_BUF_INIT(GP_PACK_MAX);
	struct gp_slice name = gp_slice_str(f->name);
	uint32_t at = (uint32_t)out->len, size = (uint32_t)f->text.len;
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)f->text.ptr, (uInt)f->text.len);
	uint16_t flags = (uint16_t)(f->flags | (f->sizes_behind ? 8 : 0));
	if (f->stored)
		gp_buf_put(&packed, f->text);
	else
		pack_deflate(&packed, f->text, GP_PACK_RAW);
	gp_write_u32(out, 0x04034B50);
	gp_write_u16(out, 20);
	gp_write_u16(out, flags);
	gp_write_u16(out, pack_zip_method(f));
	gp_write_u32(out, 0); /* time */
	if (f->sizes_behind)
		pack_zip_sizes(out, 0, 0, 0, name.len);
	else
		pack_zip_sizes(out, crc, (uint32_t)packed.len + f->front_lie, size, name.len);
	gp_buf_put(out, name);
	gp_buf_put(out, gp_buf_slice(&packed));
	gp_write_u32(directory, 0x02014B50);
	gp_write_u32(directory, 20 << 16 | 20);
	gp_write_u16(directory, flags);
	gp_write_u16(directory, pack_zip_method(f));
	gp_write_u32(directory, 0);
	pack_zip_sizes(directory, crc + f->crc_lie, (uint32_t)packed.len + f->packed_lie,
		       size + f->size_lie, name.len);
	gp_write_u16(directory, 0); /* comment */
	gp_write_u64(directory, 0);
	gp_write_u32(directory, at + f->at_lie);
	gp_buf_put(directory, name);
	gp_buf_free(&packed);
}

static inline void
pack_zip(struct gp_buf *out, const struct pack_file *files, size_t len)
{
	struct gp_buf directory = GP_BUF_INIT(GP_PACK_MAX);
	for (size_t i = 0; i < len; i++)
		pack_zip_file(out, &directory, &files[i]);
	uint32_t at = (uint32_t)out->len;
	gp_buf_put(out, gp_buf_slice(&directory));
	gp_write_u32(out, 0x06054B50);
	gp_write_u32(out, 0);
	gp_write_u16(out, (uint16_t)len);
	gp_write_u16(out, (uint16_t)len);
	gp_write_u32(out, (uint32_t)directory.len);
	gp_write_u32(out, at);
	gp_write_u16(out, 0);
	assert_false(out->failed || directory.failed);
	gp_buf_free(&directory);
}
