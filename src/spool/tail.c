/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/internal.h"

static const char reserve_name[] = "reserve";

enum {
	/* Of a segment: messages leave this part of it to outcomes and bounces. */
	KEEP_FRACTION = 16,
	/* When even the reserve file is not enough, a segment this much larger than the record. */
	SMALL_ROOM = 64 << 10,
};

static uint64_t
keep_size(const struct gp_store *s)
{
	return s->set.segment_size / KEEP_FRACTION;
}

bool
tail_fits(const struct gp_store *s, uint64_t size, enum room room)
{
	uint64_t keep = room == ROOM_MESSAGE ? keep_size(s) : 0;
	return s->tail && s->tail->end + size + keep <= s->tail->size;
}

/* The file's size for a new segment that is to hold such a record. */
static uint64_t
new_size(const struct gp_store *s, uint64_t size)
{
	uint64_t need = GP_SEGMENT_START + gp_record_size(0, 0) + size + keep_size(s);
	need = (need + GP_IO_ALIGN - 1) / GP_IO_ALIGN * GP_IO_ALIGN;
	return GP_MAX(s->set.segment_size, need);
}

int
reserve_make(struct gp_store *s)
{
	if (s->has_reserve)
		return 0;
	int fd = s->io.ops->open(s->io.ctx, s->dirfd, reserve_name, GP_IO_CREATE);
	if (fd < 0)
		return fd;
	int rc = s->io.ops->fallocate(s->io.ctx, fd, s->set.reserve_size);
	s->io.ops->close(s->io.ctx, fd);
	if (rc < 0)
		s->io.ops->unlink(s->io.ctx, s->dirfd, reserve_name);
	s->has_reserve = rc == 0;
	return rc;
}

/* Gives the reserve's blocks back to the file system; a journal frees them only once the removal is
 * committed, hence the sync. */
static int
reserve_spend(struct gp_store *s)
{
	if (!s->has_reserve)
		return -ENOSPC;
	int rc = s->io.ops->unlink(s->io.ctx, s->dirfd, reserve_name);
	if (rc < 0)
		return rc;
	s->has_reserve = false;
	return s->io.ops->fsync_dir(s->io.ctx, s->dirfd);
}

int
tail_space(struct gp_store *s, uint64_t size)
{
	uint64_t free_size, need = new_size(s, size) + s->set.free_min;
	if (!s->has_reserve)
		need += s->set.reserve_size;
	int rc = s->io.ops->free_space(s->io.ctx, s->dirfd, &free_size);
	if (rc < 0)
		return rc;
	return free_size < need ? GP_STORE_FULL : 0;
}

static int
file_make(struct gp_store *s, struct segment *g, uint64_t size)
{
	struct segment_name name = segment_name(g->sequence);
	int rc = segment_open(s, g, GP_IO_CREATE);
	if (rc == -EEXIST) {
		/* Behind the tail: made once and never begun, and its removal failed. */
		s->io.ops->unlink(s->io.ctx, s->dirfd, name.s);
		rc = segment_open(s, g, GP_IO_CREATE);
	}
	if (rc < 0)
		return rc;
	rc = s->io.ops->fallocate(s->io.ctx, g->fd, size);
	if (rc < 0) {
		segment_close(s, g);
		s->io.ops->unlink(s->io.ctx, s->dirfd, name.s);
		return rc;
	}
	g->size = size;
	return 0;
}

/* A full disk: the reserve file's blocks first, then no more than what is asked for now. */
static int
file_make_reserved(struct gp_store *s, struct segment *g, uint64_t size)
{
	int rc = file_make(s, g, new_size(s, size));
	if (rc != -ENOSPC && rc != -EDQUOT)
		return rc;
	if (s->has_reserve) {
		rc = reserve_spend(s);
		if (rc == 0)
			rc = file_make(s, g, new_size(s, size));
		if (rc != -ENOSPC && rc != -EDQUOT)
			return rc;
	}
	return file_make(s, g, GP_SEGMENT_START + size + SMALL_ROOM);
}

