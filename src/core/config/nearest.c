/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/nearest.h"

enum {
	WORD_MAX = 64,
	DISTANCE_MAX = 3,
};

static bool
same(struct gp_slice a, size_t i, struct gp_slice b, size_t j)
{
	return gp_ascii_lower(a.ptr[i]) == gp_ascii_lower(b.ptr[j]);
}

unsigned int
gp_edit_distance(struct gp_slice a, struct gp_slice b, unsigned int max)
{
	/* rows[i % 3][j]: edits from the first i octets of a to the first j of b */
	unsigned int rows[3][WORD_MAX + 1];
	if (a.len > WORD_MAX || b.len > WORD_MAX)
		return max + 1;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned int *row = rows[i % 3], *last = rows[(i - 1) % 3];
		unsigned int *before = rows[(i + 1) % 3];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned int best = last[j - 1] + (same(a, i - 1, b, j - 1) ? 0 : 1);
			best = GP_MIN(best, last[j] + 1);
			best = GP_MIN(best, row[j - 1] + 1);
			if (i > 1 && j > 1 && same(a, i - 1, b, j - 2) && same(a, i - 2, b, j - 1))
				best = GP_MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
	}
	return GP_MIN(rows[a.len % 3][b.len], max + 1);
}

struct gp_nearest
gp_nearest(struct gp_slice wrong)
{
	unsigned int allowed = (unsigned int)GP_MIN(wrong.len / 3 + 1, (size_t)DISTANCE_MAX);
	return (struct gp_nearest){.wrong = wrong, .distance = allowed + 1};
}

void
gp_nearest_offer(struct gp_nearest *n, struct gp_slice word)
{
	if (n->distance == 0)
		return;
	unsigned int d = gp_edit_distance(n->wrong, word, n->distance - 1);
	if (d < n->distance) {
		n->distance = d;
		n->word = word;
	}
}
