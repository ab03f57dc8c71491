/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/internal.h"

/* A cap, not a need: a message and a full chain of outcomes, each with its arrays. */
static const size_t arena_max = (size_t)GP_META_MAX * (CHAIN_MAX + 4);

/* The record's head, meta and, for with_body, body in one read; all of it in the arena. */
static int
read_whole(struct gp_store *s, const struct entry *e, struct gp_arena *arena, bool with_body,
	   struct gp_record *ret, struct gp_slice *ret_meta, struct gp_slice *ret_body)
{
	size_t head_len = GP_RECORD_HEAD + (size_t)e->at.meta_len;
	size_t len = head_len + (with_body ? (size_t)e->q.size : 0);
	char *to = gp_arena_alloc(arena, len);
	if (!to)
		return -ENOMEM;
	int rc = segment_read(s, e->at.segment, e->at.offset, to, len);
	if (rc != 0)
		return rc;
	struct gp_slice head = gp_slice(to, head_len);
	struct gp_record_place place = {e->at.segment->mark, e->at.segment->sequence, e->at.offset};
	*ret_meta = gp_slice_drop(head, GP_RECORD_HEAD);
	*ret_body = gp_slice(to + head_len, len - head_len);
	if (!gp_record_head_read(head, place.mark, ret) ||
	    !gp_record_head_good(head, &place, *ret_meta) || ret->type != GP_RECORD_MESSAGE ||
	    ret->id != e->q.id || ret->body_len != e->q.size)
		return GP_STORE_DAMAGED;
	if (with_body && gp_crc32c(0, *ret_body) != ret->body_crc)
		return GP_STORE_DAMAGED;
	return 0;
}

/* One record of a message's outcomes; what it points to lives in the arena. */
static int
read_outcome(struct gp_store *s, const struct entry *e, const struct place *at,
	     struct gp_arena *arena, struct gp_outcome_meta *ret)
{
	struct gp_record r;
	struct gp_slice meta;
	int rc = segment_read_record(s, at->segment, at->offset, &s->meta, &r, &meta);
	if (rc != 0)
		return rc;
	meta = gp_arena_dup(arena, meta);
	if (arena->failed)
		return -ENOMEM;
	if (r.type != GP_RECORD_OUTCOME || r.id != e->q.id ||
	    !gp_outcome_meta_read(meta, arena, ret))
		return arena->failed ? -ENOMEM : GP_STORE_DAMAGED;
	return 0;
}

/*
 * From the newest outcome backwards; what was said last counts. Where the chain is broken by
 * damage, what stands before it is lost: the index knows who is pending all the same.
 */
static int
overlay_outcomes(struct gp_store *s, const struct entry *e, struct gp_arena *arena,
		 struct gp_rcpt_state *states)
{
	bool *said = gp_arena_array(arena, e->q.rcpts_len, sizeof(*said));
	if (!said)
		return -ENOMEM;
	struct place at = e->last;
	for (int i = 0; at.segment && i <= CHAIN_MAX; i++) {
		struct gp_outcome_meta o;
		int rc = read_outcome(s, e, &at, arena, &o);
		if (rc != 0)
			return rc == GP_STORE_DAMAGED ? 0 : rc;
		for (size_t k = 0; k < o.len; k++) {
			uint32_t rcpt = o.changes[k].rcpt;
			if (rcpt < e->q.rcpts_len && !said[rcpt]) {
				states[rcpt] = o.changes[k].state;
				said[rcpt] = true;
			}
		}
		at.segment = o.prev_sequence ? segment_find(s, o.prev_sequence) : NULL;
		at.offset = o.prev_offset;
	}
	return 0;
}

/* The index decides who is pending and when due. */
static void
agree_with_index(const struct entry *e, struct gp_rcpt_state *states)
{
	for (uint32_t i = 0; i < e->q.rcpts_len; i++) {
		bool pending = e->due[i] != UINT64_MAX;
		if (pending)
			states[i].next_ms = e->due[i];
		if (pending == gp_rcpt_pending(&states[i]))
			continue;
		states[i].last = (struct gp_outcome){
			.kind = pending ? GP_OUTCOME_DEFERRED : GP_OUTCOME_DELIVERED,
		};
	}
}

int
message_read(struct gp_store *s, const struct entry *e, struct gp_arena *arena, bool with_body,
	     struct gp_stored *ret, struct gp_record *ret_record)
{
	struct gp_slice meta, body;
	struct gp_message_meta m;
	*ret = (struct gp_stored){};
	int rc = read_whole(s, e, arena, with_body, ret_record, &meta, &body);
	if (rc != 0)
		return rc;
	if (!gp_message_meta_read(meta, arena, &m) || m.envelope.rcpts_len != e->q.rcpts_len)
		return arena->failed ? -ENOMEM : GP_STORE_DAMAGED;
	rc = overlay_outcomes(s, e, arena, m.states);
	if (rc != 0)
		return rc;
	agree_with_index(e, m.states);
	*ret = (struct gp_stored){m.envelope, m.states, body};
	return 0;
}

