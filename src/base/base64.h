/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648), read strictly: nothing but the alphabet, padding exactly where it belongs, and
 * no bits left over that are not zero. So a text has one spelling, and equal values equal texts.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum gp_base64_form {
	GP_BASE64,    /* section 4: "+" and "/", padded with "=" */
	GP_BASE64URL, /* section 5: "-" and "_", without padding (as RFC 7515 has it) */
};

/* Appends s in padded base64. False: out has failed. */
bool
gp_base64_put(struct gp_buf *out, struct gp_slice s);

/* Decodes all of s into the arena. Returns 0, 1 when it is not of that form, or -ENOMEM. */
[[nodiscard]] int
gp_base64_decode(struct gp_slice s, enum gp_base64_form form, struct gp_arena *arena,
		 struct gp_slice *ret);
