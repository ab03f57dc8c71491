/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine share, from the bottom up:
 *
 *     record.c      octets of headers and records            (pure)
 *     segment.c     files of segments: make, open, read, walk over the records
 *     tail.c        the segment being written: room, put, sync
 *     index.c       messages in memory
 *     read.c        a message's envelope, states and body, out of its records
 *     quarantine.c  what is damaged, set aside
 *     recover.c     from files to index, when the store is opened
 *     poison.c      a sync has failed: leave that segment for a new one
 *     reclaim.c     give space back
 *     store.c       open, close, append, outcome, sync: the functions of store.h
 *
 * Invariants:
 *  - An outcome stands behind its message's record, in the same or a later segment. A message that
 * is moved takes its states along in the new record; so what is in the oldest segment is needed by
 * no other segment, except that it may be undone by them.
 *  - Only the oldest segment is ever unlinked, and its name's removal is synced before the next
 * one's (poison.c has the one exception, and why it is none).
 *  - Records in memory or on disk behind tail->synced are nobody's promise yet.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "spool/record.h"

struct segment {
	struct gp_list link; /* gp_store.segments, in order of sequence */
	struct gp_list live; /* entries whose message record is here */
	uint64_t sequence, mark;
	uint64_t size;   /* of the file */
	uint64_t end;    /* behind the last record */
	uint64_t synced; /* durable up to here; only kept for the tail and the poisoned */
	uint64_t used;   /* when the descriptor was used last, by gp_store.tick */
	int fd;          /* -1: closed */
	bool direct;     /* read past the page cache */
	bool pinned;     /* damage in it could not be copied to quarantine: not reclaimed */
};

struct place {
	struct segment *segment; /* NULL: none */
	uint64_t offset;
	uint32_t meta_len;
};

struct entry {
	struct gp_queued q; /* first: a gp_queued is an entry */
	struct gp_list in_segment;
	struct gp_list in_fresh; /* gp_store.fresh: appended since the last sync */
	struct place at;         /* the MESSAGE record */
	struct place last;       /* the newest OUTCOME record that is not folded into it */
	uint8_t chain;           /* OUTCOME records from last back to the first needed */
	bool own;                /* GP_STORE_RESERVED */
	uint64_t due[];          /* per recipient; UINT64_MAX: final */
};

/* Octets at the end of a segment that are (also) in memory. */
struct batch {
	struct segment *segment; /* NULL: none */
	uint64_t from;           /* offset of the first octet in memory */
	struct gp_buf bytes;
};

struct gp_store {
	struct gp_io io;
	int dirfd;
	struct gp_store_settings set;
	struct gp_list segments;
	struct gp_map index;  /* id to entry */
	struct gp_list fresh; /* entries since the last gp_store_sync */

	struct segment *tail; /* the last of segments */
	struct batch out;     /* of the tail: since its last sync, or since the last early write */
	struct batch recent;  /* what the last sync covered, for reading: it is wanted at once */
	struct batch lost;    /* while a poisoned segment is read: what its failed sync covered */
	bool dirty;           /* the tail has more than its last sync covered */
	bool dir_dirty;       /* a name was made or removed since the directory's last sync */
	bool unanswered;      /* something was put since the last gp_store_sync */
	int failed; /* -errno of a write or sync of the tail: latched until gp_store_sync */
	bool fatal;

	uint64_t ids_next, ids_durable, ids_logged;
	uint64_t now_ms; /* as the caller last said */

	bool has_reserve;
	bool full;              /* what gp_store_full found out last */
	uint64_t full_asked_ms; /* and when */

	uint64_t tick;
	uint32_t open_fds;
	char *bounce; /* aligned, BOUNCE_SIZE: for O_DIRECT */
	struct gp_buf meta;
	struct gp_store_stats stats;
};

enum {
	PIECE_SIZE = 1 << 20, /* files are read and copied in pieces of this */
	BOUNCE_SIZE = 64 << 10,
	OPEN_FDS_MAX = 64, /* of segments, for reading */
	CHAIN_MAX = 16,    /* a longer chain of outcomes is folded into one */
	SEGMENTS_MAX = 1 << 20,
};

static const uint64_t ids_block = (uint64_t)1 << 32; /* about a second of the clock */

static inline struct entry *
entry_of(const struct gp_queued *q)
{
	return (struct entry *)q;
}

/* segment.c */

struct segment_name {
	char s[17];
};

struct segment_name
segment_name(uint64_t sequence);
[[nodiscard]] bool
segment_name_parse(const char *name, uint64_t *ret_sequence);

/* A segment in memory, not in the list. NULL: no memory. */
struct segment *
segment_new(uint64_t sequence);
/* Takes it off the list, closes it, frees it. Its live list is empty. */
void
segment_free(struct gp_store *s, struct segment *g);
struct segment *
segment_find(const struct gp_store *s, uint64_t sequence);

/* Opens it for reading where it is not open; closes another when too many are. */
[[nodiscard]] int
segment_open(struct gp_store *s, struct segment *g, enum gp_io_open how);
void
segment_close(struct gp_store *s, struct segment *g);

/* len octets at offset, from memory where they are there. 0, GP_STORE_DAMAGED when the file ends
   before, -errno. */
[[nodiscard]] int
segment_read(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len);

/* The same, block by block where the disk refuses: what it will not give counts as zeros, so that a
   dead sector is damage of one record and not the end of the queue, and an error that passes is
   none. 0 or -errno. */
