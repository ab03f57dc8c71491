/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mark certificates, by which an authority says that a logo is its owner's
 * (draft-fetch-validation-vmc-wchuang): what one says of itself. Whether the authority is one that
 * anybody believes is not looked at.
 */
#pragma once

#include "core/posture/hosts.h"

enum audit_mark_limits {
	AUDIT_MARK_LOGO_MAX = 256 * 1024, /* octets of the logo in it, unpacked */
	AUDIT_MARK_ARENA = 2 << 20,       /* octets that are enough for any */
};

/* Of a chain in PEM, the mark certificate first. The texts are in the arena. False: it does not
   begin with a certificate, or the arena is full. */
[[nodiscard]] bool
audit_mark_read(struct gp_slice pem, struct gp_arena *arena, struct gp_posture_mark *ret);
