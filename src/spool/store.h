/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage engine: messages and what became of their recipients, in append-only segments with
 * group commit. No loop, no sockets, no clock; it blocks only in the calls of io.h. One process
 * opens a directory (the caller locks it). README.md beside this has the format and the crash
 * argument.
 *
 *     gp_store_open                        recovers by scanning
 *     gp_store_append, gp_store_outcome    any number of them: in memory, or written but not synced
 *     gp_store_sync                        one write, one fdatasync: 0 makes all of them durable
 *     then, and only then, acknowledge
 *
 * Promises:
 *  - What a sync answered with 0 survives a power cut at any later moment, until the message is
 *    finished (every recipient final) or dropped, and that too was synced.
 *  - After a cut, what was not synced survives as a prefix in the order of the calls: append the
 *    bounce before the outcome that makes it necessary, and never is one there without the other.
 *  - Of a message that comes back, the body is octet for octet what was appended; a damaged one is
 *    set aside in the folder quarantine/ and reported, never handed out.
 *
 * Errors: negative is -errno; see gp_store_sync for what that means. Positive: enum gp_store_code.
 */
#pragma once

#include "base/arena.h"
#include "core/smtp/envelope.h"
#include "core/smtp/outcome.h"
#include "spool/io.h"

enum gp_store_code {
	GP_STORE_FULL = 1,     /* no space for messages; outcomes and bounces still have theirs */
	GP_STORE_FINISHED = 2, /* that was the last recipient: the message is gone */
	GP_STORE_DAMAGED = 3,  /* the record does not match its checksum */
	GP_STORE_VERSION = 4,  /* the directory was written in a format this version does not know;
				  nothing was touched */
	GP_STORE_TOO_BIG = 5,  /* over a limit of the settings, or of the buffer given */
	GP_STORE_MORE = 6,     /* there is more to reclaim: call again */
};

/* 0 in a field chooses the default. */
struct gp_store_settings {
	uint64_t segment_size; /* octets, 16 KB to 1 GB; 64 MB. A larger message gets a segment of
				  its own */
	uint64_t batch_size;   /* octets held back for the sync at most; 4 MB */
	uint64_t reserve_size; /* octets kept in a file of their own for outcomes, bounces and
				  moving on a full disk; segment_size */
	uint64_t free_min;     /* octets that must stay free for a new segment of messages to be
				  begun; 16 MB */
	uint64_t slack_size;   /* reclaim begins at 2 x live + slack; 2 x segment_size */
	uint32_t messages_max; /* in the queue; 16 million */
	uint32_t rcpts_max;    /* of one message; 10,000 */
	uint64_t seed[2];      /* random: marks of segments, hash of ids */
};

struct gp_store_report {
	uint64_t segments, records, messages;
	uint64_t tail_size; /* octets of a last batch that was cut off before it was whole: nobody
			       was told that it was safe */
	uint64_t damaged;   /* places in quarantine */
	uint64_t damaged_size; /* octets there */
};

/* A queued message at rest. Fields are read by anybody, written by the store; `user` is the
   caller's. Valid until it is finished or dropped, or a sync fails that covered its append. */
struct gp_queued {
	uint64_t id;
	uint64_t arrival_ms; /* of the envelope */
	uint64_t next_ms;    /* the least next_ms of pending recipients */
	uint64_t size;       /* octets of the body */
	uint32_t rcpts_len;
	uint32_t pending_len; /* recipients without a final outcome; at least 1 */
	uint8_t flags;        /* enum gp_queued_flags, and the caller's bits */
	void *user;           /* NULL at first */
};

enum gp_queued_flags {
	GP_QUEUED_HELD = 1, /* the operator stopped it */
	GP_QUEUED_USER = 8, /* this bit and those above are the caller's */
};

/* A recipient. Pending: last.kind is 0 (never tried) or GP_OUTCOME_DEFERRED. A final one whose
   record was damaged later reads as GP_OUTCOME_DELIVERED with reply code 0. */
struct gp_rcpt_state {
	struct gp_outcome last; /* of the last attempt; text cut at 1,000, remote at 300 octets */
	uint32_t attempts;
	uint64_t next_ms; /* pending: not before */
	uint64_t last_ms; /* when the last attempt ended; 0: none */
};

struct gp_rcpt_change {
	uint32_t rcpt; /* its place in the envelope */
	struct gp_rcpt_state state;
};

struct gp_stored {
	struct gp_envelope envelope;
	const struct gp_rcpt_state *states; /* envelope.rcpts_len of them */
	struct gp_slice body;               /* empty when it was not asked for */
};

/* Pieces one after the other: the slices, then fd_len octets of the file from its offset 0. */
struct gp_store_body {
	const struct gp_slice *slices;
	size_t slices_len;
	int fd;         /* used when fd_len > 0; a descriptor of the io back end */
	uint64_t fd_at; /* its first octet that counts */
	uint64_t fd_len;
};

struct gp_store_stats {
	uint64_t messages;
	uint64_t live_size;  /* octets of records that are needed */
	uint64_t total_size; /* octets of all segments */
	uint64_t segments;
	uint64_t syncs, appends, outcomes, moved, damaged; /* since open */
};

struct gp_store;

/*
 * Opens the directory: reads all segments, sets damage aside, begins a new segment. dirfd belongs
 * to the caller and must stay open. 0, -errno, or GP_STORE_VERSION.
 */
[[nodiscard]] int
gp_store_open(struct gp_io io, int dirfd, const struct gp_store_settings *settings, uint64_t now_ms,
	      struct gp_store **ret, struct gp_store_report *ret_report);

/*
 * Syncs what is left, marks the end as clean, frees everything. Accepts NULL. Returns what the sync
 * returned.
 */
