/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/internal.h"

struct segment_name
segment_name(uint64_t sequence)
{
	struct segment_name name;
	snprintf(name.s, sizeof(name.s), "%016" PRIx64, sequence);
	return name;
}

bool
segment_name_parse(const char *name, uint64_t *ret_sequence)
{
	struct gp_slice text = gp_slice_str(name);
	uint64_t sequence = 0;
	if (text.len != sizeof(struct segment_name) - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = gp_ascii_hex(text.ptr[i]);
		if (digit < 0 || gp_ascii_lower(text.ptr[i]) != text.ptr[i])
			return false;
		sequence = sequence << 4 | (uint64_t)digit;
	}
	*ret_sequence = sequence;
	return sequence > 0;
}

struct segment *
segment_new(uint64_t sequence)
{
	struct segment *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	gp_list_init(&g->link);
	gp_list_init(&g->live);
	g->sequence = sequence;
	g->fd = -1;
	return g;
}

void
segment_free(struct gp_store *s, struct segment *g)
{
	gp_assert(gp_list_empty(&g->live));
	if (s->recent.segment == g)
		s->recent.segment = NULL;
	segment_close(s, g);
	gp_list_remove(&g->link);
	free(g);
}

struct segment *
segment_find(const struct gp_store *s, uint64_t sequence)
{
	/* From the newest: outcomes are looked for soon after they were written. */
	for (struct gp_list *l = s->segments.prev; l != &s->segments; l = l->prev) {
		struct segment *g = gp_container_of(l, struct segment, link);
		if (g->sequence == sequence)
			return g;
	}
	return NULL;
}

void
segment_close(struct gp_store *s, struct segment *g)
{
	if (g->fd < 0)
		return;
	s->io.ops->close(s->io.ctx, g->fd);
	g->fd = -1;
	s->open_fds--;
}

static void
close_oldest(struct gp_store *s)
{
	struct segment *oldest = NULL;
	gp_list_each (l, &s->segments) {
		struct segment *g = gp_container_of(l, struct segment, link);
		if (g->fd >= 0 && g != s->tail && (!oldest || g->used < oldest->used))
			oldest = g;
	}
	if (oldest)
		segment_close(s, oldest);
}

int
segment_open(struct gp_store *s, struct segment *g, enum gp_io_open how)
{
	g->used = ++s->tick;
	if (g->fd >= 0)
		return 0;
	if (s->open_fds >= OPEN_FDS_MAX)
		close_oldest(s);
	struct segment_name name = segment_name(g->sequence);
	int fd = s->io.ops->open(s->io.ctx, s->dirfd, name.s, how);
	g->direct = how == GP_IO_DIRECT && fd >= 0;
	if (fd < 0 && how == GP_IO_DIRECT)
		fd = s->io.ops->open(s->io.ctx, s->dirfd, name.s, GP_IO_READ);
	if (fd < 0)
		return fd;
	g->fd = fd;
	s->open_fds++;
	return 0;
}

