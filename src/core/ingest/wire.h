/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader tells (report.h), as octets: for a process that reads what strangers sent, and
 * has nothing else, to tell one that keeps it. Who hears does not trust who tells: what report.h
 * promises of texts and numbers is looked at again, and a frame that breaks it is refused as a
 * whole.
 *
 * A frame is a 32-bit length, and as many octets: what it is, then its fields (base/wire.h).
 *
 * Most rows of a report differ by their source and their count alone. So what is left of a row, its
 * detail, is told once, and put at one of few places; rows say which place. Who writes and who
 * hears have the same at these places, and forget it at the same time.
 */
#pragma once

#include "base/buf.h"
#include "core/ingest/report.h"

enum gp_told {
	GP_TOLD_HEAD = 1,
	GP_TOLD_DETAIL, /* of rows that come behind it */
	GP_TOLD_ROW,
	GP_TOLD_TLS_POLICY,
	GP_TOLD_TLS_FAILURE,
	GP_TOLD_FAILURE,
	GP_TOLD_FLAW,
	GP_TOLD_OWN, /* from here on: frames that those who use this have of their own */
};

enum gp_told_limits {
	GP_TOLD_FRAME_MAX = 512 * 1024, /* octets: all texts of a row, and to spare */
	GP_TOLD_HEADER_MAX = 32 * 1024, /* of a message that failed */
	GP_TOLD_DETAILS = 64,           /* places */
	GP_TOLD_DETAIL_MAX = 4 * 1024,  /* octets; a larger one is told with each of its rows */
};

struct gp_told_writer {
	struct gp_buf out;
	size_t full; /* octets, from which on it is emptied: well below the cap of `out` */
	/* Empties it: 0; not 0 ends what is told. */
	int (*empty)(struct gp_told_writer *w);
	struct gp_buf detail;                   /* of the row that is being told */
	struct gp_buf details[GP_TOLD_DETAILS]; /* that were told; 256 KiB at most */
};

/* out_max: the cap of `out`. */
struct gp_told_writer
gp_told_writer(size_t out_max, size_t full, int (*empty)(struct gp_told_writer *w));
void
gp_told_writer_free(struct gp_told_writer *w);
/* Nobody has heard, or remembers, any detail. */
void
gp_told_writer_forget(struct gp_told_writer *w);

/* A listener that writes what it hears; its functions return 0, -ENOMEM or what `empty` did. */
struct gp_ingest_listener
gp_told_listener(struct gp_told_writer *w);

/* A frame of another kind is begun, and ended when its fields are written. The end returns as
 * above.
 */
size_t
gp_told_begin(struct gp_told_writer *w, uint8_t kind);
[[nodiscard]] int
gp_told_end(struct gp_told_writer *w, size_t begun);

/* Takes the next whole frame off the front: its kind, which is not 0, and its fields. 0; 1: it is
 * not
   all there yet; -EPROTO: it is none. */
[[nodiscard]] int
gp_told_take(struct gp_slice *octets, uint8_t *ret_kind, struct gp_slice *ret_fields);

/* What was heard of details; of a row no more than 142 KiB of texts, so 9 MiB in all. */
struct gp_told_hearer {
	struct gp_told_detail *details[GP_TOLD_DETAILS]; /* NULL: none yet */
	uint64_t heard;                                  /* details, ever */
};

/* Forgets all of them. */
void
gp_told_hearer_free(struct gp_told_hearer *h);

/* Tells a frame of a kind below GP_TOLD_OWN. What the listener returned, -EPROTO or -ENOMEM. */
[[nodiscard]] int
gp_told_tell(struct gp_told_hearer *h, uint8_t kind, struct gp_slice fields,
	     const struct gp_ingest_listener *listener);

/* A text as report.h promises it, of max octets; where lines may end, LF may stand in it. */
bool
gp_told_is_text(struct gp_slice s, size_t max, bool lines);