int
gp_store_close(struct gp_store *s);

/* Frees everything and writes nothing. Accepts NULL, returns NULL. */
struct gp_store *
gp_store_free(struct gp_store *s);

/*
 * n ids that were never given out before and never will be again: *ret_first and the n - 1 after
 * it. They start at the clock's microseconds << 12, or after the last ones where that is later. May
 * be used before any sync. n: 1 to 65,536. 0 or -errno.
 */
[[nodiscard]] int
gp_store_ids(struct gp_store *s, uint32_t n, uint64_t now_ms, uint64_t *ret_first);

/* What every id that gp_store_ids gives from now on is not below; all that it gave are below. */
uint64_t
gp_store_next_id(const struct gp_store *s);

enum gp_store_append_flags {
	GP_STORE_RESERVED = 1, /* a message of our own (bounce): may use the reserved space */
};

/*
 * Appends a message; every recipient pending and due at envelope->arrival_ms. id comes from
 * gp_store_ids and is not in the queue. All bytes are copied before it returns. A large body is
 * written at once, in pieces, so memory stays bounded. *ret may be NULL.
 * 0, GP_STORE_FULL, GP_STORE_TOO_BIG, or -errno; when not 0 nothing was appended.
 */
[[nodiscard]] int
gp_store_append(struct gp_store *s, uint64_t id, const struct gp_envelope *envelope,
		const struct gp_store_body *body, uint32_t flags, struct gp_queued **ret);

/*
 * New states of pending recipients, in rising order of their places: absolute, the old ones are
 * replaced. q->next_ms and pending_len are right when it returns. 0; GP_STORE_FINISHED: all
 * recipients are final, q is gone; -errno. Works on a full disk. n: 1 to rcpts_len.
 */
[[nodiscard]] int
gp_store_outcome(struct gp_store *s, struct gp_queued *q, const struct gp_rcpt_change *changes,
		 size_t n);

/* Sets the message's flags. 0 or -errno. */
[[nodiscard]] int
gp_store_set_flags(struct gp_store *s, struct gp_queued *q, uint8_t flags);

/* Takes the message out of the queue; q is gone. 0 or -errno. */
[[nodiscard]] int
gp_store_drop(struct gp_store *s, struct gp_queued *q);

/*
 * Makes everything since the last sync durable. Costs nothing when there is nothing.
 * 0: done, acknowledge. Negative: acknowledge none of it. Messages appended since the last sync are
 * not in the queue any more (their q are gone); those of our own (GP_STORE_RESERVED), outcomes,
 * flags and drops are kept, as what was delivered stays delivered, and are durable unless the store
 * is now fatal. The segment that failed is never synced again; what it held was read back from the
 * disk and written to a new one. When that did not succeed either, gp_store_fatal says so: exit,
 * and recover by opening again.
 */
[[nodiscard]] int
gp_store_sync(struct gp_store *s);

/* Whether anything waits for a sync. */
bool
gp_store_dirty(const struct gp_store *s);

/* True once the store can do nothing more but be freed: every call answers -EIO. */
bool
gp_store_fatal(const struct gp_store *s);

/* Whether a message of that many octets would be answered GP_STORE_FULL now. Asks the file system,
   at most once for each segment begun and each call with now_ms a second later. */
bool
gp_store_full(struct gp_store *s, uint64_t size, uint64_t now_ms);

/* The message, or NULL. Those appended since the last sync are found too. */
struct gp_queued *
gp_store_find(const struct gp_store *s, uint64_t id);

/* All messages, older records first: NULL starts. The one returned may be finished or dropped only
   after its successor was asked for. */
struct gp_queued *
gp_store_next(const struct gp_store *s, const struct gp_queued *after);

/* When recipient i is due; UINT64_MAX when it is final. From memory. */
uint64_t
gp_queued_due_ms(const struct gp_queued *q, uint32_t i);

/* Reads back the message with its body, or without it. Everything lives in the arena; a body that
   does not fit in it: -ENOMEM. 0, GP_STORE_DAMAGED, -errno. */
[[nodiscard]] int
gp_store_read(struct gp_store *s, const struct gp_queued *q, struct gp_arena *arena,
	      struct gp_stored *ret);
[[nodiscard]] int
gp_store_read_envelope(struct gp_store *s, const struct gp_queued *q, struct gp_arena *arena,
		       struct gp_stored *ret);

/* Writes the body to another file from this offset of it on, in pieces. The checksum is known only
   at the end: on any answer but 0 (GP_STORE_DAMAGED, -errno) that file is worth nothing. */
[[nodiscard]] int
gp_store_copy_body(struct gp_store *s, const struct gp_queued *q, int to_fd, uint64_t to_at);

/* What to do with a message that a read called damaged: its record goes to quarantine/, synced, and
   the message out of the queue. 0 or -errno. */
[[nodiscard]] int
gp_store_quarantine(struct gp_store *s, struct gp_queued *q);

/*
 * One bounded step of giving space back: when the segments hold more than twice what is live plus
 * the slack, moves live messages of the oldest segment to the tail, at most 1 MB or one message a
 * step; when none is left, syncs and unlinks it. Call it when idle and after GP_STORE_FULL.
 * 0: nothing to do. GP_STORE_MORE: call again. GP_STORE_FULL: no space to move anything to.
 * Negative: -errno; gp_store_sync says what it means for what was appended, so call that next. A
 * step may write and sync, but answers for nothing: that is gp_store_sync's alone.
 */
[[nodiscard]] int
gp_store_reclaim(struct gp_store *s);

struct gp_store_stats
gp_store_stats(const struct gp_store *s);
