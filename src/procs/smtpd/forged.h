/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a message that speak in our name, and came from somebody else. */
#pragma once

#include "base/arena.h"
#include "core/message/header.h"

/*
 * The header without its Authentication-Results fields that claim to be of `id` (RFC 8601 section
 * 5). Returns 0 when there are none; 1, and *ret is what stays of the fields, in the arena, less
 * than it was; -ENOMEM.
 */
[[nodiscard]] int
forged_take_out(const struct gp_header *h, struct gp_slice id, struct gp_arena *arena,
		struct gp_slice *ret);
