/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a target that asks for figures:
 *
 *     domain=    one of them; without it all
 *     from=, to= days as "2026-11-30", both in the range; without them the last 30
 *     order=     unaligned: sources in that order
 *     address=   a source, of which figures are wanted
 *     severity=, text=, start=  hosts of a scan: with a fault as grave at least, with that text,
 *                from the so manieth on
 *     unauthenticated=1  of reports whose sender nobody has authenticated, and of no others
 */
#pragma once

#include "base/arena.h"
#include "ipc/messages.h"

enum {
	QUERY_DAYS = 30,
	QUERY_DAYS_MAX = 3660,
	QUERY_TEXT_MAX = 128, /* octets */
};

/* kind: enum gp_figures_kind. The texts live in the arena. Returns NULL, or what is wrong: a
 * sentence, static. */
[[nodiscard]] const char *
query_read(struct gp_slice query, uint8_t kind, int64_t today, struct gp_arena *arena,
	   struct gp_msg_figures_wanted *ret);
