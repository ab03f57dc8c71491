/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/store.h"

#include <errno.h>
#include <stdlib.h>

#include "spool/internal.h"

enum {
	SEGMENT_SIZE = 64 << 20,
	SEGMENT_SIZE_MIN = 16 << 10,
	BATCH_SIZE = 4 << 20,
	FREE_MIN = 16 << 20,
	MESSAGES_MAX = 16 << 20,
	RCPTS_MAX = 10000,
	IDS_AT_ONCE_MAX = 65536,
	FULL_ASK_MS = 1000,
	META_GUESS = 4096, /* of a message whose envelope is not known yet */
};

static const uint64_t record_max = (uint64_t)1 << 40;

static struct gp_store_settings
with_defaults(const struct gp_store_settings *set)
{
	struct gp_store_settings d = *set;
	d.segment_size =
		d.segment_size ? GP_MAX(d.segment_size, (uint64_t)SEGMENT_SIZE_MIN) : SEGMENT_SIZE;
	d.segment_size = GP_MIN(d.segment_size, (uint64_t)1 << 30);
	d.batch_size = d.batch_size ? d.batch_size : BATCH_SIZE;
	d.reserve_size = d.reserve_size ? d.reserve_size : d.segment_size;
	d.free_min = d.free_min ? d.free_min : FREE_MIN;
	d.slack_size = d.slack_size ? d.slack_size : 2 * d.segment_size;
	d.messages_max = d.messages_max ? d.messages_max : MESSAGES_MAX;
	d.rcpts_max = d.rcpts_max ? GP_MIN(d.rcpts_max, (uint32_t)RCPTS_MAX) : RCPTS_MAX;
	return d;
}

static struct gp_store *new (struct gp_io io, int dirfd, const struct gp_store_settings *settings,
			     uint64_t now_ms)
{
	struct gp_store *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->io = io;
	s->dirfd = dirfd;
	s->set = with_defaults(settings);
	s->now_ms = now_ms;
	gp_list_init(&s->segments);
	gp_list_init(&s->fresh);
	s->index = gp_map(s->set.messages_max, s->set.seed);
	s->out.bytes = s->recent.bytes = GP_BUF_INIT(s->set.batch_size + PIECE_SIZE);
	s->meta = GP_BUF_INIT((size_t)GP_META_MAX + GP_RECORD_HEAD);
	s->bounce = aligned_alloc(GP_IO_ALIGN, BOUNCE_SIZE);
	return s->bounce ? s : gp_store_free(s);
}

static void
free_segment_whole(struct gp_store *s, struct segment *g)
{
	gp_list_each (l, &g->live)
		entry_free(s, gp_container_of(l, struct entry, in_segment));
	segment_free(s, g);
}

struct gp_store *
gp_store_free(struct gp_store *s)
{
	if (!s)
		return NULL;
	gp_list_each (l, &s->segments)
		free_segment_whole(s, gp_container_of(l, struct segment, link));
	gp_map_free(&s->index);
	gp_buf_free(&s->out.bytes);
	gp_buf_free(&s->recent.bytes);
	gp_buf_free(&s->lost.bytes);
	gp_buf_free(&s->meta);
	free(s->bounce);
	free(s);
	return NULL;
}

int
gp_store_open(struct gp_io io, int dirfd, const struct gp_store_settings *settings, uint64_t now_ms,
	      struct gp_store **ret, struct gp_store_report *ret_report)
{
	*ret = NULL;
	*ret_report = (struct gp_store_report){};
	struct gp_store *s = new (io, dirfd, settings, now_ms);
	if (!s)
		return -ENOMEM;
	int rc = recover(s, ret_report);
	if (rc == 0)
		rc = tail_sync(s);
	if (rc != 0) {
		gp_store_free(s);
		return rc;
	}
	s->unanswered = false;
	/* A full disk is not a reason not to start: it is what the queue must be drained on. */
	if (tail_space(s, 0) == 0)
		(void)reserve_make(s);
	*ret = s;
	return 0;
}

/* A record behind the last batch says that the batch was durable: after a clean end, every bad
 * record is damage, none a torn tail, and cached reads can be trusted. */
