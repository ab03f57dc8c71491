/* SPDX-License-Identifier: Apache-2.0 */
/* A master file: its records are words of it, their owners names, and their domains domains. */
#include "core/zone/zone.h"
#include "core/dmarc/walk.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const struct gp_zone_record *record, struct gp_slice text, struct gp_arena *arena)
{
	struct gp_slice owner, domain, again;
	struct gp_name name;
	gp_assert(record->words_len <= GP_ZONE_WORDS_MAX);
	gp_assert(record->type.len > 0 && record->type.len <= GP_ZONE_TYPE_MAX);
	for (size_t i = 0; i < record->words_len; i++)
		gp_assert(record->words[i].text.ptr >= text.ptr &&
			  record->words[i].text.ptr + record->words[i].text.len <=
				  text.ptr + text.len);
	gp_assert(gp_name_to_text(&record->owner, arena, &owner) == 0);
	gp_assert(gp_name_from_text(owner, &name) && gp_name_eq(&name, &record->owner));
	if (gp_zone_domain(record, arena, &domain) == 0)
		gp_assert(gp_dmarc_domain(domain, arena, &again) == 0 &&
			  gp_slice_eq(domain, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gp_zone_reader reader;
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_zone_record record;
	struct gp_name origin;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	int r;
	gp_assert(gp_name_from_text(GP_SLICE("z.test"), &origin));
	gp_zone_reader_init(&reader, text, &origin);
	while ((r = gp_zone_next(&reader, &record)) == GP_ZONE_RECORD) {
		check_record(&record, text, &arena);
		gp_arena_reset(&arena);
	}
	gp_assert((r == GP_ZONE_WRONG) == (reader.why != NULL));
	gp_arena_free(&arena);
	return 0;
}
