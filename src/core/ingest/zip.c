/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip files as far as reports come in them, by PKWARE's APPNOTE 6.3: its sections are named below.
 * What the directory at the end says is gone by, since whoever writes without looking back has no
 * sizes in front of a file; what stands in front must not say otherwise.
 */
#include <errno.h>

#include "base/wire.h"
#include "core/ingest/form.h"
#include "core/ingest/unpack.h"

enum {
	END_LEN = 22, /* octets of the end of the directory without its comment, 4.3.16 */
	COMMENT_MAX = UINT16_MAX,
	ENTRY_SIGNATURE = 0x02014B50, /* 4.3.12 */
	FILE_SIGNATURE = 0x04034B50,  /* 4.3.7 */
	ENCRYPTED = 1,                /* bits of 4.4.4 */
	SIZES_BEHIND = 8,
	STORED = 0, /* methods of 4.4.5 */
	DEFLATED = 8,
	RAW_BITS = -15, /* zlib's word for a stream without a header */
};

struct member {
	uint16_t flags, method;
	uint32_t crc, packed, size, at;
	bool folder;
};

struct directory {
	struct member
		members[GP_ARCHIVE_MEMBERS_MAX]; /* those that are files with something in them */
	size_t len;
};

/* Where the end of the directory begins; it is looked for from behind, over its comment and what
 * may stand behind that. -1: there is none. */
static ptrdiff_t
find_end(struct gp_slice octets)
{
	size_t tried = 0;
	while (octets.len >= END_LEN && tried <= COMMENT_MAX) {
		size_t at = octets.len - END_LEN;
		if (gp_slice_starts(gp_slice_drop(octets, at), GP_SLICE("PK\x05\x06")))
			return (ptrdiff_t)at;
		octets = gp_slice_take(octets, octets.len - 1);
		tried++;
	}
	return -1;
}

/* 4.3.12; false: it is none. */
static bool
read_entry(struct gp_reader *r, struct member *ret)
{
	*ret = (struct member){};
	bool is_one = gp_read_u32(r) == ENTRY_SIGNATURE;
	gp_read_raw(r, 4); /* versions */
	ret->flags = gp_read_u16(r);
	ret->method = gp_read_u16(r);
	gp_read_raw(r, 4); /* time and date */
	ret->crc = gp_read_u32(r);
	ret->packed = gp_read_u32(r);
	ret->size = gp_read_u32(r);
	uint16_t name_len = gp_read_u16(r), extra_len = gp_read_u16(r);
	uint16_t comment_len = gp_read_u16(r);
	gp_read_raw(r, 8); /* disk, attributes */
	ret->at = gp_read_u32(r);
	ret->folder = gp_slice_ends_nocase(gp_read_raw(r, name_len), GP_SLICE("/"));
	gp_read_raw(r, (size_t)extra_len + comment_len);
	return is_one && !r->failed;
}

static int
read_directory(struct gp_unpack *u, struct gp_slice octets, struct directory *ret)
{
	ptrdiff_t end = find_end(octets);
	if (end < 0)
		return gp_unpack_refuse(u, "its directory is missing: it is cut off, perhaps");
	struct gp_reader r = gp_reader(gp_slice_drop(octets, (size_t)end + 10));
	uint16_t entries = gp_read_u16(&r);
	gp_read_u32(&r); /* octets of the directory */
	struct gp_reader entry = gp_reader(gp_slice_drop(octets, gp_read_u32(&r)));
	if (entries > GP_ARCHIVE_MEMBERS_MAX)
		return gp_unpack_refuse(u, "there are too many files in it");
	for (uint16_t i = 0; i < entries; i++) {
		struct member *m = &ret->members[ret->len];
		if (!read_entry(&entry, m))
			return gp_unpack_refuse(u, "its directory is damaged");
		if (!m->folder && m->size > 0)
			ret->len++;
	}
	return ret->len > 0 ? GP_ARCHIVE_READ : gp_unpack_refuse(u, "there is no file in it");
}

/* The octets of a file, by 4.3.7; they are still packed. */
static int
find_octets(struct gp_unpack *u, struct gp_slice all, const struct member *m, struct gp_slice *ret)
{
	struct gp_reader r = gp_reader(gp_slice_drop(all, m->at));
	bool is_one = gp_read_u32(&r) == FILE_SIGNATURE;
	gp_read_u16(&r); /* version */
	uint16_t flags = gp_read_u16(&r), method = gp_read_u16(&r);
	gp_read_raw(&r, 8); /* time, date, checksum */
	uint32_t packed = gp_read_u32(&r);
	gp_read_u32(&r); /* size */
	uint16_t name_len = gp_read_u16(&r), extra_len = gp_read_u16(&r);
	gp_read_raw(&r, (size_t)name_len + extra_len);
	*ret = gp_read_raw(&r, m->packed);
	if ((flags | m->flags) & ENCRYPTED)
		return gp_unpack_refuse(u, "it is encrypted");
	if (m->packed == UINT32_MAX || m->size == UINT32_MAX)
		return gp_unpack_refuse(u, "it is larger than any report");
	if (!is_one || r.failed)
		return gp_unpack_refuse(u, "its directory leads to where no file is");
	/* The larger sizes of 4.5.3 may stand in front alone. */
	if (method != m->method ||
	    (!(flags & SIZES_BEHIND) && packed != m->packed && packed != UINT32_MAX))
		return gp_unpack_refuse(u, "its directory says otherwise than its file");
	if (method != STORED && method != DEFLATED)
		return gp_unpack_refuse(u, "it is packed by a method that no report needs");
	return GP_ARCHIVE_READ;
}

