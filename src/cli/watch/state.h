/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each channel was told of, in a file of JSON that is changed whole or not at all:
 *
 *     {"version": 1, "channels": {"mail:ops@example.org": [
 *         {"kind": "alignment", "domain": "example.org", "object": "", "told": "2026-11-30",
 *          "day": "2026-11-28", "past": [982, 1000], "now": [610, 1000]}, ...]}}
 *
 * Its folder is locked from its reading to its writing, so that of two who watch at once one waits.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "cli/watch/rules.h"

enum {
	WATCH_STATE_MAX = 64 << 20, /* octets of the file */
	WATCH_CHANNELS_MAX = 1000,
};

struct watch_state {
	json_t *all;
	int folder; /* locked; -1 */
	const char *path;
};

/* path: outlives it; none of that name: nobody was told of anything. False after saying to standard
   error what is wrong. To be closed in any case. */
[[nodiscard]] bool
watch_state_open(struct watch_state *ret, const char *path);
void
watch_state_close(struct watch_state *s);

/* What it knows; texts are of the state's, until it is told or closed. 0, -ENOMEM, or
   -EPROTO: the file is not one of ours. */
[[nodiscard]] int
watch_state_known(const struct watch_state *s, struct gp_slice channel, struct gp_arena *arena,
		  struct watch_known **ret, size_t *ret_len);
/* Writes down what it knows now, at once. False after saying what is wrong; then it knows what it
   knew. */
[[nodiscard]] bool
watch_state_tell(struct watch_state *s, struct gp_slice channel, const struct watch_known *known,
		 size_t len);
