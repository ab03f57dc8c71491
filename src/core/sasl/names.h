/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be a user's name and a password.
 *
 * SASL wants both prepared by SASLprep (RFC 4013), which needs tables of Unicode 3.2. Names here
 * are ASCII without spaces, and those SASLprep leaves as they are; so nothing has to be prepared.
 * Passwords of PLAIN and LOGIN are compared as the octets of the UTF-8 that was sent; keys of SCRAM
 * can be made of passwords in ASCII only, since a client would prepare others.
 */
#pragma once

#include "base/arena.h"

enum {
	GP_USER_NAME_MAX = 255,
	GP_PASSWORD_MAX = 1024,
};

/*
 * A user's name in canonical form: 1 to GP_USER_NAME_MAX octets of letters, digits, "." and "@",
 * and what else atext of RFC 5322 section 3.2.3 has; letters A to Z are folded to lower case. The
 * first is neither "#" nor "{", which mean something else in the file of users. Returns 0, 1 when
 * it is no name, or -ENOMEM.
 */
[[nodiscard]] int
gp_user_name_parse(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret);

/* 1 to GP_PASSWORD_MAX octets of UTF-8 without control characters. */
bool
gp_password_valid(struct gp_slice text);

/* Whether keys of SCRAM can be made of it: valid, and ASCII. */
bool
gp_password_is_prepared(struct gp_slice text);