/* The body goes from segment to segment unread but for its checksum, which must still be the old
 * one. */
static int
move(struct gp_store *s, struct entry *e, struct gp_arena *arena)
{
	struct gp_stored m;
	struct gp_record r;
	int rc = message_read(s, e, arena, false, &m, &r);
	if (rc != 0)
		return rc;
	gp_buf_clear(&s->meta);
	gp_message_meta_write(&s->meta, &m.envelope, m.states, e->q.flags);
	if (s->meta.failed)
		return -ENOMEM;
	struct body body = {
		.segment = e->at.segment,
		.from = e->at.offset + GP_RECORD_HEAD + e->at.meta_len,
		.len = e->q.size,
		.crc = &r.body_crc,
	};
	struct gp_record copy = {.type = GP_RECORD_MESSAGE, .id = e->q.id};
	struct place at;
	rc = tail_put(s, &copy, gp_buf_slice(&s->meta), &body, ROOM_RESERVED, &at);
	if (rc == 0)
		entry_move(s, e, &at);
	return rc;
}

int
message_move(struct gp_store *s, struct entry *e)
{
	struct gp_arena arena = GP_ARENA_INIT(arena_max);
	int rc = move(s, e, &arena);
	gp_arena_free(&arena);
	return rc;
}

static int
fold(struct gp_store *s, struct entry *e, const struct gp_outcome_meta *changes,
     struct gp_arena *arena)
{
	struct gp_stored m;
	struct gp_record r;
	int rc = message_read(s, e, arena, false, &m, &r);
	if (rc != 0)
		return rc;
	struct gp_outcome_meta whole = {.flags = changes->flags, .len = e->q.rcpts_len};
	whole.changes = gp_arena_array(arena, whole.len, sizeof(*whole.changes));
	if (!whole.changes)
		return -ENOMEM;
	for (uint32_t i = 0; i < e->q.rcpts_len; i++)
		whole.changes[i] = (struct gp_rcpt_change){i, m.states[i]};
	for (size_t i = 0; i < changes->len; i++)
		whole.changes[changes->changes[i].rcpt].state = changes->changes[i].state;

	gp_buf_clear(&s->meta);
	gp_outcome_meta_write(&s->meta, &whole);
	if (s->meta.failed)
		return -ENOMEM;
	struct place at;
	rc = tail_put_small(s, GP_RECORD_OUTCOME, e->q.id, gp_buf_slice(&s->meta), &at);
	if (rc == 0)
		entry_apply(e, &whole, &at);
	return rc;
}

int
states_fold(struct gp_store *s, struct entry *e, const struct gp_outcome_meta *changes)
{
	struct gp_arena arena = GP_ARENA_INIT(arena_max);
	int rc = fold(s, e, changes, &arena);
	gp_arena_free(&arena);
	return rc;
}

int
gp_store_read(struct gp_store *s, const struct gp_queued *q, struct gp_arena *arena,
	      struct gp_stored *ret)
{
	struct gp_record r;
	return message_read(s, entry_of(q), arena, true, ret, &r);
}

int
gp_store_read_envelope(struct gp_store *s, const struct gp_queued *q, struct gp_arena *arena,
		       struct gp_stored *ret)
{
	struct gp_record r;
	return message_read(s, entry_of(q), arena, false, ret, &r);
}

static int
copy_pieces(struct gp_store *s, const struct entry *e, const struct gp_record *r, int to_fd,
	    uint64_t to_at, char *piece)
{
	uint64_t from = e->at.offset + GP_RECORD_HEAD + r->meta_len;
	uint32_t crc = 0;
	for (uint64_t done = 0; done < r->body_len;) {
		size_t n = (size_t)GP_MIN(r->body_len - done, (uint64_t)PIECE_SIZE);
		int rc = segment_read(s, e->at.segment, from + done, piece, n);
		if (rc != 0)
			return rc;
		crc = gp_crc32c(crc, gp_slice(piece, n));
		rc = s->io.ops->pwrite(s->io.ctx, to_fd, gp_slice(piece, n), to_at + done);
		if (rc < 0)
			return rc;
		done += n;
	}
	return crc == r->body_crc ? 0 : GP_STORE_DAMAGED;
}

int
gp_store_copy_body(struct gp_store *s, const struct gp_queued *q, int to_fd, uint64_t to_at)
{
	const struct entry *e = entry_of(q);
	struct gp_record r;
	struct gp_slice meta;
	int rc = segment_read_record(s, e->at.segment, e->at.offset, &s->meta, &r, &meta);
	if (rc != 0)
		return rc;
	if (r.id != q->id || r.body_len != q->size)
		return GP_STORE_DAMAGED;
	struct gp_buf piece = GP_BUF_INIT(PIECE_SIZE);
	char *to = gp_buf_reserve(&piece, (size_t)GP_MIN(q->size, (uint64_t)PIECE_SIZE));
	rc = to ? copy_pieces(s, e, &r, to_fd, to_at, to) : -ENOMEM;
	gp_buf_free(&piece);
	return rc;
}
