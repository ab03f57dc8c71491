/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of servers as text, a line each: "FIELD: LINE", where a field has as many lines as the
 * reply; "pause: MILLISECONDS" of the greeting; "#" begins a comment. What the answer should be
 * stands there too: "product: NAME", "version: TEXT", "belied: NAME".
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/software/software.h"

struct recorded {
	struct gp_software_observed observed;
	struct gp_slice product, version, belied;
};

/* A further line of a reply goes behind those that are there. */
static inline void
recorded_add(struct gp_slice *reply, struct gp_slice line, struct gp_arena *arena)
{
	*reply = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(*reply),
				 reply->len > 0 ? "\n" : "", GP_SLICE_FMT(line));
}

/* False: no field has that name. */
static inline bool
recorded_line(struct recorded *r, struct gp_slice name, struct gp_slice value,
	      struct gp_arena *arena)
{
	uint64_t pause = 0;
	for (unsigned i = 0; i < GP_SOFTWARE_FIELDS; i++) {
		if (gp_slice_eq(name, gp_slice_str(gp_software_field_name(i)))) {
			recorded_add(&r->observed.replies[i], value, arena);
			return true;
		}
	}
	if (gp_slice_eq(name, GP_SLICE("pause")) && gp_slice_u64(value, UINT32_MAX, &pause))
		r->observed.greeting_pause_ms = (uint32_t)pause;
	else if (gp_slice_eq(name, GP_SLICE("product")))
		r->product = value;
	else if (gp_slice_eq(name, GP_SLICE("version")))
		r->version = value;
	else if (gp_slice_eq(name, GP_SLICE("belied")))
		r->belied = value;
	else
		return false;
	return true;
}

/* The text must stay. False: a line is none of those. */
static inline bool
recorded_read(struct gp_slice text, struct gp_arena *arena, struct recorded *ret)
{
	*ret = (struct recorded){};
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		struct gp_slice name = gp_slice_cut(&line, ':');
		if (!recorded_line(ret, name, gp_slice_drop(line, 1), arena))
			return false;
	}
	return !arena->failed;
}
