/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest right spelling of a word: for "did you mean". */
#pragma once

#include "base/slice.h"

/*
 * Edits between two words: an octet put in, left out, changed, or two neighbours swapped
 * (Damerau-Levenshtein, each place edited once); letters in either case are equal. More than max,
 * or words of over 64 octets: max + 1.
 */
unsigned int
gp_edit_distance(struct gp_slice a, struct gp_slice b, unsigned int max);

/* Keeps the best candidate so far: feed it each right word, then look at `word`. */
struct gp_nearest {
	struct gp_slice wrong;
	struct gp_slice word; /* empty: nothing is near */
	unsigned int distance;
};

/* A third of the letters may be wrong, three at most. */
struct gp_nearest
gp_nearest(struct gp_slice wrong);
void
gp_nearest_offer(struct gp_nearest *n, struct gp_slice word);
