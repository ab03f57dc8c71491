/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the files to the index. Two passes: the headers of all segments, so that a directory of
 * another format is refused before anything is touched; then all records, oldest first.
 */
#include <errno.h>
#include <stdlib.h>

#include "spool/internal.h"

struct names {
	uint64_t *sequences;
	size_t len, cap;
	bool reserve;
};

struct recovery {
	struct gp_store *s;
	struct gp_store_report *report;
	struct segment_info *info; /* one per segment, in order */
	size_t len;
	struct gp_arena arena;
};

struct segment_info {
	struct segment *segment;
	struct gp_segment_header header;
	bool good;        /* has a header */
	uint64_t covered; /* its successor says that this much was durable */
};

static int
collect(void *arg, const char *name)
{
	struct names *n = arg;
	uint64_t sequence;
	if (gp_slice_eq(gp_slice_str(name), GP_SLICE("reserve")))
		n->reserve = true;
	if (!segment_name_parse(name, &sequence))
		return 0;
	if (n->len == SEGMENTS_MAX)
		return -EMFILE;
	if (n->len == n->cap) {
		size_t cap = GP_MAX(n->cap * 2, (size_t)64);
		uint64_t *more = reallocarray(n->sequences, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		n->sequences = more;
		n->cap = cap;
	}
	n->sequences[n->len++] = sequence;
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Opens the file and reads its header, past the page cache: after a sync that failed in an earlier
 * life, the cache may show what the disk never got. */
static int
read_header(struct recovery *r, struct segment_info *info)
{
	struct gp_store *s = r->s;
	struct segment *g = info->segment;
	int rc = segment_open(s, g, GP_IO_DIRECT);
	if (rc == 0)
		rc = s->io.ops->size(s->io.ctx, g->fd, &g->size);
	if (rc < 0)
		return rc;
	char *first = gp_arena_alloc(&r->arena, GP_SEGMENT_START);
	if (!first)
		return -ENOMEM;
	size_t len = (size_t)GP_MIN(g->size, (uint64_t)GP_SEGMENT_START);
	rc = segment_read(s, g, 0, first, len);
	if (rc < 0 && rc != -EIO)
		return rc;
	rc = gp_segment_header_read(gp_slice(first, rc == 0 ? len : 0), &info->header);
	gp_arena_reset(&r->arena);
	if (rc == GP_STORE_VERSION)
		return rc;
	info->good = rc == 0 && info->header.sequence == g->sequence;
	g->mark = info->good ? info->header.mark : 0;
	return 0;
}

/* A later segment says that this much of an earlier one was durable. Where that is all, cached
 * reads will do. */
static void
vouch(struct recovery *r, const struct gp_segment_header *h)
{
	for (size_t i = r->len; i-- > 0;) {
		struct segment *g = r->info[i].segment;
		if (g->sequence != h->prev_sequence)
			continue;
		r->info[i].covered = GP_MAX(r->info[i].covered, h->prev_end);
		if (r->info[i].good && g->size == h->prev_end) {
			segment_close(r->s, g);
			g->direct = false;
		}
		return;
	}
}

/* The last segment of a clean end vouches for itself: its last record, read from the disk, was
 * written after all before it was durable. */
static void
vouch_for_clean_end(struct recovery *r, struct segment_info *info)
{
	struct segment *g = info->segment;
	struct gp_record last;
	struct gp_slice meta;
	if (!info->good || g->size < GP_SEGMENT_START + GP_RECORD_HEAD)
		return;
	uint64_t at = g->size - GP_RECORD_HEAD;
	if (segment_read_record(r->s, g, at, &r->s->meta, &last, &meta) != 0 ||
	    last.type != GP_RECORD_IDS || last.synced != at)
		return;
	info->covered = g->size;
	segment_close(r->s, g);
	g->direct = false;
}

static int
read_headers(struct recovery *r, const struct names *names)
{
	r->info = calloc(GP_MAX(names->len, (size_t)1), sizeof(*r->info));
	if (!r->info)
		return -ENOMEM;
	for (size_t i = 0; i < names->len; i++) {
		struct segment *g = segment_new(names->sequences[i]);
		if (!g)
			return -ENOMEM;
		gp_list_append(&r->s->segments, &g->link);
		r->info[r->len++].segment = g;
		int rc = read_header(r, &r->info[i]);
		if (rc != 0)
			return rc;
		if (r->info[i].good)
			vouch(r, &r->info[i].header);
	}
	if (r->len > 0)
		vouch_for_clean_end(r, &r->info[r->len - 1]);
	return 0;
}

static void
set_aside(struct recovery *r, struct segment *g, uint64_t from, uint64_t to, const char *reason)
{
	r->report->damaged++;
	r->report->damaged_size += to - from;
	/* No copy, then no reclaim either: the next start finds it again. */
	if (quarantine_copy(r->s, g, from, to, reason) < 0)
		g->pinned = true;
}

static int
take_message(struct recovery *r, const struct walk *w, const struct place *at)
{
	struct gp_message_meta m;
	if (!gp_message_meta_read(w->meta, &r->arena, &m))
		return r->arena.failed ? -ENOMEM : GP_STORE_DAMAGED;
	struct gp_queued *old = gp_store_find(r->s, w->record.id);
	if (old)
		entry_free(r->s, entry_of(old)); /* moved: the later copy has all states */
	struct entry *e = entry_new(r->s, w->record.id, &m, w->record.body_len, at);
	if (!e)
		return -ENOMEM;
	if (e->q.pending_len == 0)
		entry_free(r->s, e);
	return 0;
}

static int
take_outcome(struct recovery *r, const struct walk *w, const struct place *at)
{
	struct gp_outcome_meta o;
	struct gp_queued *q = gp_store_find(r->s, w->record.id);
	if (!q)
		return 0; /* finished, or its message was damaged */
	if (!gp_outcome_meta_read(w->meta, &r->arena, &o))
		return r->arena.failed ? -ENOMEM : GP_STORE_DAMAGED;
	entry_apply(entry_of(q), &o, at);
	if (q->pending_len == 0)
		entry_free(r->s, entry_of(q));
	return 0;
}

static int
take(struct recovery *r, const struct walk *w)
{
	struct gp_store *s = r->s;
	struct place at = {w->g, w->offset, w->record.meta_len};
	uint64_t id = w->record.id;
	struct gp_queued *q;
	switch ((enum gp_record_type)w->record.type) {
	case GP_RECORD_MESSAGE:
		s->ids_next = GP_MAX(s->ids_next, id + 1);
		return take_message(r, w, &at);
	case GP_RECORD_OUTCOME:
		return take_outcome(r, w, &at);
	case GP_RECORD_GONE:
		q = gp_store_find(s, id);
		if (q)
			entry_free(s, entry_of(q));
		return 0;
	case GP_RECORD_IDS:
		s->ids_next = GP_MAX(s->ids_next, id);
		return 0;
	case GP_RECORD_TYPES:
		break;
	}
	return GP_STORE_DAMAGED;
}

static int
take_records(struct recovery *r, struct walk *w)
{
	for (;;) {
		int rc = walk_next(w);
		if (rc < 0 || rc == WALK_END)
			return rc < 0 ? rc : 0;
		if (rc == WALK_DAMAGE) {
			set_aside(r, w->g, w->bad_from, w->bad_to, "checksum does not match");
			continue;
		}
		r->report->records++;
		rc = take(r, w);
		if (rc < 0)
			return rc;
		if (rc == GP_STORE_DAMAGED)
			set_aside(r, w->g, w->offset, w->at, "malformed, with a right checksum");
		gp_arena_reset(&r->arena);
	}
}

/* Whether the range holds anything but zeros; *ret_end: behind the last piece that does. */
static int
find_content(struct gp_store *s, struct segment *g, uint64_t *ret_end)
{
	struct gp_buf piece = GP_BUF_INIT(PIECE_SIZE);
	char *to = gp_buf_reserve(&piece, BOUNCE_SIZE);
	int rc = to ? 0 : -ENOMEM;
	*ret_end = 0;
	for (uint64_t at = 0; at < g->size && rc == 0;) {
		size_t n = (size_t)GP_MIN(g->size - at, (uint64_t)BOUNCE_SIZE);
		rc = segment_read(s, g, at, to, n);
		for (size_t i = 0; i < n && rc == 0; i++) {
			if (to[i] != 0)
				*ret_end = at + i + 1;
		}
		at += n;
	}
	gp_buf_free(&piece);
	return rc == GP_STORE_DAMAGED ? -EIO : rc;
}

/* No header, and nobody says that there was one: a segment that was being begun at a cut. Nothing
 * in it was promised, but damage would look the same; so what is in it is kept aside. */
static void
set_beginning_aside(struct recovery *r, struct segment *g, uint64_t end)
{
	r->report->tail_size += end;
	if (end > 0 &&
	    quarantine_copy(r->s, g, 0, end, "no good header; perhaps never whole") < 0) {
		g->pinned = true;
		g->end = end;
	}
}

static int
take_headless(struct recovery *r, const struct segment_info *info)
{
	uint64_t end;
	int rc = find_content(r->s, info->segment, &end);
	if (rc < 0 && rc != -EIO)
		return rc;
	if (info->covered == 0) {
		set_beginning_aside(r, info->segment, end);
		return 0;
	}
	info->segment->end = end;
	set_aside(r, info->segment, 0, GP_MAX(end, info->covered), "no good header");
	return 0;
}

static int
take_segment(struct recovery *r, struct segment_info *info)
{
	struct segment *g = info->segment;
	r->report->segments++;
	if (!info->good)
		return take_headless(r, info);
	struct walk w;
	walk_begin(&w, r->s, g, g->size, info->covered);
	int rc = take_records(r, &w);
	g->end = w.at;
	walk_end(&w);
	return rc;
}

/* What stands behind the last good record, zeros apart. */
static void
measure_tail(struct recovery *r, const struct segment_info *info)
{
	uint64_t end;
	if (info->good && info->segment->end < info->segment->size &&
	    find_content(r->s, info->segment, &end) == 0 && end > info->segment->end)
		r->report->tail_size += end - info->segment->end;
}

/* Makes what was read durable, since from now on it counts; gives back what is behind. */
static int
settle(struct gp_store *s, struct segment *g)
{
	segment_close(s, g);
	g->direct = false;
	int rc = segment_open(s, g, GP_IO_WRITE);
	if (rc < 0)
		return rc;
	rc = s->io.ops->fdatasync(s->io.ctx, g->fd);
	if (rc < 0)
		return rc;
	g->end = GP_MIN(g->end, g->size);
	if (s->io.ops->ftruncate(s->io.ctx, g->fd, g->end) == 0)
		g->size = g->end;
	return 0;
}

static int
begin_again(struct recovery *r)
{
	struct gp_store *s = r->s;
	if (r->len == 0)
		return tail_replace(s, 1, 0, 0);
	for (size_t i = 0; i < r->len; i++) {
		const struct segment_info *info = &r->info[i];
		measure_tail(r, info);
		/* Whole, says its successor: it was synced before that one was begun. */
		if (info->good && info->segment->end == info->covered)
			continue;
		int rc = settle(s, info->segment);
		if (rc < 0)
			return rc;
	}
	/* Vouch for the last that can be: one that was never begun needs nobody's word. */
	const struct segment_info *last = &r->info[r->len - 1], *good = last;
	while (!good->good && good > r->info)
		good--;
	return tail_replace(s, last->segment->sequence + 1, good->segment->sequence,
			    good->good ? good->segment->end : 0);
}

static int
read_all(struct recovery *r, struct names *names)
{
	int rc = r->s->io.ops->list(r->s->io.ctx, r->s->dirfd, collect, names);
	if (rc < 0)
		return rc;
	if (names->len > 0)
		qsort(names->sequences, names->len, sizeof(names->sequences[0]), by_number);
	r->s->has_reserve = names->reserve;
	rc = read_headers(r, names);
	for (size_t i = 0; i < r->len && rc == 0; i++)
		rc = take_segment(r, &r->info[i]);
	return rc;
}

int
recover(struct gp_store *s, struct gp_store_report *report)
{
	struct names names = {};
	struct recovery r = {
		.s = s,
		.report = report,
		.arena = GP_ARENA_INIT((size_t)GP_META_MAX * 4),
	};
	int rc = read_all(&r, &names);
	if (rc == 0) {
		s->ids_next = GP_MAX(s->ids_next, s->now_ms * 1000 << 12);
		s->ids_logged = s->ids_next + ids_block;
		rc = begin_again(&r);
	}
	report->messages = s->stats.messages;
	gp_arena_free(&r.arena);
	free(r.info);
	free(names.sequences);
	return rc;
}
