/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads recorded replies (recorded.h) from standard input and prints who says such things: a line
 * "WEIGHT NAME VERSION" each, weight in thousandths, "-" for no version; then "belied NAME" where
 * the greeting lies. System tests ask it about servers that they run.
 */
#include "recorded.h"

enum { INPUT_MAX = 1 << 20 };

int
main(void)
{
	struct gp_arena arena = GP_ARENA_INIT(16 * INPUT_MAX);
	struct recorded record;
	struct gp_software software;
	char *text = gp_arena_alloc(&arena, INPUT_MAX);
	if (!text)
		return 2;
	size_t len = fread(text, 1, INPUT_MAX, stdin);
	if (!recorded_read(gp_slice(text, len), &arena, &record) ||
	    gp_software_find(&record.observed, &arena, &software) != 0)
		return 2;
	for (size_t i = 0; i < software.len; i++) {
		const struct gp_software_candidate *c = &software.items[i];
		struct gp_slice version = c->version.len > 0 ? c->version : GP_SLICE("-");
		printf("%u %s %.*s\n\t%.*s\n", c->weight, c->name, GP_SLICE_FMT(version),
		       GP_SLICE_FMT(c->evidence));
	}
	if (software.belied)
		printf("belied %s\n", software.belied);
	gp_arena_free(&arena);
	return 0;
}
