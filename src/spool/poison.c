/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write or sync of the tail has failed. After that nobody knows what of it is on the disk, and
 * another sync would answer for pages that the kernel has already given up. So the segment is left:
 *
 *     close it; read it back past the page cache, what the failed sync covered from memory;
 *     say all that it said again in a new segment; sync that; unlink the old one.
 *
 * It need not be the oldest: everything in it stands in a later segment by then, so neither a
 * message nor what undid it goes with it. A crash anywhere before leaves it in place, and recovery
 * takes what is said twice from the later record.
 */
#include <errno.h>

#include "spool/internal.h"

static int
drop_unanswered(struct gp_store *s)
{
	gp_list_each (l, &s->fresh) {
		struct entry *e = gp_container_of(l, struct entry, in_fresh);
		if (e->own)
			continue;
		int rc = tail_put_small(s, GP_RECORD_GONE, e->q.id, gp_slice("", 0), NULL);
		if (rc != 0)
			return rc;
		entry_free(s, e);
	}
	return 0;
}

/* Bounces before the rest, whose folded states may be the reason for them. */
static int
move_own(struct gp_store *s, struct segment *g)
{
	gp_list_each (l, &s->fresh) {
		struct entry *e = gp_container_of(l, struct entry, in_fresh);
		int rc = e->at.segment == g ? message_move(s, e) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
move_all(struct gp_store *s, struct segment *g)
{
	while (!gp_list_empty(&g->live)) {
		int rc = message_move(s, gp_container_of(g->live.next, struct entry, in_segment));
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
fold_all(struct gp_store *s, struct segment *g)
{
	for (struct gp_queued *q = gp_store_next(s, NULL); q; q = gp_store_next(s, q)) {
		struct entry *e = entry_of(q);
		struct gp_outcome_meta none = {.flags = q->flags};
		int rc = e->last.segment == g ? states_fold(s, e, &none) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
repeat_gone(struct gp_store *s, struct walk *w)
{
	for (;;) {
		int rc = walk_next(w);
		if (rc != WALK_RECORD)
			return rc == WALK_END ? 0 : -EIO;
		if (w->record.type != GP_RECORD_GONE || gp_store_find(s, w->record.id))
			continue;
		rc = tail_put_small(s, GP_RECORD_GONE, w->record.id, gp_slice("", 0), NULL);
		if (rc != 0)
			return rc;
	}
}

static int
carry_over(struct gp_store *s, struct segment *g)
{
	int rc = drop_unanswered(s);
	if (rc == 0)
		rc = move_own(s, g);
	if (rc == 0)
		rc = move_all(s, g);
	if (rc == 0)
		rc = fold_all(s, g);
	if (rc != 0)
		return rc;
	struct walk w;
	walk_begin(&w, s, g, g->end, g->end);
	rc = repeat_gone(s, &w);
	walk_end(&w);
	return rc != 0 ? rc : tail_sync(s);
}

static int
remove_segment(struct gp_store *s, struct segment *g)
{
	struct segment_name name = segment_name(g->sequence);
	segment_free(s, g);
	int rc = s->io.ops->unlink(s->io.ctx, s->dirfd, name.s);
	return rc < 0 ? rc : s->io.ops->fsync_dir(s->io.ctx, s->dirfd);
}

int
poison_leave(struct gp_store *s)
{
	struct segment *g = s->tail;
	/* What survives is what the disk has, so that is where all of it is read. */
	s->recent.segment = NULL;
	s->lost = s->out;
	s->out = (struct batch){.bytes = GP_BUF_INIT(s->lost.bytes.max)};
	s->failed = 0;
	segment_close(s, g);
	g->direct = true;
	int rc = tail_replace(s, g->sequence + 1, g->sequence, g->synced);
	if (rc == 0)
		rc = carry_over(s, g);
	s->lost.segment = NULL;
	gp_buf_free(&s->lost.bytes);
	return rc != 0 ? rc : remove_segment(s, g);
}
