/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/zip.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/buf.h"

enum {
	PIECE = 64 * 1024,
	VERSION = 20, /* deflate */
	DEFLATED = 8,
	LOCAL_LEN = 30,
	ENTRY_LEN = 46,
	END_LEN = 22,
	YEAR_FIRST = 80, /* 1980, of tm_year */
	YEAR_LAST = 207,
};

static const uint32_t local_mark = 0x04034b50, entry_mark = 0x02014b50, end_mark = 0x06054b50;

/* --- little-endian numbers --- */

static void
put_u16(struct gp_buf *b, uint16_t v)
{
	gp_buf_put_char(b, (char)(v & 0xff));
	gp_buf_put_char(b, (char)(v >> 8));
}

static void
put_u32(struct gp_buf *b, uint32_t v)
{
	put_u16(b, (uint16_t)(v & 0xffff));
	put_u16(b, (uint16_t)(v >> 16));
}

static int
flush(struct gp_buf *b, FILE *out)
{
	struct gp_slice s = gp_buf_slice(b);
	int r = b->failed ? -ENOMEM : fwrite(s.ptr, 1, s.len, out) == s.len ? 0 : -EIO;
	gp_buf_free(b);
	return r;
}

/* What a file's own header and its entry in the directory have in common. */
static void
put_facts(struct gp_buf *b, const struct zip *z, const struct zip_file *f)
{
	put_u16(b, VERSION);
	put_u16(b, 0);
	put_u16(b, DEFLATED);
	put_u16(b, z->dos_time);
	put_u16(b, z->dos_date);
	put_u32(b, f->crc);
	put_u32(b, f->packed);
	put_u32(b, f->size);
	put_u16(b, (uint16_t)strlen(f->name));
	put_u16(b, 0); /* no extra field */
}

static int
write_local(const struct zip *z, const struct zip_file *f)
{
	struct gp_buf b = GP_BUF_INIT(LOCAL_LEN + ZIP_NAME_MAX);
	put_u32(&b, local_mark);
	put_facts(&b, z, f);
	gp_buf_put_str(&b, f->name);
	return flush(&b, z->out);
}

/* --- one file --- */

void
zip_begin(struct zip *z, FILE *out, uint64_t time_s)
{
	struct tm tm = {};
	time_t t = (time_t)time_s;
	*z = (struct zip){.out = out};
	gmtime_r(&t, &tm);
	int year = GP_MAX(GP_MIN(tm.tm_year, (int)YEAR_LAST), (int)YEAR_FIRST) - YEAR_FIRST;
	z->dos_date = (uint16_t)(year << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
	z->dos_time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

/* What deflate has ready, until it wants more. */
static int
drain(z_stream *s, int how, struct zip_file *f, FILE *out)
{
	unsigned char packed[PIECE];
	do {
		s->next_out = packed;
		s->avail_out = sizeof(packed);
		if (deflate(s, how) == Z_STREAM_ERROR)
			return -EIO;
		size_t len = sizeof(packed) - s->avail_out;
		if (len > UINT32_MAX - f->packed)
			return -EFBIG;
		f->packed += (uint32_t)len;
		if (fwrite(packed, 1, len, out) != len)
			return -EIO;
	} while (s->avail_out == 0);
	return 0;
}

static int
pack(z_stream *s, struct zip_file *f, FILE *from, FILE *out)
{
	unsigned char piece[PIECE];
	size_t n;
	int r = 0;
	while (r == 0 && (n = fread(piece, 1, sizeof(piece), from)) > 0) {
		if (n > UINT32_MAX - f->size)
			return -EFBIG;
		f->size += (uint32_t)n;
		f->crc = (uint32_t)crc32(f->crc, piece, (uInt)n);
		s->next_in = piece;
		s->avail_in = (uInt)n;
		r = drain(s, Z_NO_FLUSH, f, out);
	}
	return r < 0 ? r : ferror(from) ? -EIO : drain(s, Z_FINISH, f, out);
}

int
zip_add(struct zip *z, const char *name, FILE *from)
{
	z_stream s = {};
	long at = ftell(z->out);
	if (z->len == ZIP_FILES_MAX || at < 0 || at > UINT32_MAX)
		return -EFBIG;
	struct zip_file *f = &z->files[z->len++];
	*f = (struct zip_file){.at = (uint32_t)at};
	snprintf(f->name, sizeof(f->name), "%s", name);
	/* No header and no sum of zlib's own. */
	if (deflateInit2(&s, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	rewind(from);
	int r = write_local(z, f);
	if (r == 0)
		r = pack(&s, f, from, z->out);
	deflateEnd(&s);
	/* Once more, with what is known now. */
	if (r == 0 && fseek(z->out, at, SEEK_SET) == 0)
		r = write_local(z, f);
	return r < 0 ? r : fseek(z->out, 0, SEEK_END) == 0 ? 0 : -EIO;
}

/* --- the directory --- */

static int
write_entry(const struct zip *z, const struct zip_file *f)
{
	struct gp_buf b = GP_BUF_INIT(ENTRY_LEN + ZIP_NAME_MAX);
	put_u32(&b, entry_mark);
	put_u16(&b, VERSION);
	put_facts(&b, z, f);
	put_u16(&b, 0); /* no comment */
	put_u16(&b, 0); /* one disk */
	put_u16(&b, 0);
	put_u32(&b, 0); /* no attributes */
	put_u32(&b, f->at);
	gp_buf_put_str(&b, f->name);
	return flush(&b, z->out);
}

int
zip_end(struct zip *z)
{
	struct gp_buf b = GP_BUF_INIT(END_LEN);
	long begin = ftell(z->out), end = 0;
	int r = begin < 0 ? -EIO : 0;
	for (size_t i = 0; i < z->len && r == 0; i++)
		r = write_entry(z, &z->files[i]);
	if (r == 0 && (end = ftell(z->out)) < 0)
		r = -EIO;
	if (r == 0 && end > UINT32_MAX)
		r = -EFBIG;
	if (r < 0)
		return r;
	put_u32(&b, end_mark);
	put_u32(&b, 0); /* one disk */
	put_u16(&b, (uint16_t)z->len);
	put_u16(&b, (uint16_t)z->len);
	put_u32(&b, (uint32_t)(end - begin));
	put_u32(&b, (uint32_t)begin);
	put_u16(&b, 0); /* no comment */
	r = flush(&b, z->out);
	return r < 0 ? r : fflush(z->out) == 0 ? 0 : -EIO;
}
