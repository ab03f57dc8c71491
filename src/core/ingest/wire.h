/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader tells (report.h), as octets: for a process that reads what strangers sent, and
 * has nothing else, to tell one that keeps it. Who hears does not trust who tells: what report.h
 * promises of texts and numbers is looked at again, and a frame that breaks it is refused as a
 * whole.
 *
 * A frame is a 32-bit length, and as many octets: what it is, then its fields (base/wire.h).
 */
#pragma once

#include "base/buf.h"
#include "core/ingest/report.h"

enum gp_told {
	GP_TOLD_HEAD = 1,
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
};

struct gp_told_writer {
	struct gp_buf out;
	size_t full; /* octets, from which on it is emptied: well below the cap of `out` */
	/* Empties it: 0; not 0 ends what is told. */
	int (*empty)(struct gp_told_writer *w);
};

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

/* Tells a frame of a kind below GP_TOLD_OWN. What the listener returned, or -EPROTO. */
[[nodiscard]] int
gp_told_tell(uint8_t kind, struct gp_slice fields, const struct gp_ingest_listener *listener);

/* A text as report.h promises it, of max octets; where lines may end, LF may stand in it. */
bool
gp_told_is_text(struct gp_slice s, size_t max, bool lines);