/* O_DIRECT wants whole blocks into aligned memory. */
static int
read_direct(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len)
{
	while (len > 0) {
		uint64_t from = offset / GP_IO_ALIGN * GP_IO_ALIGN;
		size_t skip = (size_t)(offset - from);
		size_t want = (skip + len + GP_IO_ALIGN - 1) / GP_IO_ALIGN * GP_IO_ALIGN;
		want = GP_MIN(want, (size_t)BOUNCE_SIZE);
		int64_t got = s->io.ops->pread(s->io.ctx, g->fd, s->bounce, want, from);
		if (got < 0)
			return (int)got;
		if ((uint64_t)got <= skip)
			return GP_STORE_DAMAGED;
		size_t n = GP_MIN(len, (size_t)got - skip);
		memcpy(to, s->bounce + skip, n);
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int
read_file(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len)
{
	int rc = segment_open(s, g, g->direct ? GP_IO_DIRECT : GP_IO_READ);
	if (rc < 0)
		return rc;
	if (g->direct)
		return read_direct(s, g, offset, to, len);
	int64_t got = s->io.ops->pread(s->io.ctx, g->fd, to, len, offset);
	if (got < 0)
		return (int)got;
	return (uint64_t)got < len ? GP_STORE_DAMAGED : 0;
}

/* The batch that holds octets of this segment, or NULL. */
static const struct batch *
batch_of(const struct gp_store *s, const struct segment *g)
{
	if (s->out.segment == g)
		return &s->out;
	return s->lost.segment == g ? &s->lost : NULL;
}

/* Copies what the last sync covered, if it has all of it. */
static bool
read_recent(const struct gp_store *s, const struct segment *g, uint64_t offset, char *to,
	    size_t len)
{
	const struct batch *b = &s->recent;
	if (b->segment != g || offset < b->from || offset + len > b->from + b->bytes.len)
		return false;
	struct gp_slice there = gp_slice_drop(gp_buf_slice(&b->bytes), (size_t)(offset - b->from));
	if (len > 0)
		memcpy(to, there.ptr, len);
	return true;
}

int
segment_read(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len)
{
	if (read_recent(s, g, offset, to, len))
		return 0;
	const struct batch *b = batch_of(s, g);
	size_t from_file = len;
	if (b && offset + len > b->from)
		from_file = offset >= b->from ? 0 : (size_t)(b->from - offset);
	if (from_file > 0) {
		int rc = read_file(s, g, offset, to, from_file);
		if (rc != 0)
			return rc;
	}
	if (from_file < len) {
		struct gp_slice rest = gp_slice_drop(gp_buf_slice(&b->bytes),
						     (size_t)(offset + from_file - b->from));
		if (rest.len < len - from_file)
			return GP_STORE_DAMAGED;
		memcpy(to + from_file, rest.ptr, len - from_file);
	}
	return 0;
}

int
segment_read_around(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len)
{
	int rc = segment_read(s, g, offset, to, len);
	if (rc != -EIO)
		return rc == GP_STORE_DAMAGED ? -EIO : rc;
	for (size_t at = 0; at < len;) {
		size_t n = GP_MIN(len - at, GP_IO_ALIGN - (size_t)((offset + at) % GP_IO_ALIGN));
		if (segment_read(s, g, offset + at, to + at, n) != 0)
			memset(to + at, 0, n);
		at += n;
	}
	return 0;
}

int
segment_read_record(struct gp_store *s, struct segment *g, uint64_t offset, struct gp_buf *into,
		    struct gp_record *ret, struct gp_slice *ret_meta)
{
	gp_buf_clear(into);
	char *head = gp_buf_reserve(into, GP_RECORD_HEAD);
	if (!head)
		return -ENOMEM;
	int rc = segment_read(s, g, offset, head, GP_RECORD_HEAD);
	if (rc != 0)
		return rc;
	gp_buf_advance(into, GP_RECORD_HEAD);
	if (!gp_record_head_read(gp_buf_slice(into), g->mark, ret))
		return GP_STORE_DAMAGED;
	char *meta = gp_buf_reserve(into, ret->meta_len);
	if (!meta)
		return -ENOMEM;
	rc = segment_read(s, g, offset + GP_RECORD_HEAD, meta, ret->meta_len);
	if (rc != 0)
		return rc;
	gp_buf_advance(into, ret->meta_len);

	struct gp_record_place place = {g->mark, g->sequence, offset};
	*ret_meta = gp_slice_drop(gp_buf_slice(into), GP_RECORD_HEAD);
	return gp_record_head_good(gp_buf_slice(into), &place, *ret_meta) ? 0 : GP_STORE_DAMAGED;
}

void
walk_begin(struct walk *w, struct gp_store *s, struct segment *g, uint64_t limit, uint64_t covered)
{
	*w = (struct walk){
		.s = s,
		.g = g,
		.at = GP_SEGMENT_START,
		.limit = limit,
		.covered = covered,
		.window = GP_BUF_INIT((size_t)GP_META_MAX + GP_RECORD_HEAD + PIECE_SIZE),
	};
}

void
walk_end(struct walk *w)
{
	gp_buf_free(&w->window);
}

/* len octets at offset as a slice of the window, fewer at the limit; -errno or 0. */
static int
window_get(struct walk *w, uint64_t offset, size_t len, struct gp_slice *ret)
{
	*ret = gp_slice("", 0);
	if (offset >= w->limit)
		return 0;
	len = (size_t)GP_MIN(len, w->limit - offset);
	if (offset < w->window_at || offset + len > w->window_at + w->window.len) {
		size_t want = (size_t)GP_MIN(GP_MAX(len, (size_t)PIECE_SIZE), w->limit - offset);
		gp_buf_clear(&w->window);
		char *to = gp_buf_reserve(&w->window, want);
		if (!to)
			return -ENOMEM;
		int rc = segment_read_around(w->s, w->g, offset, to, want);
		if (rc < 0)
			return rc;
		gp_buf_advance(&w->window, want);
		w->window_at = offset;
	}
	*ret = gp_slice_take(
		gp_slice_drop(gp_buf_slice(&w->window), (size_t)(offset - w->window_at)), len);
	return 0;
}

enum found { FOUND_GOOD = 0, FOUND_NOTHING = 1, FOUND_BAD_BODY = 2 };

static int
check_body(struct walk *w, uint64_t offset, const struct gp_record *r)
{
	uint64_t at = offset + GP_RECORD_HEAD + r->meta_len;
	uint64_t left = r->body_len;
	uint32_t crc = 0;
	while (left > 0) {
		struct gp_slice piece;
		int rc = window_get(w, at, (size_t)GP_MIN(left, (uint64_t)PIECE_SIZE), &piece);
		if (rc < 0)
			return rc;
		if (piece.len == 0)
			return FOUND_BAD_BODY;
		crc = gp_crc32c(crc, piece);
		at += piece.len;
		left -= piece.len;
	}
	return crc == r->body_crc ? FOUND_GOOD : FOUND_BAD_BODY;
}

/* Looks for a record at offset. enum found or -errno. On FOUND_GOOD *ret_meta is in the window. */
static int
look_at(struct walk *w, uint64_t offset, struct gp_record *ret, struct gp_slice *ret_meta)
{
	struct gp_slice head;
	int rc = window_get(w, offset, GP_RECORD_HEAD, &head);
	if (rc < 0)
		return rc;
	if (!gp_record_head_read(head, w->g->mark, ret))
		return FOUND_NOTHING;
	rc = window_get(w, offset, GP_RECORD_HEAD + (size_t)ret->meta_len, &head);
	if (rc < 0)
		return rc;
	struct gp_record_place place = {w->g->mark, w->g->sequence, offset};
	*ret_meta = gp_slice_drop(head, GP_RECORD_HEAD);
	if (ret_meta->len != ret->meta_len || !gp_record_head_good(head, &place, *ret_meta))
		return FOUND_NOTHING;
	if (ret->body_len == 0)
		return ret->body_crc == 0 ? FOUND_GOOD : FOUND_BAD_BODY;
	rc = check_body(w, offset, ret);
	if (rc != FOUND_GOOD)
		return rc;
	/* The body may have pushed the meta out of the window. */
	rc = window_get(w, offset, GP_RECORD_HEAD + (size_t)ret->meta_len, &head);
	*ret_meta = gp_slice_drop(head, GP_RECORD_HEAD);
	return rc;
}

/* The next offset from `from` on where the mark stands; w->limit when there is none. */
static int
find_mark(struct walk *w, uint64_t from, uint64_t *ret)
{
	char mark[8];
	for (int i = 0; i < 8; i++)
		mark[i] = (char)(w->g->mark >> (8 * i));
	for (uint64_t at = from; at + GP_RECORD_HEAD <= w->limit;) {
		struct gp_slice piece;
		int rc = window_get(w, at, PIECE_SIZE, &piece);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i + sizeof(mark) <= piece.len; i += GP_RECORD_ALIGN) {
			if (memcmp(piece.ptr + i, mark, sizeof(mark)) == 0) {
				*ret = at + i;
				return 0;
			}
		}
		at += piece.len / GP_RECORD_ALIGN * GP_RECORD_ALIGN;
		if (piece.len < GP_RECORD_ALIGN)
			break;
	}
	*ret = w->limit;
	return 0;
}

/* The next good record behind `from`; *ret is w->limit when there is none. */
static int
find_record(struct walk *w, uint64_t from, uint64_t *ret, struct gp_record *ret_record)
{
	struct gp_slice meta;
	for (uint64_t at = from + GP_RECORD_ALIGN;; at += GP_RECORD_ALIGN) {
		int rc = find_mark(w, at, &at);
		if (rc < 0)
			return rc;
		*ret = at;
		if (at >= w->limit)
			return 0;
		rc = look_at(w, at, ret_record, &meta);
		if (rc <= FOUND_GOOD)
			return rc;
	}
}

/* Whether something behind the bad place says that it was durable once: raises w->covered. */
static int
learn_cover(struct walk *w)
{
	struct gp_record r;
	for (uint64_t at = w->at; w->covered <= w->at;) {
		int rc = find_record(w, at, &at, &r);
		if (rc < 0)
			return rc;
		if (at >= w->limit)
			return 0;
		w->covered = GP_MAX(w->covered, r.synced);
	}
	return 0;
}

/* At w->at there is no good record, and it was durable once: where does the damage end? */
static int
find_damage_end(struct walk *w, int found, const struct gp_record *bad)
{
	uint64_t end;
	struct gp_record next;
	w->bad_from = w->at;
	if (found == FOUND_BAD_BODY) {
		uint64_t size = gp_record_size(bad->meta_len, bad->body_len);
		end = GP_MIN(w->at + size, GP_MAX(w->limit, w->covered));
	} else {
		int rc = find_record(w, w->at, &end, &next);
		if (rc < 0)
			return rc;
		if (end >= w->limit)
			end = GP_MAX(w->covered, w->at);
	}
	w->bad_to = w->at = end;
	return WALK_DAMAGE;
}

int
walk_next(struct walk *w)
{
	struct gp_record r;
	int found = look_at(w, w->at, &r, &w->meta);
	if (found < 0)
		return found;
	if (found == FOUND_GOOD) {
		w->offset = w->at;
		w->record = r;
		w->covered = GP_MAX(w->covered, r.synced);
		w->at += gp_record_size(r.meta_len, r.body_len);
		return WALK_RECORD;
	}
	if (w->at >= w->covered) {
		int rc = learn_cover(w);
		if (rc < 0)
			return rc;
	}
	return w->at >= w->covered ? WALK_END : find_damage_end(w, found, &r);
}
