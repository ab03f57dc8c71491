/* SPDX-License-Identifier: Apache-2.0 */
/* What any server says: the first octet is its pause and what probes found, then replies, with an
 * octet 255 between them. */
#include <string.h>

#include "core/software/software.h"

enum { ARENA_MAX = 1 << 22 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_visible(struct gp_slice text)
{
	for (size_t i = 0; i < text.len; i++)
		gp_assert((unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 127);
}

static void
check_candidate(const struct gp_software_candidate *c)
{
	gp_assert(c->weight >= GP_SOFTWARE_WEIGHT_MIN && c->weight <= 1000);
	gp_assert(c->evidence.len > 0 && c->evidence.len <= GP_SOFTWARE_EVIDENCE_MAX);
	gp_assert(c->version.len <= GP_SOFTWARE_VERSION_MAX);
	check_visible(c->evidence);
	for (size_t i = 0; i < c->version.len; i++)
		gp_assert(gp_ascii_is_alnum(c->version.ptr[i]) ||
			  strchr(".+~-_", c->version.ptr[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice input = gp_slice((const char *)data, size);
	struct gp_software_observed observed = {};
	struct gp_software software;
	uint8_t first = size > 0 ? data[0] : 0;
	struct gp_software_probed probed = {.shown = first & 3, .refuted = (first >> 2) & 3};
	observed.greeting_pause_ms = first * 100U;
	input = gp_slice_drop(input, 1);
	for (size_t i = 0; i < GP_SOFTWARE_FIELDS && input.len > 0; i++)
		observed.replies[i] = gp_slice_cut(&input, (char)255);
	gp_assert(gp_software_find(&observed, &arena, &software) == 0);
	gp_assert(software.len <= GP_SOFTWARE_CANDIDATES_MAX);
	for (size_t i = 0; i < software.len; i++) {
		check_candidate(&software.items[i]);
		gp_assert(i == 0 || software.items[i].weight <= software.items[i - 1].weight);
	}
	check_visible(software.claim);
	struct gp_findings findings = gp_findings(&arena);
	gp_assert(gp_software_findings(&observed, &software, &probed, &findings) == 0);
	gp_assert(findings.len <= GP_SOFTWARE_HINTS_MAX + 2);
	gp_arena_free(&arena);
	return 0;
}
