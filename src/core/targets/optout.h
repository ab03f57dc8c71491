/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has asked not to be scanned: addresses, networks and names, in the same texts as targets,
 * without ports. A name stands for all below it too.
 *
 * Looked at for each address, so networks are kept as ranges, sorted, in which a search is short
 * however many there are.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "core/targets/targets.h"

enum { GP_OPTOUT_MAX = 1'000'000 }; /* networks, and as many names */

struct gp_optout_range;

struct gp_optout {
	struct gp_arena *arena;
	struct gp_optout_range *ranges;
	size_t ranges_len, ranges_cap;
	bool sorted;
	struct gp_map names;
};

/* seed: random. Free it in any case. */
void
gp_optout_init(struct gp_optout *o, struct gp_arena *arena, const uint64_t seed[2]);
/* What is not the arena's. */
void
gp_optout_free(struct gp_optout *o);

/* Adds all that stands on a line. Returns 0; 1 with *ret_wrong; -E2BIG; -ENOMEM. */
[[nodiscard]] int
gp_optout_add_line(struct gp_optout *o, struct gp_slice line, struct gp_targets_line *ret_wrong);

/* When all has been added, before the first question. */
void
gp_optout_sort(struct gp_optout *o);

/* address_len: 4 or 16. */
bool
gp_optout_has_address(const struct gp_optout *o, const uint8_t *address, size_t address_len);

/* name: A-labels in any case, a final dot or none. */
bool
gp_optout_has_name(const struct gp_optout *o, struct gp_slice name);