static int
mark_clean(struct gp_store *s)
{
	int rc = gp_store_sync(s);
	if (rc == 0)
		rc = tail_put_small(s, GP_RECORD_IDS, s->ids_logged, gp_slice("", 0), NULL);
	if (rc == 0)
		rc = gp_store_sync(s);
	if (rc == 0)
		tail_seal(s, s->tail);
	return rc;
}

int
gp_store_close(struct gp_store *s)
{
	if (!s)
		return 0;
	int rc = mark_clean(s);
	gp_store_free(s);
	return rc;
}

int
gp_store_ids(struct gp_store *s, uint32_t n, uint64_t now_ms, uint64_t *ret_first)
{
	if (n == 0 || n > IDS_AT_ONCE_MAX)
		return -EINVAL;
	s->now_ms = now_ms;
	uint64_t after = s->ids_next + n;
	if (after + ids_block / 2 > s->ids_logged) {
		uint64_t high = s->ids_next + ids_block;
		int rc = tail_put_small(s, GP_RECORD_IDS, high, gp_slice("", 0), NULL);
		if (rc != 0)
			return rc;
		s->ids_logged = high;
	}
	/* Half a block ahead it rides along with the next batch; only who waited too long pays. */
	if (after > s->ids_durable) {
		int rc = tail_sync(s);
		if (rc != 0)
			return rc;
	}
	*ret_first = s->ids_next;
	s->ids_next = after;
	return 0;
}

uint64_t
gp_store_next_id(const struct gp_store *s)
{
	return s->ids_next;
}

static uint64_t
body_size(const struct gp_store_body *body)
{
	uint64_t size = body->fd_len;
	for (size_t i = 0; i < body->slices_len; i++)
		size += body->slices[i].len;
	return size;
}

static int
put_message(struct gp_store *s, uint64_t id, const struct gp_envelope *envelope,
	    const struct gp_store_body *body, enum room room, struct place *ret)
{
	gp_buf_clear(&s->meta);
	gp_message_meta_write(&s->meta, envelope, NULL, 0);
	if (s->meta.failed)
		return GP_STORE_TOO_BIG;
	struct body b = {
		.slices = body->slices,
		.slices_len = body->slices_len,
		.fd = body->fd,
		.from = body->fd_at,
		.len = body->fd_len,
	};
	struct gp_record r = {.type = GP_RECORD_MESSAGE, .id = id};
	int rc = tail_put(s, &r, gp_buf_slice(&s->meta), &b, room, ret);
	return rc == -ENOSPC || rc == -EDQUOT ? GP_STORE_FULL : rc;
}

int
gp_store_append(struct gp_store *s, uint64_t id, const struct gp_envelope *envelope,
		const struct gp_store_body *body, uint32_t flags, struct gp_queued **ret)
{
	bool own = flags & GP_STORE_RESERVED;
	if (envelope->rcpts_len == 0 || gp_store_find(s, id))
		return -EINVAL;
	if (envelope->rcpts_len > s->set.rcpts_max || body_size(body) > record_max)
		return GP_STORE_TOO_BIG;
	if (s->stats.messages >= s->set.messages_max)
		return GP_STORE_FULL;
	struct place at;
	int rc = put_message(s, id, envelope, body, own ? ROOM_RESERVED : ROOM_MESSAGE, &at);
	if (rc != 0)
		return rc;

	struct gp_message_meta m = {.envelope = *envelope};
	struct entry *e = entry_new(s, id, &m, body_size(body), &at);
	if (!e) {
		rc = tail_put_small(s, GP_RECORD_GONE, id, gp_slice("", 0), NULL);
		return rc != 0 ? rc : -ENOMEM;
	}
	e->own = own;
	gp_list_append(&s->fresh, &e->in_fresh);
	s->ids_next = GP_MAX(s->ids_next, id + 1);
	s->stats.appends++;
	if (ret)
		*ret = &e->q;
	return 0;
}

