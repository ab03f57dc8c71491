/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "spool/internal.h"

/* Octets moved in a step; the caller's loop waits that long. */
static const uint64_t step_size = 1 << 20;

static struct segment *
oldest(const struct gp_store *s)
{
	struct segment *g = gp_container_of(s->segments.next, struct segment, link);
	return g == s->tail || g->pinned ? NULL : g;
}

static bool
worth_moving(const struct gp_store *s)
{
	struct gp_store_stats stats = gp_store_stats(s);
	return stats.total_size > 2 * stats.live_size + s->set.slack_size;
}

/* What was moved must be durable before its old record goes, and so must what was undone in it: a
 * bounce, say, whose message stood here. */
static int
remove_oldest(struct gp_store *s, struct segment *g)
{
	int rc = tail_sync(s);
	if (rc < 0)
		return rc;
	struct segment_name name = segment_name(g->sequence);
	segment_free(s, g);
	rc = s->io.ops->unlink(s->io.ctx, s->dirfd, name.s);
	/* Before the next is unlinked: it may hold what undoes messages in this one. */
	if (rc == 0)
		rc = s->io.ops->fsync_dir(s->io.ctx, s->dirfd);
	if (rc < 0) {
		s->fatal = true;
		return rc;
	}
	if (!s->has_reserve && tail_space(s, 0) == 0 && reserve_make(s) < 0)
		return GP_STORE_FULL;
	return GP_STORE_MORE;
}

static int
move_one(struct gp_store *s, struct entry *e)
{
	/* The reserve is for outcomes first: a segment of its own for a large message is too much.
	 */
	if (e->q.size > s->set.segment_size / 2 && tail_space(s, e->q.size) != 0)
		return GP_STORE_FULL;
	int rc = message_move(s, e);
	if (rc == GP_STORE_DAMAGED)
		rc = entry_quarantine(s, e);
	return rc == -ENOSPC || rc == -EDQUOT ? GP_STORE_FULL : rc;
}

int
gp_store_reclaim(struct gp_store *s)
{
	if (s->fatal || s->failed)
		return s->fatal ? -EIO : s->failed;
	struct segment *g = oldest(s);
	if (!g)
		return 0;
	if (gp_list_empty(&g->live))
		return remove_oldest(s, g);
	if (!worth_moving(s))
		return 0;
	for (uint64_t moved = 0; moved < step_size && !gp_list_empty(&g->live);) {
		struct entry *e = gp_container_of(g->live.next, struct entry, in_segment);
		uint64_t size = e->q.size;
		int rc = move_one(s, e);
		if (rc != 0)
			return rc;
		moved += size;
		s->stats.moved++;
	}
	return GP_STORE_MORE;
}
