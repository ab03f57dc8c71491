/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal of the running gateway knows of one message. */
#pragma once

#include "cli/lookup.h"
#include "cli/trace/records.h"
#include "core/headers/records.h"
#include "core/verify/verify.h"

struct gp_message_records {
	struct gp_headers_record items[GP_HEADERS_RECORDS_MAX];
	size_t len;
	/* Of the newest hop that is borne out and whose answers of the DNS are kept; NULL: there is
	 * none. */
	const struct gp_headers_record *verified;
	struct gp_slice answers; /* of `verified` */
};

/* Fills in items whose hops and ids are there (gp_headers_claimed). Texts live in the arena. 0 or
 * -errno. */
[[nodiscard]] int
gp_message_records_find(struct gp_records *journal, const struct gp_headers *h,
			struct gp_arena *arena, struct gp_message_records *ret);

/* The client of a message as it was when it came, for SPF, and when that was. False: an address
 * that is none; then SPF is left out. */
bool
gp_message_records_client(const struct gp_headers_record *record, struct gp_verify_query *query);
