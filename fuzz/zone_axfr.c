/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer of the zone "z" with id 0: messages with their length in front, as TCP has them. */
#include "core/dns/message.h"
#include "core/zone/axfr.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const struct gp_axfr_record *record, struct gp_slice message)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_dns_record data;
	struct gp_slice owner;
	struct gp_name name;
	gp_assert(record->at + record->len <= message.len);
	gp_assert(gp_name_to_text(&record->owner, &arena, &owner) == 0);
	gp_assert(gp_name_from_text(owner, &name) && gp_name_eq(&name, &record->owner));
	gp_assert(gp_slice_eq(owner, GP_SLICE("z")) || gp_slice_ends_nocase(owner, GP_SLICE(".z")));
	if (record->type == GP_DNS_TXT)
		(void)!gp_dns_rdata_parse(message, record->at, record->len, GP_DNS_TXT, &arena,
					  &data);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice all = gp_slice((const char *)data, size);
	struct gp_axfr_record record;
	struct gp_axfr transfer;
	struct gp_name zone;
	int r = GP_AXFR_MORE;
	gp_assert(gp_name_from_text(GP_SLICE("z"), &zone));
	gp_axfr_init(&transfer, &zone, 0);
	while (r == GP_AXFR_MORE && all.len >= 2) {
		size_t len = (size_t)(uint8_t)all.ptr[0] << 8 | (uint8_t)all.ptr[1];
		struct gp_slice message = gp_slice_take(gp_slice_drop(all, 2), len);
		all = gp_slice_drop(all, 2 + message.len);
		r = gp_axfr_message(&transfer, message);
		while (r == 0 && (r = gp_axfr_next(&transfer, &record)) == GP_AXFR_RECORD)
			check_record(&record, message);
	}
	gp_assert((r == GP_AXFR_WRONG) == (transfer.why != NULL));
	gp_assert(r != GP_AXFR_END || (transfer.begun && transfer.ended));
	return 0;
}
