/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are made to be taken for another: by letters that look alike, by a typing mistake, by
 * another top, or with the name inside a longer one.
 */
#pragma once

#include "base/arena.h"

enum gp_lookalike {
	GP_LOOKALIKE_NOT,
	GP_LOOKALIKE_SAME,   /* the name itself, or one below it */
	GP_LOOKALIKE_GLYPHS, /* other letters that look the same */
	GP_LOOKALIKE_TYPO,   /* a letter or two away */
	GP_LOOKALIKE_TOP,    /* the same label under another top */
	GP_LOOKALIKE_INSIDE, /* the name is a part of it: "example-login.com" */
};

/* How `domain` looks like `own`; both A-labels in lower case, as gp_idn_to_ascii gives them. */
[[nodiscard]] int
gp_lookalike_of(struct gp_slice domain, struct gp_slice own, struct gp_arena *arena,
		enum gp_lookalike *ret);

/* "letters that look the same" and so on. */
const char *
gp_lookalike_words(enum gp_lookalike how);

/* With U-labels where there are A-labels, and they are good; else the name itself. In the arena. */
struct gp_slice
gp_lookalike_unicode(struct gp_slice domain, struct gp_arena *arena);

/* Does one label have letters of two scripts that look alike: Latin, Greek, Cyrillic, Armenian?
   domain: with U-labels. */
bool
gp_lookalike_mixes(struct gp_slice domain);
