/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a walk over turns has come, when many are under way at once: all below `done` are, and of
 * the next GP_PROGRESS_WINDOW a bit says so each. As a text it is what a run that was interrupted
 * goes on from:
 *
 *     gatepost-scan 1
 *     digest 123...         of targets and ports: others are another walk
 *     seed 42
 *     shard 0 1
 *     done 1000
 *     also 1003 1007
 */
#pragma once

#include "base/buf.h"
#include "core/targets/targets.h"

enum {
	GP_PROGRESS_WINDOW = 1 << 16,
	GP_PROGRESS_TEXT_MAX = 2 << 20, /* octets, of the text */
};

struct gp_progress {
	uint64_t done; /* all turns below it */
	uint8_t ahead[GP_PROGRESS_WINDOW / 8];
};

/* Whether the turn may begin: it is within the window, and not done. */
bool
gp_progress_may(const struct gp_progress *p, uint64_t turn);
bool
gp_progress_is_done(const struct gp_progress *p, uint64_t turn);

/* The turn is done; it was within the window. Harmless when it is already. */
void
gp_progress_note(struct gp_progress *p, uint64_t turn);

/* How many turns are done. */
uint64_t
gp_progress_count(const struct gp_progress *p);

/* Appends the text; out, which may fail, needs room for GP_PROGRESS_TEXT_MAX. */
void
gp_progress_write(const struct gp_progress *p, const struct gp_targets_walk *walk,
		  struct gp_buf *out);

/* Of a text, what a walk begins with. */
struct gp_progress_start {
	uint64_t digest, seed;
	uint32_t shard, shards;
};

/* Reads all of the text. False: it is none; *p and *ret are to be thrown away. */
[[nodiscard]] bool
gp_progress_read(struct gp_slice text, struct gp_progress *p, struct gp_progress_start *ret);