static int
file_make_for_messages(struct gp_store *s, struct segment *g, uint64_t size)
{
	int rc = tail_space(s, size);
	if (rc != 0)
		return rc;
	rc = reserve_make(s);
	if (rc == 0)
		rc = file_make(s, g, new_size(s, size));
	return rc == -ENOSPC || rc == -EDQUOT ? GP_STORE_FULL : rc;
}

/* A new segment with its file, in no list yet. */
static int
make(struct gp_store *s, uint64_t sequence, uint64_t size, enum room room, struct segment **ret)
{
	struct segment *g = segment_new(sequence);
	if (!g)
		return -ENOMEM;
	int rc = room == ROOM_MESSAGE ? file_make_for_messages(s, g, size)
				      : file_make_reserved(s, g, size);
	if (rc != 0) {
		segment_free(s, g);
		return rc;
	}
	*ret = g;
	return 0;
}

static void
unmake(struct gp_store *s, struct segment *g)
{
	struct segment_name name = segment_name(g->sequence);
	segment_free(s, g);
	s->io.ops->unlink(s->io.ctx, s->dirfd, name.s);
}

/* The header and the ids' high water go into memory and reach the disk with the first records. */
static int
begin(struct gp_store *s, struct segment *g, uint64_t prev_sequence, uint64_t prev_end)
{
	char sequence[8];
	memcpy(sequence, &g->sequence, sizeof(sequence));
	uint64_t seed[2] = {s->set.seed[0], s->set.seed[1] ^ s->now_ms};
	g->mark = gp_siphash13(seed, gp_slice(sequence, sizeof(sequence)));
	struct gp_segment_header h = {
		.sequence = g->sequence,
		.mark = g->mark,
		.prev_sequence = prev_sequence,
		.prev_end = prev_end,
		.created_ms = s->now_ms,
	};
	gp_list_append(&s->segments, &g->link);
	s->tail = g;
	s->dirty = s->dir_dirty = true;
	g->end = GP_SEGMENT_START;
	gp_buf_clear(&s->out.bytes);
	s->out.segment = g;
	s->out.from = 0;
	gp_segment_header_write(&s->out.bytes, &h);
	if (s->out.bytes.failed)
		return s->failed = -ENOMEM;
	return tail_put_small(s, GP_RECORD_IDS, s->ids_logged, gp_slice("", 0), NULL);
}

void
tail_seal(struct gp_store *s, struct segment *g)
{
	/* Only gives space back: when it fails, or a cut undoes it, nothing is read differently. */
	if (s->io.ops->ftruncate(s->io.ctx, g->fd, g->end) == 0)
		g->size = g->end;
}

int
tail_roll(struct gp_store *s, uint64_t size, enum room room)
{
	struct segment *old = s->tail, *g;
	int rc = make(s, old->sequence + 1, size, room, &g);
	if (rc != 0)
		return rc;
	/* Before the new one: what stands later must not be there without what stands before. */
	rc = tail_sync(s);
	if (rc < 0) {
		unmake(s, g);
		return rc;
	}
	tail_seal(s, old);
	return begin(s, g, old->sequence, old->end);
}

int
tail_replace(struct gp_store *s, uint64_t sequence, uint64_t prev_sequence, uint64_t prev_end)
{
	struct segment *g;
	s->tail = NULL;
	int rc = make(s, sequence, 0, ROOM_RESERVED, &g);
	return rc != 0 ? rc : begin(s, g, prev_sequence, prev_end);
}

/* Writes what is in memory, and keeps it there: a failed sync makes it the only good copy. */
static int
write_out(struct gp_store *s)
{
	struct gp_slice bytes = gp_buf_slice(&s->out.bytes);
	if (bytes.len == 0)
		return 0;
	int rc = s->io.ops->pwrite(s->io.ctx, s->tail->fd, bytes, s->out.from);
	if (rc < 0)
		s->failed = rc;
	return rc;
}