[[nodiscard]] int
segment_read_around(struct gp_store *s, struct segment *g, uint64_t offset, char *to, size_t len);

/* The record head and meta at offset, checked; bytes live in *into (cleared first). 0,
   GP_STORE_DAMAGED, -errno. */
[[nodiscard]] int
segment_read_record(struct gp_store *s, struct segment *g, uint64_t offset, struct gp_buf *into,
		    struct gp_record *ret, struct gp_slice *ret_meta);

/* Walks over the records of a segment, checksums of bodies included. */
struct walk {
	struct gp_store *s;
	struct segment *g;
	uint64_t at;      /* where the next record is looked for */
	uint64_t limit;   /* the end of the file, or of what is to be read */
	uint64_t covered; /* known to have been durable: what is bad below is damage */
	struct gp_buf window;
	uint64_t window_at;
	/* of the record found: */
	uint64_t offset;
	struct gp_record record;
	struct gp_slice meta; /* until the next call */
	/* of the damage found: */
	uint64_t bad_from, bad_to;
};

enum walk_result { WALK_RECORD = 0, WALK_END = 1, WALK_DAMAGE = 2 };

void
walk_begin(struct walk *w, struct gp_store *s, struct segment *g, uint64_t limit, uint64_t covered);
void
walk_end(struct walk *w);
/* enum walk_result or -errno. At the end, w->at is behind the last good record. */
[[nodiscard]] int
walk_next(struct walk *w);

/* tail.c */

enum room {
	ROOM_MESSAGE,  /* leaves the reserves alone */
	ROOM_RESERVED, /* may use them */
};

/* A body in pieces: slices, then a range of a segment or a file. */
struct body {
	const struct gp_slice *slices;
	size_t slices_len;
	struct segment *segment; /* NULL: fd */
	int fd;
	uint64_t from, len;
	const uint32_t *crc; /* NULL, or what the checksum must be */
};

/* Appends a record to the tail. 0, GP_STORE_FULL, GP_STORE_DAMAGED (checksum of the body), -errno;
   when not 0 nothing was put. */
[[nodiscard]] int
tail_put(struct gp_store *s, const struct gp_record *r, struct gp_slice meta,
	 const struct body *body, enum room room, struct place *ret);

/* The same for a record without a body. */
[[nodiscard]] int
tail_put_small(struct gp_store *s, uint8_t type, uint64_t id, struct gp_slice meta,
	       struct place *ret);

/* Writes and syncs. 0 or -errno, latched in s->failed. */
[[nodiscard]] int
tail_sync(struct gp_store *s);

/* Cuts off what is not used of a segment that will not be written any more. */
void
tail_seal(struct gp_store *s, struct segment *g);

/* Begins a new segment with room for size octets; the old one, if any, is synced and sealed. */
[[nodiscard]] int
tail_roll(struct gp_store *s, uint64_t size, enum room room);

/* The same where there is no old one that could be synced; prev_sequence: the one vouched for. */
[[nodiscard]] int
tail_replace(struct gp_store *s, uint64_t sequence, uint64_t prev_sequence, uint64_t prev_end);

/* Whether a message record of that size fits without a new segment. */
bool
tail_fits(const struct gp_store *s, uint64_t size, enum room room);
/* 0, GP_STORE_FULL, -errno: whether a new segment for messages may be begun. */
[[nodiscard]] int
tail_space(struct gp_store *s, uint64_t size);

/* Makes the reserve file where it is missing and there is space. */
[[nodiscard]] int
reserve_make(struct gp_store *s);

/* index.c */

/* Makes the entry and puts it into the index and at->segment's list. NULL: no memory, or over
   messages_max. states NULL: untried. */
struct entry *
entry_new(struct gp_store *s, uint64_t id, const struct gp_message_meta *m, uint64_t size,
	  const struct place *at);
void
entry_free(struct gp_store *s, struct entry *e);
/* The record stands elsewhere now, with all states folded in. */
void
entry_move(struct gp_store *s, struct entry *e, const struct place *at);
/* Takes over new states and the record that has them. */
void
entry_apply(struct entry *e, const struct gp_outcome_meta *o, const struct place *at);

/* read.c */

[[nodiscard]] int
message_read(struct gp_store *s, const struct entry *e, struct gp_arena *arena, bool with_body,
	     struct gp_stored *ret, struct gp_record *ret_record);
/* Appends the message again, states folded in. As tail_put. */
[[nodiscard]] int
message_move(struct gp_store *s, struct entry *e);
/* Writes all its states in one OUTCOME record, these changes applied. As tail_put. */
[[nodiscard]] int
states_fold(struct gp_store *s, struct entry *e, const struct gp_outcome_meta *changes);
/* quarantine.c */

/* The message's record goes there, the message out of the queue. 0 or -errno. */
[[nodiscard]] int
entry_quarantine(struct gp_store *s, struct entry *e);
/* Copies the octets and the reason to quarantine/, synced. */
[[nodiscard]] int
quarantine_copy(struct gp_store *s, struct segment *g, uint64_t from, uint64_t to,
		const char *reason);

/* recover.c */

[[nodiscard]] int
recover(struct gp_store *s, struct gp_store_report *report);

/* poison.c */

/* After s->failed. 0: the store goes on in a new segment; else it is fatal. */
[[nodiscard]] int
poison_leave(struct gp_store *s);
