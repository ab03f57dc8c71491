/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xtext, the encoding of values in the DSN parameters (RFC 3461 section 4): '!' to '~' without '+'
 * and '=' stand for themselves, "+" and two upper-case hexadecimal digits for any octet.
 */
#pragma once

#include "base/arena.h"

/*
 * The octets that s stands for, in the arena. utf8: octets over 127 pass as they are (RFC 6533
 * section 3, unitext). The result is not checked: it may hold controls, and whoever uses it must
 * look at it, not at s. Returns 0; 1 when s is not xtext; -ENOMEM.
 */
[[nodiscard]] int
gp_xtext_decode(struct gp_slice s, bool utf8, struct gp_arena *arena, struct gp_slice *ret);