static void
forget_out(struct gp_store *s)
{
	s->out.from += s->out.bytes.len;
	gp_buf_clear(&s->out.bytes);
}

/* What was synced last is read next: by whoever hands it out. So it stays, in the other buffer. */
static void
keep_recent(struct gp_store *s)
{
	struct batch old = s->recent;
	s->recent = s->out;
	s->out.bytes = old.bytes;
	s->out.from += s->recent.bytes.len;
	gp_buf_clear(&s->out.bytes);
}

int
tail_sync(struct gp_store *s)
{
	if (s->failed)
		return s->failed;
	if (!s->dirty)
		return 0;
	int rc = write_out(s);
	if (rc < 0)
		return rc;
	rc = s->io.ops->fdatasync(s->io.ctx, s->tail->fd);
	if (rc == 0 && s->dir_dirty)
		rc = s->io.ops->fsync_dir(s->io.ctx, s->dirfd);
	if (rc < 0)
		return s->failed = rc;
	keep_recent(s);
	s->dirty = s->dir_dirty = false;
	s->tail->synced = s->tail->end;
	s->ids_durable = s->ids_logged;
	s->stats.syncs++;
	return 0;
}

/* The next piece of a body's range in a segment or file. */
static int
body_read(struct gp_store *s, const struct body *b, uint64_t at, char *to, size_t len)
{
	if (b->segment)
		return segment_read(s, b->segment, b->from + at, to, len);
	int64_t got = s->io.ops->pread(s->io.ctx, b->fd, to, len, b->from + at);
	if (got < 0)
		return (int)got;
	return (uint64_t)got < len ? -ENODATA : 0;
}

static uint64_t
slices_size(const struct body *b)
{
	uint64_t size = 0;
	for (size_t i = 0; i < b->slices_len; i++)
		size += b->slices[i].len;
	return size;
}

/* Body of a record that fits into the batch: to its place there. */
static int
body_to_memory(struct gp_store *s, const struct body *b, char *to, uint32_t *ret_crc)
{
	char *at = to;
	for (size_t i = 0; i < b->slices_len; i++) {
		if (b->slices[i].len > 0)
			memcpy(at, b->slices[i].ptr, b->slices[i].len);
		at += b->slices[i].len;
	}
	int rc = b->len > 0 ? body_read(s, b, 0, at, (size_t)b->len) : 0;
	*ret_crc = gp_crc32c(0, gp_slice(to, (size_t)(at - to) + (size_t)b->len));
	return rc;
}

static int
put_in_memory(struct gp_store *s, struct gp_record *r, struct gp_slice meta,
	      const struct body *body)
{
	size_t size = (size_t)gp_record_size(meta.len, r->body_len);
	struct gp_record_place place = {s->tail->mark, s->tail->sequence, s->tail->end};
	char *to = gp_buf_reserve(&s->out.bytes, size);
	if (!to)
		return -ENOMEM;
	memset(to + size - GP_RECORD_ALIGN, 0, GP_RECORD_ALIGN);
	char *at = to + GP_RECORD_HEAD;
	if (meta.len > 0)
		memcpy(at, meta.ptr, meta.len);
	int rc = body ? body_to_memory(s, body, at + meta.len, &r->body_crc) : 0;
	if (rc != 0)
		return rc;
	if (body && body->crc && *body->crc != r->body_crc)
		return GP_STORE_DAMAGED;
	gp_record_head_write(to, &place, r, meta);
	gp_buf_advance(&s->out.bytes, size);
	return 0;
}

/* A write to the tail at any place: failure is the tail's. */
static int
write_at(struct gp_store *s, struct gp_slice bytes, uint64_t offset)
{
	int rc = s->io.ops->pwrite(s->io.ctx, s->tail->fd, bytes, offset);
	if (rc < 0)
		s->failed = rc;
	return rc;
}

