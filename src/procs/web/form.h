/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAME=VALUE&NAME=VALUE, with "+" for a space and %XX for an octet: the query of a target, and a
 * form as browsers post it (application/x-www-form-urlencoded of the URL standard).
 */
#pragma once

#include "base/arena.h"

enum { FORM_FIELDS_MAX = 32 };

struct form_field {
	struct gp_slice name, value; /* decoded: any octets */
};

struct form {
	struct form_field fields[FORM_FIELDS_MAX];
	size_t len;
};

/* The values live in the arena. Returns 0; 1: a name is there twice, there are more than 32 fields,
 * or % is not followed by two hexadecimal digits; -ENOMEM. */
[[nodiscard]] int
form_parse(struct gp_slice text, struct gp_arena *arena, struct form *ret);

/* Empty: it is not there, or is empty. */
struct gp_slice
form_value(const struct form *f, const char *name);
