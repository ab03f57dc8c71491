/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of strangers, made such that what is seen is what is there: for terminals, JSON and HTML
 * alike, each of which escapes further by its own rules.
 */
#pragma once

#include "base/arena.h"

/*
 * A copy in which nothing acts or hides: controls, directions (RFC 5891 never has them in names),
 * zero-width characters, other blanks and private ones come out as "<U+202E>", octets that are no
 * UTF-8 as "<9F>", a tab as a space. NULL ptr: no memory.
 */
struct gp_slice
gp_visible(struct gp_slice s, struct gp_arena *arena);

/* Whether it comes out as it is; GP_UTF8_INVALID does not. */
bool
gp_visible_shows(uint32_t c);

/* Is there a direction mark or a zero-width character, which people cannot see? */
bool
gp_visible_hides(struct gp_slice s);