/* How many of the pending recipients these changes would leave pending; UINT32_MAX: not allowed. */
static uint32_t
count_left(const struct entry *e, const struct gp_rcpt_change *changes, size_t n)
{
	uint32_t left = e->q.pending_len;
	for (size_t i = 0; i < n; i++) {
		bool in_order = i == 0 || changes[i].rcpt > changes[i - 1].rcpt;
		if (!in_order || changes[i].rcpt >= e->q.rcpts_len ||
		    e->due[changes[i].rcpt] == UINT64_MAX)
			return UINT32_MAX;
		left -= !gp_rcpt_pending(&changes[i].state);
	}
	return left;
}

static int
put_changes(struct gp_store *s, struct entry *e, struct gp_outcome_meta *o)
{
	bool whole = o->len == e->q.rcpts_len;
	if (!whole && e->chain >= CHAIN_MAX)
		return states_fold(s, e, o);
	if (!whole && e->last.segment) {
		o->prev_sequence = e->last.segment->sequence;
		o->prev_offset = e->last.offset;
	}
	gp_buf_clear(&s->meta);
	gp_outcome_meta_write(&s->meta, o);
	if (s->meta.failed)
		return -ENOMEM;
	struct place at;
	int rc = tail_put_small(s, GP_RECORD_OUTCOME, e->q.id, gp_buf_slice(&s->meta), &at);
	if (rc == 0)
		entry_apply(e, o, &at);
	return rc;
}

int
gp_store_outcome(struct gp_store *s, struct gp_queued *q, const struct gp_rcpt_change *changes,
		 size_t n)
{
	struct entry *e = entry_of(q);
	uint32_t left = n == 0 ? UINT32_MAX : count_left(e, changes, n);
	if (left == UINT32_MAX)
		return -EINVAL;
	int rc;
	if (left == 0) {
		/* The last one: nobody will read the states again, so they are not written. */
		rc = gp_store_drop(s, q);
		return rc == 0 ? GP_STORE_FINISHED : rc;
	}
	struct gp_outcome_meta o = {
		.flags = q->flags,
		.changes = (struct gp_rcpt_change *)changes,
		.len = n,
	};
	rc = put_changes(s, e, &o);
	s->stats.outcomes += rc == 0;
	return rc;
}

int
gp_store_set_flags(struct gp_store *s, struct gp_queued *q, uint8_t flags)
{
	struct gp_outcome_meta o = {.flags = flags};
	return put_changes(s, entry_of(q), &o);
}

int
gp_store_drop(struct gp_store *s, struct gp_queued *q)
{
	int rc = tail_put_small(s, GP_RECORD_GONE, q->id, gp_slice("", 0), NULL);
	if (rc != 0)
		return rc;
	entry_free(s, entry_of(q));
	s->stats.outcomes++;
	return 0;
}

int
gp_store_sync(struct gp_store *s)
{
	if (s->fatal)
		return -EIO;
	int rc = tail_sync(s);
	/* As long as that goes on failing on new segments, the disk is gone. */
	if (rc < 0 && poison_leave(s) != 0)
		s->fatal = true;
	while (gp_list_pop(&s->fresh))
		continue;
	s->unanswered = false;
	return rc;
}

bool
gp_store_dirty(const struct gp_store *s)
{
	return s->unanswered || s->failed;
}

bool
gp_store_fatal(const struct gp_store *s)
{
	return s->fatal;
}

bool
gp_store_full(struct gp_store *s, uint64_t size, uint64_t now_ms)
{
	s->now_ms = now_ms;
	size = gp_record_size(META_GUESS, size);
	if (s->stats.messages >= s->set.messages_max)
		return true;
	if (tail_fits(s, size, ROOM_MESSAGE))
		return false;
	if (now_ms - s->full_asked_ms >= FULL_ASK_MS) {
		s->full_asked_ms = now_ms;
		s->full = tail_space(s, size) != 0;
	}
	return s->full;
}

struct gp_store_stats
gp_store_stats(const struct gp_store *s)
{
	struct gp_store_stats stats = s->stats;
	for (struct gp_list *l = s->segments.next; l != &s->segments; l = l->next) {
		stats.total_size += gp_container_of(l, struct segment, link)->end;
		stats.segments++;
	}
	return stats;
}
