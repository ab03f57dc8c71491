/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of a segment, as values and octets; no I/O. README.md has the picture.
 *
 * A segment begins with its header, twice (so that no single damaged sector loses a segment);
 * records follow from GP_SEGMENT_START on, each at a multiple of GP_RECORD_ALIGN. Every record
 * begins with the segment's mark, 64 random bits: a body that looks like a record, and the bytes of
 * a file's earlier life, cannot be taken for one. The checksum covers the place (segment and
 * offset) too.
 */
#pragma once

#include "base/arena.h"
#include "base/wire.h"
#include "spool/store.h"

enum {
	GP_SEGMENT_FORMAT = 1,
	GP_SEGMENT_START = 4096,
	GP_SEGMENT_COPY = 2048, /* offset of the header's second copy */
	GP_SEGMENT_HEADER = 64,
	GP_RECORD_HEAD = 48,
	GP_RECORD_ALIGN = 8,
	GP_META_MAX = 64 << 20, /* 10,000 recipients with the longest texts stay below */
	GP_TEXT_MAX = 1000,     /* of a reply kept with a recipient */
	GP_REMOTE_MAX = 300,
};

struct gp_segment_header {
	uint64_t sequence;
	uint64_t mark;
	uint64_t prev_sequence; /* the segment before this one, and up to where it was durable */
	uint64_t prev_end;      /* when this one was begun */
	uint64_t created_ms;
};

/* Appends GP_SEGMENT_START octets. */
void
gp_segment_header_write(struct gp_buf *out, const struct gp_segment_header *h);

/* Reads the first good copy. 0; 1: none is good; GP_STORE_VERSION: a format of another version. */
int
gp_segment_header_read(struct gp_slice first, struct gp_segment_header *ret);

enum gp_record_type {
	GP_RECORD_MESSAGE = 1, /* meta: envelope, flags, recipients with states; body */
	GP_RECORD_OUTCOME = 2, /* meta: the outcome record before it, flags, changes */
	GP_RECORD_GONE = 3,    /* no meta: the message is out of the queue */
	GP_RECORD_IDS = 4,     /* id: no id at or above was given out */
	GP_RECORD_TYPES
};

struct gp_record {
	uint8_t type; /* enum gp_record_type */
	uint64_t id;
	uint32_t meta_len;
	uint64_t body_len;
	uint32_t body_crc;
	uint64_t synced; /* this much of the segment was durable when the record was written: what
			    is found broken below was whole once */
};

/* Where a record stands: what its checksum is bound to. */
struct gp_record_place {
	uint64_t mark, sequence, offset;
};

/* Octets from one record to the next. */
uint64_t
gp_record_size(uint64_t meta_len, uint64_t body_len);

/* Fills the GP_RECORD_HEAD octets at head; meta is what follows them. */
void
gp_record_head_write(char *head, const struct gp_record_place *place, const struct gp_record *r,
		     struct gp_slice meta);

/*
 * Reads a head without its checksum: GP_RECORD_HEAD octets. False when mark, type or lengths cannot
 * be. gp_record_head_good then compares the checksum, with the meta at hand.
 */
[[nodiscard]] bool
gp_record_head_read(struct gp_slice head, uint64_t mark, struct gp_record *ret);
[[nodiscard]] bool
gp_record_head_good(struct gp_slice head, const struct gp_record_place *place,
		    struct gp_slice meta);

/* The meta of a MESSAGE. */
struct gp_message_meta {
	struct gp_envelope envelope;
	struct gp_rcpt_state *states; /* envelope.rcpts_len */
	uint8_t flags;
};

/* Failure latches in the buffer. states NULL: all untried and due at arrival. */
void
gp_message_meta_write(struct gp_buf *out, const struct gp_envelope *e,
		      const struct gp_rcpt_state *states, uint8_t flags);

/* Slices of ret point into meta, arrays live in the arena. False: malformed, or the arena's cap. */
[[nodiscard]] bool
gp_message_meta_read(struct gp_slice meta, struct gp_arena *arena, struct gp_message_meta *ret);

/* The meta of an OUTCOME. */
struct gp_outcome_meta {
	uint64_t prev_sequence, prev_offset; /* the message's outcome record before; 0, 0: none */
	uint8_t flags;
	struct gp_rcpt_change *changes;
	size_t len;
};

void
gp_outcome_meta_write(struct gp_buf *out, const struct gp_outcome_meta *o);
[[nodiscard]] bool
gp_outcome_meta_read(struct gp_slice meta, struct gp_arena *arena, struct gp_outcome_meta *ret);

static inline bool
gp_rcpt_pending(const struct gp_rcpt_state *s)
{
	return s->last.kind == 0 || s->last.kind == GP_OUTCOME_DEFERRED;
}
