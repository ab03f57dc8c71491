/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/archive.h"

#include <errno.h>

#include "core/ingest/form.h"
#include "core/ingest/unpack.h"

enum {
	GZIP_BITS = 15 + 16, /* zlib's word for: with gzip's header and trailer, checked */
	IN_MAX = 1 << 30,    /* octets that zlib is given at once; it counts in 32 bits */
};

int
gp_unpack_refuse(struct gp_unpack *u, const char *why)
{
	u->result->why = why;
	return GP_ARCHIVE_REFUSED;
}

static bool
is_archive(struct gp_slice octets)
{
	enum gp_form form = gp_form_of(octets);
	return form == GP_FORM_GZIP || form == GP_FORM_ZIP;
}

int
gp_unpack_flush(struct gp_unpack *u, uint64_t in)
{
	struct gp_slice piece = gp_slice(u->out, u->out_len);
	uint64_t octets = u->result->octets + piece.len;
	if (piece.len == 0)
		return GP_ARCHIVE_READ;
	if (u->result->octets == 0 && is_archive(piece))
		return gp_unpack_refuse(u, "it is an archive within an archive");
	if (octets > u->caps->octets_max)
		return gp_unpack_refuse(u, "more comes out of it than is allowed");
	if (octets > GP_ARCHIVE_RATIO_FROM && octets / u->caps->ratio_max > in)
		return gp_unpack_refuse(u, "so much comes out of so little that it is no report");
	u->result->octets = octets;
	u->out_len = 0;
	return u->sink->piece(u->sink->context, piece) ? GP_ARCHIVE_READ : GP_ARCHIVE_STOPPED;
}

/* What zlib says where it cannot go on. */
static int
inflate_failed(struct gp_unpack *u, int said)
{
	if (said == Z_MEM_ERROR)
		return -ENOMEM;
	if (said == Z_BUF_ERROR)
		return gp_unpack_refuse(u, "it is cut off");
	return gp_unpack_refuse(u, "it is damaged");
}

int
gp_unpack_inflate(struct gp_unpack *u, struct gp_slice *in, uint64_t before)
{
	size_t all = in->len;
	for (;;) {
		uInt given = (uInt)GP_MIN(in->len, (size_t)IN_MAX);
		u->z.next_in = (const Bytef *)in->ptr;
		u->z.avail_in = given;
		u->z.next_out = (Bytef *)u->out + u->out_len;
		u->z.avail_out = (uInt)(GP_ARCHIVE_PIECE - u->out_len);
		int said = inflate(&u->z, Z_NO_FLUSH);
		u->out_len = GP_ARCHIVE_PIECE - u->z.avail_out;
		*in = gp_slice_drop(*in, given - u->z.avail_in);
		if (said != Z_OK && said != Z_STREAM_END)
			return inflate_failed(u, said);
		if (u->out_len == GP_ARCHIVE_PIECE) {
			int r = gp_unpack_flush(u, before + (all - in->len));
			if (r != GP_ARCHIVE_READ)
				return r;
		}
		if (said == Z_STREAM_END)
			return GP_ARCHIVE_READ;
	}
}

/* Line ends and zeros behind the last member say nothing; other octets are told. */
static bool
is_padding(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '\0' && s.ptr[i] != '\r' && s.ptr[i] != '\n' && s.ptr[i] != ' ')
			return false;
	}
	return true;
}

/* RFC 1952 section 2.2: members one behind the other are one text. */
static int
read_gzip(struct gp_unpack *u, struct gp_slice octets)
{
	struct gp_slice rest = octets;
	do {
		if (inflateReset2(&u->z, GZIP_BITS) != Z_OK)
			return -ENOMEM;
		int r = gp_unpack_inflate(u, &rest, octets.len - rest.len);
		if (r != GP_ARCHIVE_READ)
			return r;
	} while (gp_form_of(rest) == GP_FORM_GZIP);
	if (!is_padding(rest))
		u->result->why = "octets stand behind its end";
	return gp_unpack_flush(u, octets.len - rest.len);
}

static voidpf
zlib_alloc(voidpf arena, uInt n, uInt size)
{
	return gp_arena_array(arena, n, size);
}

static void
zlib_free(voidpf arena, voidpf memory)
{
	(void)arena;
	(void)memory;
}

int
gp_archive_read(struct gp_slice octets, const struct gp_archive_caps *caps,
		const struct gp_archive_sink *sink, struct gp_arena *arena,
		struct gp_archive_result *ret)
{
	struct gp_unpack u = {
		.z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = arena},
		.out = gp_arena_alloc(arena, GP_ARCHIVE_PIECE),
		.caps = caps,
		.sink = sink,
		.result = ret,
	};
	*ret = (struct gp_archive_result){};
	gp_assert(caps->ratio_max > 0);
	if (!u.out || inflateInit2(&u.z, GZIP_BITS) != Z_OK)
		return -ENOMEM;
	int r = gp_form_of(octets) == GP_FORM_ZIP ? gp_unpack_zip(&u, octets)
						  : read_gzip(&u, octets);
	inflateEnd(&u.z);
	return r;
}
