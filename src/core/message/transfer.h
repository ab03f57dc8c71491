/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Transfer-Encoding (RFC 2045 section 6), undone tolerantly: for reading what others have
 * sent, never for what must have one spelling alone (base/base64.h).
 */
#pragma once

#include "base/arena.h"

enum gp_transfer {
	GP_TRANSFER_NONE = 0, /* 7bit, 8bit, binary, and what nobody knows: as it stands */
	GP_TRANSFER_BASE64,
	GP_TRANSFER_QUOTED_PRINTABLE,
};

/* By its name, in either case. */
enum gp_transfer
gp_transfer_of(struct gp_slice name);

/*
 * The octets that s stands for: no more than s has. In base64 what is none of its letters is passed
 * over, up to the padding, which may be missing (section 6.8); in quoted-printable a "=" that
 * begins nothing stands for itself (section 6.7). With NONE it is s, else it lies in the arena;
 * NULL ptr: no memory.
 */
struct gp_slice
gp_transfer_decode(enum gp_transfer transfer, struct gp_slice s, struct gp_arena *arena);
