/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the file of users, as this folder's reader and writer both see it. */
#pragma once

#include "base/slice.h"

/* Neither empty nor a comment. */
bool
gp_user_line_says_something(struct gp_slice line);

/* The next word, which goes from *rest; empty at the end. A carriage return at the line's end is no
 * part of it. */
struct gp_slice
gp_user_line_word(struct gp_slice *rest);