static int
body_to_file(struct gp_store *s, const struct body *b, uint64_t offset, uint32_t *ret_crc)
{
	int rc = 0;
	uint32_t crc = 0;
	for (size_t i = 0; i < b->slices_len && rc == 0; i++) {
		crc = gp_crc32c(crc, b->slices[i]);
		rc = write_at(s, b->slices[i], offset);
		offset += b->slices[i].len;
	}
	char *piece = gp_buf_reserve(&s->out.bytes, (size_t)GP_MIN(b->len, (uint64_t)PIECE_SIZE));
	if (!piece)
		rc = -ENOMEM;
	for (uint64_t done = 0; done < b->len && rc == 0;) {
		size_t n = (size_t)GP_MIN(b->len - done, (uint64_t)PIECE_SIZE);
		rc = body_read(s, b, done, piece, n);
		if (rc != 0)
			break;
		crc = gp_crc32c(crc, gp_slice(piece, n));
		rc = write_at(s, gp_slice(piece, n), offset + done);
		done += n;
	}
	*ret_crc = crc;
	return rc;
}

/* A large record goes to the file at once: the body first, as its checksum stands before it. Until
 * the head is there it is free space, so giving up half way costs nothing. */
static int
put_in_file(struct gp_store *s, struct gp_record *r, struct gp_slice meta, const struct body *body)
{
	uint64_t at = s->tail->end;
	struct gp_record_place place = {s->tail->mark, s->tail->sequence, at};
	int rc = body_to_file(s, body, at + GP_RECORD_HEAD + meta.len, &r->body_crc);
	if (rc != 0)
		return rc;
	if (body->crc && *body->crc != r->body_crc)
		return GP_STORE_DAMAGED;
	char head[GP_RECORD_HEAD];
	gp_record_head_write(head, &place, r, meta);
	rc = write_at(s, meta, at + GP_RECORD_HEAD);
	if (rc == 0)
		rc = write_at(s, gp_slice(head, sizeof(head)), at);
	if (rc == 0)
		s->out.from = at + gp_record_size(meta.len, r->body_len);
	return rc;
}

/* Room in the segment for the record, and in memory where it goes there. */
static int
make_room(struct gp_store *s, uint64_t size, bool large, enum room room)
{
	if (!tail_fits(s, size, room)) {
		int rc = tail_roll(s, size, room);
		if (rc != 0)
			return rc;
	}
	if (!large && s->out.bytes.len + size <= s->set.batch_size)
		return 0;
	int rc = write_out(s);
	if (rc == 0)
		forget_out(s);
	return rc;
}

int
tail_put(struct gp_store *s, const struct gp_record *record, struct gp_slice meta,
	 const struct body *body, enum room room, struct place *ret)
{
	static const struct body none = {};
	struct gp_record r = *record;
	if (s->fatal || s->failed)
		return s->fatal ? -EIO : s->failed;
	if (meta.len > GP_META_MAX)
		return GP_STORE_TOO_BIG;
	body = body ? body : &none;
	r.meta_len = (uint32_t)meta.len;
	r.body_len = slices_size(body) + body->len;
	uint64_t size = gp_record_size(r.meta_len, r.body_len);
	bool large = size > s->set.batch_size / 2;
	int rc = make_room(s, size, large, room);
	if (rc != 0)
		return rc;

	r.synced = s->tail->synced;
	rc = large ? put_in_file(s, &r, meta, body) : put_in_memory(s, &r, meta, body);
	if (rc != 0)
		return rc;
	if (ret)
		*ret = (struct place){s->tail, s->tail->end, r.meta_len};
	s->tail->end += size;
	s->dirty = s->unanswered = true;
	return 0;
}

int
tail_put_small(struct gp_store *s, uint8_t type, uint64_t id, struct gp_slice meta,
	       struct place *ret)
{
	struct gp_record r = {.type = type, .id = id};
	return tail_put(s, &r, meta, NULL, ROOM_RESERVED, ret);
}