/* Does the file begin as a report does, or as an archive that may have one? */
static bool
looks_like_report(struct gp_unpack *u, struct gp_slice all, const struct member *m)
{
	char head[GP_FORM_PEEK];
	struct gp_slice begin, octets;
	if (find_octets(u, all, m, &octets) != GP_ARCHIVE_READ)
		return false;
	begin = gp_slice_take(octets, sizeof(head));
	if (m->method == DEFLATED && inflateReset2(&u->z, RAW_BITS) == Z_OK) {
		u->z.next_in = (const Bytef *)octets.ptr;
		u->z.avail_in = (uInt)octets.len;
		u->z.next_out = (Bytef *)head;
		u->z.avail_out = sizeof(head);
		(void)inflate(&u->z, Z_SYNC_FLUSH); /* what came out until it failed will do */
		begin = gp_slice(head, sizeof(head) - u->z.avail_out);
	}
	enum gp_form form = gp_form_of(begin);
	return form == GP_FORM_XML || form == GP_FORM_JSON || form == GP_FORM_GZIP ||
	       form == GP_FORM_ZIP;
}

/* The one that counts. */
static int
choose(struct gp_unpack *u, struct gp_slice all, const struct directory *d,
       const struct member **ret)
{
	*ret = d->len == 1 ? &d->members[0] : NULL;
	for (size_t i = 0; d->len > 1 && i < d->len; i++) {
		if (!looks_like_report(u, all, &d->members[i]))
			continue;
		if (*ret)
			return gp_unpack_refuse(u,
						"more than one of the files in it may be a report");
		*ret = &d->members[i];
	}
	u->result->why = d->len > 1 ? "there are files in it besides the report" : NULL;
	return *ret ? GP_ARCHIVE_READ
		    : gp_unpack_refuse(u, "none of the files in it can be read as a report");
}

static int
copy_stored(struct gp_unpack *u, struct gp_slice octets)
{
	uint64_t in = 0;
	while (octets.len > 0) {
		struct gp_slice piece = gp_slice_take(octets, GP_ARCHIVE_PIECE);
		memcpy(u->out, piece.ptr, piece.len);
		u->out_len = piece.len;
		in += piece.len;
		octets = gp_slice_drop(octets, piece.len);
		int r = octets.len > 0 ? gp_unpack_flush(u, in) : GP_ARCHIVE_READ;
		if (r != GP_ARCHIVE_READ)
			return r;
	}
	return GP_ARCHIVE_READ;
}

/* Reckons the checksum of what passes by. */
struct checked {
	const struct gp_archive_sink *sink;
	uLong crc;
};

static bool
check_piece(void *context, struct gp_slice piece)
{
	struct checked *c = context;
	c->crc = crc32(c->crc, (const Bytef *)piece.ptr, (uInt)piece.len);
	return c->sink->piece(c->sink->context, piece);
}

static int
unpack(struct gp_unpack *u, struct gp_slice octets, uint16_t method)
{
	if (method == STORED)
		return copy_stored(u, octets);
	return inflateReset2(&u->z, RAW_BITS) == Z_OK ? gp_unpack_inflate(u, &octets, 0) : -ENOMEM;
}

int
gp_unpack_zip(struct gp_unpack *u, struct gp_slice all)
{
	struct directory directory = {};
	const struct member *m = NULL;
	struct gp_slice octets;
	int r = read_directory(u, all, &directory);
	if (r == GP_ARCHIVE_READ)
		r = choose(u, all, &directory, &m);
	if (r != GP_ARCHIVE_READ)
		return r;
	gp_assert(m);
	r = find_octets(u, all, m, &octets);
	if (r != GP_ARCHIVE_READ)
		return r;
	struct checked checked = {.sink = u->sink};
	struct gp_archive_sink sink = {&checked, check_piece};
	u->sink = &sink;
	r = unpack(u, octets, m->method);
	if (r == GP_ARCHIVE_READ)
		r = gp_unpack_flush(u, octets.len);
	u->sink = checked.sink;
	if (r != GP_ARCHIVE_READ)
		return r;
	if (u->result->octets != m->size || checked.crc != m->crc)
		return gp_unpack_refuse(u, "its size or its checksum is another than it says");
	return GP_ARCHIVE_READ;
}
